/** One distribution seen at several temperatures and through several nuclei: what a token would be drawn from. */
import type { Floats } from '../tensor/tensor.ts';
import type { Candidates } from './candidates.ts';
import type { Chain } from './chain.ts';
import type { History } from './penalties.ts';
import { applyTemperature, keepTopP, totalWeight } from './sampler.ts';
import { entropyOf } from './truncation.ts';

export interface View {
  /** Undefined for the view through the chain's own settings. */
  readonly temperature: number | undefined;
  readonly topP: number | undefined;
  /** Tokens that can be drawn. */
  readonly kept: number;
  /** In nats. */
  readonly entropy: number;
  /** Of each token of the vocabulary; 0 for what is not kept. */
  readonly probabilities: Float64Array;
}

/** The temperatures without a cut, the nuclei at temperature 1, and last what the chain's settings make of it. Masks,
 *  bias and penalties count in all of them. Empty if they leave nothing. */
export function explain(
  chain: Chain,
  logits: Floats,
  history: History,
  temperatures: readonly number[],
  nuclei: readonly number[],
): View[] {
  const view = (temperature: number | undefined, topP: number | undefined, c: Candidates): View => {
    const total = totalWeight(c);
    const probabilities = new Float64Array(logits.length);
    for (let i = 0; i < c.count; i++) probabilities[c.ids[i]] = c.weights[i] / total;
    return { temperature, topP, kept: c.count, entropy: entropyOf(c), probabilities };
  };
  if (chain.prepare(logits, history).count === 0) return [];
  const hot = temperatures.map((temperature) => {
    const c = chain.prepare(logits, history);
    applyTemperature(c, temperature);
    return view(temperature, undefined, c);
  });
  const cut = nuclei.map((topP) => {
    const c = chain.prepare(logits, history);
    applyTemperature(c, 1);
    keepTopP(c, topP);
    return view(1, topP, c);
  });
  chain.next(chain.start(), logits, history, 0);
  return [...hot, ...cut, view(undefined, undefined, chain.candidates)];
}
