/** What the sampler's tests share: the sampler seen as a distribution, an oracle for it, and awkward logits. */
import fc from 'fast-check';
import { Candidates, load, totalWeight } from '../../src/sample/candidates.ts';
import type { History } from '../../src/sample/edits.ts';
import { Sampler } from '../../src/sample/sampler.ts';
import type { SamplingSettings } from '../../src/sample/settings.ts';
import { samplingSettings } from '../../src/sample/settings.ts';
import type { Trace } from '../../src/sample/trace.ts';
import { exp, log } from '../../src/tensor/math.ts';

export type Entry = readonly [id: number, probability: number];

/** Logits, in float64, whose softmax is `p`. */
export const logitsOf = (...p: number[]): Float64Array => Float64Array.from(p, log);

/** A workspace holding all of `logits`. */
export function loaded(logits: Float32Array | Float64Array): Candidates {
  const c = new Candidates(logits.length);
  load(c, logits);
  return c;
}

export const idsOf = (c: Candidates): number[] => [...c.ids.subarray(0, c.count)];
export const weightsOf = (c: Candidates): number[] => [...c.weights.subarray(0, c.count)];

/** What is left in a workspace, as probabilities. */
export function entries(c: Candidates): Entry[] {
  const total = totalWeight(c);
  return idsOf(c).map((id, i) => [id, c.weights[i] / total]);
}

export const samplerOf = (given: Partial<SamplingSettings>, V: number): Sampler =>
  new Sampler(V, samplingSettings(given, V));

/** One token of a text that has just begun. */
export function next(
  given: Partial<SamplingSettings>,
  logits: Float32Array | Float64Array,
  history: History = historyOf([0]),
  u = 0.5,
  trace?: Trace,
): number {
  const sampler = samplerOf(given, logits.length);
  return sampler.next(sampler.start(), logits, history, u, trace);
}

/** The distribution from which a token is drawn. */
export function distribution(
  logits: Float32Array | Float64Array,
  given: Partial<SamplingSettings>,
): Candidates {
  const sampler = samplerOf(given, logits.length);
  sampler.next(sampler.start(), logits, historyOf([]), 0);
  return sampler.candidates;
}

export type Cuts = Pick<SamplingSettings, 'temperature' | 'topK' | 'topP'>;

export interface OracleEntry {
  readonly id: number;
  readonly logit: number;
  readonly weight: number;
}

/** The core of the sampler again, by full sorts over plain arrays: temperature, top-k, top-p. Ids ascending. */
export function oracle(logits: ArrayLike<number>, { temperature, topK, topP }: Cuts) {
  const all = Array.from(logits, (logit, id) => ({ id, logit })).filter(({ logit }) => logit !== -Infinity);
  const max = all.reduce((largest, { logit }) => Math.max(largest, logit), -Infinity);
  const weighed = all.map((e) => ({ ...e, weight: exp((e.logit - max) / temperature) }));
  const ranked = weighed.sort((a, b) => (a.logit === b.logit ? a.id - b.id : b.logit > a.logit ? 1 : -1));
  const shortlist = topK === 0 ? ranked : ranked.slice(0, topK);
  const total = shortlist.reduce((sum, e) => sum + e.weight, 0);
  const kept: OracleEntry[] = [];
  let ahead = 0;
  for (const e of shortlist) {
    if (topP === 1 || kept.length === 0 || ahead / total < topP - 1e-6) kept.push(e);
    else break;
    ahead += e.weight;
  }
  return kept.sort((a, b) => a.id - b.id);
}

/** The oracle's draw: the first entry whose cumulative weight exceeds u * total, else the last that weighs anything. */
export function oracleDraw(kept: readonly OracleEntry[], u: number): number {
  const cumulative: number[] = [];
  for (const e of kept) cumulative.push((cumulative.at(-1) ?? 0) + e.weight);
  const at = cumulative.findIndex((sum) => sum > u * cumulative.at(-1)!);
  return at >= 0 ? kept[at]!.id : kept.filter((e) => e.weight > 0).at(-1)!.id;
}

const normalish = fc.double({ min: -6, max: 6, noNaN: true });
const scales = fc.constantFrom(1e-42, 1e-3, 1, 30, 1e4, 1e37);

/** Float32 rows of 1 to 40 logits: any scale from denormal to near overflow, exact ties, holes, ramps, one-hot rows. */
export const logitRows: fc.Arbitrary<Float32Array> = fc
  .record({
    values: fc.array(normalish, { minLength: 1, maxLength: 40 }),
    scale: scales,
    form: fc.constantFrom('plain', 'ties', 'ramp', 'uniform', 'one-hot'),
    holes: fc.array(fc.nat(60), { maxLength: 6 }),
  })
  .map(({ values, scale, form, holes }) => {
    const row = Float32Array.from(values, (x, i) => {
      if (form === 'ties') return Math.round(x) * scale;
      if (form === 'ramp') return i * scale;
      if (form === 'uniform') return scale;
      if (form === 'one-hot') return i === values.length >> 1 ? scale : 0;
      return x * scale;
    });
    for (const at of holes) if (at < row.length && row.length > holes.length) row[at] = -Infinity;
    return row;
  });

/** Rows of moderate size, for properties that compare probabilities. */
export const tameRows: fc.Arbitrary<Float32Array> = fc
  .tuple(fc.array(normalish, { minLength: 1, maxLength: 40 }), fc.boolean())
  .map(([values, ties]) => Float32Array.from(values, (x) => (ties ? Math.round(x) : x)));

export const temperatures = fc.oneof(
  fc.double({ min: 0.05, max: 5, noNaN: true }),
  fc.constantFrom(1, 1e-300, 1e-30, 1e30, 1e300),
);
export const probabilities = fc.oneof(
  fc.double({ min: 0, max: 1, noNaN: true }),
  fc.constantFrom(0, 1e-8, 0.5, 0.9, 0.999999, 1 - 2 ** -53, 1),
);
export const uniforms = fc.oneof(
  fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
  fc.constantFrom(0, 2 ** -53, 0.5, 1 - 2 ** -53),
);
export const settingsRows: fc.Arbitrary<Cuts> = fc.record({
  temperature: temperatures,
  topK: fc.nat(45),
  topP: probabilities,
});

/** The neighbouring doubles of a positive x. */
export function neighbours(x: number): [below: number, above: number] {
  const float = new Float64Array([x]);
  const bits = new BigInt64Array(float.buffer);
  const step = (by: bigint): number => {
    float[0] = x;
    bits[0] = bits[0]! + by;
    return float[0]!;
  };
  return [step(-1n), step(1n)];
}

/** A history in a buffer longer than itself, as a generator keeps it. */
export function historyOf(prompt: readonly number[], generated: readonly number[] = []): History {
  const length = prompt.length + generated.length;
  return { ids: Int32Array.of(...prompt, ...generated, 0, 1, 0), length, promptLength: prompt.length };
}
