/** Two distributions to turn the sampler's knobs on before there is a model: one that is sure, one with a long tail.
 *
 * Made up, with the shapes that models have: the first is nearly decided, the second falls off like Zipf's law. */

import { log } from '../tensor/math.ts';

export interface Example {
  readonly prompt: string;
  readonly tokens: readonly string[];
  readonly logits: Float32Array;
  /** The ids of what was just said, for the penalties to look at. */
  readonly history: readonly number[];
}

const example = (
  prompt: string,
  words: string,
  logit: (rank: number) => number,
  history: number[],
): Example => {
  const tokens = words.split(' ');
  return { prompt, tokens, logits: Float32Array.from(tokens, (_, rank) => logit(rank)), history };
};

export const confident: Example = example(
  'In the morning the sun came',
  'up out back over down in through again early late slowly and with into to at on by , .',
  (rank) => (rank === 0 ? 9 : 6.2 - 0.45 * rank),
  [3, 0],
);

export const longTailed: Example = example(
  'At the market she bought a',
  'fish hat red loaf small big new pot cat book boat basket blue hen lamp rope bell ring coat drum duck goat kite leaf map nut oar pan quilt rake sack tin urn vase wheel yarn apple bowl candle door egg fan glove horn jar key ladle mat needle owl pie saw top whistle',
  (rank) => 2 - 1.05 * log(rank + 1),
  [2, 0, 0],
);
