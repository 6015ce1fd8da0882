/** How GPT-2 starts: matrices from a normal distribution of deviation 0.02, biases 0, LayerNorm gains 1.
 *
 * The two projections that write into the residual stream are scaled by 1 / sqrt(2 L): 2 L branches add up there, and
 * independent terms add in variance, so the stream starts with the size of one branch whatever the depth. */
import { RandomStream } from '../tensor/random.ts';
import type { Gpt } from './gpt.ts';

const deviation = 0.02;

/** Sets every parameter; parameter i takes the random numbers of stream i. */
export function initialize(model: Gpt, seed: number): void {
  const random = new RandomStream(seed, 'init');
  const residual = deviation / Math.sqrt(2 * model.config.layers);
  for (const [i, { name, value }] of model.parameters.entries()) {
    if (value.shape.length < 2) value.data.fill(/ln_\w+\.weight$/.test(name) ? 1 : 0);
    else random.normals(value.data, name.endsWith('c_proj.weight') ? residual : deviation, i);
  }
}
