/** How much arithmetic a model costs, counting a multiplication and an addition as two.
 *
 * A matrix of K x N costs 2 K N a row forward; backward costs twice that, once for the gradient of its input and once
 * for its own. Attention's scores and averages cost 2 T C each, for a row and a layer. As is usual, the
 * full square is counted, although the causal half is enough. The rest (norms, rotations, activations, softmax) is small and
 * left out. */
import type { ModelConfig } from './config.ts';
import { architectureOf } from './gpt.ts';

/** Forward, for one row (token) at a context of `time` tokens. */
export function forwardFlops(config: ModelConfig, time = config.contextLength): number {
  const { channels: C, feedForward: F, layers: L, vocabSize: V } = config;
  const feedForward = architectureOf(config).feedForwardMatrices * C * F;
  const matrices = L * (3 * C * C + C * C + feedForward) + V * C;
  return 2 * matrices + L * 4 * time * C;
}

/** Forward and backward for a batch of `rows` tokens. */
export function trainingFlops(config: ModelConfig, rows: number): number {
  return 3 * forwardFlops(config) * rows;
}
