/** The layers of a transformer: each is a function that plans its memory once and returns its forward and its backward.
 *
 * `backward(dy)` stands under `forward(x)` and follows it line by line in reverse: it adds to the gradients of the
 * parameters and returns the gradient with respect to x. A pass has N rows: batch * time in training, one for each text in
 * sampling. Names are Hugging Face's, so a checkpoint needs no translation.
 *
 * The order in which layers are made is the order of their parameters in a checkpoint and in initialisation. */
import type { Arena, Hidden, Parameter } from '../tensor/arena.ts';
import type { Kernels, LayerCache } from '../tensor/kernels.ts';
import type { Ids, Tensor } from '../tensor/tensor.ts';

/** One pass through the model: B whole sequences from position 0 on, or rows that continue cached sequences. */
export type Pass = FullPass | CachedPass;
interface AnyPass {
  /** (N D), with rotary positions: see rotation.ts. The model adds it for its blocks. */
  readonly rotation?: Tensor | undefined;
}
export interface FullPass extends AnyPass {
  readonly batch: number;
  readonly time: number;
  /** Which random numbers dropout uses; absent when not training. */
  readonly dropout?: { readonly seed: number; readonly step: number };
}
export interface CachedPass extends AnyPass {
  /** One per block. */
  readonly caches: readonly LayerCache[];
  readonly slots: Ids;
  /** Where in its slot each row's key goes. */
  readonly places: Ids;
  /** How many tokens came before: the same as the place, until the oldest keys are dropped. */
  readonly positions: Ids;
}

export interface Layer {
  forward(x: Tensor, pass: Pass): Tensor;
  backward(dy: Tensor): Tensor;
}

/** What layers are built from: who computes, for how many rows at most, and where memory comes from.
 *
 * Names are relative to the block that is being built. A tensor that is needed only for a moment has a role as well: the name
 * without the number of the block. Blocks run one after the other, so tensors of one role share memory. */
export class Build {
  readonly kernels: Kernels;
  readonly rows: number;
  readonly #arena: Arena;
  readonly #name: (part: string) => string;
  readonly #role: (part: string) => string;

  constructor(arena: Arena, kernels: Kernels, rows: number, blocks?: { name: string; index: number }) {
    this.#arena = arena;
    this.kernels = kernels;
    this.rows = rows;
    this.#name = (part) => (blocks === undefined ? part : `${blocks.name}.${blocks.index}.${part}`);
    this.#role = (part) => (blocks === undefined ? part : `${blocks.name}.*.${part}`);
  }

  /** For the layers of block `index` of those called `name`: 'transformer.h'. */
  block(name: string, index: number): Build {
    return new Build(this.#arena, this.kernels, this.rows, { name, index });
  }

  parameter(part: string, shape: readonly number[], hidden?: Hidden): Parameter {
    return this.#arena.parameter(this.#name(part), shape, hidden);
  }

  /** Parameters of one shape, one below the other in memory, as one tensor of shape `whole`. */
  stack(parts: readonly string[], shape: readonly number[], whole: readonly number[], hidden?: Hidden) {
    return this.#arena.stack(parts.map(this.#name), shape, whole, hidden).whole;
  }

  /** Written by forward, read by backward. */
  saved(part: string, shape: readonly number[]): Tensor {
    return this.#arena.saved(this.#name(part), shape, this.#role(part));
  }

  /** The gradient with respect to an activation: not needed any more once the layer before has read it. */
  gradient(part: string, shape: readonly number[]): Tensor {
    return this.#arena.scratch(`d ${this.#role(part)}`, shape);
  }
}

/** One layer after the other. */
export function sequence(...layers: readonly Layer[]): Layer {
  return {
    forward: (x, pass) => layers.reduce((y, layer) => layer.forward(y, pass), x),
    backward: (dy) => layers.reduceRight((dx, layer) => layer.backward(dx), dy),
  };
}

/** y = x wᵀ, w (N K). Several projections of the same x, N / how many outputs each, stand side by side in y. */
export function linear(
  build: Build,
  names: readonly string[],
  [K, N]: readonly [inputs: number, outputs: number],
  { residual = false }: Partial<Hidden> = {},
): Layer {
  const { kernels, rows } = build;
  const weights = names.map((name) => `${name}.weight`);
  const hidden: Hidden = { inputs: 'columns', parts: 1, residual };
  const weight = build.stack(weights, [N / names.length, K], [N, K], hidden);
  const ys = build.saved(`${names[0]}.y`, [rows, N]);
  const dxs = build.gradient(`${names[0]}.x`, [rows, K]);
  let x: Tensor;
  return {
    forward(input) {
      x = input;
      const y = ys.rows(x.shape[0]);
      kernels.matmulTransposedB(y, x, weight.value, 'set');
      return y;
    },
    backward(dy) {
      const dx = dxs.rows(dy.shape[0]);
      kernels.matmulTransposedA(weight.grad, dy, x, 'add');
      kernels.matmul(dx, dy, weight.value, 'set');
      return dx;
    },
  };
}

/** y = x / root mean square * gain; gain is called weight in the checkpoint. */
export function rmsNorm(build: Build, name: string, C: number, epsilon: number): Layer {
  const { kernels, rows } = build;
  const gain = build.parameter(`${name}.weight`, [C]);
  const ys = build.saved(`${name}.y`, [rows, C]);
  const rs = build.saved(`${name}.r`, [rows]);
  const dxs = build.gradient(`${name}.x`, [rows, C]);
  let x: Tensor;
  return {
    forward(input) {
      x = input;
      const y = ys.rows(x.shape[0]);
      kernels.rmsnorm(y, rs.rows(x.shape[0]), x, gain.value, epsilon);
      return y;
    },
    backward(dy) {
      const [dx, r] = [dxs.rows(dy.shape[0]), rs.rows(dy.shape[0])];
      kernels.rmsnormParametersBackward(gain.grad, dy, x, r);
      kernels.rmsnormBackward(dx, dy, x, gain.value, r);
      return dx;
    },
  };
}

/** The nonlinearity of the feed-forward layer: gelu maps F numbers to F, swiglu maps 2 F to F. */
export function activation(build: Build, name: string, F: number, kind: 'gelu' | 'swiglu'): Layer {
  const { kernels, rows } = build;
  const ys = build.saved(`${name}.y`, [rows, F]);
  const dxs = build.gradient(`${name}.x`, [rows, kind === 'swiglu' ? 2 * F : F]);
  let x: Tensor;
  return {
    forward(input) {
      x = input;
      const y = ys.rows(x.shape[0]);
      kernels[kind](y, x);
      return y;
    },
    backward(dy) {
      const dx = dxs.rows(dy.shape[0]);
      kernels[`${kind}Backward`](dx, dy, x);
      return dx;
    },
  };
}
