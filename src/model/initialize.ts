/** How a model starts. Gains are 1 and biases 0; matrices come from a normal distribution, of one of two kinds.
 *
 *     gpt2     0.02 everywhere, and 0.02 / sqrt(2 L) for the two projections of a block that write into the residual
 *              stream: 2 L branches are added there, and the variances of independent terms add up, so the stream
 *              starts with the size of one branch at any depth. Radford et al. (2019).
 *     fan-in   1 / sqrt(inputs) for hidden matrices, so that outputs have the size of the inputs at any width; 0 for the
 *              projections into the stream, so that every block starts as the identity and all depths learn at once.
 *              Tables are not hidden matrices and keep 0.02. Zhang et al., arXiv 1901.09321, for the 0. */
import type { Parameter } from '../tensor/arena.ts';
import { RandomStream } from '../tensor/random.ts';
import type { Gpt } from './gpt.ts';

export const initializations = ['gpt2', 'fan-in'] as const;
export type Initialization = (typeof initializations)[number];

const small = 0.02;

/** Sets every parameter; parameter i takes the random numbers of stream i. */
export function initialize(model: Gpt, seed: number, kind: Initialization = 'gpt2'): void {
  const random = new RandomStream(seed, 'init');
  for (const [i, parameter] of model.parameters.entries()) {
    const { name, value } = parameter;
    if (value.shape.length < 2) value.data.fill(name.endsWith('.bias') ? 0 : 1);
    else random.normals(value.data, deviation(parameter, model.config.layers, kind), i);
  }
}

function deviation({ hidden, value }: Parameter, layers: number, kind: Initialization): number {
  if (hidden === undefined) return small;
  if (kind === 'gpt2') return hidden.residual ? small / Math.sqrt(2 * layers) : small;
  return hidden.residual ? 0 : 1 / Math.sqrt(value.shape[hidden.inputs === 'rows' ? 0 : 1]!);
}
