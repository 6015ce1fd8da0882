/** What all commands have in common: flags as a table, the help made from it, and errors in one line.
 *
 * Exit codes: 0 success; 1 something is wrong with the input or the machine; 2 the command line is wrong. */
import { readFileSync } from 'node:fs';
import { paintOf, styled } from '../host/paint.ts';
import { oneLine } from '../host/printable.ts';
import { type Command, type Flags, parse, UsageError, type Values } from './flags.ts';
import { helpText } from './help.ts';
import { takenByNpm } from './npm.ts';

export * from './flags.ts';

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
    const args = process.argv.slice(2);
    const taken = takenByNpm(command, args, process.env);
    if (taken !== undefined) throw new UsageError(taken);
    if (args.includes('--version')) {
      console.log(`inkling ${version()}`);
      return;
    }
    const values = parse(command, args, positionals);
    if (values === 'help') console.log(helpText(command));
    else await main(values, positionals);
  } catch (error) {
    printError(error);
  }
}

/** One line on standard error, and the exit code. */
export function printError(error: unknown): void {
  const message = error instanceof Error ? error.message : String(error);
  const tooLarge = error instanceof RangeError && /^(Invalid (typed )?array|Array buffer)/.test(message);
  const line = tooLarge ? `out of memory (${message}); choose smaller sizes` : oneLine(message);
  console.error(`${styled('red', 'error:', paintOf(process.stderr))} ${line}`);
  process.exitCode = error instanceof UsageError ? 2 : 1;
}

/** Inkling's version, as in package.json. */
export function version(): string {
  const file = readFileSync(new URL('../../../package.json', import.meta.url), 'utf8');
  return (JSON.parse(file) as { version: string }).version;
}
