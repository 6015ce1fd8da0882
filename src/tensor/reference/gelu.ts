/** GELU, tanh form: y = x * s, s = (1 + tanh(u)) / 2, u = sqrt(2 / pi) * (x + 0.044715 x^3).
 *
 * The activation of GPT-2's feed-forward layer: near 0 for negative x, near x for positive x, smooth in between.
 *
 * Backward. The derivative of tanh is 1 - tanh^2, so with t = tanh(u), by the product rule:
 *     dy/dx = (1 + t) / 2 + x * (1 - t^2) / 2 * sqrt(2 / pi) * (1 + 3 * 0.044715 x^2)
 * Nothing is saved; u and t are recomputed from x. Hendrycks and Gimpel, arXiv 1606.08415; GPT-2's `gelu_new`. */
import { dims } from '../dims.ts';
import { tanh } from '../math.ts';
import type { Tensor } from '../tensor.ts';

const scale = 0.7978845608028654; // sqrt(2 / pi)
const cubic = 0.044715;

export function gelu(y: Tensor, x: Tensor): void {
  dims('gelu', { x: [x, 'N F'], y: [y, 'N F'] });
  for (let i = 0; i < y.size; i++) {
    const v = x.data[i];
    y.data[i] = 0.5 * v * (1 + tanh(scale * (v + cubic * v * v * v)));
  }
}

export function geluBackward(dx: Tensor, dy: Tensor, x: Tensor): void {
  dims('geluBackward', { dy: [dy, 'N F'], x: [x, 'N F'], dx: [dx, 'N F'] });
  for (let i = 0; i < dx.size; i++) {
    const v = x.data[i];
    const t = tanh(scale * (v + cubic * v * v * v));
    const slope = 0.5 * (1 + t) + 0.5 * v * (1 - t * t) * scale * (1 + 3 * cubic * v * v);
    dx.data[i] = dy.data[i] * slope;
  }
}
