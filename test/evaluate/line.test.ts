import { expect, it } from 'vitest';
import { lineThrough } from '../../src/evaluate/line.ts';

it('finds the slope of points on a line, and how far one is off', () => {
  expect(lineThrough([1, 2, 4], [3, 5, 9])).toEqual({ slope: 2, worst: 0 });
  // Least squares through (0, 0), (1, 3), (2, 0): flat at a height of 1, which the middle one misses by 2.
  expect(lineThrough([0, 1, 2], [0, 3, 0])).toEqual({ slope: 0, worst: 2 });
});
