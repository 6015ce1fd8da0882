/** The optimizer: what updates the parameters from their gradients. There are two: AdamW (adamw.ts) for everything, or
 * Muon (muon.ts) for the hidden matrices and AdamW for the rest.
 *
 * Both clip first: if the norm of all gradients together exceeds the limit, all are scaled by limit / norm, which keeps
 * their direction. Weight decay pulls matrices and embedding tables towards zero, but not biases and gains. */
import type { Tensor } from '../tensor/tensor.ts';

export const optimizers = ['adamw', 'muon'] as const;

export interface OptimizerSettings {
  readonly beta1: number;
  readonly beta2: number;
  readonly weightDecay: number;
  /** Largest global norm of the gradients; 0 switches clipping off. */
  readonly clip: number;
  /** What updates the hidden matrices; AdamW updates embedding tables and vectors in any case. Absent: adamw. */
  readonly optimizer?: (typeof optimizers)[number];
  /** Muon's peak learning rate; it follows the same schedule as learningRate. Absent: 0.02. */
  readonly muonLearningRate?: number;
}

export interface Optimizer {
  /** All its state, laid out as the parameters are. A resumed run needs it besides the parameters. */
  readonly moments: { readonly m: Tensor; readonly v: Tensor };
  /** Floating-point operations of the matrix products in one update, without its element-wise work. */
  readonly flops: number;
  /** The global norm of the gradients in the arena. */
  norm(): number;
  /** Applies the gradients in the arena. @param norm theirs. @param step counts from 1. */
  update(learningRate: number, norm: number, step: number): void;
}
