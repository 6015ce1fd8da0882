/** Edits of the logits before anything is cut: what must not come, and what is to come more or less often.
 *
 * Each function edits one row of logits (V) in place. A mask sets logits to -Infinity; a masked token stays masked, and
 * every other logit stays finite. `counts` is scratch of length V, all zero before and after.
 *
 *     bias          z += b                           for the tokens listed
 *     repetition    z > 0 ? z / r : z * r            once for each token among the last penaltyLastN
 *     frequency     z -= f * (times drawn)           for each token drawn; the prompt does not count
 *     presence      z -= f                           once for each token drawn
 *
 * The repetition penalty depends on the sign of a logit. So adding a constant to all logits changes its result, though it
 * changes no probability. Its form on log-probabilities has no such flaw: (log p) * r is below log p for every r > 1.
 *
 * Repetition: Keskar et al., "CTRL", 2019, section 4.1. No n-gram twice: Paulus et al., ICLR 2018. */
import { exp, log } from '../tensor/math.ts';
import type { Floats } from '../tensor/tensor.ts';
import type { Bias, SamplingSettings } from './settings.ts';

/** The text so far: tokens ids[0 .. length - 1], the first promptLength of which are the prompt. How many were drawn is
 *  length - promptLength, always: where the oldest tokens have been forgotten, promptLength may be below 0. */
export interface History {
  readonly ids: ArrayLike<number>;
  readonly length: number;
  readonly promptLength: number;
}

interface Mask {
  readonly on: boolean;
  /** How far `onExhausted: 'relax'` has to go to lift it; a mask without it is never lifted. */
  readonly lifted?: 1 | 2;
  /** How many of the newest tokens it looks at, if any. */
  readonly sees?: number;
  readonly mask: (logits: Float64Array, history: History) => void;
}

/** The masks that these settings ask for. */
export function masksOf(s: SamplingSettings): Mask[] {
  const ends = [...s.eosTokens, ...s.stopTokens];
  const masks: Mask[] = [
    { on: s.allowedTokens !== undefined, mask: (z) => maskAllBut(z, s.allowedTokens!) },
    { on: s.bannedTokens.length > 0, mask: (z) => maskTokens(z, s.bannedTokens) },
    {
      on: s.bannedSequences.length > 0,
      lifted: 2,
      sees: Math.max(...s.bannedSequences.map(({ length }) => length)),
      mask: (z, history) => maskSequences(z, history, s.bannedSequences),
    },
    {
      on: s.minNewTokens > 0,
      lifted: 2,
      mask: (z, { length, promptLength }) => {
        const beforeMinimum = length - promptLength < s.minNewTokens;
        if (beforeMinimum) maskTokens(z, ends);
      },
    },
    {
      on: s.noRepeatNgram > 0,
      lifted: 1,
      sees: Infinity,
      mask: (z, history) => maskRepeatedNgrams(z, history, s.noRepeatNgram),
    },
  ];
  return masks.filter(({ on }) => on);
}

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

/** Masks every token that would complete an n-gram for the second time; the prompt's n-grams count. */
export function maskRepeatedNgrams(logits: Float64Array, history: History, n: number): void {
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

/** The nearest finite number: rounding must neither mask a token nor make its logit infinite. */
const finite = (z: number): number => Math.max(-Number.MAX_VALUE, Math.min(Number.MAX_VALUE, z));

export function addBias(logits: Float64Array, bias: Bias): void {
  for (const [id, b] of bias)
    if (logits[id] !== Number.NEGATIVE_INFINITY) logits[id] = finite(logits[id] + b);
}

export function penalizeRepetition(
  logits: Float64Array,
  counts: Int32Array,
  history: History,
  {
    repetitionPenalty: r,
    penaltyMode,
    penaltyLastN,
  }: Pick<SamplingSettings, 'repetitionPenalty' | 'penaltyMode' | 'penaltyLastN'>,
): void {
  // z = log p + logSum, so the penalised log-probability is, in the scale of the logits, (z - logSum) * r + logSum.
  const logSum = penaltyMode === 'logprobs' ? logSumExp(logits) : 0;
  const from = penaltyLastN === -1 ? 0 : Math.max(0, history.length - penaltyLastN);
  count(counts, history, from);
  for (let i = from; i < history.length; i++) {
    const id = history.ids[i];
    if (counts[id] === 0) continue; // once a token, however often it was said
    counts[id] = 0;
    const z = logits[id] - logSum;
    if (z !== Number.NEGATIVE_INFINITY) logits[id] = finite(finite(z > 0 ? z / r : z * r) + logSum);
  }
}

export function penalizeFrequency(
  logits: Float64Array,
  counts: Int32Array,
  history: History,
  { frequencyPenalty, presencePenalty }: Pick<SamplingSettings, 'frequencyPenalty' | 'presencePenalty'>,
): void {
  count(counts, history, history.promptLength);
  for (let i = history.promptLength; i < history.length; i++) {
    const id = history.ids[i];
    const n = counts[id];
    if (n === 0) continue;
    counts[id] = 0;
    if (logits[id] !== Number.NEGATIVE_INFINITY) {
      logits[id] = finite(logits[id] - finite(finite(frequencyPenalty * n) + presencePenalty));
    }
  }
}

function count(counts: Int32Array, history: History, from: number): void {
  for (let i = from; i < history.length; i++) counts[history.ids[i]] += 1;
}

/** log of the sum of e^z, so that log p = z - logSumExp. 0 if all are masked. */
export function logSumExp(logits: Floats): number {
  let max = Number.NEGATIVE_INFINITY;
  for (let v = 0; v < logits.length; v++) max = Math.max(max, logits[v]);
  if (max === Number.NEGATIVE_INFINITY) return 0;
  let sum = 0;
  for (let v = 0; v < logits.length; v++) sum += exp(logits[v] - max);
  return max + log(sum);
}
