import { expect, test } from 'vitest';
import { reference } from '../../../src/tensor/reference/index.ts';
import { dropout } from '../../../src/tensor/simd/dropout.ts';
import { tensor } from '../../../src/tensor/tensor.ts';
import { expectSameBits, sizes } from '../../support/compare.ts';
import { sliced } from './sliced.ts';

const { kernels, memory } = sliced([dropout], ['dropoutMask'], { fma: false, wide: false });

test('the mask has the bits of the reference for any size, rate, key and slices', () => {
  const keys = [
    { seed: 0, step: 0, site: 0 },
    { seed: 2 ** 53 - 1, step: 12345, site: 7 },
    { seed: 1e15 + 1, step: 4e9, site: 2 ** 32 - 1 },
  ];
  for (const n of [...sizes, 1000]) {
    for (const rate of [0, 0.1, 0.5, 0.999]) {
      for (const key of keys) {
        const want = tensor('mask', [n]);
        reference.dropoutMask(want, rate, key);
        for (const slices of [1, 2, 3]) {
          const mask = memory.tensor('mask', [n]);
          kernels(slices).dropoutMask(mask, rate, key);
          expectSameBits(mask, want);
        }
      }
    }
    memory.reset();
  }
});

test('the threshold is exact: a word is silenced if it is below rate * 2^32', () => {
  // With one element in 2^32 more or less at stake, only rates at the words themselves can tell.
  const key = { seed: 3, step: 1, site: 4 };
  const words = tensor('words', [4]);
  let [low, high] = [0, 1];
  // Bisect for the first word of the first draw: the least rate that silences element 0, in 2^-32.
  for (let i = 0; i < 32; i++) {
    const middle = (low + high) / 2;
    reference.dropoutMask(words, middle, key);
    if (words.data[0] === 0) high = middle;
    else low = middle;
  }
  for (const rate of [low, high, low + 2 ** -34, 1 - 2 ** -53, 2 ** -40]) {
    const mask = memory.tensor('mask', [4]);
    reference.dropoutMask(words, rate, key);
    kernels(1).dropoutMask(mask, rate, key);
    expectSameBits(mask, words);
    memory.reset();
  }
});

test('rates outside of 0 <= rate < 1 and bad seeds are RangeErrors', () => {
  const mask = memory.tensor('mask', [4]);
  const run = (rate: number, seed: number) => () =>
    kernels(1).dropoutMask(mask, rate, { seed, step: 0, site: 0 });
  expect(run(1, 0)).toThrow('dropoutMask: expected a rate in 0 <= rate < 1, got rate = 1');
  expect(run(-0.1, 0)).toThrow(RangeError);
  expect(run(0.5, -1)).toThrow('seed: expected an integer');
  memory.reset();
});
