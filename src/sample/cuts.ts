/** Temperature, and the cuts that drop the unlikely tail. Each cut works on what the one before it has left.
 *
 *     temperature T   w_i = e^((z_i - max z) / T), the weight of token i; its probability is w_i / (sum of the weights left)
 *     top-k           keep the k best tokens: ranked by logit, of equal ones the lower id first
 *     top-p           keep token i if the tokens ranked ahead of it hold less than p of the probability:
 *                     the smallest set that reaches p, and the token that crosses p belongs to it
 *     min-p           keep token i if p_i >= m * max p: a bar that is lower where the model is unsure
 *     typical         rank by |-log p_i - H|, H the entropy, and keep the smallest set that reaches the mass: the tokens
 *                     about as surprising as the model expects; the most probable token may go
 *     mirostat        keep the tokens with a surprise of at most mu bits, and always the best one
 *
 * Top-k: Fan, Lewis and Dauphin, "Hierarchical neural story generation", ACL 2018. Top-p: Holtzman et al., "The curious
 * case of neural text degeneration", ICLR 2020. Min-p: Nguyen et al., "Turning up the heat", ICLR 2025. Typical: Meister
 * et al., "Locally typical sampling", TACL 2023. Mirostat: below. */
import { exp, log } from '../tensor/math.ts';
import { type Candidates, keepAtLeast, keepBest, largestWeight, totalWeight } from './candidates.ts';

/** A share reached to within this much counts as reached, because sums of rounded probabilities fall short: .5 + .3 of the
 *  softmax of ln .5, ln .3, ln .2 is less than .8 by the last bit. */
const slack = 1e-6;

/** Two roundings of one surprise differ by less than this. */
const rounding = 1e-12;

/** Weights at temperature T > 0. Subtracting before dividing, so that no T overflows: the best token always weighs 1. */
export function applyTemperature(c: Candidates, temperature: number): void {
  const { count, logits, weights, max } = c;
  for (let i = 0; i < count; i++) weights[i] = exp((logits[i] - max) / temperature);
}

/** Keeps the k > 0 best ranked, exactly, also where logits are equal. */
export function keepTopK(c: Candidates, k: number): void {
  if (k < c.count) keepBest(c, c.logits, undefined, k);
}

/** Keeps the best ranked tokens until their share of the weight reaches p < 1, and always the best one. */
export function keepTopP(c: Candidates, p: number): void {
  keepBest(c, c.logits, c.weights, Math.max((p - slack) * totalWeight(c), Number.MIN_VALUE));
}

/** m = 1 keeps the most probable token and its equals. */
export function keepMinP(c: Candidates, m: number): void {
  keepAtLeast(c, c.weights, m * largestWeight(c));
}

/** `scores` is scratch of length V. Of equally typical tokens the lower id ranks first, as in top-k and top-p. */
export function keepTypical(c: Candidates, scores: Float64Array, p: number): void {
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

/** Mirostat 2 holds the surprise of the text near a target by moving the bar that cuts the tail.
 *
 *     surprise of token i     -log2 p_i, in bits, p before anything is cut
 *     after each draw         mu -= rate * (surprise drawn - target)
 *
 * mu starts at twice the target. It is the whole state, a number that the caller holds, copies and stores.
 *
 * Basu et al., "Mirostat: a neural text decoding algorithm that directly controls perplexity", ICLR 2021. Like the
 * authors, and unlike some samplers, the surprise is that of the model's distribution, not of what the cut left. */
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
