/** The text as the trainer sees it: token ids, split into the first 90 % to train on and the rest, which is held out,
 * and windows of both parts.
 *
 * A window is T + 1 neighbouring tokens: the first T are the inputs, the last T the targets. So every position learns
 * to predict the next token from the true tokens before it, not from its own predictions (teacher forcing). */
import type { Tokenizer } from '../model/text/tokenizer.ts';
import { RandomStream } from '../tensor/random.ts';
import type { Ids } from '../tensor/tensor.ts';
import { type Corpus, countCharacters, cutAt, type Document, scoredText, splitCorpus } from './documents.ts';

export interface Split {
  readonly train: Int32Array;
  readonly validation: Int32Array;
  /** Mean number of characters in a held-out token that is scored (all but the first). Absent where it is always 1. */
  readonly charactersPerToken?: number;
}
/** Inputs start .. start + length - 1, and as targets the tokens one further. */
export interface Window {
  readonly start: number;
  readonly length: number;
}

/** Both parts of a corpus as tokens, cut at the same character whatever the tokenizer.
 *
 * Where each character of one text is a token, the tokens are cut. Longer tokens could reach across the cut, and the
 * model would be trained on characters that are held out; so then the text is cut, and each part is encoded alone. */
export function encodeSplit(corpus: Corpus, tokenizer: Tokenizer, unknown?: 'error' | 'skip'): Split {
  const encode = (part: readonly Document[]) => tokenizer.encode(part[0]!.text, unknown);
  if (tokenizer.kind === 'char' && corpus.heldOut === undefined) return cutTokens(encode(corpus.documents));
  const { training, heldOut } = splitCorpus(corpus);
  const [train, validation] = [encode(training), encode(heldOut)];
  if (tokenizer.kind === 'char' || validation.length < 2) return { train, validation };
  const characters = countCharacters(scoredText(tokenizer, validation));
  return { train, validation, charactersPerToken: characters / (validation.length - 1) };
}

/** Cuts by position at `cutAt`. Throws a RangeError if either part is too short for one window of T tokens. */
export function splitTokens(tokens: Int32Array, T: number): Split {
  return checkSplit(cutTokens(tokens), T);
}

function cutTokens(tokens: Int32Array): Split {
  const cut = cutAt(tokens.length);
  return { train: tokens.subarray(0, cut), validation: tokens.subarray(cut) };
}

/** Returns the split, or throws a RangeError if either part is too short for one window of T tokens. */
export function checkSplit(split: Split, T: number): Split {
  const { train, validation } = split;
  for (const [name, part] of Object.entries({ training: train, validation })) {
    if (part.length < T + 1) {
      const advice =
        part.length >= 2
          ? `; use a longer text or --context ${part.length - 1} or less`
          : '; use a longer text';
      const all = train.length + validation.length;
      throw new RangeError(
        `the ${name} part of the text is too short: expected at least context + 1 = ${T + 1} tokens, got ${part.length} of ${all}${advice}`,
      );
    }
  }
  return split;
}

/** How many windows of T make one pass over so many tokens. */
function windowsIn(length: number, T: number): number {
  return Math.floor((length - 1) / T);
}

/** How many updates make `epochs` passes over the training part, rounded up. @param windows in one update */
export function stepsInEpochs(epochs: number, { train }: Split, T: number, windows: number): number {
  return Math.ceil((epochs * windowsIn(train.length, T)) / windows);
}

/** random: each window starts anywhere. epoch: every window once, then again in a new order. */
export const samplings = ['random', 'epoch'] as const;
export type Sampling = (typeof samplings)[number];

/** Draws training batches. Each window depends only on the seed, the step and its place in the batch, never on what was
 * drawn before: so a resumed run draws the same ones. */
export class Batches {
  /** Windows in one epoch. */
  readonly windows: number;
  readonly #tokens: Int32Array;
  readonly #time: number;
  readonly #sampling: Sampling;
  readonly #random: RandomStream;
  readonly #shuffle: RandomStream;
  #epoch = -1;
  #offset = 0;
  readonly #order: Int32Array;

  constructor(tokens: Int32Array, time: number, seed: number, sampling: Sampling = 'random') {
    this.#tokens = tokens;
    this.#time = time;
    this.#sampling = sampling;
    this.#random = new RandomStream(seed, 'batch');
    this.#shuffle = new RandomStream(seed, 'shuffle');
    this.windows = windowsIn(tokens.length, time);
    this.#order = new Int32Array(this.windows);
  }

  /** Fills inputs and targets (B * T each) for micro-batch `draw` of `draws` in this step. */
  fill(inputs: Ids, targets: Ids, step: number, draw: number, draws = 1): void {
    const T = this.#time;
    const B = inputs.size / T;
    for (let b = 0; b < B; b++) {
      const start =
        this.#sampling === 'random'
          ? this.#random.below(this.#tokens.length - T, step, b, draw)
          : this.#next((step * draws + draw) * B + b);
      copyWindow(inputs, targets, b * T, this.#tokens, { start, length: T });
    }
  }

  /** With epochs: where the k-th window since the beginning of the run starts. */
  #next(k: number): number {
    const epoch = Math.floor(k / this.windows);
    if (epoch !== this.#epoch) this.#reshuffle(epoch);
    return this.#offset + this.#order[k - epoch * this.windows]! * this.#time;
  }

  /** Shuffles the windows (Fisher and Yates), and moves them all by one offset, so that each epoch cuts the text at
   * other places. */
  #reshuffle(epoch: number): void {
    const order = this.#order;
    for (let i = 0; i < order.length; i++) order[i] = i;
    for (let i = order.length - 1; i > 0; i--) {
      const j = this.#shuffle.below(i + 1, epoch, 0, i);
      [order[i], order[j]] = [order[j]!, order[i]!];
    }
    this.#offset = this.#shuffle.below(this.#tokens.length - this.windows * this.#time, epoch, 1);
    this.#epoch = epoch;
  }
}

/** Puts a window's inputs and targets at `at`. */
export function copyWindow(inputs: Ids, targets: Ids, at: number, tokens: Int32Array, window: Window): void {
  const { start, length } = window;
  inputs.data.set(tokens.subarray(start, start + length), at);
  targets.data.set(tokens.subarray(start + 1, start + 1 + length), at);
}
