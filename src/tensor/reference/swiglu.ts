/** SwiGLU: y = silu(gate) * up, silu(g) = g * s, s = 1 / (1 + e^-g).
 *
 * The activation of qwen3's feed-forward layer, which has two projections: `up` says what to write, and `gate` how much of
 * it passes. gate and up (F each) stand side by side in a row of x (N 2F), so one product computes both.
 * Shazeer, arXiv 2002.05202.
 *
 * Backward. The derivative of s is s (1 - s), so by the product rule:
 *     dgate = dy * up * s * (1 + g * (1 - s))          dup = dy * g * s
 * Nothing is saved; s is recomputed from x. */
import { check, dims } from '../dims.ts';
import { exp } from '../math.ts';
import type { Tensor } from '../tensor.ts';

export function swiglu(y: Tensor, x: Tensor): void {
  const { N, F } = sizes('swiglu', y, x);
  for (let n = 0; n < N; n++) {
    for (let f = 0; f < F; f++) {
      const gate = x.data[n * 2 * F + f];
      const up = x.data[n * 2 * F + F + f];
      y.data[n * F + f] = (gate / (1 + exp(-gate))) * up;
    }
  }
}

export function swigluBackward(dx: Tensor, dy: Tensor, x: Tensor): void {
  const { N, F } = sizes('swigluBackward', dy, x);
  dims('swigluBackward', { x: [x, 'N F2'], dx: [dx, 'N F2'] });
  for (let n = 0; n < N; n++) {
    for (let f = 0; f < F; f++) {
      const [at, gradient] = [n * 2 * F + f, dy.data[n * F + f]];
      const [gate, up] = [x.data[at], x.data[at + F]];
      const s = 1 / (1 + exp(-gate));
      dx.data[at] = gradient * up * s * (1 + gate * (1 - s));
      dx.data[at + F] = gradient * gate * s;
    }
  }
}

/** Checks the shapes. */
export function sizes(operation: string, y: Tensor, x: Tensor): { N: number; F: number } {
  const { N, F, F2 } = dims(operation, { y: [y, 'N F'], x: [x, 'N F2'] });
  check(operation, F2 === 2 * F, 'gate and up side by side', { x: F2, F });
  return { N, F };
}
