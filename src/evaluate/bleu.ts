/** BLEU: how many of a text's n-grams stand in a reference, from 0 to 100 (Papineni et al., "BLEU: a method for
 * automatic evaluation of machine translation", ACL 2002).
 *
 *     BLEU = 100 * BP * exp(mean over n = 1 .. E of ln p_n)          p_n = counts_n / totals_n
 *     BP   = min(1, exp(1 - referenceLength / hypothesisLength))     the brevity penalty, so that short texts do not win
 *
 * counts_n sums over the distinct n-grams of the hypothesis how often each occurs there, but at most as often as in the
 * reference that has it most often; totals_n is the number of all its n-grams. The reference length of a segment is the one
 * closest to the hypothesis, the shorter if two are equally close. All four are summed over the segments of a corpus first.
 *
 * A p_n of 0 makes the whole score 0, which smoothing avoids (Chen and Cherry, "A systematic comparison of smoothing
 * techniques for sentence-level BLEU", 2014). Where counts_n = 0:
 *     none   nothing          floor  counts_n = value (0.1)
 *     exp    p_n = 1 / (2^k totals_n) for the k-th order without a match (the default)
 * and add-k adds value (1) to counts_n and totals_n of every order above 1, matched or not. If no order has a match,
 * the score is still 0. E is the maximum order; with effectiveOrder, the largest order that the hypothesis is long enough
 * for. All values agree with sacreBLEU (Post, "A call for clarity in reporting BLEU scores", 2018), even an odd one: with
 * add-k, an order that the hypothesis is too short for has the precision value / value = 1. */
import { exp, log } from '../tensor/math.ts';
import { type BleuTokenization, bleuTokenizers } from './bleu-tokenize.ts';
import { checkOrder, ngramCounts, numbered } from './ngram-counts.ts';
import { checkSegments, type Segment } from './segments.ts';

export type BleuSmoothing = keyof typeof smoothingDefaults;

export interface BleuOptions {
  /** Default 13a. */
  readonly tokenization?: BleuTokenization;
  /** Default exp. */
  readonly smoothing?: BleuSmoothing;
  /** For floor (0 to 1) and add-k (at least 0) only. */
  readonly smoothingValue?: number;
  /** Default 4. */
  readonly maxOrder?: number;
  readonly effectiveOrder?: boolean;
  readonly lowercase?: boolean;
}

/** What is summed over a corpus; counts and totals by order, from 1. */
export interface BleuStatistics {
  readonly counts: readonly number[];
  readonly totals: readonly number[];
  readonly hypothesisLength: number;
  readonly referenceLength: number;
}

export interface BleuScore {
  /** 0 .. 100. */
  readonly score: number;
  /** By order, in percent, smoothed. */
  readonly precisions: readonly number[];
  readonly brevityPenalty: number;
}

export interface Bleu extends BleuStatistics, BleuScore {
  /** All that a score depends on besides the texts; scores with different signatures cannot be compared. */
  readonly signature: string;
}

const smoothingDefaults = { none: undefined, floor: 0.1, 'add-k': 1, exp: undefined } as const;

/** BLEU of a corpus: `references[i]` lists the references of `hypotheses[i]`, at least one, not always as many. */
export function corpusBleu(
  hypotheses: readonly Segment[],
  references: readonly (readonly Segment[])[],
  options: BleuOptions = {},
): Bleu {
  const settings = settle(options);
  checkSegments('bleu', hypotheses, references);
  const tokenize = (text: Segment) =>
    typeof text === 'string'
      ? bleuTokenizers[settings.tokenization](settings.lowercase ? text.toLowerCase() : text)
      : text;
  const sum = {
    counts: new Array<number>(settings.maxOrder).fill(0),
    totals: new Array<number>(settings.maxOrder).fill(0),
    hypothesisLength: 0,
    referenceLength: 0,
  };
  hypotheses.forEach((hypothesis, i) => {
    const tokens = numbered([hypothesis, ...references[i]].map(tokenize));
    const [own, ...others] = tokens.map((ids) => countOrders(ids, settings.maxOrder));
    const statistics = bleuStatistics(own, others);
    for (let n = 0; n < settings.maxOrder; n++) {
      sum.counts[n] += statistics.counts[n];
      sum.totals[n] += statistics.totals[n];
    }
    sum.hypothesisLength += statistics.hypothesisLength;
    sum.referenceLength += statistics.referenceLength;
  });
  const perSegment = new Set(references.map((list) => list.length));
  const signature = [
    `nrefs:${perSegment.size === 1 ? references[0].length : 'var'}`,
    `case:${settings.lowercase ? 'lc' : 'mixed'}`,
    `eff:${settings.effectiveOrder ? 'yes' : 'no'}`,
    `tok:${typeof hypotheses[0] === 'string' ? settings.tokenization : 'given'}`,
    `smooth:${settings.smoothing}${settings.smoothingValue === undefined ? '' : `[${settings.smoothingValue}]`}`,
    `order:${settings.maxOrder}`,
  ].join('|');
  return { ...score(sum, settings), ...sum, signature };
}

/** BLEU of one segment, with effectiveOrder unless the options say otherwise. */
export function sentenceBleu(
  hypothesis: Segment,
  references: readonly Segment[],
  options: BleuOptions = {},
): Bleu {
  return corpusBleu([hypothesis], [references], { effectiveOrder: true, ...options });
}

/** The score from statistics; of the options, only smoothing and effective order matter. */
export function bleuScore(statistics: BleuStatistics, options: BleuOptions = {}): BleuScore {
  return score(statistics, settle(options));
}

function score(statistics: BleuStatistics, settings: ReturnType<typeof settle>): BleuScore {
  const { counts, totals, hypothesisLength, referenceLength } = statistics;
  const { smoothing, smoothingValue = 0, effectiveOrder } = settings;
  const brevityPenalty =
    hypothesisLength >= referenceLength
      ? 1
      : hypothesisLength === 0
        ? 0
        : exp(1 - referenceLength / hypothesisLength);
  const fractions = new Array<number>(counts.length).fill(0);
  if (counts.every((count) => count === 0)) return { score: 0, precisions: fractions, brevityPenalty };
  let orders = counts.length;
  let missed = 1; // 2^k
  for (let n = 0; n < counts.length; n++) {
    const added = smoothing === 'add-k' && n > 0 ? smoothingValue : 0;
    const count = counts[n] + added;
    const total = totals[n] + added;
    if (total === 0) break;
    if (effectiveOrder) orders = n + 1;
    if (count > 0) fractions[n] = count / total;
    else if (smoothing === 'floor') fractions[n] = smoothingValue / total;
    else if (smoothing === 'exp') {
      missed *= 2;
      fractions[n] = 1 / (missed * total);
    }
  }
  let logs = 0;
  for (let n = 0; n < orders; n++) logs += log(fractions[n]); // log(0) is -Infinity, and exp of that 0
  return {
    score: 100 * brevityPenalty * exp(logs / orders),
    precisions: fractions.map((fraction) => 100 * fraction),
    brevityPenalty,
  };
}

/** A text's length and its n-gram counts by order. */
export interface CountedText {
  readonly length: number;
  readonly orders: readonly Map<string, number>[];
}

export function countOrders(ids: Int32Array, maxOrder: number): CountedText {
  const orders = Array.from({ length: maxOrder }, (_, n) => ngramCounts(ids, n + 1));
  return { length: ids.length, orders };
}

/** The statistics of one segment. */
export function bleuStatistics(hypothesis: CountedText, references: readonly CountedText[]): BleuStatistics {
  const counts = hypothesis.orders.map((own, n) => {
    let matched = 0;
    for (const [ngram, count] of own) {
      let most = 0;
      for (const reference of references) most = Math.max(most, reference.orders[n].get(ngram) ?? 0);
      matched += Math.min(count, most);
    }
    return matched;
  });
  const totals = hypothesis.orders.map((_, n) => Math.max(0, hypothesis.length - n));
  let referenceLength = Number.POSITIVE_INFINITY;
  for (const { length } of references) {
    const nearer = Math.abs(length - hypothesis.length) - Math.abs(referenceLength - hypothesis.length);
    if (nearer < 0 || (nearer === 0 && length < referenceLength)) referenceLength = length;
  }
  return { counts, totals, hypothesisLength: hypothesis.length, referenceLength };
}

/** The options, checked, with defaults for the rest. */
function settle(options: BleuOptions) {
  const { tokenization = '13a', smoothing = 'exp', maxOrder = 4 } = options;
  const { effectiveOrder = false, lowercase = false } = options;
  if (!Object.hasOwn(bleuTokenizers, tokenization)) {
    throw new RangeError(`bleu: tokenization; expected none, char or 13a, got ${tokenization}`);
  }
  if (!Object.hasOwn(smoothingDefaults, smoothing)) {
    throw new RangeError(`bleu: smoothing; expected none, floor, add-k or exp, got ${smoothing}`);
  }
  checkOrder('bleu', maxOrder);
  const smoothingValue = options.smoothingValue ?? smoothingDefaults[smoothing];
  if (smoothingValue !== undefined) {
    if (smoothingDefaults[smoothing] === undefined) {
      throw new RangeError(`bleu: smoothing ${smoothing} takes no value, got ${smoothingValue}`);
    }
    const most = smoothing === 'floor' ? 1 : Number.MAX_VALUE;
    if (!(smoothingValue >= 0 && smoothingValue <= most)) {
      const range = smoothing === 'floor' ? 'a number from 0 to 1' : 'a number of at least 0';
      throw new RangeError(`bleu: value for ${smoothing}; expected ${range}, got ${smoothingValue}`);
    }
  }
  return { tokenization, smoothing, smoothingValue, maxOrder, effectiveOrder, lowercase };
}
