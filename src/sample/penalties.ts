/** Bias and penalties: what raises or lowers logits by what has been said before. Masked tokens stay masked.
 *
 * Each function edits one row of logits (V) in place; a masked token stays -Infinity and every other logit finite.
 * `counts` is scratch of length V, all zero before and after.
 *
 *     bias          z += b                                      for the tokens listed
 *     repetition    z > 0 ? z / r : z * r                       for each token of the window, once
 *     frequency     z -= f * (times generated)                  for each generated token
 *     presence      z -= f                                      likewise, once
 *
 * The repetition penalty asks for the sign of a raw logit, so adding a constant to all logits changes its result though
 * it changes no probability. Its log-probability form does not have that flaw: (log p) * r, which is always a fall.
 *
 * Repetition: Keskar et al., "CTRL", 2019, section 4.1. */
import { exp, log } from '../tensor/math.ts';
import type { Floats } from '../tensor/tensor.ts';

/** The tokens so far: ids[0 .. length - 1], of which the first promptLength are the prompt. Where the oldest have been
 *  forgotten it may be below 0: length - promptLength is always how many were drawn. */
export interface History {
  readonly ids: ArrayLike<number>;
  readonly length: number;
  readonly promptLength: number;
}

export type Bias = readonly (readonly [id: number, bias: number])[];

export interface RepetitionSettings {
  /** Above 1 discourages what was said, below 1 encourages it. */
  readonly repetitionPenalty: number;
  /** 'logits' as most samplers do; 'logprobs' does not depend on where the logits' zero lies. */
  readonly penaltyMode: 'logits' | 'logprobs';
  /** How many of the last tokens, prompt included, are looked at: -1 all, 0 none. */
  readonly penaltyLastN: number;
}

/** Rounding must neither mask a token nor make it infinite. */
const finite = (z: number): number => Math.max(-Number.MAX_VALUE, Math.min(Number.MAX_VALUE, z));

export function addBias(logits: Float64Array, bias: Bias): void {
  for (const [id, b] of bias)
    if (logits[id] !== Number.NEGATIVE_INFINITY) logits[id] = finite(logits[id] + b);
}

export function penalizeRepetition(
  logits: Float64Array,
  counts: Int32Array,
  history: History,
  { repetitionPenalty: r, penaltyMode, penaltyLastN }: RepetitionSettings,
): void {
  if (r === 1) return;
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
  {
    frequencyPenalty,
    presencePenalty,
  }: { readonly frequencyPenalty: number; readonly presencePenalty: number },
): void {
  if (frequencyPenalty === 0 && presencePenalty === 0) return;
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

/** log of the sum of e^z: what a logit lies above its log-probability. 0 if all are masked. */
export function logSumExp(logits: Floats): number {
  let max = Number.NEGATIVE_INFINITY;
  for (let v = 0; v < logits.length; v++) max = Math.max(max, logits[v]);
  if (max === Number.NEGATIVE_INFINITY) return 0;
  let sum = 0;
  for (let v = 0; v < logits.length; v++) sum += exp(logits[v] - max);
  return max + log(sum);
}
