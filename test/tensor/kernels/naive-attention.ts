/** Causal attention and its backward in float64, written from the formulas and not from the kernels. */
import { range, sum } from './support.ts';

export interface Sizes {
  readonly B: number;
  readonly T: number;
  readonly H: number;
  readonly D: number;
}

/** One head by the formulas: y, probs, the gradients of q, k and v, and for each element how many roundings of size 1
 * an implementation may be off if every sum in it takes `roundings` of them.
 *
 * A score is off by that many roundings of its parts, which the softmax turns into twice the worst of them, relative to
 * p: the blur. It reaches y and dv with p, and dscore = p (dp - average) with p, with the y inside the average, and on
 * top of the roundings of dp itself, so eight times in all is ample. */
function naiveHead(
  q: number[][],
  k: number[][],
  v: number[][],
  dy: number[][],
  keep: (t: number, s: number) => number,
  roundings: number,
) {
  const [T, D] = [q.length, q[0].length];
  const scale = 1 / Math.sqrt(D);
  const dot = (a: number[], b: number[]) => sum(a.map((x, d) => x * b[d]));
  const dotSize = (a: number[], b: number[]) => sum(a.map((x, d) => Math.abs(x * b[d])));
  const zeros = (columns: number) => range(T).map(() => new Array<number>(columns).fill(0));
  const empty = () => ({ y: zeros(D), dq: zeros(D), dk: zeros(D), dv: zeros(D), probs: zeros(T) });
  const [out, scales] = [empty(), empty()];
  for (let t = 0; t < T; t++) {
    const past = range(t + 1);
    const scores = past.map((s) => dot(q[t], k[s]) * scale);
    const max = Math.max(...scores);
    const total = sum(scores.map((x) => Math.exp(x - max)));
    const p = scores.map((x) => Math.exp(x - max) / total);
    const blur = 1 + 2 * Math.max(...past.map((s) => dotSize(q[t], k[s]) * scale));
    const dp = past.map((s) => keep(t, s) * dot(dy[t], v[s]));
    const average = sum(p.map((x, s) => x * dp[s]));
    const dpSize = Math.max(...past.map((s) => keep(t, s) * dotSize(dy[t], v[s])));
    for (const s of past) {
      out.probs[t][s] = p[s];
      scales.probs[t][s] = roundings * blur * p[s];
      const dscore = p[s] * (dp[s] - average) * scale;
      const dscoreSize = 8 * roundings * blur * p[s] * dpSize * scale;
      for (let d = 0; d < D; d++) {
        const kept = p[s] * keep(t, s);
        out.y[t][d] += kept * v[s][d];
        scales.y[t][d] += 2 * roundings * blur * Math.abs(kept * v[s][d]);
        out.dv[s][d] += kept * dy[t][d];
        scales.dv[s][d] += 2 * roundings * blur * Math.abs(kept * dy[t][d]);
        out.dq[t][d] += dscore * k[s][d];
        scales.dq[t][d] += dscoreSize * Math.abs(k[s][d]);
        out.dk[s][d] += dscore * q[t][d];
        scales.dk[s][d] += dscoreSize * Math.abs(q[t][d]);
      }
    }
  }
  return { out, scales };
}

/** All heads, laid out as the kernels lay them out. */
export function naiveAttention(
  { B, T, H, D }: Sizes,
  qkv: ArrayLike<number>,
  dy: ArrayLike<number>,
  keep: ArrayLike<number> | null,
) {
  const C = H * D;
  const make = () => ({
    y: new Float64Array(B * T * C),
    probs: new Float64Array(B * H * T * T),
    dqkv: new Float64Array(B * T * 3 * C),
  });
  const [value, scale] = [make(), make()];
  for (let b = 0; b < B; b++) {
    for (let h = 0; h < H; h++) {
      const part = (data: ArrayLike<number>, width: number, third: number) =>
        range(T).map((t) => range(D).map((d) => data[(b * T + t) * width + third * C + h * D + d]));
      const at = (t: number, s: number) => ((b * H + h) * T + t) * T + s;
      const { out, scales } = naiveHead(
        part(qkv, 3 * C, 0),
        part(qkv, 3 * C, 1),
        part(qkv, 3 * C, 2),
        part(dy, C, 0),
        (t, s) => keep?.[at(t, s)] ?? 1,
        T + D + 16,
      );
      for (const [to, from] of [
        [value, out],
        [scale, scales],
      ] as const) {
        for (let t = 0; t < T; t++) {
          for (let s = 0; s < T; s++) to.probs[at(t, s)] = from.probs[t][s];
          for (let d = 0; d < D; d++) {
            const row = b * T + t;
            to.y[row * C + h * D + d] = from.y[t][d];
            [from.dq, from.dk, from.dv].forEach((gradient, third) => {
              to.dqkv[row * 3 * C + third * C + h * D + d] = gradient[t][d];
            });
          }
        }
      }
    }
  }
  return { value, scale };
}
