/** What a judge answers: by keys of a terminal, or in lines of a pipe. */
import { createInterface, emitKeypressEvents } from 'node:readline';
import { setImmediate } from 'node:timers/promises';
import type { Place } from '../../evaluate/judge.ts';
import { isPiped } from '../host/text-in.ts';

export type Answer = Place | 'end';
export interface Answers {
  next(): Promise<Answer>;
  close(): void;
}

const keys: Readonly<Record<string, Answer>> = {
  ...{ '1': 'first', left: 'first', '2': 'second', right: 'second' },
  ...{ '0': 'same', space: 'same', same: 'same', q: 'end', escape: 'end' },
};
/** Ctrl with these ends, as it ends everything. */
const ending = ['c', 'd'];

/** Of this process's standard input. Error where nobody can answer. */
export function openAnswers(screen: NodeJS.WriteStream): Answers {
  if (process.stdin.isTTY && screen.isTTY) return terminalAnswers(process.stdin);
  if (isPiped()) return pipedAnswers(process.stdin);
  throw new Error(
    'nobody is there to judge: run this in a terminal, or pipe answers in, one a line: 1, 2, 0 or q',
  );
}

/** Keys that are pressed while no pair is shown count for nothing: nobody judges what is not there yet. */
export function terminalAnswers(stdin: NodeJS.ReadStream): Answers {
  let answer: ((given: Answer) => void) | undefined;
  const tell = (given: Answer | undefined) => {
    if (given === undefined) return;
    answer?.(given);
    answer = undefined;
  };
  const onKey = (_: string, { name = '', sequence = '', ctrl = false }) => {
    if (ctrl) tell(ending.includes(name) ? 'end' : undefined);
    else tell(keys[name] ?? keys[sequence]);
  };
  emitKeypressEvents(stdin);
  stdin.setRawMode(true);
  stdin
    .on('keypress', onKey)
    .on('end', () => tell('end'))
    .resume();
  return {
    async next() {
      await setImmediate(); // what was typed too early arrives, and is not heard
      return new Promise((resolve) => {
        answer = resolve;
      });
    },
    close() {
      stdin.off('keypress', onKey).setRawMode(false).pause();
    },
  };
}

/** The end of the input is an end, too; a line that is no answer is an Error with its number. */
export function pipedAnswers(stdin: NodeJS.ReadableStream): Answers {
  const input = createInterface({ input: stdin, crlfDelay: Number.POSITIVE_INFINITY });
  const lines = input[Symbol.asyncIterator]();
  let number = 0;
  return {
    async next() {
      const { value, done } = await lines.next();
      if (done) return 'end';
      number += 1;
      const answer = Object.hasOwn(keys, value.trim()) ? keys[value.trim()] : undefined;
      if (answer !== undefined) return answer;
      throw new Error(
        `standard input, line ${number}: expected 1, 2, 0 or q, got ${JSON.stringify(value.slice(0, 40))}`,
      );
    },
    close: () => input.close(),
  };
}
