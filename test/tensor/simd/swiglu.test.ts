import { describe, expect, test } from 'vitest';
import { reference } from '../../../src/tensor/reference/index.ts';
import { swiglu } from '../../../src/tensor/simd/swiglu.ts';
import { type Tensor, tensor } from '../../../src/tensor/tensor.ts';
import { expectClose, expectSameBits, randomTensor, sizes, unit } from '../../support/compare.ts';
import { modeName, modes, sliced } from './sliced.ts';

const names = ['swiglu', 'swigluBackward'] as const;
const cases = [...sizes.map((F) => [3, F] as const), ...sizes.map((N) => [N, 19] as const)];

/** Gate and up: normals times 4, and every 7th one large or tiny. */
function wide(N: number, F: number): Tensor {
  const x = randomTensor('x', [N, 2 * F], 1);
  x.data.forEach((v, i) => {
    x.data[i] = v * (i % 7 === 3 ? 20 : i % 7 === 5 ? 1e-20 : 4);
  });
  return x;
}

describe.each(modes.map((mode) => ({ mode, name: modeName(mode) })))('with $name', ({ mode }) => {
  const { kernels, memory } = sliced([swiglu], names, mode);
  const k = kernels(1);

  // e is off by 2 units, 1 + e by one more, and a quotient and a product follow.
  test('y is within 6 units of the reference, relative to itself, the same bits for any slices', () => {
    for (const [N, F] of cases) {
      const x = memory.copy(wide(N, F));
      const [y, want] = [memory.tensor('y', [N, F]), tensor('y', [N, F])];
      reference.swiglu(want, x);
      k.swiglu(y, x);
      expectClose(y, want, { relative: 6 * unit, scale: 0 });
      for (const slices of [2, 3]) {
        const again = memory.tensor('y', [N, F]);
        kernels(slices).swiglu(again, x);
        expectSameBits(again, y);
      }
      memory.reset();
    }
  });

  // s is off by 2 + 2 (1 - s) units, e s by 3 + 2 s of its own; products and the sum add 5 more.
  test('dgate and dup are within 12 units of the reference, relative to what was added', () => {
    for (const [N, F] of cases) {
      const [x, dy] = [memory.copy(wide(N, F)), memory.copy(randomTensor('dy', [N, F], 1))];
      const [dx, want] = [memory.tensor('dx', [N, 2 * F]), tensor('dx', [N, 2 * F])];
      reference.swigluBackward(want, dy, x);
      k.swigluBackward(dx, dy, x);
      const scale = Array.from(want.data, Math.abs);
      for (let i = 0; i < N * F; i++) {
        const at = Math.floor(i / F) * 2 * F + (i % F);
        const s = 1 / (1 + Math.exp(-x.data[at]!));
        const bend = Math.abs(x.data[at]!) * (1 - s);
        scale[at] = Math.abs(dy.data[i]! * x.data[at + F]!) * s * (1 + bend);
      }
      expectClose(dx, want, { relative: 12 * unit, scale });
      for (const slices of [2, 3]) {
        const again = memory.tensor('dx', [N, 2 * F]);
        kernels(slices).swigluBackward(again, dy, x);
        expectSameBits(again, dx);
      }
      memory.reset();
    }
  });

  test('a row alone has the bits it has in a batch, whatever stands next to it', () => {
    for (const F of [1, 3, 17, 35]) {
      const N = 4;
      const [x, dy] = [memory.copy(wide(N, F)), memory.copy(randomTensor('dy', [N, F], 1))];
      const [y, dx] = [memory.tensor('y', [N, F]), memory.tensor('dx', [N, 2 * F])];
      k.swiglu(y, x);
      k.swigluBackward(dx, dy, x);
      for (let n = 0; n < N; n++) {
        const one = memory.tensor('x', [1, 2 * F], x.row(n).data);
        const [yOne, dxOne] = [memory.tensor('y', [1, F]), memory.tensor('dx', [1, 2 * F])];
        k.swiglu(yOne, one);
        k.swigluBackward(dxOne, memory.tensor('dy', [1, F], dy.row(n).data), one);
        expectSameBits(yOne, y.row(n));
        expectSameBits(dxOne, dx.row(n));
      }
      memory.reset();
    }
  });

  test('a closed gate is exactly 0 and so are its gradients; a wide open one is the identity; NaN stays', () => {
    const gates = [-88.8, -1e4, -3e38, Number.NEGATIVE_INFINITY, 90, 3e38, Number.NaN];
    const F = gates.length;
    const x = memory.tensor('x', [1, 2 * F], [...gates, ...gates.map(() => 0.5)]);
    const [y, dx] = [memory.tensor('y', [1, F]), memory.tensor('dx', [1, 2 * F])];
    k.swiglu(y, x);
    k.swigluBackward(dx, memory.tensor('dy', [1, F], new Array(F).fill(1)), x);
    const open = [45, Math.fround(1.5e38)];
    // -Infinity / Infinity is NaN, as in the reference.
    const nan = Number.NaN;
    expect(Array.from(y.data, (v) => v + 0)).toEqual([0, 0, 0, nan, ...open, nan]);
    const dgate = [0, 0, 0, nan, 0.5, 0.5, nan];
    const dup = [0, 0, 0, nan, 90, Math.fround(3e38), nan];
    expect(Array.from(dx.data, (v) => v + 0)).toEqual([...dgate, ...dup]);
    memory.reset();
  });

  // The slope's bend is e s: as 1 - s it would be a multiple of 2^-24, off by up to 8 units here.
  test('dgate follows the bend far out on the open side within 4 units', () => {
    const gates = Array.from({ length: 60 }, (_, i) => 10 + i / 5);
    const x = memory.tensor('x', [1, 120], [...gates, ...gates.map(() => 1)]);
    const dx = memory.tensor('dx', [1, 120]);
    k.swigluBackward(dx, memory.tensor('dy', [1, 60], new Array(60).fill(1)), x);
    const want = tensor('dx', [1, 120]);
    reference.swigluBackward(want, tensor('dy', [1, 60], new Array(60).fill(1)), x);
    expectClose(dx, want, { relative: 4 * unit, scale: 0 });
    memory.reset();
  });
});
