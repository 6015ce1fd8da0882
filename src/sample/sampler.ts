/** From logits to one token: greedy, temperature, top-k and top-p (nucleus) sampling.
 *
 * With z the logits, T the temperature and u a uniform random number in [0, 1):
 *     weight of token i     w_i = e^((z_i - max z) / T)      probability = w_i / (sum of the kept w)
 *     ranking               by logit, ties by lower id; temperature never changes it
 *     top-k                 keep the k best ranked
 *     top-p                 keep token i if the tokens ranked ahead of it hold less than p of the probability:
 *                           the smallest set that reaches p, with the token that crosses p inside
 *     draw                  walk the kept tokens by id; the first whose running sum of weights exceeds u * total
 *
 * Everything here is a function of its arguments: the same logits, settings and u give the same token. Each stage
 * narrows a workspace made once, so a token costs no allocation and any further stage can stand between these.
 *
 * Top-k: Fan, Lewis and Dauphin, "Hierarchical neural story generation", ACL 2018. Top-p: Holtzman et al., "The curious
 * case of neural text degeneration", ICLR 2020. */
import { exp } from '../tensor/math.ts';
import type { Floats } from '../tensor/tensor.ts';
import type { Candidates } from './candidates.ts';
import { keepBest } from './select.ts';
import { SamplerError, type SamplingSettings } from './settings.ts';

/** What `sample` returns when every token is masked. */
export const noCandidates = -1;

/** Sums of rounded probabilities fall short: the softmax of ln .5, ln .3, ln .2 reaches .8 only to the last bit.
 *  A top-p reached to within this much counts as reached. */
export const slack = 1e-6;

/** One token id for these logits (V) and one uniform in [0, 1), or `noCandidates`.
 *
 * A logit of -Infinity masks its token; NaN and +Infinity are errors. Settings are trusted: see samplingSettings. */
export function sample(
  candidates: Candidates,
  logits: Floats,
  settings: Pick<SamplingSettings, 'temperature' | 'topK' | 'topP'>,
  uniform: number,
): number {
  load(candidates, logits);
  if (candidates.count === 0) return noCandidates;
  if (settings.temperature === 0) return best(candidates);
  keepTopK(candidates, settings.topK); // temperature does not change ranks: cut first, exponentiate less
  applyTemperature(candidates, settings.temperature);
  keepTopP(candidates, settings.topP);
  return draw(candidates, uniform);
}

/** Starts over with every token that is not masked. */
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

/** The best ranked token: the largest logit, the lowest id among equals. */
export function best(c: Candidates): number {
  let at = 0;
  for (let i = 1; i < c.count; i++) if (c.logits[i] > c.logits[at]) at = i;
  return c.ids[at];
}

/** Weights at temperature T > 0. Subtracting before dividing lets no T overflow: the best weighs 1, always. */
export function applyTemperature(c: Candidates, temperature: number): void {
  const { count, logits, weights, max } = c;
  for (let i = 0; i < count; i++) weights[i] = exp((logits[i] - max) / temperature);
}

/** Keeps the k best ranked, exactly, also where logits are equal; k = 0 keeps all. */
export function keepTopK(c: Candidates, k: number): void {
  if (k > 0 && k < c.count) keepBest(c, c.logits, undefined, k);
}

/** Keeps the best ranked tokens until their share of the weight reaches p, and always the best one; p = 1 keeps all. */
export function keepTopP(c: Candidates, p: number): void {
  if (p < 1) keepBest(c, c.logits, c.weights, Math.max((p - slack) * totalWeight(c), Number.MIN_VALUE));
}

/** The token at `uniform` of the way through the kept weights. The test is strict, so a weight of 0 is never drawn:
 *  it leaves the running sum as it was, and the test that failed before fails again. */
export function draw(c: Candidates, uniform: number): number {
  if (!(uniform >= 0 && uniform < 1)) {
    throw new SamplerError('invalid-uniform', 'uniform', 'must be in [0, 1)', uniform);
  }
  const target = uniform * totalWeight(c);
  let sum = 0;
  let last = 0;
  for (let i = 0; i < c.count; i++) {
    if (c.weights[i] > 0) last = i;
    sum += c.weights[i];
    if (target < sum) return c.ids[i];
  }
  return c.ids[last]; // uniform * total was rounded up to total
}

/** The sum of the kept weights, in the order of `draw`. */
export function totalWeight(c: Candidates): number {
  let total = 0;
  for (let i = 0; i < c.count; i++) total += c.weights[i];
  return total;
}
