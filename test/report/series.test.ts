import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { evenly, quantile, smooth, thin } from '../../src/report/series.ts';

const points = (ys: readonly number[]) => ys.map((y, x) => ({ x, y }));

describe('thinning', () => {
  it('keeps first, last, lowest and highest, in order, within the limit', () => {
    const series = fc.array(fc.double({ min: -1e6, max: 1e6, noNaN: true }), {
      minLength: 1,
      maxLength: 400,
    });
    fc.assert(
      fc.property(series, fc.integer({ min: 4, max: 120 }), (ys, limit) => {
        const all = points(ys);
        const kept = thin(all, limit);
        expect(kept.length).toBeLessThanOrEqual(Math.max(limit, 1));
        expect(kept[0]).toBe(all[0]);
        expect(kept.at(-1)).toBe(all.at(-1));
        expect(Math.min(...kept.map((p) => p.y))).toBe(Math.min(...ys));
        expect(Math.max(...kept.map((p) => p.y))).toBe(Math.max(...ys));
        for (let i = 1; i < kept.length; i++) expect(kept[i]!.x).toBeGreaterThan(kept[i - 1]!.x);
      }),
      { seed: 5, numRuns: 300 },
    );
  });

  it('takes the extremes of each stretch where they are', () => {
    const ys = [0, 5, 1, 2, 9, 3, 4, -7, 6, 0];
    // Two stretches of four between first and last: 5 1 2 9 and 3 4 -7 6.
    expect(thin(points(ys), 6).map((p) => p.y)).toEqual([0, 1, 9, -7, 6, 0]);
  });

  it('leaves short series alone and drops what is not finite', () => {
    const short = points([3, 1, 2]);
    expect(thin(short, 3)).toEqual(short);
    expect(thin(points([1, Number.NaN, 2, Number.POSITIVE_INFINITY])).map((p) => p.x)).toEqual([0, 2]);
    expect(thin([])).toEqual([]);
  });

  it('stays near its limit for a hundred thousand points', () => {
    expect(thin(points(Array.from({ length: 100_000 }, (_, i) => i % 97))).length).toBe(600);
  });
});

describe('smoothing', () => {
  it('weighs neighbours 1, 2, 1; keeps the first value; looks back at the end', () => {
    expect(smooth(points([4, 8, 0, 4, 7]), 1).map((p) => p.y)).toEqual([4, 5, 3, 3.75, 6]);
  });

  it('leaves straight lines straight but for the last few, which trail', () => {
    const mean = smooth(points(Array.from({ length: 50 }, (_, i) => 3 * i + 1)), 5);
    for (const { x, y } of mean.slice(0, 45)) expect(y).toBeCloseTo(3 * x + 1, 10);
    expect(mean.at(-1)!.y).toBeLessThan(3 * 49 + 1);
  });

  it('passes over what is not finite, and gives evenly spaced points with both ends', () => {
    expect(smooth(points([1, Number.NaN, 1]), 5)).toEqual([
      { x: 0, y: 1 },
      { x: 2, y: 1 },
    ]);
    const mean = smooth(points(new Array<number>(1000).fill(2)), 7, 10);
    expect(mean.map((p) => p.x)).toEqual([0, 111, 222, 333, 444, 555, 666, 777, 888, 999]);
    expect(mean.every((p) => p.y === 2)).toBe(true);
  });
});

describe('picking', () => {
  it('spreads evenly with both ends', () => {
    expect(evenly(10, 4)).toEqual([0, 3, 6, 9]);
    expect(evenly(3, 5)).toEqual([0, 1, 2]);
    expect(evenly(7, 1)).toEqual([0]);
    expect(evenly(0, 5)).toEqual([]);
  });

  it('finds quantiles of what is finite', () => {
    const ys = Array.from({ length: 100 }, (_, i) => 99 - i);
    expect([0, 0.5, 0.99, 1].map((share) => quantile(ys, share))).toEqual([0, 50, 99, 99]);
    expect(quantile([Number.NaN, 3], 0.5)).toBe(3);
    expect(quantile([], 0.5)).toBeNaN();
  });
});
