/** A text that a person and the model write in turns, line by line at the terminal or from a pipe.
 *
 * The conversation is what one sees: the lines typed and the text printed, joined. A line that is typed starts a new
 * line of the text; an empty one lets the model go on where it is. */
import { createInterface } from 'node:readline';
import { setImmediate } from 'node:timers/promises';

/** Runs until standard input ends (Ctrl+D). `respond` yields the model's part, for the text so far and its turn; what it
 *  throws is printed, and the line that caused it forgotten. A text given to start with is gone on with first. */
export async function converse(
  start: string,
  respond: (text: string, turn: number) => Iterable<string>,
): Promise<void> {
  const { stdin, stdout } = process;
  const terminal = stdin.isTTY === true && stdout.isTTY === true;
  let text = start;
  let turn = 0;
  let answering = false;
  let interrupted = false;
  const answer = async (begun: string): Promise<void> => {
    let whole = begun;
    [answering, interrupted] = [true, false];
    try {
      for (const piece of respond(begun, turn)) {
        stdout.write(piece);
        whole += piece;
        await setImmediate(); // lets Ctrl+C come through
        if (interrupted) break;
      }
      stdout.write('\n');
      text = whole;
      turn += 1;
    } catch (error) {
      console.error(`error: ${(error as Error).message}`);
    }
    answering = false;
  };
  if (start !== '') {
    stdout.write(start);
    await answer(start);
  }
  const lines = createInterface({
    input: stdin,
    ...(terminal ? { output: stdout } : {}),
    terminal,
    prompt: '> ',
  });
  lines.on('SIGINT', () => {
    if (answering) interrupted = true;
    else lines.close();
  });
  if (terminal) lines.prompt();
  for await (const line of lines) {
    const breakLine = line !== '' && text !== '' && !text.endsWith('\n');
    await answer(text + (breakLine ? '\n' : '') + line);
    if (terminal) lines.prompt();
  }
  if (terminal) stdout.write('\n');
}
