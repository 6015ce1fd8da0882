/** The ten stops of Path: what is claimed and asked stands in src/lessons/claims; here is where one tries it. */
import type { Claim } from '../../lessons/claims/claim.ts';
import { claims } from '../../lessons/claims/list.ts';
import type { Settings } from '../address.ts';
import type { View } from '../lab.ts';
import { own } from '../training/recipe.ts';
import { inside } from '../views/inside.ts';
import { judge } from '../views/judge.ts';
import { nextToken } from '../views/next-token.ts';
import { product } from '../views/product.ts';
import { tokens } from '../views/tokens.ts';
import { train } from '../views/train.ts';
import { tree } from '../views/tree.ts';
import { write } from '../views/write.ts';
import * as measures from './measures.ts';

export interface Stop {
  readonly claim: Claim;
  /** The view to try it in, and what its link sets there. */
  readonly view: View;
  readonly set: Settings;
  /** What to do there. */
  readonly act: string;
  readonly measure: measures.Measure;
}

/** What a link of an earlier stop, or a slider, has set. */
const unset: Settings = Object.fromEntries([...'dntkpmyrfs'].map((name) => [name, undefined]));

const stop = (
  claim: number,
  measure: measures.Measure,
  [view, set]: readonly [View, Settings],
  act: string,
): Stop => ({
  ...{ claim: claims.find(({ number }) => number === claim)!, measure, view, act },
  set: { ...unset, ...set },
});

const { width, depth, draws } = measures.largestTree;
export const stops: readonly Stop[] = [
  stop(
    14,
    measures.coldAndHot,
    [nextToken, { d: 'prompt', t: 0.2 }],
    'Move the temperature down to 0 and then up to 2. Does another token ever become the best?',
  ),
  stop(
    16,
    measures.fixedNumber,
    [nextToken, { d: 'prompt', k: 10 }],
    'Write a prompt that ends within a word, and one that ends before a new one. What do ten tokens hold each time, and how many does top-p 0.9 keep instead?',
  ),
  stop(
    8,
    measures.lowLoss,
    [write, { length: measures.comparedLength }],
    'Press Compare. Which text does the model find the most probable, and which would you rather read on?',
  ),
  stop(
    20,
    measures.likeliest,
    [tree, { beams: width, depth, draws }],
    'Follow the best text to its end. Where do the drawn texts leave it, and how much less likely are they in the table?',
  ),
  stop(
    3,
    measures.perplexity,
    [product, {}],
    'Go down to the softmax and read the mean loss. Among how many equally likely tokens would one hesitate to lose as much?',
  ),
  stop(
    32,
    measures.onlyThePast,
    [inside, {}],
    'Move the token and try several heads: does one ever look to the right? Then write on at the end of the text: what changes before it?',
  ),
  stop(
    9,
    measures.context,
    [tokens, {}],
    'See how many characters the model reads with one token. How much text does it have in view at a time, and is that too little or too much?',
  ),
  stop(
    23,
    measures.cache,
    [write, { length: 500 }],
    'Press Write and watch the pace: does a late token take longer than an early one?',
  ),
  stop(
    29,
    measures.judgements,
    [judge, { pairs: 10 }],
    'Judge ten pairs, and look at the interval after each. Could you stop now?',
  ),
  stop(
    5,
    measures.overfitting,
    [train, { data: own, steps: 120 }],
    'Do the two curves part? To see it happen, keep your model, paste a page of text and press Train.',
  ),
];
