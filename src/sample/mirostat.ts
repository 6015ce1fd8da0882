/** Mirostat 2: holds the surprise of the text near a target by moving the bar that cuts the tail.
 *
 *     surprise of token i     -log2 p_i, in bits, p before anything is cut
 *     keep                    the tokens with a surprise of at most mu, and always the best one
 *     after the draw          mu -= rate * (surprise drawn - target)
 *
 * mu starts at twice the target. It is the whole state: a number the caller holds, copies and stores.
 *
 * Basu et al., "Mirostat: a neural text decoding algorithm that directly controls perplexity", ICLR 2021. Like the
 * authors, and unlike some samplers, the surprise is that of the model's distribution, not of what the cut left. */
import { exp, log } from '../tensor/math.ts';
import type { Candidates } from './candidates.ts';
import { totalWeight } from './sampler.ts';
import { keepAtLeast, keepBest } from './select.ts';
import { largestWeight } from './truncation.ts';

/** Two roundings of one surprise differ by less than this; both count as at the bar. */
const rounding = 1e-12;

export const firstMu = (target: number): number => 2 * target;

export const nextMu = (mu: number, surprise: number, target: number, rate: number): number =>
  mu - rate * (surprise - target);

/** Bits of surprise of a token that is among `c`, where all candidates before the cut weighed `total`. */
export const surpriseOf = (c: Candidates, token: number, total: number): number =>
  (log(total) - log(c.weights[c.ids.subarray(0, c.count).indexOf(token)])) / Math.LN2;

export function keepUnsurprising(c: Candidates, mu: number): void {
  const floor = totalWeight(c) * exp(-mu * Math.LN2) * (1 - rounding);
  if (floor > largestWeight(c)) keepBest(c, c.logits, undefined, 1);
  else keepAtLeast(c, c.weights, floor);
}
