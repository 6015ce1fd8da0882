import { describe, expect, test } from 'vitest';
import { reference } from '../../../src/tensor/reference/index.ts';
import { elements } from '../../../src/tensor/simd/elementwise.ts';
import { gelu } from '../../../src/tensor/simd/gelu.ts';
import { type Tensor, tensor } from '../../../src/tensor/tensor.ts';
import { expectClose, expectSameBits, randomTensor, sizes, unit } from '../../support/compare.ts';
import { modeName, modes, sliced } from './sliced.ts';

const names = ['add', 'multiply', 'weightedSum', 'gelu', 'geluBackward'] as const;

describe.each(modes.map((mode) => ({ mode, name: modeName(mode) })))('with $name', ({ mode }) => {
  const { kernels, memory } = sliced([elements, gelu], names, mode);

  test.each(['add', 'multiply'] as const)(
    '%s has the bits of the reference for any size and slices',
    (name) => {
      for (const n of sizes) {
        for (const slices of [1, 2, 3]) {
          const [a, b] = [
            memory.copy(randomTensor('a', [n, 3], 1)),
            memory.copy(randomTensor('b', [n, 3], 1)),
          ];
          const [y, want] = [memory.tensor('y', [n, 3]), tensor('y', [n, 3])];
          reference[name](want, a, b);
          kernels(slices)[name](y, a, b);
          expectSameBits(y, want);
          kernels(slices)[name](a, a, b); // in place
          expectSameBits(a, want);
          memory.reset();
        }
      }
    },
  );

  // Each factor, each product and the sum are rounded once.
  test('weightedSum is within 3 units of the reference for any size, the same bits for any slices and in place', () => {
    for (const n of sizes) {
      const [x, z] = [memory.copy(randomTensor('x', [n, 3], 1)), memory.copy(randomTensor('z', [n, 3], 1))];
      const [y, want] = [memory.tensor('y', [n, 3]), tensor('y', [n, 3])];
      reference.weightedSum(want, 0.7, x, -0.3, z);
      kernels(1).weightedSum(y, 0.7, x, -0.3, z);
      const scale = x.data.map((v, i) => 0.7 * Math.abs(v) + 0.3 * Math.abs(z.data[i]!));
      expectClose(y, want, { relative: 3 * unit, scale });
      for (const slices of [2, 3]) {
        const again = memory.tensor('y', [n, 3]);
        kernels(slices).weightedSum(again, 0.7, x, -0.3, z);
        expectSameBits(again, y);
      }
      kernels(3).weightedSum(z, 0.7, x, -0.3, z);
      expectSameBits(z, y);
      memory.reset();
    }
  });

  /** Inputs of all sizes: a normal times 4, and every 7th one large or tiny. */
  const wide = (n: number): Tensor => {
    const x = randomTensor('x', [n, 5], 1);
    x.data.forEach((v, i) => {
      x.data[i] = v * (i % 7 === 3 ? 40 : i % 7 === 5 ? 1e-20 : 4);
    });
    return x;
  };

  // With w = 2 u, which is off by 3 units: e is off by 3 w + 2 units, s by s (1 - s) times that, at most 0.7 + 2.
  test('gelu is within 5 units of |x| of the reference, the same bits for any slices', () => {
    for (const n of sizes) {
      const x = memory.copy(wide(n));
      const [y, again, want] = [memory.tensor('y', [n, 5]), memory.tensor('y', [n, 5]), tensor('y', [n, 5])];
      reference.gelu(want, x);
      kernels(1).gelu(y, x);
      expectClose(y, want, { relative: 5 * unit, scale: x.data.map(Math.abs) });
      for (const slices of [2, 3]) {
        kernels(slices).gelu(again, x);
        expectSameBits(again, y);
      }
      memory.reset();
    }
  });

  // The slope adds x (a + 3 b x^2) e s^2, at most 1/2, off by 3 w + 8 units where w is about 2.
  test('geluBackward is within 12 units of |dy| of the reference, the same bits for any slices', () => {
    for (const n of sizes) {
      const [x, dy] = [memory.copy(wide(n)), memory.copy(randomTensor('dy', [n, 5], 1))];
      const [dx, again, want] = [
        memory.tensor('dx', [n, 5]),
        memory.tensor('dx', [n, 5]),
        tensor('dx', [n, 5]),
      ];
      reference.geluBackward(want, dy, x);
      kernels(1).geluBackward(dx, dy, x);
      expectClose(dx, want, { relative: 12 * unit, scale: dy.data.map(Math.abs) });
      for (const slices of [2, 3]) {
        kernels(slices).geluBackward(again, dy, x);
        expectSameBits(again, dx);
      }
      memory.reset();
    }
  });

  test('gelu at the edges: slope 1 and 0, never NaN for finite x', () => {
    const x = memory.tensor('x', [1, 9], [0, -0, 20, -20, 1e10, -1e10, 3e38, -3e38, Number.NaN]);
    const [y, dx] = [memory.tensor('y', [1, 9]), memory.tensor('dx', [1, 9])];
    const dy = memory.tensor('dy', [1, 9], Array(9).fill(1));
    kernels(1).gelu(y, x);
    kernels(1).geluBackward(dx, dy, x);
    const large = [0, -0, 20, -0, Math.fround(1e10), -0, Math.fround(3e38), -0, Number.NaN];
    expect([...y.data]).toEqual(large);
    expectClose(dx, [0.5, 0.5, 1, 0, 1, 0, 1, 0, Number.NaN], { relative: 1e-30, scale: 1 });
    memory.reset();
  });
});
