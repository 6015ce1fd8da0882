/** Dropout: in training, each element becomes 0 with probability `rate`, and the others are multiplied by 1 / (1 - rate), so
 * that the expected value stays. A layer that cannot rely on any single input generalises better.
 *
 * Only the mask is an operation of its own; applying it, forward and backward, is a product with it. Element i takes
 * word i mod 4 of the random block (step, site, i div 4): it does not matter which thread computes which element.
 * Srivastava et al., JMLR 15 (2014). */
import { check } from '../dims.ts';
import type { DropoutKey } from '../kernels.ts';
import { RandomStream } from '../random.ts';
import type { Tensor } from '../tensor.ts';

export function dropoutMask(mask: Tensor, rate: number, key: DropoutKey): void {
  check('dropoutMask', rate >= 0 && rate < 1, 'a rate in 0 <= rate < 1', { rate });
  const stream = new RandomStream(key.seed, 'dropout');
  const threshold = rate * 0x100000000;
  const kept = 1 / (1 - rate);
  for (let i = 0; i < mask.size; i += 4) {
    const words = stream.words(key.step, key.site, i / 4);
    for (let j = 0; j < 4 && i + j < mask.size; j++) mask.data[i + j] = words[j] < threshold ? 0 : kept;
  }
}
