/** Softmax cross-entropy: loss[n] = log(sum over v of e^z[v]) - z[target], in nats, for each row z of logits (N V).
 *
 * A language model is trained on this number: how much the token that came surprised it. The maximum of the row is
 * subtracted first; in exact arithmetic that changes nothing, and it keeps e^z from overflowing.
 *
 * Backward. The derivative of log(sum of e^z) is the softmax p, so the gradient is a difference:
 *     dz[v] = (p[v] - (1 if v is the target, else 0)) * scale
 * scale is 1 / (rows with a target), from the mean. p is computed again from the logits; nothing is saved.
 * A target below 0 is none: the row is read and not learned, so its loss and its gradient are 0. */
import { dims } from '../dims.ts';
import { exp, log } from '../math.ts';
import type { Floats, Ids, Tensor } from '../tensor.ts';
import { checked } from './embedding.ts';

export function crossEntropy(losses: Tensor, logits: Tensor, targets: Ids): void {
  const { N, V } = dims('crossEntropy', {
    logits: [logits, 'N V'],
    targets: [targets, 'N'],
    losses: [losses, 'N'],
  });
  for (let n = 0; n < N; n++) {
    const target = targets.data[n] < 0 ? -1 : checked('crossEntropy', targets, n, V);
    losses.data[n] = target < 0 ? 0 : negativeLogLikelihood(logits.data, n * V, V, target);
  }
}

export function crossEntropyBackward(dlogits: Tensor, logits: Tensor, targets: Ids, scale: number): void {
  const { N, V } = dims('crossEntropyBackward', {
    logits: [logits, 'N V'],
    targets: [targets, 'N'],
    dlogits: [dlogits, 'N V'],
  });
  for (let n = 0; n < N; n++) {
    const target = targets.data[n] < 0 ? -1 : checked('crossEntropyBackward', targets, n, V);
    const weight = target < 0 ? 0 : scale;
    const { max, sum } = logSumExp(logits.data, n * V, V);
    for (let v = 0; v < V; v++) {
      const p = exp(logits.data[n * V + v] - max) / sum;
      dlogits.data[n * V + v] = (p - (v === target ? 1 : 0)) * weight;
    }
  }
}

/** -log softmax(z)[target] in float64, for the V logits from `at`. */
export function negativeLogLikelihood(z: Floats, at: number, V: number, target: number): number {
  const { max, sum } = logSumExp(z, at, V);
  return log(sum) - (z[at + target] - max);
}

/** log(sum of e^z) = max + log(sum of e^(z - max)). */
function logSumExp(z: Floats, at: number, V: number): { max: number; sum: number } {
  let max = Number.NEGATIVE_INFINITY;
  for (let v = at; v < at + V; v++) if (z[v] > max) max = z[v];
  let sum = 0;
  for (let v = at; v < at + V; v++) sum += exp(z[v] - max);
  return { max, sum };
}
