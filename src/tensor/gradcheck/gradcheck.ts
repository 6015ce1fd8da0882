/** The gradient checker: is each backward really the derivative of its forward?
 *
 * A derivative can be measured without the chain rule: move one number a little up and a little down, and see how far the
 * loss moves.
 *
 *     dx[i]  ~  (loss(x[i] + step) - loss(x[i] - step)) / (2 step)
 *
 * An operation has no loss of its own, so it gets one in which every output counts: loss = sum of weight * y with random
 * weights. Then dy is the weights, and one backward gives every gradient. What a backward writes starts as random
 * numbers, so that adding where it should overwrite, or the other way round, is wrong too.
 *
 * Everything runs in float64. The quotient is off by step^2 / 6 times the third derivative, and by rounding, about
 * 2^-53 * |loss| / step: together below 1e-9 of a typical element here. The tolerance of 1e-8 leaves room for that; a typical
 * element that is wrong by 1 % differs by a million times as much. */
import type { Kernels } from '../kernels.ts';
import type { Tensor } from '../tensor.ts';
import { pairs } from './pairs.ts';

/** The worst element of one gradient. */
export interface GradientError {
  readonly elements: number;
  /** |analytic - numeric| / max(|analytic|, |numeric|, root mean square of numeric); infinite for NaN. */
  readonly worstRelativeError: number;
  /** Where: one index for each dimension. */
  readonly at: readonly number[];
  readonly analytic: number;
  readonly numeric: number;
}

export interface GradientRow extends GradientError {
  readonly operation: string;
  /** What the gradient is taken with respect to. */
  readonly gradient: string;
}

/** Every worstRelativeError must stay below this. */
export const gradientTolerance = 1e-8;

/** A power of two, so that x + step is usually exact; near the cube root of 2^-53, where both errors meet. */
export const differenceStep = 2 ** -17;

/** Compares dx with finite differences of `loss`, which must read x and be smooth. x is left as it was.
 * Takes two evaluations of `loss` for each element. Throws a TypeError unless both tensors are in float64. */
export function compareGradients(loss: () => number, x: Tensor, dx: Tensor): GradientError {
  if (x.shape.join() !== dx.shape.join()) {
    throw new RangeError(
      `compareGradients: expected a gradient of (${x.shape}) for ${x.name}, got (${dx.shape})`,
    );
  }
  if (!(x.data instanceof Float64Array && dx.data instanceof Float64Array)) {
    throw new TypeError(`compareGradients: expected ${x.name} and its gradient in float64, got float32`);
  }
  const numeric = Float64Array.from(x.data, (value, i) => {
    x.data[i] = value + differenceStep;
    const up = loss();
    x.data[i] = value - differenceStep;
    const down = loss();
    x.data[i] = value;
    return (up - down) / (2 * differenceStep);
  });
  const typical = Math.sqrt(numeric.reduce((sum, d) => sum + d * d, 0) / numeric.length);
  let worst = 0;
  let worstError = 0;
  dx.data.forEach((analytic, i) => {
    const size = Math.max(Math.abs(analytic), Math.abs(numeric[i]), typical);
    const error = analytic === numeric[i] ? 0 : Math.abs(analytic - numeric[i]) / size;
    if (error <= worstError) return;
    worst = i;
    worstError = Number.isNaN(error) ? Number.POSITIVE_INFINITY : error;
  });
  return {
    elements: x.size,
    worstRelativeError: worstError,
    at: indexOf(worst, x.shape),
    analytic: dx.data[worst],
    numeric: numeric[worst],
  };
}

/** Checks every backward of these kernels, which must be able to compute in float64. */
export function checkOperations(kernels: Kernels): GradientRow[] {
  return pairs(kernels).flatMap(({ operation, y, dy, gradients, forward, backward }) => {
    const before = gradients.map(({ dx }) => dx.data.slice());
    forward();
    backward();
    gradients.forEach(({ dx, mode }, n) => {
      if (mode === 'add') for (let i = 0; i < dx.size; i++) dx.data[i] -= before[n][i];
    });
    const loss = () => {
      forward();
      let sum = 0;
      for (let i = 0; i < y.size; i++) sum += dy.data[i] * y.data[i];
      return sum;
    };
    return gradients.map(({ x, dx }) => ({ operation, gradient: x.name, ...compareGradients(loss, x, dx) }));
  });
}

/** Row-major: the last index runs fastest. */
function indexOf(flat: number, shape: readonly number[]): number[] {
  const index: number[] = [];
  for (let i = shape.length - 1, rest = flat; i >= 0; i--) {
    index.unshift(rest % shape[i]);
    rest = Math.floor(rest / shape[i]);
  }
  return index;
}
