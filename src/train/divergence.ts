/** What is said when training diverges. */
import type { Gpt } from '../model/gpt.ts';

/** The loss or the gradient is NaN or infinite. Thrown before the update, so the weights are still good. */
export class DivergenceError extends Error {}

/** @param what of the step is not finite */
export function divergence({ arena }: Gpt, step: number, what: string): DivergenceError {
  const bad = arena.firstNonFinite();
  const where =
    bad === undefined ? '' : `; the first bad tensor is ${bad.tensor}, element ${bad.index} is ${bad.value}`;
  return new DivergenceError(
    `training diverged in step ${step}: ${what}${where}; try a lower --lr or a longer --warmup`,
  );
}
