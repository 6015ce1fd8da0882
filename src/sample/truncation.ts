/** Min-p and locally typical sampling: two more ways to drop the tail, each on what the stage before left.
 *
 *     min-p      keep token i if p_i >= m * max p: a bar that falls where the model is unsure
 *     typical    rank by |-log p_i - H|, H the entropy: keep the tokens about as surprising as the model expects to be,
 *                the smallest set of them that reaches the mass; the most probable token may go
 *
 * Min-p: Nguyen et al., "Turning up the heat", ICLR 2025. Typical: Meister et al., "Locally typical sampling", TACL 2023. */
import { log } from '../tensor/math.ts';
import type { Candidates } from './candidates.ts';
import { slack, totalWeight } from './sampler.ts';
import { keepAtLeast, keepBest } from './select.ts';

/** m = 0 keeps all, m = 1 the most probable token and its equals. */
export function keepMinP(c: Candidates, m: number): void {
  if (m > 0) keepAtLeast(c, c.weights, m * largestWeight(c));
}

/** p = 1 keeps all; `scores` is scratch of length V. Tokens equally typical stay by id, as in top-k and top-p. */
export function keepTypical(c: Candidates, scores: Float64Array, p: number): void {
  if (p >= 1) return;
  const total = totalWeight(c);
  const logTotal = log(total);
  let entropy = 0;
  for (let i = 0; i < c.count; i++) {
    const surprise = logTotal - log(c.weights[i]);
    if (c.weights[i] > 0) entropy += (c.weights[i] / total) * surprise; // 0 log 0 counts as 0
    scores[i] = surprise;
  }
  for (let i = 0; i < c.count; i++) scores[i] = -Math.abs(scores[i] - entropy);
  keepBest(c, scores, c.weights, Math.max((p - slack) * total, Number.MIN_VALUE));
}

/** Entropy in nats of the probabilities left. */
export function entropyOf(c: Candidates): number {
  const total = totalWeight(c);
  let entropy = 0;
  for (let i = 0; i < c.count; i++) {
    const p = c.weights[i] / total;
    if (p > 0) entropy -= p * log(p);
  }
  return entropy;
}

export function largestWeight(c: Candidates): number {
  let largest = 0;
  for (let i = 0; i < c.count; i++) largest = Math.max(largest, c.weights[i]);
  return largest;
}
