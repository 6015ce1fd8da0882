/** Units for how well a model predicts a text. The model gives nats: the sum of -ln p(token | what came before).
 *
 *     perplexity  e^(nats / tokens)            how many equally likely tokens would be as hard to guess
 *     bits per x  nats / (ln 2 * count of x)   x: a token, a character (Unicode code point) or a byte (UTF-8)
 *
 * Perplexity depends on the tokenizer, since a longer token is harder to guess; bits per character do not, if nats
 * and characters belong to exactly the same text. */
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
  /** null for a single value. */
  readonly standardError: number | null;
}

/** The mean of window means, and its standard error: sqrt(sum of (x - mean)^2 / (n (n - 1))).
 *
 * Windows must be of equal length, else their mean is not the mean over tokens. The error counts windows, not tokens:
 * tokens of one window share their context and are far from independent. Neighbouring windows of one text are
 * related too, which this plain formula leaves out; take it as a lower estimate. */
export function meanAndError(windowMeans: readonly number[] | Float32Array | Float64Array): MeanAndError {
  const n = windowMeans.length;
  if (n === 0) throw new RangeError('meanAndError: no values');
  let sum = 0;
  for (const x of windowMeans) sum += x;
  const mean = sum / n;
  if (n === 1) return { mean, standardError: null };
  let squares = 0;
  for (const x of windowMeans) squares += (x - mean) * (x - mean);
  return { mean, standardError: Math.sqrt(squares / (n * (n - 1))) };
}
