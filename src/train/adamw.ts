/** AdamW for every parameter. The formula of the update is in tensor/reference/adamw.ts. */
import type { Arena } from '../tensor/arena.ts';
import type { Kernels } from '../tensor/kernels.ts';
import type { Tensor } from '../tensor/tensor.ts';
import type { Optimizer, OptimizerSettings } from './optimizer.ts';

const epsilon = 1e-8;

export class AdamW implements Optimizer {
  readonly flops = 0;
  /** m: running means of the gradients; v: running means of their squares. */
  readonly moments: { readonly m: Tensor; readonly v: Tensor };
  readonly #arena: Arena;
  readonly #kernels: Kernels;
  readonly #settings: OptimizerSettings;

  /** Reserves room for the moments in the arena, so it must be called before the arena is allocated. */
  constructor(arena: Arena, kernels: Kernels, settings: OptimizerSettings) {
    this.#arena = arena;
    this.#kernels = kernels;
    this.#settings = settings;
    this.moments = { m: arena.moment('moment1'), v: arena.moment('moment2') };
  }

  norm(): number {
    return Math.sqrt(this.#kernels.sumOfSquares(this.#arena.grads));
  }

  update(learningRate: number, norm: number, step: number): void {
    this.updateKinds(['tables', 'hidden', 'vectors'], learningRate, norm, step);
  }

  /** Updates only some kinds of parameters. Muon uses it for everything except the hidden matrices. */
  updateKinds(
    kinds: readonly (keyof Arena['ranges'])[],
    learningRate: number,
    norm: number,
    step: number,
  ): void {
    const { params, grads, ranges } = this.#arena;
    const { beta1, beta2 } = this.#settings;
    const { m, v } = this.moments;
    const common = { learningRate, beta1, beta2, epsilon, gradientScale: this.gradientScale(norm), step };
    for (const kind of kinds) {
      const weightDecay = kind === 'vectors' ? 0 : this.#settings.weightDecay;
      this.#kernels.adamw(params, m, v, grads, ranges[kind], { ...common, weightDecay });
    }
  }

  /** The factor by which clipping scales gradients of this global norm. */
  gradientScale(norm: number): number {
    const { clip } = this.#settings;
    return clip > 0 && norm > clip ? clip / norm : 1;
  }
}
