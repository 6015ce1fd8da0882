/** Says that a model's weights are final, as for sampling: from now on they are read from copies that take as much memory
 * again, in the order in which they are read. That is up to three times as fast, and the same to the last bit.
 *
 * To be called before the first step: passes that were recorded earlier stay as they are. Whoever writes into parameters
 * afterwards calls it again. Error for a model that can be trained. */
import type { Gpt } from './gpt.ts';

export function freeze({ arena, kernels }: Gpt): void {
  if (arena.gradients)
    throw new Error('freeze: expected a model without gradients, got one that can be trained');
  kernels.freeze(arena.params);
}
