/** How much generated texts repeat themselves. No reference is needed. A measure that is undefined, such as the share of
 * repeated trigrams in a text of two tokens, is null.
 *
 *     rep-n       1 - distinct n-grams / all n-grams of one text       (Welleck et al., "Neural text generation with
 *                                                                      unlikelihood training", 2019: seq-rep-n)
 *     diversity   product over n = 2, 3, 4 of (1 - rep-n)              (Su et al., "A contrastive framework for
 *                                                                      neural text generation", 2022)
 *     distinct-n  distinct n-grams of all texts together / all their   (Li et al., "A diversity-promoting objective
 *                 n-grams (Li et al. divide by tokens)                 function for neural conversation models", 2016)
 *     zipf        s in: frequency of the r-th most frequent token ~ r^-s; natural language is near 1
 *     tail loop   a text that ends in one phrase over and over         (Holtzman et al., "The curious case of neural
 *                                                                      text degeneration", 2020, with zipf) */
import { log } from '../tensor/math.ts';
import { lineThrough } from './line.ts';
import { checkOrder, ngramAt, ngramCounts, numbered, type Tokens } from './ngram-counts.ts';

/** A measure of several texts: its mean over those where it is defined, and (pooled) from the counts of all, summed. */
export interface OverTexts {
  readonly mean: number | null;
  readonly pooled: number | null;
}

/** rep-n of one text. */
export function repN(text: Tokens, n: number): number | null {
  return repetition([text], n).pooled;
}

/** rep-n of several texts. What repeats an earlier text does not count, only what repeats the same one. */
export function repetition(texts: readonly Tokens[], n: number): OverTexts {
  checkOrder('repetition', n);
  const parts = texts.map((text) => distinctAndTotal(numbered([text]), n));
  const pooled = parts.reduce(([d, t], part) => [d + part[0], t + part[1]], [0, 0]);
  return { mean: meanDefined(parts.map(repeated)), pooled: repeated(pooled) };
}

/** Of each token of a text, whether it lies in an n-gram that the text has had before: what rep-n counts, to be marked. */
export function repeatedTokens(text: Tokens, n: number): boolean[] {
  checkOrder('repetition', n);
  const [ids] = numbered([text]) as [Int32Array];
  const repeated = new Array<boolean>(ids.length).fill(false);
  const seen = new Set<string>();
  for (let start = 0; start + n <= ids.length; start++) {
    const ngram = ngramAt(ids, start, n);
    if (seen.has(ngram)) repeated.fill(true, start, start + n);
    seen.add(ngram);
  }
  return repeated;
}

/** Diversity of several texts: the mean of each text's own, and that of the pooled rep-n. */
export function diversity(texts: readonly Tokens[]): OverTexts {
  const product = (values: readonly (number | null)[]) =>
    values.reduce((all, value) => (all === null || value === null ? null : all * (1 - value)), 1);
  const orders = [2, 3, 4];
  return {
    mean: meanDefined(texts.map((text) => product(orders.map((n) => repN(text, n))))),
    pooled: product(orders.map((n) => repetition(texts, n).pooled)),
  };
}

/** distinct-n. Unlike in rep-n, what repeats another text counts, too. */
export function distinctN(texts: readonly Tokens[], n: number): number | null {
  checkOrder('distinct', n);
  const [distinct, total] = distinctAndTotal(numbered(texts), n);
  return total === 0 ? null : distinct / total;
}

/** The Zipf coefficient: minus the least-squares slope of ln frequency over ln rank, of the 5,000 most frequent tokens. */
export function zipfCoefficient(texts: readonly Tokens[]): number | null {
  const frequencies = new Map<number, number>();
  for (const ids of numbered(texts)) {
    for (const id of ids) frequencies.set(id, (frequencies.get(id) ?? 0) + 1);
  }
  const ys = [...frequencies.values()]
    .sort((a, b) => b - a)
    .slice(0, 5000)
    .map(log);
  if (ys.length < 2) return null;
  const xs = ys.map((_, i) => log(i + 1));
  return 0 - lineThrough(xs, ys).slope;
}

export interface TailLoop {
  /** The number of tokens of the phrase, which are the last of the text. */
  readonly length: number;
  readonly repeats: number;
}

/** The loop that a text ends in, or null. Of all phrases of 1 to 90 tokens, it looks at the one repeated most often at the very
 * end, the shortest if several are. A phrase of 3 tokens or more is a loop if it comes at least twice, a shorter one if it
 * comes more than 50 times. */
export function tailLoop(text: Tokens): TailLoop | null {
  let best: TailLoop = { length: 0, repeats: 1 };
  for (let length = 1; length <= Math.min(90, text.length); length++) {
    // From the end, compare each token with the one a phrase later: this covers whole repeats and part of one more.
    let start = text.length - length;
    while (start > 0 && text[start - 1] === text[start - 1 + length]) start--;
    const repeats = Math.floor((text.length - start) / length);
    if (repeats > best.repeats) best = { length, repeats };
  }
  const loops = best.length >= 3 || best.repeats > 50;
  return loops ? best : null;
}

/** The share of texts that end in a loop. */
export function loopShare(texts: readonly Tokens[]): number | null {
  return meanDefined(texts.map((text) => (tailLoop(text) === null ? 0 : 1)));
}

/** How many distinct n-grams the texts have together, and how many in all. No n-gram lies across two texts. */
function distinctAndTotal(texts: readonly Int32Array[], n: number): readonly [number, number] {
  const distinct = new Set<string>();
  let total = 0;
  for (const ids of texts) {
    for (const ngram of ngramCounts(ids, n).keys()) distinct.add(ngram);
    total += Math.max(0, ids.length - n + 1);
  }
  return [distinct.size, total];
}

function repeated([distinct, total]: readonly [number, number]): number | null {
  return total === 0 ? null : 1 - distinct / total;
}

function meanDefined(values: readonly (number | null)[]): number | null {
  const defined = values.filter((value) => value !== null);
  return defined.length === 0 ? null : defined.reduce((sum, value) => sum + value, 0) / defined.length;
}
