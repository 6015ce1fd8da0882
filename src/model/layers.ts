/** The layers of a transformer: each owns its parameters and what its backward needs from its forward.
 *
 * `backward(dy)` stands under `forward(x)` and undoes it line by line in reverse: it adds to the gradients of the
 * parameters and returns the gradient with respect to x. N rows go through at a time: batch * time in training, or as
 * many as are being sampled. Names are Hugging Face's, so a checkpoint needs no translation.
 *
 * The order in which layers are made is the order of their parameters in a checkpoint and in initialisation. */
import type { Arena, Hidden, Parameter } from '../tensor/arena.ts';
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
  /** Where in its slot each row's key goes. */
  readonly places: Ids;
  /** How many tokens came before; the place, until the oldest keys have been dropped. */
  readonly positions: Ids;
}
/** A pass on its way through the blocks. */
export type Trip = Pass & {
  /** (N D), with rotary positions: see rotation.ts. */
  readonly rotation: Tensor | undefined;
};

export interface Layer {
  forward(x: Tensor, trip: Trip): Tensor;
  backward(dy: Tensor): Tensor;
}

/** One layer after the other. */
export class Sequence implements Layer {
  readonly #layers: readonly Layer[];

  constructor(...layers: readonly Layer[]) {
    this.#layers = layers;
  }

  forward(x: Tensor, trip: Trip): Tensor {
    return this.#layers.reduce((y, layer) => layer.forward(y, trip), x);
  }

  backward(dy: Tensor): Tensor {
    return this.#layers.reduceRight((dx, layer) => layer.backward(dx), dy);
  }
}

/** y = x w + bias, w (K N): GPT-2's Conv1D. */
export class Affine implements Layer {
  readonly weight: Parameter;
  readonly bias: Parameter;
  readonly #kernels: Kernels;
  readonly #y: Tensor;
  readonly #dx: Tensor;
  #x!: Tensor;

  constructor(
    { arena, kernels, rows }: Build,
    name: string,
    [K, N]: readonly [inputs: number, outputs: number],
    { parts = 1, residual = false }: Partial<Hidden> = {},
  ) {
    this.#kernels = kernels;
    this.weight = arena.parameter(`${name}.weight`, [K, N], { inputs: 'rows', parts, residual });
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

/** y = x wᵀ, w (N K). Several projections of the same x, N / how many outputs each, stand side by side in y. */
export class Linear implements Layer {
  readonly weight: Parameter;
  readonly #kernels: Kernels;
  readonly #y: Tensor;
  readonly #dx: Tensor;
  #x!: Tensor;

  constructor(
    { arena, kernels, rows }: Build,
    names: readonly string[],
    [K, N]: readonly [inputs: number, outputs: number],
    { residual = false }: Partial<Hidden> = {},
  ) {
    const weights = names.map((name) => `${name}.weight`);
    const hidden: Hidden = { inputs: 'columns', parts: 1, residual };
    this.#kernels = kernels;
    this.weight = arena.stack(weights, [N / names.length, K], [N, K], hidden).whole;
    this.#y = arena.saved(`${names[0]}.y`, [rows, N]);
    this.#dx = arena.scratch(`d ${names[0]}.x`, [rows, K]);
  }

  forward(x: Tensor): Tensor {
    this.#x = x;
    const y = this.#y.rows(x.shape[0]!);
    this.#kernels.matmulTransposedB(y, x, this.weight.value, 'set');
    return y;
  }

  backward(dy: Tensor): Tensor {
    const dx = this.#dx.rows(dy.shape[0]!);
    this.#kernels.matmulTransposedA(this.weight.grad, dy, this.#x, 'add');
    this.#kernels.matmul(dx, dy, this.weight.value, 'set');
    return dx;
  }
}

/** y = xhat * gain + shift; gain is called weight and shift bias in the checkpoint. */
export class LayerNorm implements Layer {
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

/** y = x / root mean square * gain; gain is called weight in the checkpoint. */
export class RmsNorm implements Layer {
  readonly gain: Parameter;
  readonly #kernels: Kernels;
  readonly #epsilon: number;
  readonly #y: Tensor;
  readonly #r: Tensor;
  readonly #dx: Tensor;
  #x!: Tensor;

  constructor({ arena, kernels, rows }: Build, name: string, C: number, epsilon: number) {
    this.#kernels = kernels;
    this.#epsilon = epsilon;
    this.gain = arena.parameter(`${name}.weight`, [C]);
    this.#y = arena.saved(`${name}.y`, [rows, C]);
    this.#r = arena.saved(`${name}.r`, [rows]);
    this.#dx = arena.scratch(`d ${name}.x`, [rows, C]);
  }

  forward(x: Tensor): Tensor {
    this.#x = x;
    const y = this.#y.rows(x.shape[0]!);
    this.#kernels.rmsnorm(y, this.#r.rows(x.shape[0]!), x, this.gain.value, this.#epsilon);
    return y;
  }

  backward(dy: Tensor): Tensor {
    const N = dy.shape[0]!;
    const [dx, r] = [this.#dx.rows(N), this.#r.rows(N)];
    this.#kernels.rmsnormParametersBackward(this.gain.grad, dy, this.#x, r);
    this.#kernels.rmsnormBackward(dx, dy, this.#x, this.gain.value, r);
    return dx;
  }
}

/** The bend of the feed-forward layer: gelu of F numbers, or swiglu, which takes two for one. */
export class Bend implements Layer {
  readonly #kernels: Kernels;
  readonly #kind: 'gelu' | 'swiglu';
  readonly #y: Tensor;
  readonly #dx: Tensor;
  #x!: Tensor;

  constructor({ arena, kernels, rows }: Build, name: string, F: number, kind: 'gelu' | 'swiglu') {
    this.#kernels = kernels;
    this.#kind = kind;
    this.#y = arena.saved(`${name}.y`, [rows, F]);
    this.#dx = arena.scratch(`d ${name}.x`, [rows, kind === 'swiglu' ? 2 * F : F]);
  }

  forward(x: Tensor): Tensor {
    this.#x = x;
    const y = this.#y.rows(x.shape[0]!);
    this.#kernels[this.#kind](y, x);
    return y;
  }

  backward(dy: Tensor): Tensor {
    const dx = this.#dx.rows(dy.shape[0]!);
    this.#kernels[`${this.#kind}Backward`](dx, dy, this.#x);
    return dx;
  }
}

/** Silences a random part of x while training, and is not there otherwise. `site` tells its random numbers apart. */
export class Dropout implements Layer {
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
