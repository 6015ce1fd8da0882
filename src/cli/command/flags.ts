/** Checks a command line against a table of flags, and defines what such a table holds. */
import { type ParseArgsConfig, parseArgs } from 'node:util';
import { suggestion } from './suggest.ts';

/** The command line is wrong: exit code 2. */
export class UsageError extends Error {}

interface FlagBase {
  readonly help: string;
  /** What the help shows for the value: FILE, N, X. */
  readonly value?: string;
  /** A heading in the help, above this flag. */
  readonly section?: string;
  /** Names of the same flag in other programs: 'max-iters'; 'n' is -n. */
  readonly aliases?: readonly string[];
}
export type Flag =
  | (FlagBase & { readonly kind: 'switch' })
  /** With `multiple` it may be given more than once, and its value is a list. */
  | (FlagBase & { readonly kind: 'text'; readonly multiple?: true })
  | (FlagBase & { readonly kind: 'choice'; readonly choices: readonly string[] })
  | (FlagBase & NumberFlag);
export interface NumberFlag {
  readonly kind: 'integer' | 'number';
  readonly rule: Rule;
  /** The largest value that makes sense. */
  readonly most?: number;
}
/** A condition on a number, and how an error states it after 'must be a number': 'above 0'. */
export interface Rule {
  readonly text: string;
  readonly holds: (x: number) => boolean;
}
export type Flags = Readonly<Record<string, Flag>>;
type ValueOf<F extends Flag> = F extends { kind: 'switch' }
  ? boolean
  : F extends { kind: 'integer' | 'number' }
    ? number
    : F extends { kind: 'choice'; choices: readonly (infer C)[] }
      ? C
      : F extends { multiple: true }
        ? readonly string[]
        : string;
/** The flags that were given, by name. */
export type Values<F extends Flags> = { readonly [K in keyof F]?: ValueOf<F[K]> };

export const rules = {
  positive: { text: 'above 0', holds: (x: number) => x > 0 },
  notNegative: { text: 'of at least 0', holds: (x: number) => x >= 0 },
  belowOne: { text: 'of at least 0 and below 1', holds: (x: number) => x >= 0 && x < 1 },
  unit: { text: 'from 0 to 1', holds: (x: number) => x >= 0 && x <= 1 },
  seed: { text: `from 0 to ${Number.MAX_SAFE_INTEGER}`, holds: (x: number) => x >= 0 },
} as const satisfies Record<string, Rule>;

export interface Command<F extends Flags> {
  readonly name: string;
  readonly summary: string;
  /** Arguments that are not flags, as the help shows them: 'RUN RUN ...'. Absent if there must be none. */
  readonly positionals?: string;
  readonly flags: F;
  readonly examples: readonly string[];
  /** More text for the end of the help. */
  readonly notes?: string;
  /** What to type before the flags, where it is not `npx inkling NAME`. */
  readonly start?: string;
  /** What to say about flags of other programs that do not exist here. */
  readonly answers?: Readonly<Record<string, string>>;
}

/** From every name, aliases included, to the flag's own name. */
export function namesOf(flags: Flags): Map<string, string> {
  return new Map(
    Object.entries(flags).flatMap(([name, { aliases = [] }]) => [name, ...aliases].map((n) => [n, name])),
  );
}

/** The values of the flags, or 'help' if --help is among the arguments. Arguments that are not flags are added to
 * `positionals`. Throws a UsageError for anything that does not fit the table. */
export function parse<F extends Flags>(
  command: Command<F>,
  args: readonly string[],
  positionals: string[] = [],
): Values<F> | 'help' {
  const { flags, answers = {} } = command;
  const names = namesOf(flags);
  const options: NonNullable<ParseArgsConfig['options']> = {
    help: { type: 'boolean' },
    h: { type: 'boolean' },
  };
  for (const [alias, name] of names) {
    options[alias] = { type: flags[name]!.kind === 'switch' ? 'boolean' : 'string' };
  }
  const { tokens } = parseArgs({
    args: oneSpelling(args, options),
    options,
    strict: false,
    allowPositionals: true,
    tokens: true,
  });
  const values: Record<string, unknown> = {};
  let hint = 'see --help';
  for (const token of tokens) {
    if (token.kind === 'positional') {
      if (command.positionals === undefined) {
        throw new UsageError(`unexpected argument ${JSON.stringify(token.value)}; ${hint}`);
      }
      positionals.push(token.value);
    }
    if (token.kind !== 'option') continue;
    if (token.name === 'help' || token.name === 'h') return 'help';
    const typed = token.name.length === 1 ? `-${token.name}` : `--${token.name}`;
    const name = names.get(token.name);
    if (name === undefined) {
      const meant = names.get(suggestion(token.name, names.keys()) ?? '');
      const hint = meant === undefined ? 'see --help' : `did you mean --${meant}? (--help lists all)`;
      throw new UsageError(
        `unknown flag ${typed}; ${Object.hasOwn(answers, token.name) ? answers[token.name] : hint}`,
      );
    }
    const flag = flags[name]!;
    const label = token.name === name ? typed : `${typed} (--${name})`;
    const value = convert(label, flag, token.inlineValue ? token.value : undefined);
    const before = values[name];
    if (flag.kind === 'text' && flag.multiple) {
      values[name] = [...((before ?? []) as string[]), value];
      hint = `${typed} takes one at a time: repeat it before each`; // what a shell makes of *.txt
    } else if (before === undefined) values[name] = value;
    else throw new UsageError(`${label} is given twice`);
  }
  return values as Values<F>;
}

/** Brings all flags into one form: --max_iters and -max-iters become --max-iters, and a value follows after =, even if
 * it begins with a dash. A known flag in the place of a value stays a flag, so that the missing value is noticed. */
function oneSpelling(args: readonly string[], options: NonNullable<ParseArgsConfig['options']>): string[] {
  const written: string[] = [];
  for (const [i, arg] of args.entries()) {
    if (arg === '--') return [...written, ...args.slice(i)];
    const before = written.at(-1);
    const wantsValue = before?.startsWith('--') && options[before.slice(2)]?.type === 'string';
    const [, typed, value = ''] = /^--?([a-z][\w-]*)(=.*)?$/is.exec(arg) ?? [];
    const name = typed?.replaceAll('_', '-');
    if (wantsValue && (name === undefined || !Object.hasOwn(options, name))) {
      written[written.length - 1] = `${before}=${arg}`;
    } else written.push(name === undefined ? arg : `--${name}${value}`);
  }
  return written;
}

/** @param label how an error calls the flag */
function convert(label: string, flag: Flag, value: string | undefined): unknown {
  if (flag.kind === 'switch') {
    if (value !== undefined) throw new UsageError(`${label} takes no value, got ${JSON.stringify(value)}`);
    return true;
  }
  if (value === undefined) throw new UsageError(`${label} needs a value: ${label} ${flag.value ?? 'VALUE'}`);
  if (flag.kind === 'text') return value;
  if (flag.kind !== 'choice') return toNumber(label, flag, value);
  if (flag.choices.includes(value)) return value;
  const meant = suggestion(value, flag.choices);
  throw new UsageError(
    `${label} must be one of ${flag.choices.join(', ')}, got ${JSON.stringify(value)}${meant === undefined ? '' : `; did you mean ${meant}?`}`,
  );
}

/** A decimal number that keeps the rule, or a UsageError. */
export function toNumber(label: string, { kind, rule, most }: NumberFlag, value: string): number {
  const integer = kind === 'integer';
  const expected = `${label} must be a ${integer ? 'whole number' : 'number'} ${rule.text}`.trimEnd();
  const number = readNumber(value);
  if (Number.isNaN(number)) throw new UsageError(`${expected}; ${JSON.stringify(value)} is not a number`);
  if ((integer && number % 1 !== 0) || !rule.holds(number)) {
    throw new UsageError(`${expected}, got ${JSON.stringify(value)}`);
  }
  const largest = most ?? (integer ? Number.MAX_SAFE_INTEGER : Number.MAX_VALUE);
  if (number > largest)
    throw new UsageError(`${label} must be at most ${largest}, got ${JSON.stringify(value)}`);
  return number;
}

/** A decimal number as people write it, 1e-3 too; NaN for every other text. */
export function readNumber(text: string): number {
  return /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(text) ? Number(text) : Number.NaN;
}
