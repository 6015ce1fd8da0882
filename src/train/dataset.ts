/** The text as the trainer sees it: token ids, the first 90 % to train on and the rest held out, and windows of both.
 *
 * A window is T + 1 neighbouring tokens: the first T are the input, the last T the targets, so every position learns
 * to predict its successor from what really came before (teacher forcing). */
import { RandomStream } from '../tensor/random.ts';
import type { Ids } from '../tensor/tensor.ts';

export interface Split {
  readonly train: Int32Array;
  readonly validation: Int32Array;
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

/** Cuts by position at `cutAt`. Throws a RangeError if either part is too short for one window of T tokens. */
export function splitTokens(tokens: Int32Array, T: number): Split {
  const cut = cutAt(tokens.length);
  const [train, validation] = [tokens.subarray(0, cut), tokens.subarray(cut)];
  for (const [name, part] of Object.entries({ training: train, validation })) {
    if (part.length < T + 1) {
      const advice =
        part.length >= 2
          ? `; use a longer text or --context ${part.length - 1} or less`
          : '; use a longer text';
      throw new RangeError(
        `the ${name} part of the text is too short: expected at least context + 1 = ${T + 1} tokens, got ${part.length} of ${tokens.length}${advice}`,
      );
    }
  }
  return { train, validation };
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
    this.windows = Math.floor((tokens.length - 1) / time);
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

/** Disjoint windows of T that score every token after the first exactly once; the last may be shorter. */
export function allWindows(length: number, T: number): Window[] {
  const windows: Window[] = [];
  for (let start = 0; start < length - 1; start += T)
    windows.push({ start, length: Math.min(T, length - 1 - start) });
  return windows;
}

/** About `budget` tokens' worth of whole windows, spread evenly over the text; all windows if the budget covers them. */
export function spreadWindows(length: number, T: number, budget: number): Window[] {
  const count = Math.max(1, Math.ceil(budget / T));
  if (count * T >= length - 1) return allWindows(length, T);
  const last = length - 1 - T;
  return Array.from({ length: count }, (_, i) => ({
    start: count === 1 ? 0 : Math.floor((i * last) / (count - 1)),
    length: T,
  }));
}
