/** Notices a forgotten `--`, as in `npm run train --steps 100`, where npm takes the flag for itself.
 *
 * Then npm passes on only the 100, or nothing, and a run would start by mistake. But npm leaves what it took in the
 * environment, as npm_config_steps=true. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { shellWord } from '../host/printable.ts';
import { type Command, type Flag, type Flags, namesOf } from './flags.ts';

type Environment = Readonly<Record<string, string | undefined>>;

/** npm reads some of our flags as others of its own: --plan as -p -l -a, and -p as --parseable. */
const npmNames: Readonly<Record<string, string>> = {
  plan: 'parseable',
  quiet: 'loglevel',
  p: 'parseable',
  f: 'force',
  m: 'message',
};

/** The error message if npm took flags of this command, else undefined. Settings in a .npmrc were not typed and do not
 * count. */
export function takenByNpm<F extends Flags>(
  { name: command, flags, positionals }: Command<F>,
  args: readonly string[],
  env: Environment,
): string | undefined {
  if (env['npm_lifecycle_event'] !== command || !env['npm_config_user_agent']?.startsWith('npm/')) return;
  const settings = settingsFiles(env);
  const found = [...namesOf(flags)].flatMap(([name, of]) => {
    const value = valueTaken(name, args, env, settings);
    const flag: Flag = flags[of]!;
    return value === undefined || !fits(flag, value)
      ? []
      : [{ typed: name.length === 1 ? `-${name}` : `--${name}`, flag, value }];
  });
  const dashed = args.findIndex((arg) => arg.startsWith('-'));
  const stray = dashed < 0 ? args : args.slice(0, dashed);
  const start = `npm run ${command} -- ${positionals === undefined ? '' : `${positionals} `}`;
  if (found.length === 0) {
    if (stray.length === 0 || positionals !== undefined) return;
    return `unexpected argument ${JSON.stringify(stray[0])}; flags go behind a --, or npm takes them: ${start}[flags]`;
  }
  // npm hands over the values, but not which flag each belonged to.
  const wanting = found.filter(({ flag, value }) => flag.kind !== 'switch' && value === 'true');
  const known = wanting.length === 1 && stray.length === 1 && positionals === undefined;
  const words = found.flatMap(({ typed, flag, value }) => {
    if (flag.kind === 'switch') return [typed];
    if (value !== 'true') return [typed, shellWord(value)];
    return [typed, known ? shellWord(stray[0]!) : (flag.value ?? 'VALUE')];
  });
  const names = found.map(({ typed }) => typed).join(', ');
  const rest = args.slice(stray.length).map(shellWord);
  return `npm took ${names} for itself; write: ${start}${[...words, ...rest].join(' ')}`;
}

/** What npm has of a flag: the value after `=`, 'true' where it saw none, or undefined if it took nothing. */
function valueTaken(
  name: string,
  args: readonly string[],
  env: Environment,
  settings: readonly string[],
): string | undefined {
  const negative = name.startsWith('no-'); // --no-x is to npm the opposite of --x, which is empty
  const key = negative ? name.slice(3) : (npmNames[name] ?? name);
  const setting = new RegExp(`^\\s*${key.replaceAll('-', '[-_]')}\\s*=`, 'm');
  const value = env[`npm_config_${key.replaceAll('-', '_')}`];
  if (value === undefined || settings.some((text) => setting.test(text))) return;
  if (negative) return value === '' ? 'true' : undefined;
  // npm's own --quiet is right before a --, where the rest of the line shows that the -- is known.
  if (name === 'quiet') return value === 'warn' && args.length === 0 ? 'true' : undefined;
  return value;
}

/** Whether npm's value may be meant for this flag: npm_config_arch=x64 is for programs that compile. */
function fits(flag: Flag, value: string): boolean {
  if (flag.kind === 'switch') return value !== '' && value !== 'false';
  return flag.kind !== 'choice' || value === 'true' || flag.choices.includes(value);
}

/** The .npmrc files of the person, the machine and the project. */
function settingsFiles(env: Environment): string[] {
  const project = join(env['npm_config_local_prefix'] ?? '', '.npmrc');
  return [env['npm_config_userconfig'], env['npm_config_globalconfig'], project].flatMap((path) => {
    try {
      return path === undefined ? [] : [readFileSync(path, 'utf8')];
    } catch {
      return []; // most people have none
    }
  });
}
