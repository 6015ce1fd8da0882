/** RMSNorm: y = x * r * gain, r = 1 / sqrt(mean of x^2 + epsilon), over each row of C channels.
 *
 * This is LayerNorm without the mean and without the shift: what matters is that all rows have the same scale. It reads the
 * row one time less, and models are as good with it. In qwen3 it stands where LayerNorm stands in GPT-2.
 *
 * Backward, with g = dy * gain. r depends on every x of the row, dr/dx = -r^3 x / C, which gives one average:
 *     dx = r * (g - x * r^2 * avg(g * x))
 *     dgain = sum over rows of dy * x * r
 * r (one float a row) is saved. Zhang and Sennrich, arXiv 1910.07467. */
import { dims } from '../dims.ts';
import type { Floats, Tensor } from '../tensor.ts';

export function rmsnorm(y: Tensor, r: Tensor, x: Tensor, gain: Tensor, epsilon: number): void {
  const { N, C } = dims('rmsnorm', { x: [x, 'N C'], gain: [gain, 'C'], y: [y, 'N C'], r: [r, 'N'] });
  for (let n = 0; n < N; n++) r.data[n] = normalize(y.data, x.data, n * C, gain.data, 0, C, epsilon);
}

export function rmsnormBackward(dx: Tensor, dy: Tensor, x: Tensor, gain: Tensor, r: Tensor): void {
  const { N, C } = dims('rmsnormBackward', {
    dy: [dy, 'N C'],
    x: [x, 'N C'],
    gain: [gain, 'C'],
    r: [r, 'N'],
    dx: [dx, 'N C'],
  });
  for (let n = 0; n < N; n++) {
    normalizeBackward(dx.data, dy.data, x.data, n * C, gain.data, 0, C, r.data[n]);
  }
}

export function rmsnormParametersBackward(dgain: Tensor, dy: Tensor, x: Tensor, r: Tensor): void {
  const { N, C } = dims('rmsnormParametersBackward', {
    dy: [dy, 'N C'],
    x: [x, 'N C'],
    r: [r, 'N'],
    dgain: [dgain, 'C'],
  });
  for (let c = 0; c < C; c++) {
    let sum = 0;
    for (let n = 0; n < N; n++) sum += dy.data[n * C + c] * x.data[n * C + c] * r.data[n];
    dgain.data[c] += sum;
  }
}

/** One row of C channels at `at`, with the gains from `gainAt` on; returns r. */
export function normalize(
  y: Floats,
  x: Floats,
  at: number,
  gain: Floats,
  gainAt: number,
  C: number,
  epsilon: number,
): number {
  let squares = 0;
  for (let c = 0; c < C; c++) squares += x[at + c] * x[at + c];
  const r = 1 / Math.sqrt(squares / C + epsilon);
  for (let c = 0; c < C; c++) y[at + c] = x[at + c] * r * gain[gainAt + c];
  return r;
}

/** One row of C channels at `at`; dx may be dy. */
export function normalizeBackward(
  dx: Floats,
  dy: Floats,
  x: Floats,
  at: number,
  gain: Floats,
  gainAt: number,
  C: number,
  r: number,
): void {
  let sum = 0;
  for (let c = 0; c < C; c++) sum += dy[at + c] * gain[gainAt + c] * x[at + c];
  const share = (sum / C) * r * r;
  for (let c = 0; c < C; c++) dx[at + c] = r * (dy[at + c] * gain[gainAt + c] - x[at + c] * share);
}
