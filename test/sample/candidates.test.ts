/** Shapes on which selection takes its rarer turns: one bucket for all, equal keys, orders that upset a pivot. */
import { describe, expect, test } from 'vitest';
import { keepBest } from '../../src/sample/candidates.ts';
import { samplingSettings } from '../../src/sample/settings.ts';
import { RandomStream } from '../../src/tensor/random.ts';
import { distribution, historyOf, idsOf, loaded, next, oracle, oracleDraw } from './support.ts';

describe('selection without sorting', () => {
  const V = 5000;
  const normal = new Float32Array(V);
  new RandomStream(3, 'sample').normals(normal, 3, 0);
  const shapes: Record<string, Float32Array> = {
    normal,
    constant: new Float32Array(V),
    rising: Float32Array.from(normal, (_, i) => i / V),
    falling: Float32Array.from(normal, (_, i) => -i / V),
    'organ pipe': Float32Array.from(normal, (_, i) => Math.min(i, V - i) / V),
    'many ties': normal.map((z) => Math.round(z)),
    'one outlier, so that all others share a bucket': normal.map((z, i) => (i === 777 ? 1e30 : z)),
    'one outlier below': normal.map((z, i) => (i === 777 ? -3e38 : z / 100)),
  };
  test.each(Object.keys(shapes))('equals sorting: %s', (shape) => {
    const logits = shapes[shape]!;
    for (const given of [{ topK: 100 }, { topK: 4900, topP: 0.5 }, { temperature: 0.7, topP: 0.9 }]) {
      const settings = samplingSettings(given);
      const kept = oracle(logits, settings);
      const c = distribution(logits, settings);
      expect(idsOf(c).join() === kept.map((e) => e.id).join()).toBe(true);
      expect(next(settings, logits, historyOf([]), 0.77)).toBe(oracleDraw(kept, 0.77));
    }
  });
});

describe('keepBest', () => {
  test('follows any key and any measure: ahead of 4, 2 and 1 lie 0, .5 and .8', () => {
    const c = loaded(new Float64Array(5));
    const [key, measure] = [Float64Array.of(-3, 7, 1, -9, 8), Float64Array.of(0.1, 0.3, 0.05, 0.05, 0.5)];
    const kept = (limit: number): number[] => {
      c.count = 5;
      c.ids.set([0, 1, 2, 3, 4]);
      keepBest(c, key, measure, limit);
      return idsOf(c);
    };
    expect(kept(0.5)).toEqual([4]);
    expect(kept(0.51)).toEqual([1, 4]);
    expect(kept(0.81)).toEqual([1, 2, 4]);
  });

  test.each([
    [[3, 1, 2]],
    [[49, 0]], // 512 / 49 * 49 rounds to less than 512: the last bucket stays empty
  ])('keeps all where rounding leaves the whole measure short of the limit: %j', (keys) => {
    const c = loaded(Float64Array.from(keys));
    keepBest(c, c.logits, c.weights.fill(1), keys.length + 0.5);
    expect(c.count).toBe(keys.length);
  });

  test('stays inside the crossing bucket where two orders of one sum differ in the last bit', () => {
    const c = loaded(Float64Array.of(5, 0.002, 0.001, 0.002, -5)); // the middle three share a bucket
    c.weights.set([0, 0.2, 0.1, 0.3, 0.5]);
    expect(0.2 + 0.1 + 0.3).toBeGreaterThan(0.2 + 0.3 + 0.1);
    keepBest(c, c.logits, c.weights, 0.2 + 0.1 + 0.3);
    expect(idsOf(c)).toEqual([0, 1, 2, 3]);
  });
});
