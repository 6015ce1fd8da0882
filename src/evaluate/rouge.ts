/** ROUGE: what a text shares with a reference, as precision, recall and F (Lin, "ROUGE: a package for automatic
 * evaluation of summaries", 2004).
 *
 *     P = hits / tokens of the prediction      R = hits / tokens of the reference      F = 2 P R / (P + R)
 *
 *     ROUGE-N     hits: n-grams in common, each as often as in the text that has fewer of it; P and R count n-grams
 *     ROUGE-L     hits: the longest common subsequence
 *     ROUGE-Lsum  the same line by line: hits are the tokens of each reference line that are in its longest common
 *                 subsequence with some line of the prediction. A token counts at most as often as the prediction
 *                 has it, so that none of the prediction's tokens counts twice.
 *
 * Text is lower-cased and cut into runs of a-z and 0-9, without stemming, as in Google's rouge_score
 * (github.com/google-research/google-research), with which all values agree. Of several references the one with the best F
 * counts, the first of equal ones. The score of a corpus is the mean over its segments. Where a denominator is 0, so is the
 * value. */
import { lcsLength, lcsPositions } from './lcs.ts';
import { ngramCounts, numbered, type Tokens } from './ngram-counts.ts';
import { checkSegments, type Segment } from './segments.ts';

export interface Rouge {
  readonly precision: number;
  readonly recall: number;
  readonly f: number;
}
export type RougeType = `rouge${1 | 2 | 3 | 4 | 5 | 6 | 7 | 8 | 9 | 'L' | 'Lsum'}`;

/** What ROUGE values depend on besides the texts. */
export const rougeSignature = 'case:lc|tok:a-z0-9|stem:no|refs:best-f|mean:segments';

/** Mean ROUGE over segments; `references[i]` lists the references of `predictions[i]`, at least one. */
export function corpusRouge<T extends RougeType>(
  types: readonly T[],
  predictions: readonly Segment[],
  references: readonly (readonly Segment[])[],
): Record<T, Rouge> {
  checkSegments('rouge', predictions, references);
  const mean = (type: T): Rouge => {
    const sum = { precision: 0, recall: 0, f: 0 };
    predictions.forEach((prediction, i) => {
      const { precision, recall, f } = rouge(type, prediction, references[i]);
      sum.precision += precision;
      sum.recall += recall;
      sum.f += f;
    });
    const n = predictions.length;
    return { precision: sum.precision / n, recall: sum.recall / n, f: sum.f / n };
  };
  return Object.fromEntries(types.map((type) => [type, mean(type)])) as Record<T, Rouge>;
}

/** ROUGE of one segment. An unknown type is a RangeError. */
export function rouge(type: RougeType, prediction: Segment, references: readonly Segment[]): Rouge {
  checkSegments('rouge', [prediction], [references]);
  const compare = comparison(type);
  const scores = references.map((reference) => compare(prediction, reference));
  return scores.reduce((best, score) => (score.f > best.f ? score : best));
}

function comparison(type: RougeType): (prediction: Segment, reference: Segment) => Rouge {
  if (type === 'rougeL') return rougeL;
  if (type === 'rougeLsum') return rougeLsum;
  const n = /^rouge([1-9])$/.exec(type)?.[1];
  if (n !== undefined) return (prediction, reference) => rougeN(prediction, reference, Number(n));
  throw new RangeError(`rouge: type; expected rouge1 to rouge9, rougeL or rougeLsum, got ${type}`);
}

function rougeN(prediction: Segment, reference: Segment, n: number): Rouge {
  const [own, other] = numbered([tokenize(prediction), tokenize(reference)]);
  const wanted = ngramCounts(other, n);
  let hits = 0;
  for (const [ngram, count] of ngramCounts(own, n)) hits += Math.min(count, wanted.get(ngram) ?? 0);
  return fromHits(hits, own.length - n + 1, other.length - n + 1);
}

function rougeL(prediction: Segment, reference: Segment): Rouge {
  const [own, other] = numbered([tokenize(prediction), tokenize(reference)]);
  return fromHits(lcsLength(other, own), own.length, other.length);
}

function rougeLsum(prediction: Segment, reference: Segment): Rouge {
  const ownLines = lines(prediction);
  const all = numbered([...ownLines, ...lines(reference)]);
  const own = all.slice(0, ownLines.length);
  const other = all.slice(ownLines.length);
  const supply = new Map<number, number>();
  for (const line of own) for (const token of line) supply.set(token, (supply.get(token) ?? 0) + 1);
  let hits = 0;
  for (const line of other) {
    const positions = new Set(own.flatMap((candidate) => lcsPositions(line, candidate)));
    for (const position of positions) {
      const left = supply.get(line[position]) ?? 0;
      if (left === 0) continue;
      hits++;
      supply.set(line[position], left - 1);
    }
  }
  const length = (texts: readonly Int32Array[]) => texts.reduce((sum, text) => sum + text.length, 0);
  return fromHits(hits, length(own), length(other));
}

function fromHits(hits: number, predicted: number, wanted: number): Rouge {
  const precision = hits / Math.max(predicted, 1);
  const recall = hits / Math.max(wanted, 1);
  return { precision, recall, f: hits > 0 ? (2 * precision * recall) / (precision + recall) : 0 };
}

function tokenize(text: Segment): Tokens {
  return typeof text === 'string' ? (text.toLowerCase().match(/[a-z0-9]+/g) ?? []) : text;
}

/** The lines of a text, tokenized; tokens that were given as such are one line. */
function lines(text: Segment): Tokens[] {
  return typeof text === 'string' ? text.split('\n').map(tokenize) : [text];
}
