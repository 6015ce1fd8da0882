/** Attention of new positions over the keys and values of all earlier ones: so sampling computes only one row for each token.
 *
 * Row n continues the sequence in slot slots[n] at positions[n]. The causal mask never lets a position see later ones,
 * so keys and values, once computed, stay valid: they are appended to the cache, and only the new rows are computed.
 * The sums run in the order of attention.ts, so a cached step gives the same bits as the full forward pass. */
import { check, dims } from '../dims.ts';
import type { LayerCache } from '../kernels.ts';
import type { Floats, Ids, Tensor } from '../tensor.ts';
import { softmax } from './attention.ts';
import { checked } from './embedding.ts';

export function attentionCached(y: Tensor, qkv: Tensor, cache: LayerCache, slots: Ids, positions: Ids): void {
  const { keys, values } = cache;
  const { N, C, C3, S, H, D, T } = dims('attentionCached', {
    y: [y, 'N C'],
    qkv: [qkv, 'N C3'],
    slots: [slots, 'N'],
    positions: [positions, 'N'],
    keys: [keys, 'S H D T'],
    values: [values, 'S H T D'],
  });
  check('attentionCached', C3 === 3 * C && H * D === C, 'qkv of 3 * H * D channels', { qkv: C3, C, H, D });
  const [out, x, k, v] = [y.data, qkv.data, keys.data, values.data];
  for (let n = 0; n < N; n++) {
    const slot = checked('attentionCached', slots, n, S);
    const t = checked('attentionCached', positions, n, T);
    for (let c = 0; c < C; c++) {
      k[(slot * C + c) * T + t] = x[n * C3 + C + c];
      v[((slot * H + Math.floor(c / D)) * T + t) * D + (c % D)] = x[n * C3 + 2 * C + c];
    }
  }
  const scale = 1 / Math.sqrt(D);
  const p = scoresLike(keys, T);
  out.fill(0);
  for (let n = 0; n < N; n++) {
    const [slot, t] = [slots.data[n], positions.data[n]];
    for (let h = 0; h < H; h++) {
      const query = n * C3 + h * D;
      const yRow = n * C + h * D;
      const key = (slot * H + h) * D * T;
      const value = (slot * H + h) * T * D;
      for (let s = 0; s <= t; s++) {
        let score = 0;
        for (let d = 0; d < D; d++) score += x[query + d] * k[key + d * T + s];
        p[s] = score * scale;
      }
      softmax(p, 0, t + 1);
      for (let s = 0; s <= t; s++) {
        for (let d = 0; d < D; d++) out[yRow + d] += p[s] * v[value + s * D + d];
      }
    }
  }
}

const scores = new WeakMap<Tensor, Floats>();

/** One row of T scores for this cache, made once. It has the precision of `probs` in attention.ts, so both round alike. */
function scoresLike(keys: Tensor, T: number): Floats {
  let row = scores.get(keys);
  if (row === undefined) {
    row = keys.data instanceof Float32Array ? new Float32Array(T) : new Float64Array(T);
    scores.set(keys, row);
  }
  return row;
}
