/** Causal attention: every position looks back, weighs what it finds, and takes the weighted average.
 *
 * Per head of D channels, for query position t and keys s <= t (later ones do not exist for it: the causal mask):
 *     score[s] = q[t] . k[s] / sqrt(D)      p = softmax(score)      y[t] = sum over s of p[s] keep[t, s] v[s]
 * q, k and v stand side by side in a row of qkv (N 3C); the head h has channels h * D .. h * D + D - 1 of each.
 * keep is dropout's mask, 1 everywhere if absent. Vaswani et al., arXiv 1706.03762, section 3.2.
 *
 * Backward. Through the average, the softmax and the scores, with dp[s] = keep[t, s] * (dy[t] . v[s]):
 *     dv[s] += p[s] keep[t, s] dy[t]
 *     dscore[s] = p[s] * (dp[s] - sum over r of p[r] dp[r])
 *     dq[t] += dscore[s] k[s] / sqrt(D)        dk[s] += dscore[s] q[t] / sqrt(D)
 * The sum over r needs no second pass: it is sum p keep (dy . v) = dy[t] . y[t]. probs (B H T T) is saved. */
import { dims, require } from '../dims.ts';
import { exp } from '../math.ts';
import type { Tensor } from '../tensor.ts';

export function attention(y: Tensor, probs: Tensor, qkv: Tensor, keep: Tensor | null): void {
  const { B, H, T, C, D, scale } = sizes('attention', y, probs, qkv);
  if (keep !== null) dims('attention', { probs: [probs, 'B H T T'], keep: [keep, 'B H T T'] });
  for (let b = 0; b < B; b++) {
    for (let h = 0; h < H; h++) {
      for (let t = 0; t < T; t++) {
        const query = (b * T + t) * 3 * C + h * D;
        const probRow = ((b * H + h) * T + t) * T;
        for (let s = 0; s < T; s++) probs.data[probRow + s] = 0;
        for (let s = 0; s <= t; s++) {
          const key = (b * T + s) * 3 * C + C + h * D;
          let score = 0;
          for (let d = 0; d < D; d++) score += qkv.data[query + d] * qkv.data[key + d];
          probs.data[probRow + s] = score * scale;
        }
        softmax(probs, probRow, t + 1);
        const yRow = (b * T + t) * C + h * D;
        for (let d = 0; d < D; d++) {
          let sum = 0;
          for (let s = 0; s <= t; s++) {
            const p =
              keep === null ? probs.data[probRow + s] : probs.data[probRow + s] * keep.data[probRow + s];
            sum += p * qkv.data[(b * T + s) * 3 * C + 2 * C + h * D + d];
          }
          y.data[yRow + d] = sum;
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
  dqkv.data.fill(0);
  for (let b = 0; b < B; b++) {
    for (let h = 0; h < H; h++) {
      for (let t = 0; t < T; t++) {
        const query = (b * T + t) * 3 * C + h * D;
        const yRow = (b * T + t) * C + h * D;
        const probRow = ((b * H + h) * T + t) * T;
        let average = 0; // sum over r of p[r] dp[r]
        for (let d = 0; d < D; d++) average += dy.data[yRow + d] * y.data[yRow + d];
        for (let s = 0; s <= t; s++) {
          const key = (b * T + s) * 3 * C + C + h * D;
          const value = key + C;
          const p = probs.data[probRow + s];
          const kept = keep === null ? 1 : keep.data[probRow + s];
          let dp = 0;
          for (let d = 0; d < D; d++) dp += dy.data[yRow + d] * qkv.data[value + d];
          for (let d = 0; d < D; d++) dqkv.data[value + d] += p * kept * dy.data[yRow + d];
          const dscore = p * (dp * kept - average) * scale;
          for (let d = 0; d < D; d++) dqkv.data[query + d] += dscore * qkv.data[key + d];
          for (let d = 0; d < D; d++) dqkv.data[key + d] += dscore * qkv.data[query + d];
        }
      }
    }
  }
}

/** In place over n elements from `at`, shifted by the maximum so that nothing overflows. */
export function softmax(x: Tensor, at: number, n: number): void {
  let max = Number.NEGATIVE_INFINITY;
  for (let i = at; i < at + n; i++) if (x.data[i] > max) max = x.data[i];
  let sum = 0;
  for (let i = at; i < at + n; i++) {
    const e = exp(x.data[i] - max);
    x.data[i] = e;
    sum += e;
  }
  for (let i = at; i < at + n; i++) x.data[i] /= sum;
}

function sizes(operation: string, y: Tensor, probs: Tensor, qkv: Tensor) {
  const { N, C, C3, B, H, T } = dims(operation, {
    y: [y, 'N C'],
    qkv: [qkv, 'N C3'],
    probs: [probs, 'B H T T'],
  });
  require(operation, N === B * T, 'rows = batch * time', { N, B, T });
  require(operation, C3 === 3 * C, 'q, k and v side by side', { qkv: C3, C });
  require(operation, C % H === 0, 'channels divisible by heads', { C, H });
  const D = C / H;
  return { B, H, T, C, D, scale: 1 / Math.sqrt(D) };
}
