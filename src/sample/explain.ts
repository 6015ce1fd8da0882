/** One distribution seen at several temperatures and through several nuclei: what a token would be drawn from. */
import type { Floats } from '../tensor/tensor.ts';
import { entropyOf, totalWeight } from './candidates.ts';
import type { History } from './edits.ts';
import { noCandidates, Sampler } from './sampler.ts';
import type { SamplingSettings } from './settings.ts';

export interface View {
  /** Undefined for the view through the settings as they are. */
  readonly temperature: number | undefined;
  readonly topP: number | undefined;
  /** Tokens that can be drawn. */
  readonly kept: number;
  /** In nats. */
  readonly entropy: number;
  /** Of each token of the vocabulary; 0 for what is not kept. */
  readonly probabilities: Float64Array;
}

/** A view at each temperature without cuts, one through each nucleus at temperature 1, and last one through the settings as
 * they are. Masks, bias and penalties count in all of them; if they leave no token, there are no views. */
export function explain(
  settings: SamplingSettings,
  logits: Floats,
  history: History,
  temperatures: readonly number[],
  nuclei: readonly number[],
): View[] {
  const V = logits.length;
  const view = (s: SamplingSettings, temperature?: number, topP?: number): View[] => {
    const sampler = new Sampler(V, s);
    if (sampler.next(sampler.start(), logits, history, 0) === noCandidates) return [];
    const c = sampler.candidates;
    const total = totalWeight(c);
    const probabilities = new Float64Array(V);
    for (let i = 0; i < c.count; i++) probabilities[c.ids[i]] = c.weights[i] / total;
    return [{ temperature, topP, kept: c.count, entropy: entropyOf(c), probabilities }];
  };
  const uncut = { ...settings, topK: 0, topP: 1, minP: 0, typicalP: 1, mirostatTarget: 0 };
  return [
    ...temperatures.flatMap((temperature) => view({ ...uncut, temperature }, temperature)),
    ...nuclei.flatMap((topP) => view({ ...uncut, temperature: 1, topP }, 1, topP)),
    ...view(settings),
  ];
}
