/** The text as the trainer sees it: token ids, the first 90 % to train on and the rest held out, and windows of both.
 *
 * A window is T + 1 neighbouring tokens: the first T are the input, the last T the targets, so every position learns
 * to predict its successor from what really came before (teacher forcing). */
import type { Tokenizer } from '../model/text/tokenizer.ts';
import { RandomStream } from '../tensor/random.ts';
import type { Ids } from '../tensor/tensor.ts';

export interface Split {
  readonly train: Int32Array;
  readonly validation: Int32Array;
  /** Of the held-out tokens that are scored: all but the first. Absent where every token is a character. */
  readonly charactersPerToken?: number;
}
/** Tokens start .. start + length, whose last `length` are scored. */
export interface Window {
  readonly start: number;
  readonly length: number;
}

/** Where the held-out part of n tokens begins. */
export function cutAt(n: number): number {
  return Math.floor(0.9 * n);
}

/** The text before and from character `cutAt` of its n characters, which are code points. */
export function splitText(text: string): { readonly training: string; readonly heldOut: string } {
  const cut = cutAt(countCharacters(text));
  let at = 0;
  for (let n = 0; n < cut; n++) at += text.codePointAt(at)! > 0xffff ? 2 : 1;
  return { training: text.slice(0, at), heldOut: text.slice(at) };
}

/** Both parts of a normalized text as tokens, cut at the same character whatever the tokenizer.
 *
 * Where a character is a token the tokens are cut. A longer token could reach across the cut, and then the first
 * held-out characters would have been learned from; so there the text is cut, and each part encoded by itself. */
export function encodeSplit(text: string, tokenizer: Tokenizer, unknown?: 'error' | 'skip'): Split {
  if (tokenizer.kind === 'char') return cutTokens(tokenizer.encode(text, unknown));
  const { training, heldOut } = splitText(text);
  const [train, validation] = [tokenizer.encode(training, unknown), tokenizer.encode(heldOut, unknown)];
  if (validation.length < 2) return { train, validation };
  const characters = countCharacters(scoredText(tokenizer, validation));
  return { train, validation, charactersPerToken: characters / (validation.length - 1) };
}

/** The text of all tokens but the first. A character that the first token only begins is part of it. */
export function scoredText(tokenizer: Tokenizer, tokens: Int32Array): string {
  return tokenizer.decode(tokens).slice(tokenizer.stream().push(tokens[0]!).length);
}

/** Unicode code points. */
export function countCharacters(text: string): number {
  let count = 0;
  for (const _ of text) count++;
  return count;
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

/** Windows of T that follow each other in so many tokens: one pass. */
function windowsIn(length: number, T: number): number {
  return Math.floor((length - 1) / T);
}

/** Updates of so many windows each that make `epochs` passes over the training part, rounded up. */
export function stepsInEpochs(epochs: number, { train }: Split, T: number, windows: number): number {
  return Math.ceil((epochs * windowsIn(train.length, T)) / windows);
}

/** random: any window, again and again. epoch: every window once, in a new order each time round. */
export const samplings = ['random', 'epoch'] as const;
export type Sampling = (typeof samplings)[number];

/** Training batches: the k-th window ever drawn is a function of (seed, k), or of (seed, step, place in the batch). */
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

  /** Where the k-th window since the beginning starts, when each epoch takes every window once. */
  #next(k: number): number {
    const epoch = Math.floor(k / this.windows);
    if (epoch !== this.#epoch) this.#reshuffle(epoch);
    return this.#offset + this.#order[k - epoch * this.windows]! * this.#time;
  }

  /** Fisher and Yates's shuffle; and the windows' common offset, so that epochs cut the text at different places. */
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
