/** AdamW, and the sum of squares that clipping needs.
 *
 *     m = beta1 m + (1 - beta1) g            running mean of the gradient
 *     v = beta2 v + (1 - beta2) g^2          running mean of its square
 *     p = p - rate * weightDecay * p - rate * mhat / (sqrt(vhat) + epsilon)
 * m and v start at 0, which makes them too small in the first steps; mhat = m / (1 - beta1^step) and vhat = v / (1 - beta2^step)
 * correct that. Dividing by sqrt(vhat) gives every parameter steps of about one size, whatever the size of its gradients. The
 * decay is no part of the gradient ("decoupled"), so it is not divided. Loshchilov and Hutter, arXiv 1711.05101. */
import { check } from '../dims.ts';
import type { AdamWSettings } from '../kernels.ts';
import { power } from '../math.ts';
import type { Tensor } from '../tensor.ts';

export function adamw(
  p: Tensor,
  m: Tensor,
  v: Tensor,
  g: Tensor,
  range: readonly [number, number],
  s: AdamWSettings,
): void {
  const [from, to] = range;
  const fits = p.size === m.size && p.size === v.size && p.size === g.size && from >= 0 && to <= p.size;
  check('adamw', fits, 'p, m, v, g of one size and a range in it', { p: p.size, g: g.size, from, to });
  const rate = s.learningRate;
  const correction1 = 1 - power(s.beta1, s.step);
  const correction2 = 1 - power(s.beta2, s.step);
  for (let i = from; i < to; i++) {
    const gradient = g.data[i] * s.gradientScale;
    const mean = s.beta1 * m.data[i] + (1 - s.beta1) * gradient;
    const square = s.beta2 * v.data[i] + (1 - s.beta2) * gradient * gradient;
    m.data[i] = mean;
    v.data[i] = square;
    const step = mean / correction1 / (Math.sqrt(square / correction2) + s.epsilon);
    p.data[i] = p.data[i] - rate * s.weightDecay * p.data[i] - rate * step;
  }
}

const block = 4096;

/** Sum of squares in blocks of a fixed size: any number of threads can share the blocks, and the sum stays the same. */
export function sumOfSquares(x: Tensor): number {
  let total = 0;
  for (let from = 0; from < x.size; from += block) {
    let sum = 0;
    for (let i = from; i < Math.min(from + block, x.size); i++) sum += x.data[i] * x.data[i];
    total += sum;
  }
  return total;
}
