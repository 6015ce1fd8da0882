/** Min-p, typical sampling and mirostat: published values, definitions, and oracles that sort. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Candidates, entropyOf, totalWeight } from '../../src/sample/candidates.ts';
import {
  applyTemperature,
  firstMu,
  keepMinP,
  keepTopK,
  keepTypical,
  keepUnsurprising,
  nextMu,
  surpriseOf,
} from '../../src/sample/cuts.ts';
import { draw } from '../../src/sample/sampler.ts';
import { RandomStream } from '../../src/tensor/random.ts';
import { distribution, entries, idsOf, logitRows, logitsOf } from './support.ts';

const run = { seed: 59, numRuns: 1000 };
const weighed = (p: readonly number[]): Candidates => distribution(logitsOf(...p), {});
const afterMinP = (c: Candidates, m: number): number[] => {
  keepMinP(c, m);
  return idsOf(c);
};
const afterTypical = (c: Candidates, p: number): number[] => {
  keepTypical(c, new Float64Array(c.ids.length), p);
  return idsOf(c);
};
/** Logits far enough apart that two roundings of a score cannot change places. */
const eighths = fc
  .array(fc.integer({ min: -48, max: 48 }), { minLength: 1, maxLength: 40 })
  .map((row) => Float32Array.from(row, (x) => x / 8));
const shares = fc.oneof(fc.double({ min: 0, max: 1, noNaN: true }), fc.constantFrom(0, 1e-8, 0.5, 1));

describe('min-p', () => {
  test('.05 agrees with transformers', () => {
    expect(afterMinP(weighed([0.9, 0.0274, 0.047, 0.0274]), 0.05)).toEqual([0, 2]);
    expect(afterMinP(weighed([0.15, 0.3, 0.3, 0.25]), 0.05)).toEqual([0, 1, 2, 3]);
    expect(afterMinP(weighed([0.97, 0.01, 0.01, 0.01]), 0.05)).toEqual([0]);
  });

  test('differs: .9 of the ramps -5 .. 4 and -500 .. 400 keeps one (theirs two, by a minimum we do not have)', () => {
    for (const step of [1, 100]) {
      const ramp = Float64Array.from({ length: 10 }, (_, i) => (i - 5) * step);
      expect(afterMinP(distribution(ramp, {}), 0.9)).toEqual([9]);
    }
  });

  test.each([
    [0, 4],
    [0.24, 4],
    [0.26, 3],
    [0.49, 3],
    [0.51, 2],
    [0.74, 2],
    [0.76, 1],
    [1, 1],
  ])('%d of [.1, .2, .3, .4] keeps %i, as in llama.cpp', (m, kept) => {
    expect(afterMinP(weighed([0.1, 0.2, 0.3, 0.4]), m)).toEqual([0, 1, 2, 3].slice(4 - kept));
  });

  test('keeps exactly the tokens of at least m times the largest probability', () => {
    fc.assert(
      fc.property(logitRows, shares, (logits, m) => {
        const c = distribution(logits, {});
        const expected = entries(c).filter((_, i) => c.weights[i]! >= m); // the best weighs 1
        expect(afterMinP(c, m)).toEqual(expected.map(([id]) => id));
      }),
      run,
    );
  });

  test('does not change when top-k comes before it, but for what top-k drops', () => {
    fc.assert(
      fc.property(logitRows, shares, fc.integer({ min: 1, max: 20 }), (logits, m, k) => {
        const c = distribution(logits, {});
        keepTopK(c, k);
        const shortlist = idsOf(c);
        const alone = afterMinP(distribution(logits, {}), m);
        expect(afterMinP(c, m)).toEqual(alone.filter((id) => shortlist.includes(id)));
      }),
      run,
    );
  });
});

describe('typical', () => {
  test('.5 agrees with transformers; the most probable token may go', () => {
    expect(afterTypical(weighed([0.97, 0.01, 0.01, 0.01]), 0.5)).toEqual([0]);
    expect(afterTypical(weighed([0.4, 0.2, 0.2, 0.2]), 0.5)).toEqual([1, 2, 3]);
  });

  test('differs: of equally typical tokens the lowest ids stay, only as many as reach p (theirs keeps all)', () => {
    expect(afterTypical(weighed([0.4, 0.2, 0.2, 0.2]), 0.4)).toEqual([1, 2]);
    expect(afterTypical(weighed([0.25, 0.25, 0.25, 0.25]), 0.5)).toEqual([0, 1]);
  });

  test('is the oracle: rank by |-log p - H|, smallest set to reach p', () => {
    fc.assert(
      fc.property(eighths, fc.double({ min: 0.01, max: 0.99, noNaN: true }), (logits, p) => {
        const all = entries(distribution(logits, {}));
        const H = all.reduce((sum, [, x]) => sum - x * Math.log(x), 0);
        const ranked = all
          .map(([id, x]) => ({ id, x, far: Math.round(Math.abs(-Math.log(x) - H) * 1e9) }))
          .sort((a, b) => a.far - b.far || a.id - b.id);
        const expected: number[] = [];
        let ahead = 0;
        for (const e of ranked) {
          if (ahead < p - 1e-6) expected.push(e.id);
          ahead += e.x;
        }
        expect(afterTypical(distribution(logits, {}), p)).toEqual(expected.sort((a, b) => a - b));
      }),
      run,
    );
  });

  test('holds at least p, keeps the token nearest the entropy, is nested in p, and 1 keeps all', () => {
    fc.assert(
      fc.property(logitRows, shares, shares, (logits, a, b) => {
        const c = distribution(logits, {});
        if (c.count === 0) return;
        const all = entries(c);
        const H = entropyOf(c);
        const far = (x: number): number => Math.abs(-Math.log(x) - H);
        const nearest = Math.min(...all.map(([, x]) => far(x)));
        const [low, high] = [Math.min(a, b), Math.max(a, b)];
        const [few, many] = [low, high].map((p) => afterTypical(distribution(logits, {}), p));
        expect(many).toEqual(expect.arrayContaining(few!));
        const probability = new Map(all);
        expect(few!.some((id) => far(probability.get(id)!) <= nearest + 1e-9)).toBe(true);
        expect(few!.reduce((sum, id) => sum + probability.get(id)!, 0)).toBeGreaterThanOrEqual(
          low - 1.001e-6,
        );
        expect(idsOf(distribution(logits, { typicalP: 1 }))).toEqual(idsOf(c));
      }),
      run,
    );
  });

  test('a probability of 0 counts as nothing in the entropy and is never kept below 1', () => {
    const c = distribution(Float64Array.of(0, -1e4, 0), {});
    expect(entropyOf(c)).toBeCloseTo(Math.LN2, 14);
    expect(afterTypical(c, 1 - 2 ** -53)).toEqual([0, 2]);
  });
});

describe('mirostat', () => {
  const p = [0.5, 0.25, 0.125, 0.125]; // 1, 2, 3 and 3 bits
  const kept = (mu: number): number[] => {
    const c = weighed(p);
    keepUnsurprising(c, mu);
    return idsOf(c);
  };

  test('keeps what surprises by at most mu, and always the best token', () => {
    expect([10, 3, 2.99, 2, 1.99, 1, 0.99, 0, -50, -1e5].map((mu) => kept(mu).length)).toEqual([
      4, 4, 2, 2, 1, 1, 1, 1, 1, 1,
    ]);
    expect(kept(-1)).toEqual([0]);
  });

  test('counts a surprise equal to mu as inside, however both were rounded: n equal tokens at log2 n', () => {
    for (let n = 1; n <= 200; n++) {
      const c = distribution(new Float64Array(n), {});
      keepUnsurprising(c, Math.log2(n));
      expect(c.count).toBe(n);
    }
  });

  test('measures the surprise before the cut: 2 bits for .25, not the 1.58 it has among what is left', () => {
    const c = weighed(p);
    const total = totalWeight(c);
    keepUnsurprising(c, 2);
    expect(entries(c)[1]![1]).toBeCloseTo(1 / 3, 14);
    expect(surpriseOf(c, 1, total)).toBeCloseTo(2, 14);
  });

  test('starts at twice the target and moves against the error', () => {
    expect(firstMu(3)).toBe(6);
    expect(nextMu(6, 2, 3, 0.1)).toBeCloseTo(6.1, 14);
    expect(nextMu(6, 5, 3, 0.1)).toBeCloseTo(5.8, 14);
  });

  test('brings the mean surprise of 4,000 tokens to the target', () => {
    const logits = Float64Array.from({ length: 50 }, (_, i) => -Math.log(i + 1)); // Zipf's law
    const random = new RandomStream(5, 'sample');
    for (const target of [2.5, 3, 4]) /* the best token has 2.2 bits, the whole distribution 4.6 */ {
      let mu = firstMu(target);
      let sum = 0;
      for (let step = 0; step < 4000; step++) {
        const c = distribution(logits, {});
        const total = totalWeight(c);
        keepUnsurprising(c, mu);
        const surprise = surpriseOf(c, draw(c, random.uniform(step)), total);
        sum += surprise;
        mu = nextMu(mu, surprise, target, 0.1);
      }
      expect(Math.abs(sum / 4000 - target)).toBeLessThan(0.02);
    }
  });

  test('agrees with the definition on random rows', () => {
    fc.assert(
      fc.property(logitRows, fc.double({ min: -1, max: 12, noNaN: true }), (logits, mu) => {
        const c = distribution(logits, {});
        if (c.count === 0) return;
        const total = totalWeight(c);
        const all = idsOf(c);
        const best = distribution(logits, { topK: 1 }).ids[0]!;
        const bits = all.map((_, i) => -Math.log2(c.weights[i]! / total));
        if (bits.some((b) => Math.abs(b - mu) < 1e-9)) return; // too close to the bar for another order of rounding
        const expected = all.filter((_, i) => bits[i]! <= mu);
        keepUnsurprising(c, mu);
        expect(idsOf(c)).toEqual(expected.length > 0 ? expected : [best]);
      }),
      run,
    );
  });
});

test('entropyOf is the entropy in nats at every temperature', () => {
  const c = weighed([0.5, 0.25, 0.25]);
  expect(entropyOf(c)).toBeCloseTo(1.5 * Math.LN2, 14);
  applyTemperature(c, 1e300);
  expect(entropyOf(c)).toBeCloseTo(Math.log(3), 14);
  applyTemperature(c, Number.MIN_VALUE);
  expect(entropyOf(c)).toBe(0);
});
