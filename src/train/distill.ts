/** Distillation: a student learns what teachers predict, besides what came.
 *
 * The text says which token came; a teacher says how likely each was, so every place teaches more. With p and q the
 * probabilities of student and teacher, and y 1 for the token that came, the gradients of their losses by their logits
 * are p - y and q - y. So the student's cross-entropy against the mixture of both, s q + (1 - s) y, has the gradient
 *     p - s q - (1 - s) y = (p - y) - s (q - y)
 * Of several teachers one is asked for each batch, in turns: as the cross-entropy is linear in q, that is on average the one
 * against the mean of all, at the cost of one. One with a shorter context reads a window in pieces. A mean of probabilities predicts better than each of those that it is of,
 * and one student can come near to it. Hinton, Vinyals and Dean, arXiv 1503.02531. */
import type { Gpt } from '../model/gpt.ts';
import type { Ids, Tensor } from '../tensor/tensor.ts';

/** s: how much of what is learned a teacher says. */
const share = 0.5;

/** What is to be subtracted from the gradient of the student's logits (N V): s (q - y), times `scale`. Undefined without
 * teachers. @param turn decides which of them is asked */
export function teach(
  teachers: readonly Gpt[],
  turn: number,
  { inputs, targets }: { readonly inputs: Ids; readonly targets: Ids },
  time: number,
  scale: number,
): Tensor | undefined {
  const teacher = teachers[turn % teachers.length];
  if (teacher === undefined) return undefined;
  const piece = Math.min(time, teacher.config.contextLength);
  const logits = teacher.forward(inputs, { batch: inputs.size / piece, time: piece });
  teacher.kernels.crossEntropyBackward(logits, logits, targets, share * scale);
  return logits;
}
