/** LayerNorm: y = xhat * gain + shift, xhat = (x - mean) * rstd, over each row of C channels.
 *
 * It stands before attention, before the feed-forward layer and before the head, so that each of them reads numbers of the
 * same scale, however large the residual stream has become. rstd = 1 / sqrt(variance + 1e-5), the variance divided by C.
 *
 * Backward, with g = dy * gain. mean and rstd depend on every x of the row, which gives two averages:
 *     dx = rstd * (g - avg(g) - xhat * avg(g * xhat))
 *     dgain = sum over rows of dy * xhat          dshift = sum over rows of dy
 * stats (mean and rstd, two floats a row) is saved; xhat (C floats a row) is recomputed. Ba et al., arXiv 1607.06450. */
import { dims } from '../dims.ts';
import type { Tensor } from '../tensor.ts';

export const layernormEpsilon = 1e-5;

export function layernorm(y: Tensor, stats: Tensor, x: Tensor, gain: Tensor, shift: Tensor): void {
  const { N, C } = dims('layernorm', {
    x: [x, 'N C'],
    gain: [gain, 'C'],
    shift: [shift, 'C'],
    y: [y, 'N C'],
    stats: [stats, 'N 2'],
  });
  for (let n = 0; n < N; n++) {
    const row = n * C;
    let sum = 0;
    for (let c = 0; c < C; c++) sum += x.data[row + c];
    const mean = sum / C;
    let squares = 0;
    for (let c = 0; c < C; c++) squares += (x.data[row + c] - mean) * (x.data[row + c] - mean);
    const rstd = 1 / Math.sqrt(squares / C + layernormEpsilon);
    for (let c = 0; c < C; c++) {
      y.data[row + c] = (x.data[row + c] - mean) * rstd * gain.data[c] + shift.data[c];
    }
    stats.data[2 * n] = mean;
    stats.data[2 * n + 1] = rstd;
  }
}

export function layernormBackward(dx: Tensor, dy: Tensor, x: Tensor, gain: Tensor, stats: Tensor): void {
  const { N, C } = dims('layernormBackward', {
    dy: [dy, 'N C'],
    x: [x, 'N C'],
    gain: [gain, 'C'],
    stats: [stats, 'N 2'],
    dx: [dx, 'N C'],
  });
  for (let n = 0; n < N; n++) {
    const row = n * C;
    const mean = stats.data[2 * n];
    const rstd = stats.data[2 * n + 1];
    let sumG = 0;
    let sumGXhat = 0;
    for (let c = 0; c < C; c++) {
      const g = dy.data[row + c] * gain.data[c];
      sumG += g;
      sumGXhat += g * (x.data[row + c] - mean) * rstd;
    }
    for (let c = 0; c < C; c++) {
      const g = dy.data[row + c] * gain.data[c];
      const xhat = (x.data[row + c] - mean) * rstd;
      dx.data[row + c] = rstd * (g - sumG / C - (xhat * sumGXhat) / C);
    }
  }
}

export function layernormParametersBackward(
  dgain: Tensor,
  dshift: Tensor,
  dy: Tensor,
  x: Tensor,
  stats: Tensor,
): void {
  const { N, C } = dims('layernormParametersBackward', {
    dy: [dy, 'N C'],
    x: [x, 'N C'],
    stats: [stats, 'N 2'],
    dgain: [dgain, 'C'],
    dshift: [dshift, 'C'],
  });
  for (let c = 0; c < C; c++) {
    let sumGain = 0;
    let sumShift = 0;
    for (let n = 0; n < N; n++) {
      const xhat = (x.data[n * C + c] - stats.data[2 * n]) * stats.data[2 * n + 1];
      sumGain += dy.data[n * C + c] * xhat;
      sumShift += dy.data[n * C + c];
    }
    dgain.data[c] += sumGain;
    dshift.data[c] += sumShift;
  }
}
