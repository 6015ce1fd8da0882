/** The draw: what it never returns, and that its tokens have the probabilities they should. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { totalWeight } from '../../src/sample/candidates.ts';
import { draw } from '../../src/sample/sampler.ts';
import { samplingSettings } from '../../src/sample/settings.ts';
import { RandomStream } from '../../src/tensor/random.ts';
import {
  distribution,
  historyOf,
  idsOf,
  logitRows,
  neighbours,
  oracle,
  oracleDraw,
  samplerOf,
  settingsRows,
  uniforms,
  weightsOf,
} from './support.ts';

const run = { seed: 20240608, numRuns: 1000 };

describe('the draw', () => {
  test('never returns a masked or weightless token, at 0, at 1 - 2^-53, and around every cumulative boundary', () => {
    fc.assert(
      fc.property(logitRows, settingsRows, (logits, settings) => {
        const c = distribution(logits, settings);
        if (c.count === 0) return;
        const kept = oracle(logits, settings);
        const us = [0, 2 ** -53, 1 - 2 ** -53];
        let sum = 0;
        for (const w of weightsOf(c)) {
          sum += w;
          const u = sum / totalWeight(c);
          if (u > 0) us.push(u, ...neighbours(u));
        }
        for (const u of us) {
          if (u >= 1) continue;
          const id = draw(c, u);
          expect(c.weights[idsOf(c).indexOf(id)]).toBeGreaterThan(0);
          expect(id).toBe(oracleDraw(kept, u));
        }
      }),
      run,
    );
  });

  test('never falls as the uniform rises', () => {
    fc.assert(
      fc.property(logitRows, settingsRows, uniforms, uniforms, (logits, settings, a, b) => {
        const c = distribution(logits, settings);
        if (c.count > 0) expect(draw(c, Math.min(a, b))).toBeLessThanOrEqual(draw(c, Math.max(a, b)));
      }),
      run,
    );
  });

  /** Critical values of chi-square at 1e-6, by degrees of freedom. */
  const critical: Record<number, number> = { 1: 23.93, 2: 27.63, 3: 30.67, 7: 40.52, 15: 56.49 };
  const chiSquare = (counts: readonly number[], expected: readonly number[]): number =>
    counts.reduce((sum, n, i) => sum + (n - expected[i]!) ** 2 / expected[i]!, 0);
  const N = 20000;

  test.each([
    [1, { topP: 0.8 }],
    [2, { temperature: 0.5, topK: 3 }],
    [3, { temperature: 2, topK: 4, topP: 0.99 }],
  ] as const)('has the probabilities it should: 20,000 draws with seed %i and %o', (seed, given) => {
    const logits = Float32Array.of(0.3, 2, -1, 1.2, 1.9, 0);
    const random = new RandomStream(seed, 'sample');
    const settings = samplingSettings(given);
    const kept = oracle(logits, settings);
    const total = kept.reduce((sum, e) => sum + e.weight, 0);
    const counts = new Array<number>(logits.length).fill(0);
    const sampler = samplerOf(given, logits.length);
    for (let step = 0; step < N; step++)
      counts[sampler.next(sampler.start(), logits, historyOf([]), random.uniform(step))]! += 1;
    const observed = kept.map((e) => counts[e.id]!);
    expect(observed.reduce((sum, n) => sum + n, 0)).toBe(N); // nothing outside the kept set
    const expected = kept.map((e) => (N * e.weight) / total);
    expect(chiSquare(observed, expected)).toBeLessThan(critical[kept.length - 1]!);
  });

  test.each(['consecutive steps', 'neighbouring streams'])('is independent between %s', (kind) => {
    const logits = Float32Array.of(0, 0, 0, 0);
    const random = new RandomStream(7, 'sample');
    const sampler = samplerOf({}, 4);
    const counts = new Array<number>(16).fill(0);
    const token = (step: number, stream: number): number =>
      sampler.next(sampler.start(), logits, historyOf([]), random.uniform(step, stream));
    for (let i = 0; i < N; i++) {
      const pair =
        kind === 'consecutive steps' ? [token(2 * i, 0), token(2 * i + 1, 0)] : [token(i, 0), token(i, 1)];
      counts[pair[0]! * 4 + pair[1]!]! += 1;
    }
    expect(chiSquare(counts, new Array(16).fill(N / 16))).toBeLessThan(critical[15]!);
  });
});
