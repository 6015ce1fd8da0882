import { describe, expect, it } from 'vitest';
import { learningRateAt, shapes } from '../../src/train/schedule.ts';

const schedule = { learningRate: 1, minLearningRate: 0.1, warmup: 4, steps: 104 };

describe('the learning rate', () => {
  it('rises in a straight line', () => {
    expect([0, 1, 2, 3].map((t) => learningRateAt(t, schedule))).toEqual([0.2, 0.4, 0.6, 0.8]);
  });

  it.each([
    [4, 1],
    [29, 0.1 + 0.45 * (1 + Math.SQRT1_2)],
    [54, 0.55],
    [79, 0.1 + 0.45 * (1 - Math.SQRT1_2)],
    [104, 0.1],
    [1000, 0.1],
  ])('at step %i is %f: half a cosine from the peak to the floor', (t, expected) => {
    expect(learningRateAt(t, schedule)).toBeCloseTo(expected, 14);
  });

  it('starts at the peak without a warm-up', () => {
    expect(learningRateAt(0, { ...schedule, warmup: 0 })).toBe(1);
  });

  it('is finite when the warm-up takes the whole run', () => {
    expect(learningRateAt(9, { ...schedule, warmup: 10, steps: 10 })).toBeCloseTo(10 / 11, 14);
  });

  it.each([
    [4, 1],
    [29, 0.775],
    [54, 0.55],
    [103, 0.109],
    [104, 0.1],
    [1000, 0.1],
  ])('linear at step %i is %f: straight down from the peak to the floor', (t, expected) => {
    expect(learningRateAt(t, { ...schedule, shape: 'linear' })).toBeCloseTo(expected, 14);
  });

  it('constant stays at the peak, whatever the floor', () => {
    const rates = [4, 50, 103, 104, 1000].map((t) => learningRateAt(t, { ...schedule, shape: 'constant' }));
    expect(rates).toEqual([1, 1, 1, 1, 1]);
  });

  it.each([
    [4, 1],
    [54, 1],
    [84, 1],
    [89, 0.775],
    [94, 0.55],
    [104, 0.1],
    [1000, 0.1],
  ])('wsd at step %i is %f: the peak, then straight down over the last fifth', (t, expected) => {
    expect(learningRateAt(t, { ...schedule, shape: 'wsd' })).toBeCloseTo(expected, 14);
  });

  it.each(shapes)(
    '%s warms up alike, never rises after, and is finite when the warm-up takes the whole run',
    (shape) => {
      expect([0, 3].map((t) => learningRateAt(t, { ...schedule, shape }))).toEqual([0.2, 0.8]);
      for (let t = 5; t < 120; t++) {
        const [before, after] = [t - 1, t].map((u) => learningRateAt(u, { ...schedule, shape }));
        expect(after).toBeLessThanOrEqual(before!);
      }
      expect(learningRateAt(10, { ...schedule, shape, warmup: 10, steps: 10 })).toBe(
        shape === 'constant' ? 1 : 0.1,
      );
    },
  );
});
