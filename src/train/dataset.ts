/** The text as the trainer sees it: token ids, split into the first 90 % to train on and the rest, which is held out,
 * and windows of both parts.
 *
 * A window is T + 1 neighbouring tokens: the first T are the inputs, the last T the targets. So every position learns
 * to predict the next token from the true tokens before it, not from its own predictions (teacher forcing). */
import type { Tokenizer } from '../model/text/tokenizer.ts';
import { RandomStream } from '../tensor/random.ts';
import type { Ids } from '../tensor/tensor.ts';
import {
  type Corpus,
  charactersPerToken,
  cutAt,
  type EncodeOptions,
  encodeDocuments,
  splitCorpus,
} from './documents.ts';

/** Token ids by their place: an array, or anything else that has each stretch of them as one. A token that is read and not
 * learned, as those of a prompt, is ~id, which is below 0. */
export interface Tokens {
  readonly length: number;
  subarray(start: number, end: number): Int32Array;
}
export interface Split<T extends Tokens = Tokens> {
  readonly train: T;
  readonly validation: T;
  /** The token before and after each document; absent where the text is not made of documents. */
  readonly end?: number | undefined;
  /** Mean number of characters in a held-out token that is scored (all but the first). Absent where it is always 1. */
  readonly charactersPerToken?: number | undefined;
  /** How many held-out tokens an evaluation takes at most. Absent: all. Then both parts are in memory. */
  readonly mostScored?: number;
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
export function encodeSplit(
  corpus: Corpus,
  tokenizer: Tokenizer,
  options?: EncodeOptions,
): Split<Int32Array> {
  const { documents, heldOut, ends } = corpus;
  const encode = (part: typeof documents) =>
    encodeDocuments({ ...corpus, documents: part }, tokenizer, options);
  if (tokenizer.kind === 'char' && !ends && heldOut === undefined) return cutTokens(encode(documents));
  const parts = splitCorpus(corpus);
  const [train, validation] = [encode(parts.training), encode(parts.heldOut)];
  const end = ends ? tokenizer.endOfText : undefined;
  return { train, validation, end, charactersPerToken: charactersPerToken(tokenizer, validation) };
}

/** Cuts by position. */
export function cutTokens(tokens: Int32Array): Split<Int32Array> {
  const cut = cutAt(tokens.length);
  return { train: tokens.subarray(0, cut), validation: tokens.subarray(cut) };
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
  readonly #tokens: Tokens;
  readonly #end: number | undefined;
  readonly #time: number;
  readonly #sampling: Sampling;
  readonly #random: RandomStream;
  readonly #shuffle: RandomStream;
  #epoch = -1;
  #offset = 0;
  #order = new Int32Array(0);

  /** @param end the token between documents */
  constructor(tokens: Tokens, time: number, seed: number, sampling: Sampling = 'random', end?: number) {
    this.#tokens = tokens;
    this.#end = end;
    this.#time = time;
    this.#sampling = sampling;
    this.#random = new RandomStream(seed, 'batch');
    this.#shuffle = new RandomStream(seed, 'shuffle');
    this.windows = windowsIn(tokens.length, time);
  }

  /** Fills inputs and targets (B * T each) for micro-batch `draw` of `draws` in this step. */
  fill(inputs: Ids, targets: Ids, step: number, draw: number, draws = 1): void {
    const T = this.#time;
    const B = inputs.size / T;
    for (let b = 0; b < B; b++) {
      const place =
        this.#sampling === 'random'
          ? this.#random.below(this.#tokens.length - T, step, b, draw)
          : this.#next((step * draws + draw) * B + b);
      const start = windowStart(this.#tokens, place, T, this.#end);
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
    const order = Int32Array.from({ length: this.windows }, (_, i) => i);
    for (let i = order.length - 1; i > 0; i--) {
      const j = this.#shuffle.below(i + 1, epoch, 0, i);
      [order[i], order[j]] = [order[j]!, order[i]!];
    }
    this.#order = order;
    this.#offset = this.#shuffle.below(this.#tokens.length - this.windows * this.#time, epoch, 1);
    this.#epoch = epoch;
  }
}

/** Where a window that would begin at `place` does: with the document there, if all of that fits into it. */
export function windowStart(tokens: Tokens, place: number, T: number, end: number | undefined): number {
  if (end === undefined) return place;
  const from = Math.max(0, place - T);
  const near = tokens.subarray(from, place + T + 1);
  const first = near.lastIndexOf(end, place - from);
  const next = near.indexOf(end, place - from + 1);
  return first >= 0 && next >= 0 && next - first <= T ? from + first : place;
}

/** Puts a window's inputs and targets at `at`. */
export function copyWindow(inputs: Ids, targets: Ids, at: number, tokens: Tokens, window: Window): void {
  const { start, length } = window;
  const ids = tokens.subarray(start, start + length + 1);
  for (let t = 0; t < length; t++) inputs.data[at + t] = ids[t] < 0 ? ~ids[t] : ids[t];
  targets.data.set(ids.subarray(1), at);
}
