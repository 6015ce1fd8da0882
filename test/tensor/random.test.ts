import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Purpose, philox, purposes, RandomStream, toUniform } from '../../src/tensor/random.ts';
import { expectClose, expectSameBits, fingerprint } from '../support/compare.ts';

function block(counter: readonly [number, number, number, number], key: readonly [number, number]): string {
  const out = new Uint32Array(4);
  philox(out, counter, key);
  return hex(out);
}

function hex(words: Uint32Array): string {
  return Array.from(words, (word) => word.toString(16).padStart(8, '0')).join(' ');
}

describe('philox', () => {
  it('gives the known answers of Random123 (kat_vectors, philox4x32, 10 rounds)', () => {
    const all = 0xffffffff;
    expect(block([0, 0, 0, 0], [0, 0])).toBe('6627e8d5 e169c58d bc57ac4c 9b00dbd8');
    expect(block([all, all, all, all], [all, all])).toBe('408f276d 41c83b0e a20bc7c6 6d5451fd');
    expect(block([0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344], [0xa4093822, 0x299f31d0])).toBe(
      'd16cfe09 94fdcceb 5001e420 24126ea1',
    );
  });

  it('multiplies exactly: ten rounds in BigInt give the same words for any counter and key', () => {
    const word = fc.integer({ min: 0, max: 0xffffffff });
    fc.assert(
      fc.property(fc.tuple(word, word, word, word), fc.tuple(word, word), (counter, key) => {
        expect(block(counter, key)).toBe(hex(philoxInBigInt(counter, key)));
      }),
      { seed: 1, numRuns: 300 },
    );
  });
});

function philoxInBigInt(counter: number[], key: number[]): Uint32Array {
  const low = (x: bigint) => x & 0xffffffffn;
  let [a, b, c, d] = counter.map(BigInt);
  let [k0, k1] = key.map(BigInt);
  for (let round = 0; round < 10; round++) {
    const [p, q] = [a * 0xd2511f53n, c * 0xcd9e8d57n];
    [a, b, c, d] = [(q >> 32n) ^ b ^ k0, low(q), (p >> 32n) ^ d ^ k1, low(p)];
    [k0, k1] = [low(k0 + 0x9e3779b9n), low(k1 + 0xbb67ae85n)];
  }
  return Uint32Array.from([a, b, c, d], Number);
}

describe('toUniform', () => {
  it('maps two words onto [0, 1) with 53 bits', () => {
    expect(toUniform(0, 0)).toBe(0);
    expect(toUniform(0, 1 << 6)).toBe(2 ** -53);
    expect(toUniform(0, 63)).toBe(0);
    expect(toUniform(0x80000000, 0)).toBe(0.5);
    expect(toUniform(0xffffffff, 0xffffffff)).toBe(1 - 2 ** -53);
  });
});

describe('RandomStream', () => {
  it('gives the pinned numbers of seed 42', () => {
    const sample = new RandomStream(42, 'sample');
    const pinned: [number, number, string, number][] = [
      [0, 0, '9ceaf053 77f5493b 12bf50ad 5742b3d7', 0.6129598801477738],
      [1, 0, 'fcdb2127 53ba6cfd 838f5a6e 744e06fb', 0.9877186516453577],
      [0, 1, '42e0b8b3 7dbf5de8 2fe739d4 6aaf03eb', 0.2612414769172763],
      [7, 3, 'e2d4f87a 62f504d8 73be0d3e d974fbc8', 0.8860621704649269],
    ];
    for (const [step, stream, words, uniform] of pinned) {
      expect(hex(sample.words(step, stream))).toBe(words);
      expect(sample.uniform(step, stream)).toBe(uniform);
    }
  });

  it('never renumbers what the numbers are for', () => {
    expect(purposes).toEqual({
      sample: 0,
      init: 1,
      batch: 2,
      dropout: 3,
      evaluate: 4,
      shuffle: 5,
      documents: 6,
    });
  });

  it('puts step, stream, draw and purpose into the counter and all 53 bits of the seed into the key', () => {
    const seed = 2 ** 53 - 1;
    const stream = new RandomStream(seed, 'dropout');
    expect(hex(stream.words(5, 6, 7))).toBe(block([5, 6, 7, 3], [0xffffffff, 0x1fffff]));
    expect(hex(new RandomStream(2 ** 32 + 9, 'init').words(0))).toBe(block([0, 0, 0, 1], [9, 1]));
  });

  it('gives other numbers for every other seed, purpose, step, stream and draw', () => {
    const seen = new Set<number>();
    let count = 0;
    for (const seed of [0, 1, 2 ** 32, 2 ** 32 + 1]) {
      for (const purpose of Object.keys(purposes) as Purpose[]) {
        const stream = new RandomStream(seed, purpose);
        for (let i = 0; i < 64; i++) {
          seen.add(stream.uniform(i & 3, (i >> 2) & 3, i >> 4));
          count++;
        }
      }
    }
    expect(seen.size).toBe(count);
  });

  it('gives a number whatever was asked for before', () => {
    const [a, b] = [new RandomStream(7, 'batch'), new RandomStream(7, 'batch')];
    const forwards = [0, 1, 2, 3].map((step) => a.uniform(step));
    const backwards = [3, 2, 1, 0].map((step) => b.uniform(step)).reverse();
    expect(backwards).toEqual(forwards);
  });

  it('draws integers below n, all equally often: chi-square of 20,000 draws under the 1e-6 limit', () => {
    const stream = new RandomStream(3, 'batch');
    const counts = new Array(10).fill(0);
    for (let i = 0; i < 20_000; i++) counts[stream.below(10, i)]++;
    const chiSquare = counts.reduce((sum, count) => sum + (count - 2000) ** 2 / 2000, 0);
    expect(counts).toHaveLength(10); // a 10 would have made it longer
    expect(chiSquare).toBeLessThan(44.81); // 9 degrees of freedom
    expect(stream.below(1, 0)).toBe(0);
  });

  it.each([-1, 0.5, 2 ** 53, Number.NaN, Number.POSITIVE_INFINITY])('refuses the seed %d', (seed) => {
    expect(() => new RandomStream(seed, 'init')).toThrow(
      new RangeError(`seed: expected an integer from 0 to 2^53 - 1, got ${seed}`),
    );
  });
});

describe('normals', () => {
  const n = 100_000;
  const values = new Float64Array(n);
  new RandomStream(42, 'init').normals(values, 1, 0);
  const moment = (power: number) => values.reduce((sum, x) => sum + x ** power, 0) / n;

  /** Five standard errors: sqrt(variance of x^k / n). */
  it('have mean 0, variance 1, no skew and kurtosis 3, within five standard errors of 100,000', () => {
    expect(Math.abs(moment(1))).toBeLessThan(5 * Math.sqrt(1 / n));
    expect(Math.abs(moment(2) - 1)).toBeLessThan(5 * Math.sqrt(2 / n));
    expect(Math.abs(moment(3))).toBeLessThan(5 * Math.sqrt(15 / n));
    expect(Math.abs(moment(4) - 3)).toBeLessThan(5 * Math.sqrt(96 / n));
  });

  it('have independent pairs: x y and x^2 y^2 average as they should', () => {
    let [product, squares] = [0, 0];
    for (let i = 0; i < n; i += 2) {
      product += values[i] * values[i + 1];
      squares += (values[i] * values[i + 1]) ** 2;
    }
    expect(Math.abs(product / (n / 2))).toBeLessThan(5 * Math.sqrt(2 / n));
    expect(Math.abs(squares / (n / 2) - 1)).toBeLessThan(5 * Math.sqrt((2 * 8) / n));
  });

  it("are Box and Muller's pairs", () => {
    const stream = new RandomStream(42, 'init');
    for (let i = 0; i < 1000; i += 2) {
      const [w0, w1, w2, w3] = stream.words(0, 0, i / 2);
      const radius = Math.sqrt(-2 * Math.log(1 - toUniform(w0, w1)));
      const angle = 2 * Math.PI * toUniform(w2, w3);
      const pair = [radius * Math.cos(angle), radius * Math.sin(angle)];
      expectClose(values.subarray(i, i + 2), pair, { relative: 1e-14 });
    }
  });

  it('are pinned, so another engine that computes them otherwise would be noticed', () => {
    expect([...values.subarray(0, 5)]).toEqual([
      -0.2458219818066323, 0.45715821251458655, 0.5185127345838679, -0.6706301586758031, -1.6615956659267324,
    ]);
    expect(fingerprint(values)).toBe('52927467');
  });

  it('scale with the deviation, and a shorter or odd array gets the same beginning', () => {
    const short = new Float64Array(7);
    new RandomStream(42, 'init').normals(short, 0.5, 0);
    expectSameBits(
      short,
      values.subarray(0, 7).map((x) => x * 0.5),
    );
  });

  it('differ between streams', () => {
    const other = new Float64Array(n);
    new RandomStream(42, 'init').normals(other, 1, 1);
    const product = other.reduce((sum, x, i) => sum + x * values[i], 0) / n;
    expect(Math.abs(product)).toBeLessThan(5 * Math.sqrt(1 / n));
  });
});
