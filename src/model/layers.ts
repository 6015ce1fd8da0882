/** The layers of a transformer: each owns its parameters and what its backward needs from its forward.
 *
 * `backward(dy)` stands under `forward(x)` and undoes it line by line in reverse: it adds to the gradients of the
 * parameters and returns the gradient with respect to x. N rows go through at a time: batch * time in training, or as
 * many as are being sampled. Names are Hugging Face's, so a checkpoint needs no translation. */
import type { Arena, Parameter } from '../tensor/arena.ts';
import type { Kernels, LayerCache } from '../tensor/kernels.ts';
import type { Ids, Tensor } from '../tensor/tensor.ts';

/** What layers are built from: where memory comes from, who computes, and for how many rows at most. */
export interface Build {
  readonly arena: Arena;
  readonly kernels: Kernels;
  readonly rows: number;
}

/** One trip through the model: B whole sequences from position 0 on, or rows that continue cached sequences. */
export type Pass = FullPass | CachedPass;
export interface FullPass {
  readonly batch: number;
  readonly time: number;
  /** Which random numbers dropout uses; absent when not training. */
  readonly dropout?: { readonly seed: number; readonly step: number };
}
export interface CachedPass {
  /** One per block. */
  readonly caches: readonly LayerCache[];
  readonly slots: Ids;
  readonly positions: Ids;
}

/** y = x w + bias, w (K N). */
export class Linear {
  readonly weight: Parameter;
  readonly bias: Parameter;
  readonly #kernels: Kernels;
  readonly #y: Tensor;
  readonly #dx: Tensor;
  #x!: Tensor;

  constructor({ arena, kernels, rows }: Build, name: string, K: number, N: number) {
    this.#kernels = kernels;
    this.weight = arena.parameter(`${name}.weight`, [K, N]);
    this.bias = arena.parameter(`${name}.bias`, [N]);
    this.#y = arena.saved(`${name}.y`, [rows, N]);
    this.#dx = arena.scratch(`d ${name}.x`, [rows, K]);
  }

  forward(x: Tensor): Tensor {
    this.#x = x;
    const y = this.#y.rows(x.shape[0]!);
    this.#kernels.matmul(y, x, this.weight.value, this.bias.value);
    return y;
  }

  backward(dy: Tensor): Tensor {
    const dx = this.#dx.rows(dy.shape[0]!);
    this.#kernels.biasBackward(this.bias.grad, dy);
    this.#kernels.matmulTransposedA(this.weight.grad, this.#x, dy, 'add');
    this.#kernels.matmulTransposedB(dx, dy, this.weight.value, 'set');
    return dx;
  }
}

/** y = xhat * gain + shift; gain is called weight and shift bias in the checkpoint. */
export class LayerNorm {
  readonly gain: Parameter;
  readonly shift: Parameter;
  readonly #kernels: Kernels;
  readonly #y: Tensor;
  readonly #stats: Tensor;
  readonly #dx: Tensor;
  #x!: Tensor;

  constructor({ arena, kernels, rows }: Build, name: string, C: number) {
    this.#kernels = kernels;
    this.gain = arena.parameter(`${name}.weight`, [C]);
    this.shift = arena.parameter(`${name}.bias`, [C]);
    this.#y = arena.saved(`${name}.y`, [rows, C]);
    this.#stats = arena.saved(`${name}.stats`, [rows, 2]);
    this.#dx = arena.scratch(`d ${name}.x`, [rows, C]);
  }

  forward(x: Tensor): Tensor {
    this.#x = x;
    const N = x.shape[0]!;
    this.#kernels.layernorm(this.#y.rows(N), this.#stats.rows(N), x, this.gain.value, this.shift.value);
    return this.#y.rows(N);
  }

  backward(dy: Tensor): Tensor {
    const N = dy.shape[0]!;
    const [dx, stats] = [this.#dx.rows(N), this.#stats.rows(N)];
    this.#kernels.layernormParametersBackward(this.gain.grad, this.shift.grad, dy, this.#x, stats);
    this.#kernels.layernormBackward(dx, dy, this.#x, this.gain.value, stats);
    return dx;
  }
}

export class Gelu {
  readonly #kernels: Kernels;
  readonly #y: Tensor;
  readonly #dx: Tensor;
  #x!: Tensor;

  constructor({ arena, kernels, rows }: Build, name: string, F: number) {
    this.#kernels = kernels;
    this.#y = arena.saved(`${name}.y`, [rows, F]);
    this.#dx = arena.scratch(`d ${name}.x`, [rows, F]);
  }

  forward(x: Tensor): Tensor {
    this.#x = x;
    const y = this.#y.rows(x.shape[0]!);
    this.#kernels.gelu(y, x);
    return y;
  }

  backward(dy: Tensor): Tensor {
    const dx = this.#dx.rows(dy.shape[0]!);
    this.#kernels.geluBackward(dx, dy, this.#x);
    return dx;
  }
}

/** Silences a random part of x while training, and is not there otherwise. `site` tells its random numbers apart. */
export class Dropout {
  readonly #kernels: Kernels;
  readonly #rate: number;
  readonly #site: number;
  readonly #mask: Tensor | undefined;
  readonly #y: Tensor | undefined;
  readonly #dx: Tensor | undefined;
  #active: Tensor | null = null;

  constructor({ arena, kernels }: Build, name: string, shape: readonly number[], rate: number, site: number) {
    this.#kernels = kernels;
    this.#rate = rate;
    this.#site = site;
    if (rate === 0) return;
    this.#mask = arena.saved(`${name}.mask`, shape);
    if (shape.length > 2) return; // a mask for attention's probabilities, which applies it itself
    this.#y = arena.saved(`${name}.y`, shape);
    this.#dx = arena.scratch(`d ${name}.x`, shape);
  }

  /** Draws this pass's mask for an activation of this shape; null when there is nothing to drop. */
  mask(shape: readonly number[], pass: Pass): Tensor | null {
    this.#active = null;
    if (this.#mask !== undefined && 'batch' in pass && pass.dropout !== undefined) {
      this.#active = this.#mask.view(...shape);
      this.#kernels.dropoutMask(this.#active, this.#rate, { ...pass.dropout, site: this.#site });
    }
    return this.#active;
  }

  forward(x: Tensor, pass: Pass): Tensor {
    const mask = this.mask(x.shape, pass);
    if (mask === null) return x;
    const y = this.#y!.rows(x.shape[0]!);
    this.#kernels.multiply(y, x, mask);
    return y;
  }

  backward(dy: Tensor): Tensor {
    if (this.#active === null) return dy;
    const dx = this.#dx!.rows(dy.shape[0]!);
    this.#kernels.multiply(dx, dy, this.#active);
    return dx;
  }
}

/** Multi-head causal self-attention: project to q, k, v; attend; project back. */
export class SelfAttention {
  readonly qkv: Linear;
  readonly proj: Linear;
  readonly #kernels: Kernels;
  readonly #heads: number;
  readonly #y: Tensor;
  readonly #probs: Tensor | undefined;
  readonly #keep: Dropout;
  readonly #dqkv: Tensor;
  #last!: { qkv: Tensor; y: Tensor; probs: Tensor; keep: Tensor | null };

  constructor(
    build: Build,
    name: string,
    size: { C: number; H: number; batch: number; T: number; dropout: number; site: number },
  ) {
    const { arena, kernels, rows } = build;
    const { C, H, batch, T } = size;
    this.#kernels = kernels;
    this.#heads = H;
    this.qkv = new Linear(build, `${name}.c_attn`, C, 3 * C);
    this.proj = new Linear(build, `${name}.c_proj`, C, C);
    this.#y = arena.saved(`${name}.y`, [rows, C]);
    if (batch > 0) this.#probs = arena.saved(`${name}.probs`, [batch, H, T, T]);
    this.#keep = new Dropout(build, `${name}.keep`, [batch, H, T, T], size.dropout, size.site);
    this.#dqkv = arena.scratch(`d ${name}.qkv`, [rows, 3 * C]);
  }

  /** @param block which of the pass's caches is this layer's. */
  forward(x: Tensor, pass: Pass, block: number): Tensor {
    const qkv = this.qkv.forward(x);
    const y = this.#y.rows(x.shape[0]!);
    if ('caches' in pass) {
      this.#kernels.attentionCached(y, qkv, pass.caches[block]!, pass.slots, pass.positions);
    } else {
      const { batch: B, time: T } = pass;
      if (this.#probs === undefined)
        throw new Error('this model was built for cached sampling only (batch 0)');
      const probs = this.#probs.view(B, this.#heads, T, T);
      const keep = this.#keep.mask(probs.shape, pass);
      this.#kernels.attention(y, probs, qkv, keep);
      this.#last = { qkv, y, probs, keep };
    }
    return this.proj.forward(y);
  }

  backward(dy: Tensor): Tensor {
    const datt = this.proj.backward(dy);
    const { qkv, y, probs, keep } = this.#last;
    const dqkv = this.#dqkv.rows(dy.shape[0]!);
    this.#kernels.attentionBackward(dqkv, datt, y, qkv, probs, keep);
    return this.qkv.backward(dqkv);
  }
}
