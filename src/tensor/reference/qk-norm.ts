/** RMSNorm of every head of q and k, before they are compared: all queries share one gain (D), all keys another.
 *
 * A score is |q| |k| cos(angle) / sqrt(D). With fixed lengths, only the gains limit how large a score can
 * become: softmax does not saturate, and high learning rates stay stable. v is left as it is.
 * Henry et al., arXiv 2010.04245; Dehghani et al., arXiv 2302.05442.
 *
 * In a row of qkv (N 3C) the heads of q, then those of k, are 2 H runs of D channels, one after the other: so this is
 * rmsnorm (see there, also for the backward) over 2 H short rows. r (N 2H) is saved. */
import { check, dims } from '../dims.ts';
import type { Tensor } from '../tensor.ts';
import { normalize, normalizeBackward } from './rmsnorm.ts';

export function qkNorm(y: Tensor, r: Tensor, qkv: Tensor, gains: Tensor, epsilon: number): void {
  const { N, C, D, heads } = sizes('qkNorm', qkv, y, gains, r);
  for (let n = 0; n < N; n++) {
    const row = n * 3 * C;
    for (let h = 0; h < heads; h++) {
      const gain = h < heads / 2 ? 0 : D;
      r.data[n * heads + h] = normalize(y.data, qkv.data, row + h * D, gains.data, gain, D, epsilon);
    }
    for (let c = 2 * C; c < 3 * C; c++) y.data[row + c] = qkv.data[row + c];
  }
}

export function qkNormBackward(dqkv: Tensor, dy: Tensor, qkv: Tensor, gains: Tensor, r: Tensor): void {
  const { N, C, D, heads } = sizes('qkNormBackward', qkv, dy, gains, r);
  dims('qkNormBackward', { dy: [dy, 'N C3'], dqkv: [dqkv, 'N C3'] });
  const [dx, dout, x] = [dqkv.data, dy.data, qkv.data];
  for (let n = 0; n < N; n++) {
    const row = n * 3 * C;
    for (let h = 0; h < heads; h++) {
      const gain = h < heads / 2 ? 0 : D;
      normalizeBackward(dx, dout, x, row + h * D, gains.data, gain, D, r.data[n * heads + h]);
    }
    for (let c = 2 * C; c < 3 * C; c++) dx[row + c] = dout[row + c];
  }
}

export function qkNormParametersBackward(dgains: Tensor, dy: Tensor, qkv: Tensor, r: Tensor): void {
  const { N, C, D, heads } = sizes('qkNormParametersBackward', qkv, dy, dgains, r);
  for (let kind = 0; kind < 2; kind++) {
    for (let d = 0; d < D; d++) {
      let sum = 0;
      for (let n = 0; n < N; n++) {
        for (let h = (kind * heads) / 2; h < ((kind + 1) * heads) / 2; h++) {
          const at = n * 3 * C + h * D + d;
          sum += dy.data[at] * qkv.data[at] * r.data[n * heads + h];
        }
      }
      dgains.data[kind * D + d] += sum;
    }
  }
}

/** Checks the shapes; heads counts those of q and k together. */
export function sizes(operation: string, qkv: Tensor, y: Tensor, gains: Tensor, r: Tensor) {
  const { N, C3, D, H2 } = dims(operation, {
    qkv: [qkv, 'N C3'],
    y: [y, 'N C3'],
    gains: [gains, '2 D'],
    r: [r, 'N H2'],
  });
  check(operation, 2 * C3 === 3 * H2 * D, 'q, k and v of H * D channels and r for 2 H heads', {
    qkv: C3,
    r: H2,
    D,
  });
  return { N, C: C3 / 3, D, heads: H2 };
}
