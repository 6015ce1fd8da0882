/** Hard masks: tokens that must not come next get a logit of -Infinity. Each function edits one row of logits (V). */
import type { History } from './penalties.ts';

export function maskTokens(logits: Float64Array, ids: readonly number[]): void {
  for (const id of ids) logits[id] = Number.NEGATIVE_INFINITY;
}

/** Masks every token outside `allowed`, which ascends. */
export function maskAllBut(logits: Float64Array, allowed: readonly number[]): void {
  let next = 0;
  for (let v = 0; v < logits.length; v++) {
    if (v === allowed[next]) next += 1;
    else logits[v] = Number.NEGATIVE_INFINITY;
  }
}

/** Masks the last token of each sequence whose other tokens are the newest of the history. */
export function maskSequences(
  logits: Float64Array,
  history: History,
  sequences: readonly (readonly number[])[],
): void {
  for (const sequence of sequences) {
    if (endsWith(history, sequence, sequence.length - 1)) logits[sequence.at(-1)!] = Number.NEGATIVE_INFINITY;
  }
}

/** Masks every token that would complete an n-gram for the second time; the prompt's n-grams count. n = 0 is off. */
export function maskRepeatedNgrams(logits: Float64Array, history: History, n: number): void {
  if (n === 0) return;
  const { ids, length } = history;
  const tail = length - (n - 1); // the newest n - 1 tokens start here
  for (let at = 0; at + n <= length; at++) {
    let same = 0;
    while (same < n - 1 && ids[at + same] === ids[tail + same]) same += 1;
    if (same === n - 1) logits[ids[at + n - 1]] = Number.NEGATIVE_INFINITY;
  }
}

/** Whether the first `n` tokens of the sequence are the newest n of the history. */
export function endsWith(history: History, sequence: readonly number[], n = sequence.length): boolean {
  if (n > history.length) return false;
  for (let i = 0; i < n; i++) if (history.ids[history.length - n + i] !== sequence[i]) return false;
  return true;
}
