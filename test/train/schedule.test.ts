import { describe, expect, it } from 'vitest';
import { learningRateAt } from '../../src/train/schedule.ts';

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
});
