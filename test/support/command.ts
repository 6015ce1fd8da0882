/** bin/inkling.js as a user starts it; and several commands in one process, for a start is most of what a short one costs. */
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { beforeAll, expect, it } from 'vitest';
import { bin, built, root, stripsTypes } from './root.ts';
import type { Exit } from './runs.ts';

interface Around {
  readonly cwd?: string;
  readonly env?: NodeJS.ProcessEnv;
}

/** Node with these arguments, to its end; at the root unless told otherwise. */
export function node(args: readonly string[], { cwd = root, env = {} }: Around = {}): Promise<Exit> {
  return new Promise((resolve) => {
    const options = { cwd, env: { ...process.env, ...env }, maxBuffer: 2 ** 26 };
    execFile(process.execPath, args, options, (error, out, err) => {
      resolve({ code: typeof error?.code === 'number' ? error.code : 0, out, err });
    });
  });
}

export const inkling = (...args: string[]): Promise<Exit> => inklingIn(root, ...args);
export const inklingIn = (cwd: string, ...args: string[]): Promise<Exit> => node([bin, ...args], { cwd });

/** Commands that end soon, in help or in an error, one after the other in one process: what each says, and its exit code. */
export async function inklings(
  commands: readonly (readonly [name: string, ...args: readonly string[]])[],
  around?: Around,
): Promise<Exit[]> {
  const isBench = commands.some(([name]) => name === 'bench');
  const dist = isBench || built === undefined ? undefined : join(built, 'dist/cli/'); // bench is in no package
  const cli = pathToFileURL(dist ?? join(root, 'src/cli/')).href;
  const loader = dist !== undefined || stripsTypes ? [] : ['--import', import.meta.resolve('tsx')];
  // A command runs when it is imported, on the arguments of the process.
  const script = `
    (await import('node:module')).enableCompileCache?.();
    const { stdout, stderr } = process;
    stdout.setMaxListeners(0);
    const print = stdout.write.bind(stdout);
    const said = { out: '', err: '' };
    stdout.write = (text) => Boolean((said.out += text));
    stderr.write = (text) => Boolean((said.err += text));
    const exits = [];
    for (const [i, [name, ...args]] of ${JSON.stringify(commands)}.entries()) {
      Object.assign(said, { out: '', err: '' });
      process.argv.splice(1, Infinity, 'inkling', ...args);
      process.exitCode = 0;
      await import('${cli}' + (name === 'bench' ? '../../bench/cli' : name) + '${dist === undefined ? '.ts' : '.js'}?' + i);
      exits.push({ code: process.exitCode, ...said });
    }
    print(JSON.stringify(exits), () => process.exit(0));`; // whoever may still wait for an input
  const { out, err } = await node(
    [...loader, '--no-warnings', '--input-type=module', '--eval', script],
    around,
  );
  if (err !== '') throw new Error(err);
  return JSON.parse(out) as Exit[];
}

/** A test for each command: it ends with this code, and with one line that matches and has no stack trace. */
export function refuses(
  cases: readonly (readonly [
    name: string,
    command: Parameters<typeof inklings>[0][number],
    code: number,
    message: RegExp,
  ])[],
): void {
  let exits: readonly Exit[];
  beforeAll(async () => {
    exits = await inklings(cases.map(([, command]) => command));
  });
  it.each(cases.map(([name, , code, message], i) => [name, i, code, message] as const))(
    '%s',
    (_, i, code, message) => {
      const result = exits[i]!;
      expect(result.err.trim()).toMatch(message);
      expect(result.err.trim().split('\n')).toHaveLength(1);
      expect(result.err).not.toMatch(/ {4}at |node:internal/);
      expect(result.code).toBe(code);
    },
  );
}
