/** Says that a model's weights are final, as for sampling: from now on matrices are read from copies that lie in the order in
 * which they are read, and take as much memory again. That is up to three times as fast, and the same to the last bit.
 *
 * Whoever writes into parameters afterwards calls it again: until then matrices may still be what they were. Error for a
 * model that can be trained. */
import type { Gpt } from './gpt.ts';

const frozen = new WeakSet<Gpt>();

export function freeze(model: Gpt): void {
  const { arena, kernels, recorded } = model;
  if (arena.gradients)
    throw new Error('freeze: expected a model without gradients, got one that can be trained');
  kernels.freeze(arena.params);
  if (!frozen.has(model)) recorded.clear(); // these passes read the weights themselves
  frozen.add(model);
}
