/** How much of generated text is copied from the training text, word for word.
 *
 * Two measures: the longest run of tokens that also stands in the training text, and the share of generated n-grams that occur
 * there. Any new text shares many short n-grams with the training text, so compare both with the same numbers of held-out
 * text. Works on ids of any kind; `codePoints` turns text into ids. */
import { SuffixAutomaton } from './suffix-automaton.ts';

export interface Memorization {
  /** The longest overlap: `text`[start] .. `text`[start + length - 1] occurs in the training text (the first of equally long ones). */
  readonly longest: { readonly length: number; readonly text: number; readonly start: number };
  /** The mean over texts of each one's longest overlap; null without texts. */
  readonly meanLongest: number | null;
  /** The share of generated n-grams, counted as often as they occur, that the training text contains; null if none. */
  readonly seenShare: number | null;
}

export function memorization(
  texts: readonly ArrayLike<number>[],
  training: ArrayLike<number>,
  options: { readonly n: number },
): Memorization {
  const matches = new SuffixAutomaton(texts).longestMatches(training);
  let longest = { length: 0, text: 0, start: 0 };
  let sum = 0;
  matches.forEach((lengths, text) => {
    let best = 0;
    lengths.forEach((length, end) => {
      best = Math.max(best, length);
      if (length > longest.length) longest = { length, text, start: end - length + 1 };
    });
    sum += best;
  });
  const meanLongest = texts.length === 0 ? null : sum / texts.length;
  return { longest, meanLongest, seenShare: seenShare(matches, options.n) };
}

/** An n-gram occurs in the training text exactly where the longest match that ends with it has n tokens or more. */
function seenShare(matches: readonly Int32Array[], n: number): number | null {
  if (!(Number.isInteger(n) && n >= 1)) {
    throw new RangeError(`memorization: n; expected an integer of at least 1, got ${n}`);
  }
  let seen = 0;
  let total = 0;
  for (const lengths of matches) {
    for (let end = n - 1; end < lengths.length; end++) {
      if (lengths[end] >= n) seen++;
      total++;
    }
  }
  return total === 0 ? null : seen / total;
}

/** The Unicode code points of a text. */
export function codePoints(text: string): Int32Array {
  const points = new Int32Array(text.length);
  let count = 0;
  for (const character of text) points[count++] = character.codePointAt(0)!;
  return points.subarray(0, count);
}
