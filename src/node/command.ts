/** What the commands have in common: flags as a table, help made from it, and errors as one line.
 *
 * Exit codes: 0 done, 1 something was wrong with the input or the machine, 2 the command line itself was wrong. */
import { type ParseArgsConfig, parseArgs } from 'node:util';
import { oneLine } from './printable.ts';

/** The command line is wrong: exit code 2. */
export class UsageError extends Error {}

interface FlagBase {
  readonly help: string;
  /** What the help shows for the value: FILE, N, X. */
  readonly value?: string;
  /** The heading of a part of the help that begins here. */
  readonly section?: string;
}
export type Flag =
  | (FlagBase & { readonly kind: 'switch' })
  /** With `multiple` it may be given again and again, and its value is the list. */
  | (FlagBase & { readonly kind: 'text'; readonly multiple?: true })
  | (FlagBase & { readonly kind: 'choice'; readonly choices: readonly string[] })
  | (FlagBase & { readonly kind: 'integer' | 'number'; readonly rule: Rule });
/** A condition on a number, and how an error states it: 'must be positive'. */
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
  positive: { text: 'must be positive', holds: (x: number) => x > 0 },
  notNegative: { text: 'must be at least 0', holds: (x: number) => x >= 0 },
  belowOne: { text: 'must be at least 0 and below 1', holds: (x: number) => x >= 0 && x < 1 },
  unit: { text: 'must be between 0 and 1', holds: (x: number) => x >= 0 && x <= 1 },
  seed: {
    text: 'must be from 0 to 9007199254740991',
    holds: (x: number) => x >= 0 && Number.isSafeInteger(x),
  },
} as const satisfies Record<string, Rule>;

export interface Command<F extends Flags> {
  readonly name: string;
  readonly summary: string;
  /** What stands without a flag, for the help: 'RUN RUN ...'; absent if nothing may. */
  readonly positionals?: string;
  readonly flags: F;
  readonly examples: readonly string[];
  /** What else the help says, at its end. */
  readonly notes?: string;
}

/** Checks the arguments against the table; what stands without a flag is added to `positionals`.
 * Returns 'help' when --help is among them; throws a UsageError for what does not fit. */
export function parse<F extends Flags>(
  command: Command<F>,
  args: readonly string[],
  positionals: string[] = [],
): Values<F> | 'help' {
  const names = Object.keys(command.flags);
  const options: NonNullable<ParseArgsConfig['options']> = { help: { type: 'boolean', short: 'h' } };
  for (const name of names) {
    options[name] = { type: command.flags[name]!.kind === 'switch' ? 'boolean' : 'string' };
  }
  const { tokens } = parseArgs({
    args: joinNegativeNumbers(args, options),
    options,
    strict: false,
    allowPositionals: true,
    tokens: true,
  });
  const values: Record<string, unknown> = {};
  for (const token of tokens) {
    if (token.kind === 'positional') {
      if (command.positionals === undefined) {
        throw new UsageError(`unexpected argument ${JSON.stringify(token.value)}; see --help`);
      }
      positionals.push(token.value);
    }
    if (token.kind !== 'option') continue;
    if (token.name === 'help' || token.rawName === '-h') return 'help';
    const flag = token.rawName.startsWith('--') ? command.flags[token.name] : undefined;
    if (flag === undefined)
      throw new UsageError(`unknown flag ${token.rawName}${suggest(token.name, names)}`);
    const value = convert(token.name, flag, token.value);
    const before = values[token.name];
    if (flag.kind === 'text' && flag.multiple) {
      values[token.name] = [...((before ?? []) as string[]), value];
    } else if (before === undefined) values[token.name] = value;
    else throw new UsageError(`--${token.name} is given twice`);
  }
  return values as Values<F>;
}

/** --lr -1 reads as a flag and a flag to parseArgs; --lr=-1 does not. */
function joinNegativeNumbers(
  args: readonly string[],
  options: NonNullable<ParseArgsConfig['options']>,
): string[] {
  const joined: string[] = [];
  for (const arg of args) {
    const before = joined.at(-1);
    const wantsValue = before?.startsWith('--') && options[before.slice(2)]?.type === 'string';
    if (wantsValue && /^-[\d.iI]/.test(arg)) joined[joined.length - 1] = `${before}=${arg}`;
    else joined.push(arg);
  }
  return joined;
}

function convert(name: string, flag: Flag, value: string | undefined): unknown {
  if (flag.kind === 'switch') {
    if (value !== undefined) throw new UsageError(`--${name} takes no value, got ${JSON.stringify(value)}`);
    return true;
  }
  if (value === undefined)
    throw new UsageError(`--${name} needs a value: --${name} ${flag.value ?? 'VALUE'}`);
  if (flag.kind === 'text') return value;
  if (flag.kind === 'choice') {
    if (flag.choices.includes(value)) return value;
    throw new UsageError(
      `--${name} must be one of ${flag.choices.join(', ')}, got ${JSON.stringify(value)}${suggest(value, flag.choices, '')}`,
    );
  }
  const number = readNumber(value);
  const integer = flag.kind === 'integer';
  if (!Number.isFinite(number) || (integer && !Number.isInteger(number)) || !flag.rule.holds(number)) {
    throw new UsageError(
      `--${name} ${integer ? 'must be an integer and ' : ''}${flag.rule.text}, got ${JSON.stringify(value)}`,
    );
  }
  return number;
}

/** A decimal number as people write it, 1e-3 too; NaN for every other text. */
export function readNumber(text: string): number {
  return /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(text) ? Number(text) : Number.NaN;
}

/** "; did you mean --steps?" if a known name is near enough, else a pointer to the help. */
function suggest(name: string, known: readonly string[], dashes = '--'): string {
  const nearest = known
    .map((candidate) => ({ candidate, distance: editDistance(name, candidate) }))
    .sort((a, b) => a.distance - b.distance)[0];
  if (nearest === undefined || (dashes === '' && nearest.distance > 3)) return '';
  return `; did you mean ${dashes}${nearest.candidate}?${dashes === '' ? '' : ' (--help lists all)'}`;
}

/** Levenshtein's: how many letters to insert, delete or replace. */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      next[j] = Math.min(row[j]! + 1, next[j - 1]! + 1, row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1));
    }
    row = next;
  }
  return row[b.length]!;
}

export function helpText<F extends Flags>(command: Command<F>): string {
  const { name, summary, positionals, flags, examples, notes } = command;
  const entries = Object.entries(flags).map(([flag, { value, help, section }]) => ({
    heading: section === undefined ? '' : `\n${section}\n`,
    left: `  --${flag}${value === undefined ? '' : ` ${value}`}`,
    help,
  }));
  const width = Math.max(...entries.map(({ left }) => left.length)) + 2;
  const lines = entries.map(
    ({ heading, left, help }) =>
      heading + left.padEnd(width) + help.replaceAll('\n', `\n${' '.repeat(width)}`),
  );
  return [
    `npm run ${name} -- ${positionals === undefined ? '' : `${positionals} `}[flags]`,
    '',
    summary,
    '',
    ...lines,
    `${'  --help'.padEnd(width)}this text`,
    '',
    'Examples:',
    ...examples.map((example) => `  ${example}`),
    ...(notes === undefined ? [] : ['', notes]),
  ].join('\n');
}

/** Runs a command on the process's arguments: help, one-line errors and exit codes. */
export async function runCommand<F extends Flags>(
  command: Command<F>,
  main: (values: Values<F>, positionals: readonly string[]) => void | Promise<void>,
): Promise<void> {
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit(0); // the reader, head or less, has seen enough
    if (error.code === 'EIO') return; // the terminal is closed, which SIGHUP tells better
    console.error(`error: cannot write to standard output: ${oneLine(error.message)}`);
    process.exit(1);
  });
  try {
    const positionals: string[] = [];
    const values = parse(command, process.argv.slice(2), positionals);
    if (values === 'help') console.log(helpText(command));
    else await main(values, positionals);
  } catch (error) {
    console.error(`error: ${oneLine(error instanceof Error ? error.message : String(error))}`);
    process.exitCode = error instanceof UsageError ? 2 : 1;
  }
}
