/** Multi-head causal self-attention: project to q, k, v; attend; project back. Positions may be rotary.
 *
 * q, k and v of a row stand side by side (N 3C) whatever made them, so both blocks attend with the same kernels. */
import type { Parameter } from '../tensor/arena.ts';
import type { Kernels } from '../tensor/kernels.ts';
import type { Tensor } from '../tensor/tensor.ts';
import { type Build, Dropout, type Layer, type Trip } from './layers.ts';

export interface AttentionSize {
  readonly C: number;
  readonly H: number;
  /** Whole sequences in a full pass; 0 for cached passes only. */
  readonly batch: number;
  readonly T: number;
  readonly dropout: number;
  /** Tells dropout's random numbers apart. */
  readonly site: number;
  /** Which of the pass's caches is this layer's. */
  readonly block: number;
}

export class SelfAttention implements Layer {
  readonly #kernels: Kernels;
  readonly #qkv: Layer;
  readonly #proj: Layer;
  readonly #heads: number;
  readonly #block: number;
  readonly #y: Tensor;
  readonly #probs: Tensor | undefined;
  readonly #keep: Dropout;
  readonly #dqkv: Tensor;
  #last!: { qkv: Tensor; y: Tensor; probs: Tensor; keep: Tensor | null };

  /** @param qkv from x (N C) to q, k and v (N 3C). @param proj from what was found (N C) back to the stream. */
  constructor(build: Build, name: string, size: AttentionSize, qkv: Layer, proj: Layer) {
    const { arena, kernels, rows } = build;
    const { C, H, batch, T } = size;
    this.#kernels = kernels;
    this.#qkv = qkv;
    this.#proj = proj;
    this.#heads = H;
    this.#block = size.block;
    this.#y = arena.saved(`${name}.y`, [rows, C]);
    if (batch > 0) this.#probs = arena.saved(`${name}.probs`, [batch, H, T, T]);
    this.#keep = new Dropout(build, `${name}.keep`, [batch, H, T, T], size.dropout, size.site);
    this.#dqkv = arena.scratch(`d ${name}.qkv`, [rows, 3 * C]);
  }

  forward(x: Tensor, trip: Trip): Tensor {
    const qkv = this.#qkv.forward(x, trip);
    const y = this.#y.rows(x.shape[0]!);
    if ('caches' in trip) {
      this.#kernels.attentionCached(y, qkv, trip.caches[this.#block]!, trip.slots, trip.places);
    } else {
      const { batch: B, time: T } = trip;
      if (this.#probs === undefined)
        throw new Error('this model was built for cached sampling only (batch 0)');
      const probs = this.#probs.view(B, this.#heads, T, T);
      const keep = this.#keep.mask(probs.shape, trip);
      this.#kernels.attention(y, probs, qkv, keep);
      this.#last = { qkv, y, probs, keep };
    }
    return this.#proj.forward(y, trip);
  }

  backward(dy: Tensor): Tensor {
    const datt = this.#proj.backward(dy);
    const { qkv, y, probs, keep } = this.#last;
    const dqkv = this.#dqkv.rows(dy.shape[0]!);
    this.#kernels.attentionBackward(dqkv, datt, y, qkv, probs, keep);
    return this.#qkv.backward(dqkv);
  }
}

/** RMSNorm of every head of q and k: gains of the queries and of the keys are called q_norm and k_norm. */
export class QkNorm implements Layer {
  readonly #kernels: Kernels;
  readonly #gains: Parameter;
  readonly #epsilon: number;
  readonly #y: Tensor;
  readonly #r: Tensor;
  #x!: Tensor;

  constructor(
    { arena, kernels, rows }: Build,
    name: string,
    { C, H }: { readonly C: number; readonly H: number },
    epsilon: number,
  ) {
    const D = C / H;
    const names = [`${name}.q_norm.weight`, `${name}.k_norm.weight`];
    this.#kernels = kernels;
    this.#epsilon = epsilon;
    this.#gains = arena.stack(names, [D], [2, D]).whole;
    this.#y = arena.saved(`${name}.qk_norm.y`, [rows, 3 * C]);
    this.#r = arena.saved(`${name}.qk_norm.r`, [rows, 2 * H]);
  }

  forward(x: Tensor): Tensor {
    this.#x = x;
    const y = this.#y.rows(x.shape[0]!);
    this.#kernels.qkNorm(y, this.#r.rows(x.shape[0]!), x, this.#gains.value, this.#epsilon);
    return y;
  }

  /** In place: the gradient of v passes through untouched. */
  backward(dy: Tensor): Tensor {
    const r = this.#r.rows(dy.shape[0]!);
    this.#kernels.qkNormParametersBackward(this.#gains.grad, dy, this.#x, r);
    this.#kernels.qkNormBackward(dy, dy, this.#x, this.#gains.value, r);
    return dy;
  }
}

/** Turns q and k by their positions, in place both ways: no layer's backward needs them unturned. */
export class Rope implements Layer {
  readonly #kernels: Kernels;
  #rotation!: Tensor;

  constructor({ kernels }: Build) {
    this.#kernels = kernels;
  }

  forward(x: Tensor, { rotation }: Trip): Tensor {
    this.#rotation = rotation!;
    this.#kernels.rope(x, this.#rotation);
    return x;
  }

  backward(dy: Tensor): Tensor {
    this.#kernels.ropeBackward(dy, this.#rotation);
    return dy;
  }
}
