/** What updates the parameters: a strategy behind one small interface, AdamW for all or Muon for hidden matrices.
 *
 * Before either, the gradient is clipped: if the norm of all gradients together exceeds the limit, all are scaled by
 * limit / norm, which keeps the direction. Weight decay pulls matrices and tables towards zero, and leaves biases and
 * gains alone. */
import type { Tensor } from '../tensor/tensor.ts';

export const optimizers = ['adamw', 'muon'] as const;

export interface OptimizerSettings {
  readonly beta1: number;
  readonly beta2: number;
  readonly weightDecay: number;
  /** Largest global norm of the gradients; 0 switches clipping off. */
  readonly clip: number;
  /** What updates hidden matrices; tables and vectors are AdamW's in any case. Absent: adamw. */
  readonly optimizer?: (typeof optimizers)[number];
  /** The peak rate of Muon's matrices, on the schedule of learningRate. Absent: 0.02. */
  readonly muonLearningRate?: number;
}

export interface Optimizer {
  /** All its state, laid out as the parameters: what a resumed run needs beside them. */
  readonly moments: { readonly m: Tensor; readonly v: Tensor };
  /** Floating-point operations of its matrix products in an update; what it does element by element is left out. */
  readonly flops: number;
  /** The global norm of the gradients in the arena. */
  norm(): number;
  /** Applies the gradients in the arena. @param norm theirs. @param step counts from 1. */
  update(learningRate: number, norm: number, step: number): void;
}
