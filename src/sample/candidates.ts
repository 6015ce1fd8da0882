/** The tokens that may still be drawn, and the two ways to keep only some of them: the best, or all above a bar. */
import { log } from '../tensor/math.ts';
import type { Floats } from '../tensor/tensor.ts';
import { SamplerError } from './settings.ts';

/** Entries 0 .. count - 1 of each array are the tokens left, ids ascending. Made once for a vocabulary of V tokens. */
export class Candidates {
  count = 0;
  /** The largest logit loaded. */
  max = Number.NEGATIVE_INFINITY;
  readonly ids: Int32Array;
  readonly logits: Float64Array;
  /** Unnormalised probabilities, at most 1; set by applyTemperature. */
  readonly weights: Float64Array;
  /** Scratch of `keepBest`. */
  readonly order: Int32Array;

  constructor(V: number) {
    this.ids = new Int32Array(V);
    this.logits = new Float64Array(V);
    this.weights = new Float64Array(V);
    this.order = new Int32Array(V);
  }
}

/** Starts over with every token of these logits (V) that is not masked by -Infinity; NaN and +Infinity are errors. */
export function load(c: Candidates, logits: Floats): void {
  if (logits.length !== c.ids.length) {
    throw new RangeError(
      `sample: logits do not fit; expected ${c.ids.length} as in the vocabulary, got ${logits.length}`,
    );
  }
  const { ids, logits: kept } = c;
  let count = 0;
  let max = Number.NEGATIVE_INFINITY;
  for (let id = 0; id < logits.length; id++) {
    const z = logits[id];
    if (!(z < Number.POSITIVE_INFINITY)) {
      throw new SamplerError('non-finite-logits', 'logits', 'must be finite or -Infinity', z, id);
    }
    if (z === Number.NEGATIVE_INFINITY) continue;
    max = Math.max(max, z);
    ids[count] = id;
    kept[count++] = z;
  }
  c.count = count;
  c.max = max;
}

/** The sum of the kept weights, in the order of `draw`. */
export function totalWeight(c: Candidates): number {
  let total = 0;
  for (let i = 0; i < c.count; i++) total += c.weights[i];
  return total;
}

export function largestWeight(c: Candidates): number {
  let largest = 0;
  for (let i = 0; i < c.count; i++) largest = Math.max(largest, c.weights[i]);
  return largest;
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

const bucketCount = 512;
const buckets = new Float64Array(bucketCount + 1);

/** Keeps the best entries without sorting. Ranked by key, highest first, the lower index first among equals, an entry stays
 * if the entries ahead of it hold less than `limit` of a measure: of probability (top-p), or without a measure of their
 * count (top-k). `limit` is above 0, so the best entry always stays.
 *
 * What stays is the front of the ranking, so it is enough to find its last entry:
 *     1. add up the measure in buckets of equal key width, and walk them to the one that crosses the limit
 *     2. split that bucket around pivots, as quickselect does, and follow only the side with the last entry
 *     3. in one pass in the old order, keep what ranks at or before it
 * At 50,257 entries the buckets make this three times as fast as quickselect alone, whose comparisons no processor can
 * predict. Pivots come from the middle, not from chance: the work, like the result, depends on the input only. */
export function keepBest(
  c: Candidates,
  key: Float64Array,
  measure: Float64Array | undefined,
  limit: number,
): void {
  const { count, order } = c;
  let max = Number.NEGATIVE_INFINITY;
  let min = Number.POSITIVE_INFINITY;
  for (let i = 0; i < count; i++) {
    max = Math.max(max, key[i]);
    min = Math.min(min, key[i]);
  }
  const scale = bucketCount / (max - min);
  buckets.fill(0);
  for (let i = 0; i < count; i++) {
    buckets[((max - key[i]) * scale) | 0] += measure === undefined ? 1 : measure[i];
  }
  let bucket = 0;
  let ahead = 0; // the measure of all entries ranked before those in question
  while (bucket < bucketCount && ahead + buckets[bucket] < limit) ahead += buckets[bucket++];
  let high = -1;
  for (let i = 0; i < count; i++) if ((((max - key[i]) * scale) | 0) === bucket) order[++high] = i;
  if (high < 0) return; // rounding left the whole measure short of the limit: all stay

  let low = 0;
  while (low < high) {
    const pivot = partition(order, key, low, high);
    let before = ahead;
    for (let i = low; i < pivot; i++) before += measure === undefined ? 1 : measure[order[i]];
    const through = before + (measure === undefined ? 1 : measure[order[pivot]]);
    if (before >= limit) high = pivot - 1;
    else if (through >= limit || pivot === high) low = high = pivot;
    else {
      low = pivot + 1;
      ahead = through;
    }
  }
  keepThrough(c, key, order[low]);
}

/** Puts the entries of order[low .. high] that rank ahead of a pivot before it; returns the pivot's place. */
function partition(order: Int32Array, key: Float64Array, low: number, high: number): number {
  const middle = (low + high) >>> 1;
  const pivot = order[middle];
  const pivotKey = key[pivot];
  order[middle] = order[high];
  let place = low;
  for (let i = low; i < high; i++) {
    const entry = order[i];
    if (key[entry] > pivotKey || (key[entry] === pivotKey && entry < pivot)) {
      order[i] = order[place];
      order[place++] = entry;
    }
  }
  order[high] = order[place];
  order[place] = pivot;
  return place;
}

/** Keeps the entries with a key of at least `floor`. */
export function keepAtLeast(c: Candidates, key: Float64Array, floor: number): void {
  keepThrough(c, key, c.count, floor);
}

/** Keeps the entries that rank at or before entry `last`, and moves them together; ids stay ascending. The first loop lists
 *  them without a branch: it writes every entry down, and the next overwrites it unless it was kept. A processor could not
 *  predict such a branch, so it would cost more. */
function keepThrough(c: Candidates, key: Float64Array, last: number, lastKey = key[last]): void {
  const { ids, logits, weights, order, count } = c;
  let kept = 0;
  for (let i = 0; i < count; i++) {
    order[kept] = i;
    kept += Number(key[i] > lastKey) | (Number(key[i] === lastKey) & Number(i <= last));
  }
  for (let i = 0; i < kept; i++) {
    const entry = order[i];
    ids[i] = ids[entry];
    logits[i] = logits[entry];
    weights[i] = weights[entry];
  }
  c.count = kept;
}
