/** Multi-head causal self-attention: project to q, k, v; attend; project back. Positions may be rotary.
 *
 * q, k and v of a row stand side by side (N 3C) in both architectures, so both use the same kernels. */
import type { Tensor } from '../tensor/tensor.ts';
import { type DropoutSettings, dropoutMask } from './dropout.ts';
import type { Build, Layer } from './layers.ts';

export interface AttentionSize {
  readonly C: number;
  readonly H: number;
  /** Whole sequences in a full pass; 0 for cached passes only. */
  readonly batch: number;
  readonly T: number;
  readonly dropout: DropoutSettings;
  /** Which of the pass's caches is this layer's. */
  readonly block: number;
}

/** @param qkv from x (N C) to q, k and v (N 3C). @param proj from the attended values (N C) back to the residual stream. */
export function selfAttention(
  build: Build,
  name: string,
  size: AttentionSize,
  qkv: Layer,
  proj: Layer,
): Layer {
  const { kernels, rows } = build;
  const { C, H, batch, T, block } = size;
  const ys = build.saved(`${name}.y`, [rows, C]);
  const allProbs = batch > 0 ? build.saved(`${name}.probs`, [batch, H, T, T]) : undefined;
  const drawMask = dropoutMask(build, `${name}.keep`, [batch, H, T, T], size.dropout);
  const dqkvs = build.gradient(`${name}.qkv`, [rows, 3 * C]);
  let last: { qkv: Tensor; y: Tensor; probs: Tensor; keep: Tensor | null };
  return {
    forward(x, pass) {
      const projected = qkv.forward(x, pass);
      const y = ys.rows(x.shape[0]);
      if ('caches' in pass) {
        kernels.attentionCached(y, projected, pass.caches[block], pass.slots, pass.places);
      } else {
        if (allProbs === undefined)
          throw new Error('this model was built for cached sampling only (batch 0)');
        const probs = allProbs.view(pass.batch, H, pass.time, pass.time);
        const keep = drawMask(probs.shape, pass);
        kernels.attention(y, probs, projected, keep);
        last = { qkv: projected, y, probs, keep };
      }
      return proj.forward(y, pass);
    },
    backward(dy) {
      const datt = proj.backward(dy);
      const dqkv = dqkvs.rows(dy.shape[0]);
      kernels.attentionBackward(dqkv, datt, last.y, last.qkv, last.probs, last.keep);
      return qkv.backward(dqkv);
    },
  };
}

/** RMSNorm of every head of q and k: gains of the queries and of the keys are called q_norm and k_norm. */
export function qkNorm(
  build: Build,
  name: string,
  { C, H }: Pick<AttentionSize, 'C' | 'H'>,
  epsilon: number,
): Layer {
  const { kernels, rows } = build;
  const D = C / H;
  const gains = build.stack([`${name}.q_norm.weight`, `${name}.k_norm.weight`], [D], [2, D]);
  const ys = build.saved(`${name}.qk_norm.y`, [rows, 3 * C]);
  const rs = build.saved(`${name}.qk_norm.r`, [rows, 2 * H]);
  let x: Tensor;
  return {
    forward(input) {
      x = input;
      const y = ys.rows(x.shape[0]);
      kernels.qkNorm(y, rs.rows(x.shape[0]), x, gains.value, epsilon);
      return y;
    },
    /** In place: the gradient of v stays as it is. */
    backward(dy) {
      const r = rs.rows(dy.shape[0]);
      kernels.qkNormParametersBackward(gains.grad, dy, x, r);
      kernels.qkNormBackward(dy, dy, x, gains.value, r);
      return dy;
    },
  };
}

/** Turns q and k by their positions, in place, in both directions: no backward needs them as they were before. */
export function rope({ kernels }: Build): Layer {
  let angles: Tensor;
  return {
    forward(x, { rotation }) {
      angles = rotation!;
      kernels.rope(x, angles);
      return x;
    },
    backward(dy) {
      kernels.ropeBackward(dy, angles);
      return dy;
    },
  };
}
