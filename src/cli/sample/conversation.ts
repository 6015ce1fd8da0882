/** A text that a person and the model write in turns, line by line at the terminal or from a pipe.
 *
 * The text is what one sees: the lines typed and the answers printed, joined. A typed line starts a new line of the text; an
 * empty one lets the model go on where the text ends. A line that begins with a slash is a command. Standard output gets the
 * model's text, standard error everything else. */
import { createInterface } from 'node:readline';
import { setImmediate } from 'node:timers/promises';
import { note, show, write } from '../host/output.ts';

export interface Partner {
  /** The model's answer to the text so far, in pieces. If it throws, the error is printed and the typed line forgotten. */
  readonly respond: (text: string, turn: number) => Iterable<string>;
  /** Changes a setting, for /NAME VALUE. Returns the remark to print, undefined if there is no such setting; may throw. */
  readonly set: (name: string, value: string) => string | undefined;
}

const help = [
  'A line that you type joins the text, and the model goes on from there;',
  'an empty line lets it go on by itself. Ctrl+C cuts an answer short.',
  '/again: another answer  /reset: an empty text  /help: this  /quit, Ctrl+D: end',
  '/seed N  /temperature X  /top-p X  /top-k N  /min-p X  /tokens N  //: a plain /',
];

/** Runs until standard input ends (Ctrl+D), Ctrl+C at the prompt, or /quit; returns how many answers there were. If the start
 *  is not empty, the model answers it first. */
export async function converse(
  start: string,
  { respond, set }: Partner,
  { stdin, stdout }: Pick<NodeJS.Process, 'stdin' | 'stdout'> = process,
): Promise<number> {
  const terminal = stdin.isTTY === true && stdout.isTTY === true;
  let text = start;
  /** The text before the last answer. */
  let before: string | undefined;
  let turn = 0;
  let answers = 0;
  let answering = false;
  let interrupted = false;
  const answer = async (from: string): Promise<void> => {
    let own = '';
    [answering, interrupted] = [true, false];
    try {
      for (const piece of respond(from, turn)) {
        await show(piece, stdout);
        own += piece;
        await setImmediate(); // lets Ctrl+C come through
        if (interrupted) break;
      }
      if (!own.endsWith('\n')) await write('\n', stdout);
      [text, before] = [from + own, from];
      turn += 1;
      answers += 1;
    } catch (error) {
      note(`error: ${(error as Error).message}`);
    }
    answering = false;
  };
  const obey = async (name: string, value: string): Promise<void> => {
    if (name === 'help') help.forEach(note);
    else if (name === 'again') {
      if (before === undefined) note('error: there is no answer yet that could be drawn again');
      else await answer(before);
    } else if (name === 'reset') {
      [text, before, turn] = ['', undefined, 0];
      note('the text is empty');
    } else {
      const said = set(name, value);
      if (name === 'seed') turn = 0; // as if the conversation had begun with this text and seed
      note(said ?? `error: /${name} is no command; /help shows them all, and //${name} is taken as text`);
    }
  };

  if (terminal) help.forEach(note);
  if (start !== '') {
    await show(start, stdout);
    await answer(start);
  }
  const lines = createInterface({
    input: stdin,
    ...(terminal ? { output: stdout } : {}),
    terminal,
    prompt: '> ',
    crlfDelay: Number.POSITIVE_INFINITY,
  });
  lines.on('SIGINT', () => {
    if (answering) interrupted = true;
    else lines.close();
  });
  if (terminal) lines.prompt();
  for await (const line of lines) {
    const [, name, value] = /^\/(?!\/)(\S*)\s*(.*)$/.exec(line) ?? [];
    if (name === 'quit') break;
    if (name !== undefined) {
      try {
        await obey(name, value!.trimEnd());
      } catch (error) {
        note(`error: ${(error as Error).message}`);
      }
    } else {
      const typed = line.startsWith('//') ? line.slice(1) : line;
      const breakLine = typed !== '' && text !== '' && !text.endsWith('\n');
      await answer(text + (breakLine ? '\n' : '') + typed);
    }
    if (terminal) lines.prompt();
  }
  if (terminal) await write('\n', stdout);
  return answers;
}
