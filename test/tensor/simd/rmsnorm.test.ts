import { describe, expect, test } from 'vitest';
import { reference } from '../../../src/tensor/reference/index.ts';
import { rmsnorm } from '../../../src/tensor/simd/rmsnorm.ts';
import { tensor } from '../../../src/tensor/tensor.ts';
import { expectClose, expectSameBits, randomTensor, sizes, unit } from '../../support/compare.ts';
import { modeName, modes, sliced } from './sliced.ts';

const names = ['rmsnorm', 'rmsnormBackward', 'rmsnormParametersBackward'] as const;
const bigger = [128, 130, 255];
const epsilon = 1e-3;

/** Inputs and the reference's outputs for N rows of C. */
function problem(N: number, C: number) {
  const [x, dy, gain] = [
    randomTensor('x', [N, C], 1),
    randomTensor('dy', [N, C], 1),
    randomTensor('gain', [C], 1),
  ];
  x.data.forEach((v, i) => {
    x.data[i] = v * 3 + 2;
  });
  const want = { y: tensor('y', [N, C]), r: tensor('r', [N]), dx: tensor('dx', [N, C]) };
  reference.rmsnorm(want.y, want.r, x, gain, epsilon);
  reference.rmsnormBackward(want.dx, dy, x, gain, want.r);
  return { x, dy, gain, want };
}

describe.each(modes.map((mode) => ({ mode, name: modeName(mode) })))('with $name', ({ mode }) => {
  const { kernels, memory } = sliced([rmsnorm], names, mode);
  const k = kernels(1);

  // A sum of C squares, none negative, is off by C / 16 + 6 roundings at most, and its root by half as many.
  test('y and r are within C / 32 + 8 units of the reference, each relative to itself', () => {
    for (const C of [...sizes, ...bigger]) {
      const N = 3;
      const { x, gain, want } = problem(N, C);
      const [y, r] = [memory.tensor('y', [N, C]), memory.tensor('r', [N])];
      k.rmsnorm(y, r, memory.copy(x), memory.copy(gain), epsilon);
      const relative = (C / 32 + 8) * unit;
      expectClose(y, want.y, { relative, scale: 0 });
      expectClose(r, want.r, { relative, scale: 0 });
      memory.reset();
    }
  });

  test('dx is within C / 16 + 12 units of the reference, relative to what was added', () => {
    for (const C of [...sizes, ...bigger]) {
      const N = 3;
      const { x, dy, gain, want } = problem(N, C);
      const dx = memory.tensor('dx', [N, C]);
      k.rmsnormBackward(dx, memory.copy(dy), memory.copy(x), memory.copy(gain), memory.copy(want.r));
      const scale = x.data.map((v, i) => {
        const n = Math.floor(i / C);
        const r = want.r.data[n]!;
        const g = (j: number) => Math.abs(dy.data[n * C + j]! * gain.data[j]!);
        let sum = 0;
        for (let c = 0; c < C; c++) sum += g(c) * Math.abs(x.data[n * C + c]!);
        return r * (g(i % C) + (Math.abs(v) * r * r * sum) / C);
      });
      expectClose(dx, want.dx, { relative: (C / 16 + 12) * unit, scale });
      memory.reset();
    }
  });

  test('dgain is added to, within N + 4 units of the reference; any slices have the bits of one', () => {
    for (const [N, C] of [...sizes.map((n) => [n, 17]), ...sizes.map((c) => [33, c])] as [number, number][]) {
      const { x, dy, want } = problem(N, C);
      const start = randomTensor('start', [C], 1);
      const dgain = tensor('dgain', [C], start.data);
      reference.rmsnormParametersBackward(dgain, dy, x, want.r);
      const inputs = [memory.copy(dy), memory.copy(x), memory.copy(want.r)] as const;
      const scale = start.data.map((s, c) => {
        let sum = Math.abs(s);
        for (let n = 0; n < N; n++)
          sum += Math.abs(dy.data[n * C + c]! * x.data[n * C + c]! * want.r.data[n]!);
        return sum;
      });
      const whole = memory.copy(start);
      k.rmsnormParametersBackward(whole, ...inputs);
      expectClose(whole, dgain, { relative: (N + 4) * unit, scale });
      for (const slices of [2, 3, 5]) {
        const again = memory.copy(start);
        kernels(slices).rmsnormParametersBackward(again, ...inputs);
        expectSameBits(again, whole);
      }
      memory.reset();
    }
  });

  test('a row alone has the bits it has in a batch, in any slices, and dx may be dy', () => {
    for (const C of [3, 17, 64]) {
      const N = 5;
      const { x, dy, gain, want } = problem(N, C);
      const [X, DY, GAIN, R] = [memory.copy(x), memory.copy(dy), memory.copy(gain), memory.copy(want.r)];
      const run = (slices: number) => {
        const [y, r, dx] = [memory.tensor('y', [N, C]), memory.tensor('r', [N]), memory.tensor('dx', [N, C])];
        kernels(slices).rmsnorm(y, r, X, GAIN, epsilon);
        kernels(slices).rmsnormBackward(dx, DY, X, GAIN, R);
        return { y, r, dx };
      };
      const all = run(1);
      for (const slices of [2, 3]) {
        const again = run(slices);
        expectSameBits(again.y, all.y);
        expectSameBits(again.r, all.r);
        expectSameBits(again.dx, all.dx);
      }
      for (let n = 0; n < N; n++) {
        const one = memory.tensor('x', [1, C], x.row(n).data);
        const [y, r] = [memory.tensor('y', [1, C]), memory.tensor('r', [1])];
        k.rmsnorm(y, r, one, GAIN, epsilon);
        expectSameBits(y, all.y.row(n));
        expectSameBits(r, [all.r.data[n]!]);
        const dx = memory.tensor('dx', [1, C], dy.row(n).data);
        k.rmsnormBackward(dx, dx, one, GAIN, memory.tensor('r', [1], [want.r.data[n]!]));
        expectSameBits(dx, all.dx.row(n));
      }
      memory.reset();
    }
  });

  test('NaN in the next row does not reach over a tail', () => {
    for (const C of [1, 3, 5, 18]) {
      const { x, dy, gain, want } = problem(2, C);
      const [X, DY, GAIN, R] = [memory.copy(x), memory.copy(dy), memory.copy(gain), memory.copy(want.r)];
      const run = () => {
        const [y, dx] = [memory.tensor('y', [2, C]), memory.tensor('dx', [2, C])];
        k.rmsnorm(y, memory.tensor('r', [2]), X, GAIN, epsilon);
        k.rmsnormBackward(dx, DY, X, GAIN, R);
        return [...y.data.slice(0, C), ...dx.data.slice(0, C)];
      };
      const before = run();
      X.data.fill(Number.NaN, C);
      DY.data.fill(Number.NaN, C);
      expectSameBits(run(), before);
      expect(before.every(Number.isFinite)).toBe(true);
      memory.reset();
    }
  });
});
