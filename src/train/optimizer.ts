/** One update of all parameters: clip the gradient by its global norm, then AdamW.
 *
 * Clipping keeps the direction and limits the length: if the norm of all gradients together exceeds the limit, all are
 * scaled by limit / norm. Weight decay pulls matrices towards zero, and leaves biases and gains alone. */
import type { Arena } from '../tensor/arena.ts';
import type { Kernels } from '../tensor/kernels.ts';
import type { Tensor } from '../tensor/tensor.ts';

export interface OptimizerSettings {
  readonly beta1: number;
  readonly beta2: number;
  readonly weightDecay: number;
  /** Largest global norm of the gradients; 0 switches clipping off. */
  readonly clip: number;
}

const epsilon = 1e-8;

export class AdamW {
  /** Running means of the gradients and of their squares, laid out as the parameters. */
  readonly moments: { readonly m: Tensor; readonly v: Tensor };
  readonly #arena: Arena;
  readonly #kernels: Kernels;
  readonly #settings: OptimizerSettings;

  /** Plans the moments; so before the arena is allocated. */
  constructor(arena: Arena, kernels: Kernels, settings: OptimizerSettings) {
    this.#arena = arena;
    this.#kernels = kernels;
    this.#settings = settings;
    this.moments = { m: arena.moment('moment1'), v: arena.moment('moment2') };
  }

  /** The global norm of the gradients in the arena. */
  norm(): number {
    return Math.sqrt(this.#kernels.sumOfSquares(this.#arena.grads));
  }

  /** Applies the gradients in the arena. @param norm theirs. @param step counts from 1. */
  update(learningRate: number, norm: number, step: number): void {
    const { params, grads, ranges } = this.#arena;
    const firstVector = ranges.vectors[0];
    const { beta1, beta2, weightDecay, clip } = this.#settings;
    const { m, v } = this.moments;
    const gradientScale = clip > 0 && norm > clip ? clip / norm : 1;
    const common = { learningRate, beta1, beta2, epsilon, gradientScale, step };
    this.#kernels.adamw(params, m, v, grads, [0, firstVector], { ...common, weightDecay });
    this.#kernels.adamw(params, m, v, grads, [firstVector, params.size], { ...common, weightDecay: 0 });
  }
}
