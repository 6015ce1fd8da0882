import { describe, expect, it } from 'vitest';
import type { AdamWSettings } from '../../../src/tensor/kernels.ts';
import { RandomStream } from '../../../src/tensor/random.ts';
import { tensor } from '../../../src/tensor/tensor.ts';
import { backends } from '../../support/backends.ts';
import { expectClose, expectSameBits, randomTensor, sizes, unit } from '../../support/compare.ts';
import { GuardedMemory } from '../../support/guarded.ts';

describe.each(await backends())('$name', ({ kernels }) => {
  const memory = new GuardedMemory(kernels.memory);

  describe('dropoutMask', () => {
    const key = { seed: 2 ** 40 + 7, step: 11, site: 5 };
    const mask = (size: number, rate: number, k = key) => {
      memory.reset();
      const t = memory.tensor('mask', [size]);
      kernels.dropoutMask(t, rate, k);
      memory.expectGuardsIntact();
      return t.data.slice();
    };

    it('at rate 1/2 an element becomes 0 or 2', () => {
      expect(new Set(mask(100, 0.5))).toEqual(new Set([0, 2]));
    });

    it('compares word i mod 4 of the random block (step, site, i div 4) with the rate, for every size', () => {
      const stream = new RandomStream(key.seed, 'dropout');
      for (const rate of [0.1, 0.25, 0.5, 0.9]) {
        for (const size of [...sizes, 1001]) {
          const expected = Float32Array.from({ length: size }, (_, i) => {
            const word = stream.words(key.step, key.site, Math.floor(i / 4))[i % 4];
            return word / 2 ** 32 < rate ? 0 : 1 / (1 - rate);
          });
          expectSameBits(mask(size, rate), expected);
        }
      }
    });

    it('silences a share of `rate` and keeps the mean at 1, within five standard errors of 200,000', () => {
      const n = 200_000;
      for (const rate of [0.1, 0.5]) {
        const values = mask(n, rate);
        const silenced = values.filter((x) => x === 0).length / n;
        expect(Math.abs(silenced - rate)).toBeLessThan(5 * Math.sqrt((rate * (1 - rate)) / n));
        const mean = Array.from(values).reduce((sum, x) => sum + x, 0) / n;
        expect(Math.abs(mean - 1)).toBeLessThan(5 * Math.sqrt(rate / (1 - rate) / n) + unit);
      }
    });

    it('silences neighbours independently of each other, within five standard errors', () => {
      const n = 200_000;
      const values = mask(n, 0.5).map((x) => x - 1);
      for (const lag of [1, 2, 3, 4]) {
        let product = 0;
        for (let i = lag; i < n; i++) product += values[i] * values[i - lag];
        expect(Math.abs(product / (n - lag))).toBeLessThan(5 / Math.sqrt(n - lag));
      }
    });

    it('depends on seed, step and site, and on nothing that was made before', () => {
      const first = mask(1000, 0.5);
      for (const other of [{ seed: key.seed + 2 ** 32 }, { step: 12 }, { site: 6 }]) {
        const agreeing = mask(1000, 0.5, { ...key, ...other }).filter((x, i) => x === first[i]).length;
        expect(Math.abs(agreeing - 500)).toBeLessThan(5 * Math.sqrt(250));
      }
      expectSameBits(mask(1000, 0.5), first);
      expectSameBits(mask(999, 0.5), first.subarray(0, 999));
    });

    it('is all ones at rate 0, and refuses rates outside 0 <= rate < 1', () => {
      expectSameBits(mask(7, 0), new Float32Array(7).fill(1));
      for (const rate of [1, -0.1, Number.NaN]) {
        expect(() => mask(7, rate)).toThrow(
          new RangeError(`dropoutMask: expected a rate in 0 <= rate < 1, got rate = ${rate}`),
        );
      }
    });
  });

  describe('sumOfSquares', () => {
    it('is within one rounding for each element of a block and each block, at sizes around whole blocks', () => {
      const all = randomTensor('x', [20_000], 3).data;
      for (const size of [...sizes, 4095, 4096, 4097, 8192, 8193, 20_000]) {
        memory.reset();
        const x = memory.tensor('x', [size], all.subarray(0, size));
        const expected = Array.from(x.data).reduce((sum, v) => sum + v * v, 0);
        const roundings = Math.min(size, 4096) + size / 4096 + 1;
        expectClose([kernels.sumOfSquares(x)], [expected], { relative: roundings * unit });
      }
    });

    it('is exact for small integers, whatever the order, and zero for zeros', () => {
      memory.reset();
      const x = memory.tensor(
        'x',
        [10_001],
        Float32Array.from({ length: 10_001 }, (_, i) => (i % 7) - 3),
      );
      const squares = [9, 4, 1, 0, 1, 4, 9];
      let expected = 0;
      for (let i = 0; i < 10_001; i++) expected += squares[i % 7];
      expect(kernels.sumOfSquares(x)).toBe(expected);
      x.data.fill(0);
      expect(kernels.sumOfSquares(x)).toBe(0);
    });
  });

  describe('adamw', () => {
    const settings: AdamWSettings = {
      learningRate: 0.003,
      beta1: 0.9,
      beta2: 0.99,
      epsilon: 1e-8,
      weightDecay: 0.1,
      gradientScale: 0.7,
      step: 3,
    };
    const state = (size: number) => {
      memory.reset();
      const [p, m, v, g] = ['p', 'm', 'v', 'g'].map((name) => memory.copy(randomTensor(name, [size], 4)));
      for (let i = 0; i < size; i++) v.data[i] = Math.abs(v.data[i]);
      return { p, m, v, g };
    };

    it('follows its formulas within eight roundings of float64, for every size', () => {
      for (const size of [...sizes, 1001]) {
        for (const [step, epsilon] of [
          [1, 1e-8],
          [3, 0.1],
          [1000, 1e-8],
        ]) {
          const { p, m, v, g } = state(size);
          const [p0, m0, v0, g0] = [p, m, v, g].map((t) => Float64Array.from(t.data));
          kernels.adamw(p, m, v, g, [0, size], { ...settings, step, epsilon });
          const [pNew, mNew, vNew] = [p, m, v].map((t) => new Float64Array(t.size));
          // What the errors are measured against: m may be a small difference of large numbers, and p moves by it.
          const mScale = new Float64Array(size);
          const pScale = new Float64Array(size);
          for (let i = 0; i < size; i++) {
            const gradient = 0.7 * g0[i];
            mNew[i] = 0.9 * m0[i] + 0.1 * gradient;
            vNew[i] = 0.99 * v0[i] + 0.01 * gradient ** 2;
            const rate = 0.003 / (1 - 0.9 ** step) / (Math.sqrt(vNew[i] / (1 - 0.99 ** step)) + epsilon);
            pNew[i] = p0[i] * (1 - 0.003 * 0.1) - rate * mNew[i];
            mScale[i] = 0.9 * Math.abs(m0[i]) + 0.1 * Math.abs(gradient);
            pScale[i] = Math.abs(p0[i]) + rate * mScale[i];
          }
          expectClose(m, mNew, { relative: 8 * unit, scale: mScale });
          expectClose(v, vNew, { relative: 8 * unit, scale: vNew });
          expectClose(p, pNew, { relative: 8 * unit, scale: pScale });
          expectSameBits(g, g0);
        }
      }
    });

    it('changes only the elements of its range, and ranges together equal one pass bit for bit', () => {
      const size = 131;
      const whole = state(size);
      kernels.adamw(whole.p, whole.m, whole.v, whole.g, [0, size], settings);
      const expected = [whole.p, whole.m, whole.v].map((t) => t.data.slice());
      const { p, m, v, g } = state(size);
      const before = [p, m, v].map((t) => t.data.slice());
      const cuts = [0, 1, 1, 18, 64, 100, size];
      for (let i = 1; i < cuts.length; i++) {
        const [from, to] = [cuts[i - 1], cuts[i]];
        kernels.adamw(p, m, v, g, [from, to], settings);
        [p, m, v].forEach((t, k) => {
          expectSameBits(t.data.subarray(0, to), expected[k].subarray(0, to));
          expectSameBits(t.data.subarray(to), before[k].subarray(to));
        });
      }
    });

    it('takes a first step of the learning rate against the sign of each gradient, whatever its size', () => {
      memory.reset();
      const g = memory.tensor('g', [4], [1e-3, -5, 1e4, -1e-6]);
      const [p, m, v] = ['p', 'm', 'v'].map((name) => memory.tensor(name, [4], [0, 0, 0, 0]));
      kernels.adamw(p, m, v, g, [0, 4], { ...settings, epsilon: 0, gradientScale: 1, step: 1 });
      expectClose(p, [-0.003, 0.003, -0.003, 0.003], { relative: 8 * unit });
    });

    it('only decays where there has never been a gradient', () => {
      memory.reset();
      const p = memory.tensor('p', [2], [2, -4]);
      const [m, v, g] = ['m', 'v', 'g'].map((name) => memory.tensor(name, [2], [0, 0]));
      kernels.adamw(p, m, v, g, [0, 2], settings);
      expectClose(p, [2 - 2 * 0.0003, -4 + 4 * 0.0003], { relative: 2 * unit });
      kernels.adamw(p, m, v, g, [0, 2], { ...settings, learningRate: 0 });
      expectClose(p, [2 - 2 * 0.0003, -4 + 4 * 0.0003], { relative: 2 * unit });
    });

    it('refuses tensors of unequal size and a range outside them', () => {
      const [a, b] = [tensor('a', [3]), tensor('b', [4])];
      expect(() => kernels.adamw(a, a, a, b, [0, 3], settings)).toThrow(
        new RangeError(
          'adamw: expected p, m, v, g of one size and a range in it, got p = 3, g = 4, from = 0, to = 3',
        ),
      );
      expect(() => kernels.adamw(a, a, a, a, [0, 4], settings)).toThrow(RangeError);
      expect(() => kernels.adamw(a, a, a, a, [-1, 3], settings)).toThrow(RangeError);
    });
  });
});
