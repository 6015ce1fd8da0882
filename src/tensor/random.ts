/** Random numbers without a state: each is a function of (seed, stream, step, index), so nothing is ever "consumed".
 *
 * So no number changes because a run evaluates more often, samples in between, is stopped and resumed, or computes rows in
 * another order. The generator is Philox4x32-10 (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3",
 * SC 2011): ten rounds that multiply, swap and mix a 128-bit counter under a 64-bit key.
 *
 *     key = (seed low 32 bits, seed high 21 bits)      counter = (step, stream, draw, purpose) */
import { cosSinTurns, log } from './math.ts';

/** What a number is for; each purpose is a stream of its own. The values are part of the file format: never renumber. */
export const purposes = {
  sample: 0,
  init: 1,
  batch: 2,
  dropout: 3,
  evaluate: 4,
  shuffle: 5,
  documents: 6,
} as const;
export type Purpose = keyof typeof purposes;

const multiplier0 = 0xd2511f53;
const multiplier1 = 0xcd9e8d57;
const weyl0 = 0x9e3779b9;
const weyl1 = 0xbb67ae85;

/** High 32 bits of the 64-bit product of two unsigned 32-bit numbers, from 16-bit halves. */
function multiplyHigh(a: number, b: number): number {
  const [aLow, aHigh, bLow, bHigh] = [a & 0xffff, a >>> 16, b & 0xffff, b >>> 16];
  const middle = aHigh * bLow + ((aLow * bLow) >>> 16);
  const carry = aLow * bHigh + (middle & 0xffff);
  return (aHigh * bHigh + (middle >>> 16) + (carry >>> 16)) >>> 0;
}

/** Writes the four 32-bit words for one counter and key to `out`. */
export function philox(
  out: Uint32Array,
  counter: readonly [number, number, number, number],
  key: readonly [number, number],
): void {
  let [c0, c1, c2, c3] = counter;
  let [k0, k1] = key;
  for (let round = 0; round < 10; round++) {
    const high0 = multiplyHigh(multiplier0, c0 >>> 0);
    const high1 = multiplyHigh(multiplier1, c2 >>> 0);
    const low0 = Math.imul(multiplier0, c0);
    const low1 = Math.imul(multiplier1, c2);
    [c0, c1, c2, c3] = [high1 ^ c1 ^ k0, low1, high0 ^ c3 ^ k1, low0];
    k0 = (k0 + weyl0) | 0;
    k1 = (k1 + weyl1) | 0;
  }
  out[0] = c0;
  out[1] = c1;
  out[2] = c2;
  out[3] = c3;
}

/** A uniform in [0, 1) with 53 random bits, from two words. */
export function toUniform(word0: number, word1: number): number {
  return ((word0 >>> 5) * 0x4000000 + (word1 >>> 6)) / 0x20000000000000;
}

/** All random numbers of one purpose under one seed. */
export class RandomStream {
  readonly seed: number;
  readonly purpose: Purpose;
  readonly key: readonly [number, number];
  readonly #words = new Uint32Array(4);

  /** @param seed an integer in 0 .. 2^53 - 1; otherwise a RangeError. */
  constructor(seed: number, purpose: Purpose) {
    if (!(Number.isSafeInteger(seed) && seed >= 0)) {
      throw new RangeError(`seed: expected an integer from 0 to 2^53 - 1, got ${seed}`);
    }
    this.seed = seed;
    this.purpose = purpose;
    this.key = [seed >>> 0, Math.floor(seed / 0x100000000)];
  }

  /** Four 32-bit words; valid until the next call. */
  words(step: number, stream = 0, draw = 0): Uint32Array {
    philox(this.#words, [step, stream, draw, purposes[this.purpose]], this.key);
    return this.#words;
  }

  uniform(step: number, stream = 0, draw = 0): number {
    const words = this.words(step, stream, draw);
    return toUniform(words[0]!, words[1]!);
  }

  /** An integer in 0 .. n - 1. */
  below(n: number, step: number, stream = 0, draw = 0): number {
    return Math.floor(this.uniform(step, stream, draw) * n);
  }

  /** Fills `out` with independent normals of mean 0: Box and Muller's pair from each counter's two uniforms. */
  normals(out: { length: number; [index: number]: number }, deviation: number, stream: number): void {
    for (let i = 0; i < out.length; i += 2) {
      const words = this.words(0, stream, i >>> 1);
      const radius = deviation * Math.sqrt(-2 * log(1 - toUniform(words[0]!, words[1]!)));
      const [cos, sin] = cosSinTurns(toUniform(words[2]!, words[3]!));
      out[i] = radius * cos;
      if (i + 1 < out.length) out[i + 1] = radius * sin;
    }
  }
}
