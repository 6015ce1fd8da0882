/** Causal attention: every position looks back, gives each earlier position a weight, and takes the weighted average.
 *
 * Per head of D channels, for query position t and keys s <= t (the causal mask: it never sees later ones):
 *     score[s] = q[t] . k[s] / sqrt(D)      p = softmax(score)      y[t] = sum over s of p[s] keep[t, s] v[s]
 * q, k and v stand side by side in a row of qkv (N 3C); the head h has channels h * D .. h * D + D - 1 of each.
 * keep is dropout's mask, 1 everywhere if absent. Vaswani et al., arXiv 1706.03762, section 3.2.
 *
 * Backward. Through the average, the softmax and the scores, with dp[s] = keep[t, s] * (dy[t] . v[s]):
 *     dv[s] += p[s] keep[t, s] dy[t]
 *     dscore[s] = p[s] * (dp[s] - sum over r of p[r] dp[r])
 *     dq[t] += dscore[s] k[s] / sqrt(D)        dk[s] += dscore[s] q[t] / sqrt(D)
 * The sum over r needs no second pass: it is sum p keep (dy . v) = dy[t] . y[t]. probs (B H T T) is saved. */
import { check, dims } from '../dims.ts';
import { exp } from '../math.ts';
import type { Floats, Tensor } from '../tensor.ts';

export function attention(y: Tensor, probs: Tensor, qkv: Tensor, keep: Tensor | null): void {
  const { B, H, T, C, D, scale } = sizes('attention', y, probs, qkv);
  if (keep !== null) dims('attention', { probs: [probs, 'B H T T'], keep: [keep, 'B H T T'] });
  const [out, p, x, mask] = [y.data, probs.data, qkv.data, keep?.data];
  out.fill(0);
  p.fill(0);
  for (let b = 0; b < B; b++) {
    for (let h = 0; h < H; h++) {
      for (let t = 0; t < T; t++) {
        const query = (b * T + t) * 3 * C + h * D;
        const pRow = ((b * H + h) * T + t) * T;
        for (let s = 0; s <= t; s++) {
          const key = (b * T + s) * 3 * C + C + h * D;
          let score = 0;
          for (let d = 0; d < D; d++) score += x[query + d] * x[key + d];
          p[pRow + s] = score * scale;
        }
        softmax(p, pRow, t + 1);
        const yRow = (b * T + t) * C + h * D;
        for (let s = 0; s <= t; s++) {
          const value = (b * T + s) * 3 * C + 2 * C + h * D;
          const weight = mask === undefined ? p[pRow + s] : p[pRow + s] * mask[pRow + s];
          for (let d = 0; d < D; d++) out[yRow + d] += weight * x[value + d];
        }
      }
    }
  }
}

export function attentionBackward(
  dqkv: Tensor,
  dy: Tensor,
  y: Tensor,
  qkv: Tensor,
  probs: Tensor,
  keep: Tensor | null,
): void {
  const { B, H, T, C, D, scale } = sizes('attentionBackward', y, probs, qkv);
  dims('attentionBackward', { y: [y, 'N C'], dy: [dy, 'N C'], qkv: [qkv, 'N C3'], dqkv: [dqkv, 'N C3'] });
  if (keep !== null) dims('attentionBackward', { probs: [probs, 'B H T T'], keep: [keep, 'B H T T'] });
  const [dx, dout, out, x, p, mask] = [dqkv.data, dy.data, y.data, qkv.data, probs.data, keep?.data];
  dx.fill(0);
  for (let b = 0; b < B; b++) {
    for (let h = 0; h < H; h++) {
      for (let t = 0; t < T; t++) {
        const query = (b * T + t) * 3 * C + h * D;
        const yRow = (b * T + t) * C + h * D;
        const pRow = ((b * H + h) * T + t) * T;
        let average = 0; // sum over r of p[r] dp[r]
        for (let d = 0; d < D; d++) average += dout[yRow + d] * out[yRow + d];
        for (let s = 0; s <= t; s++) {
          const key = (b * T + s) * 3 * C + C + h * D;
          const value = key + C;
          const kept = mask === undefined ? 1 : mask[pRow + s];
          const weight = p[pRow + s] * kept;
          let dp = 0;
          for (let d = 0; d < D; d++) dp += dout[yRow + d] * x[value + d];
          for (let d = 0; d < D; d++) dx[value + d] += weight * dout[yRow + d];
          const dscore = p[pRow + s] * (dp * kept - average) * scale;
          for (let d = 0; d < D; d++) dx[query + d] += dscore * x[key + d];
          for (let d = 0; d < D; d++) dx[key + d] += dscore * x[query + d];
        }
      }
    }
  }
}

/** In place over n elements from `at`, shifted by the maximum so that nothing overflows. */
export function softmax(x: Floats, at: number, n: number): void {
  let max = Number.NEGATIVE_INFINITY;
  for (let i = at; i < at + n; i++) if (x[i] > max) max = x[i];
  let sum = 0;
  for (let i = at; i < at + n; i++) {
    const e = exp(x[i] - max);
    x[i] = e;
    sum += e;
  }
  for (let i = at; i < at + n; i++) x[i] /= sum;
}

function sizes(operation: string, y: Tensor, probs: Tensor, qkv: Tensor) {
  const { N, C, C3, B, H, T } = dims(operation, {
    y: [y, 'N C'],
    qkv: [qkv, 'N C3'],
    probs: [probs, 'B H T T'],
  });
  check(operation, N === B * T, 'rows = batch * time', { N, B, T });
  check(operation, C3 === 3 * C, 'q, k and v side by side', { qkv: C3, C });
  check(operation, C % H === 0, 'channels divisible by heads', { C, H });
  const D = C / H;
  return { B, H, T, C, D, scale: 1 / Math.sqrt(D) };
}
