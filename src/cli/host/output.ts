/** Writes to standard output, and remarks to standard error.
 *
 * What is written in a loop must be awaited. The reader of a pipe may be slower than the writer, or stop reading, as
 * head and less do. The stream tells it by an event, and events only arrive while the program awaits something: a loop
 * that never does would go on for nobody and fill the memory. While the reader keeps up, awaiting costs nothing. */
import { forStream, oneLine } from './printable.ts';

/** Writes text of this program, which may have colours. If the reader is slow, resolves once it has caught up. */
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

/** Writes text from outside (prompts, models, corpora). On a terminal, control characters are shown as escapes. */
export function show(text: string, stream: NodeJS.WriteStream = process.stdout): void | Promise<void> {
  return write(forStream(text, stream), stream);
}

/** A remark beside the output: one line on standard error. */
export function note(text: string): void {
  console.error(oneLine(text));
}
