/** Self-BLEU: how much generated texts resemble each other; high means little diversity.
 *
 *     mean over texts of the BLEU (0 .. 100) of the text with all the others as its references
 *
 * The time grows with the square of the number of texts. With `sample`, only so many texts, chosen by the seed, are scored,
 * each still against all others. An order without a match counts as 0.1 n-grams (floor smoothing), as Holtzman et al. 2020
 * compute it; orders that a text is too short for are left out.
 *
 * From Zhu et al., "Texygen: a benchmarking platform for text generation models", SIGIR 2018. */
import { RandomStream } from '../tensor/random.ts';
import { bleuScore, bleuStatistics, countOrders } from './bleu.ts';
import { checkOrder, numbered, type Tokens } from './ngram-counts.ts';

export function selfBleu(
  texts: readonly Tokens[],
  options: { readonly maxOrder?: number; readonly sample?: number; readonly seed?: number } = {},
): number {
  const { maxOrder = 4, sample = texts.length, seed = 0 } = options;
  if (texts.length < 2) throw new RangeError(`self-BLEU: expected at least 2 texts, got ${texts.length}`);
  checkOrder('self-BLEU', maxOrder);
  if (!(Number.isInteger(sample) && sample >= 1)) {
    throw new RangeError(`self-BLEU: sample; expected an integer of at least 1, got ${sample}`);
  }
  const counted = numbered(texts).map((ids) => countOrders(ids, maxOrder));
  const chosen = choose(texts.length, Math.min(sample, texts.length), new RandomStream(seed, 'evaluate'));
  let sum = 0;
  for (const i of chosen) {
    const others = counted.filter((_, j) => j !== i);
    const statistics = bleuStatistics(counted[i], others);
    sum += bleuScore(statistics, { smoothing: 'floor', effectiveOrder: true }).score;
  }
  return sum / chosen.length;
}

/** k of the numbers 0 .. n - 1, chosen at random, in rising order. */
function choose(n: number, k: number, random: RandomStream): number[] {
  const indices = Array.from({ length: n }, (_, i) => i);
  for (let i = 0; i < k; i++) {
    const j = i + random.below(n - i, i);
    [indices[i], indices[j]] = [indices[j], indices[i]];
  }
  return indices.slice(0, k).sort((a, b) => a - b);
}
