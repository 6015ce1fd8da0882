/** Words: how much texts repeat them, and whether a corpus has them. */
import { distinctN, diversity, repetition } from './repetition.ts';

/** What separates words: white space as in Python, because these measures are compared with tools in Python. That is Unicode's
 * white space and U+001C to U+001F; JavaScript's \s lacks these four and U+0085, and has U+FEFF. */
const space = '\\p{White_Space}\\x1c-\\x1f';
const unspaced = new RegExp(`[^${space}]+`, 'gu');
const spaceAtEnd = new RegExp(`(?<![${space}])[${space}]+$`, 'u');

/** The words of a text, cut at white space; punctuation stays with its word. */
export function splitWords(text: string): string[] {
  return text.match(unspaced) ?? [];
}

export function trimEnd(text: string): string {
  return text.replace(spaceAtEnd, '');
}

/** Measures of several texts, pooled; null where no text has enough words. */
export interface WordRepetition {
  readonly rep2: number | null;
  readonly rep3: number | null;
  readonly rep4: number | null;
  readonly diversity: number | null;
  readonly distinct1: number | null;
  readonly distinct2: number | null;
}

export function wordRepetition(texts: readonly (readonly string[])[]): WordRepetition {
  return {
    rep2: repetition(texts, 2).pooled,
    rep3: repetition(texts, 3).pooled,
    rep4: repetition(texts, 4).pooled,
    diversity: diversity(texts).pooled,
    distinct1: distinctN(texts, 1),
    distinct2: distinctN(texts, 2),
  };
}

const word = /[\p{L}\p{M}\p{N}]+(?:['’][\p{L}\p{M}\p{N}]+)*/gu;

/** The different words of a text: runs of letters and digits with apostrophes inside, in lower case. */
export function wordsOf(text: string): Set<string> {
  return new Set(text.match(word)?.map((found) => found.toLowerCase()));
}

/** Nothing, or an apostrophe after which the word may go on. */
const nothing = /^['’]?$/u;

/** How many words the continuations have, each as often as it occurs, and how many of them are known.
 *
 * A word counts if it ends in the continuation, even if it began in the prompt. A word at the very end, or at the very beginning
 * of a prompt, does not count, even with an apostrophe in between: it may have been cut off there. */
export function countWords(
  continuations: readonly { readonly prompt: string; readonly text: string }[],
  known: ReadonlySet<string>,
): { readonly found: number; readonly all: number } {
  let found = 0;
  let all = 0;
  for (const { prompt, text } of continuations) {
    const whole = prompt + text;
    for (const match of whole.matchAll(word)) {
      const end = match.index + match[0].length;
      const cutAtStart = prompt !== '' && nothing.test(whole.slice(0, match.index));
      if (end <= prompt.length || cutAtStart || nothing.test(whole.slice(end))) continue;
      all++;
      if (known.has(match[0].toLowerCase())) found++;
    }
  }
  return { found, all };
}

/** The share of words that are known; null if there are none. */
export function knownWordShare(...args: Parameters<typeof countWords>): number | null {
  const { found, all } = countWords(...args);
  return all === 0 ? null : found / all;
}
