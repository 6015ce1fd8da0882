/** Units for how well a model predicts a text. The model gives nats: the sum of -ln p(token | the tokens before it).
 *
 *     perplexity  e^(nats / tokens)            how many equally likely tokens would be as hard to guess
 *     bits per x  nats / (ln 2 * count of x)   x: a token, a character (Unicode code point) or a byte (UTF-8)
 *
 * Perplexity depends on the tokenizer, because a longer token is harder to guess. Bits per character do not, as long as
 * the nats and the characters are those of the same text. */
import { exp } from '../tensor/math.ts';

/** Perplexity from the mean nats per token. Below 0 (a probability above 1) or NaN is a RangeError. */
export function perplexity(meanNats: number): number {
  if (!(meanNats >= 0)) {
    throw new RangeError(`perplexity: nats per token; expected a number of at least 0, got ${meanNats}`);
  }
  return exp(meanNats);
}

/** Bits per token, character or byte: the nats of a whole text over how many of them it has. */
export function bitsPer(totalNats: number, count: number): number {
  if (!(totalNats >= 0)) {
    throw new RangeError(`bitsPer: nats; expected a number of at least 0, got ${totalNats}`);
  }
  if (!(count > 0)) throw new RangeError(`bitsPer: count; expected a number above 0, got ${count}`);
  return totalNats / (count * Math.LN2);
}

export interface MeanAndError {
  readonly mean: number;
  /** null for a single window. */
  readonly standardError: number | null;
}

/** The mean over all tokens of k windows, and its standard error. With S_i the sum over the n_i tokens of window i:
 *
 *     N = sum of n_i      m = (sum of S_i) / N      error = sqrt(k / (k - 1) * sum of (S_i - n_i m)^2) / N
 *
 * This is the mean of a cluster sample (Cochran, "Sampling techniques", 1977, chapter 9A): the windows are the sample,
 * not the tokens, because tokens of one window share their context and are far from independent. A window has as much
 * weight as it has tokens, so a short last one changes little; windows of one length n give the textbook's sqrt(sum of
 * (S_i / n - m)^2 / (k (k - 1))). Neighbouring windows of one text are not independent either, which the formula
 * ignores: the true error is rather larger. */
export function meanAndError(sums: ArrayLike<number>, sizes: ArrayLike<number>): MeanAndError {
  const k = sums.length;
  if (k === 0) throw new RangeError('meanAndError: no values');
  let sum = 0;
  let count = 0;
  for (let i = 0; i < k; i++) {
    sum += sums[i];
    count += sizes[i];
  }
  const mean = sum / count;
  if (k === 1) return { mean, standardError: null };
  let squares = 0;
  for (let i = 0; i < k; i++) {
    const off = sums[i] - sizes[i] * mean;
    squares += off * off;
  }
  return { mean, standardError: Math.sqrt((k / (k - 1)) * squares) / count };
}
