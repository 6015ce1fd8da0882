/** Standard output, as every command writes to it, and its remarks on standard error.
 *
 * The reader of a pipe may be slower than the writer, or leave, as head and less do. The stream says so by an event, and
 * events reach only a program that pauses: a loop that never does would go on for nobody, and fill the memory with what
 * it could not deliver. So what is written in a loop is awaited. That costs nothing while the reader keeps up. */
import { forStream, oneLine } from './printable.ts';

/** Writes what this program made, which may hold colours. Where the reader lags, resolves once it has caught up. */
export function write(text: string, stream: NodeJS.WriteStream = process.stdout): void | Promise<void> {
  if (stream.write(text)) return;
  // 'close' comes after an error. If the reader is gone that ends the process, see runCommand; else the work goes on.
  return new Promise((resolve) => {
    const done = () => {
      stream.off('drain', done).off('close', done);
      resolve();
    };
    stream.on('drain', done).on('close', done);
  });
}

/** Writes text from outside (prompts, models, corpora), with what a terminal would obey made visible on one. */
export function show(text: string, stream: NodeJS.WriteStream = process.stdout): void | Promise<void> {
  return write(forStream(text, stream), stream);
}

/** A remark beside the output: one line on standard error. */
export function note(text: string): void {
  console.error(oneLine(text));
}
