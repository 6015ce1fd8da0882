import { describe, expect, test } from 'vitest';
import { reference } from '../../../src/tensor/reference/index.ts';
import { layernorm } from '../../../src/tensor/simd/layernorm.ts';
import { tensor } from '../../../src/tensor/tensor.ts';
import { expectClose, expectSameBits, randomTensor, sizes, unit } from '../../support/compare.ts';
import { modeName, modes, sliced } from './sliced.ts';

const names = ['layernorm', 'layernormBackward', 'layernormParametersBackward'] as const;
const rows = [1, 2, 3, 5];
const bigger = [128, 130, 255];

/** Inputs and the reference's outputs for N rows of C. */
function problem(N: number, C: number) {
  const [x, dy] = [randomTensor('x', [N, C], 1), randomTensor('dy', [N, C], 1)];
  const [gain, shift] = [randomTensor('gain', [C], 1), randomTensor('shift', [C], 1)];
  x.data.forEach((v, i) => {
    x.data[i] = v * 3 + 2;
  });
  const want = { y: tensor('y', [N, C]), stats: tensor('stats', [N, 2]), dx: tensor('dx', [N, C]) };
  reference.layernorm(want.y, want.stats, x, gain, shift);
  reference.layernormBackward(want.dx, dy, x, gain, want.stats);
  return { x, dy, gain, shift, want };
}

describe.each(modes.map((mode) => ({ mode, name: modeName(mode) })))('with $name', ({ mode }) => {
  const { kernels, memory } = sliced([layernorm], names, mode);
  const k = kernels(1);

  // A sum of C terms is off by C / 16 + 6 roundings at most; x - mean brings the error of the mean, relative to x.
  test('y and stats are within C / 16 + 16 units of the reference, relative to what was added', () => {
    for (const C of [...sizes, ...bigger]) {
      const N = 3;
      const { x, gain, shift, want } = problem(N, C);
      const [y, stats] = [memory.tensor('y', [N, C]), memory.tensor('stats', [N, 2])];
      k.layernorm(y, stats, memory.copy(x), memory.copy(gain), memory.copy(shift));
      const largest = Math.max(...x.data.map(Math.abs));
      const scale = x.data.map((v, i) => {
        const [n, c] = [Math.floor(i / C), i % C];
        const xhat = Math.abs(v) + 2 * largest;
        return xhat * want.stats.data[2 * n + 1]! * Math.abs(gain.data[c]!) + Math.abs(shift.data[c]!);
      });
      const relative = (C / 16 + 16) * unit;
      expectClose(y, want.y, { relative, scale });
      // The variance is off by as much relative to x^2, and rstd depends on its root.
      for (let n = 0; n < N; n++) {
        const rstd = want.stats.data[2 * n + 1]!;
        expectClose([stats.data[2 * n]!], [want.stats.data[2 * n]!], { relative, scale: largest });
        expectClose([stats.data[2 * n + 1]!], [rstd], { relative: relative * (1 + largest * rstd) });
      }
      memory.reset();
    }
  });

  test('dx is within C / 16 + 16 units of the reference, relative to what was added', () => {
    for (const C of [...sizes, ...bigger]) {
      const N = 3;
      const { x, dy, gain, want } = problem(N, C);
      const dx = memory.tensor('dx', [N, C]);
      k.layernormBackward(dx, memory.copy(dy), memory.copy(x), memory.copy(gain), memory.copy(want.stats));
      const scale = x.data.map((_, i) => {
        const n = Math.floor(i / C);
        const [mean, rstd] = want.stats.data.subarray(2 * n, 2 * n + 2);
        const xhat = (j: number) => Math.abs((x.data[n * C + j]! - mean!) * rstd!);
        const g = (j: number) => Math.abs(dy.data[n * C + j]! * gain.data[j]!);
        let [sumG, sumGXhat] = [0, 0];
        for (let c = 0; c < C; c++) [sumG, sumGXhat] = [sumG + g(c), sumGXhat + g(c) * xhat(c)];
        return rstd! * (g(i % C) + sumG / C + (xhat(i % C) * sumGXhat) / C);
      });
      expectClose(dx, want.dx, { relative: (C / 16 + 16) * unit, scale });
      memory.reset();
    }
  });

  test('dgain and dshift are added to, within N + 4 units of the reference, relative to what was added', () => {
    for (const [N, C] of [...sizes.map((n) => [n, 17]), ...sizes.map((c) => [33, c])] as [number, number][]) {
      const { x, dy, want } = problem(N, C);
      const start = randomTensor('start', [C], 1);
      const [dgain, dshift] = [tensor('dgain', [C], start.data), tensor('dshift', [C], start.data)];
      reference.layernormParametersBackward(dgain, dshift, dy, x, want.stats);
      const inputs = [memory.copy(dy), memory.copy(x), memory.copy(want.stats)] as const;
      const magnitude = (f: (i: number) => number) =>
        start.data.map((s, c) => {
          let sum = Math.abs(s);
          for (let n = 0; n < N; n++) sum += Math.abs(dy.data[n * C + c]! * f(n * C + c));
          return sum;
        });
      const xhat = (i: number) => {
        const n = Math.floor(i / C);
        return (x.data[i]! - want.stats.data[2 * n]!) * want.stats.data[2 * n + 1]!;
      };
      for (const slices of [1, 2, 3]) {
        const [gain, shift] = [memory.copy(start), memory.tensor('dshift', [C], start.data)];
        kernels(slices).layernormParametersBackward(gain, shift, ...inputs);
        expectClose(gain, dgain, { relative: (N + 4) * unit, scale: magnitude(xhat) });
        expectClose(shift, dshift, { relative: (N + 4) * unit, scale: magnitude(() => 1) });
        if (slices === 1) continue;
        const [one, two] = [memory.copy(start), memory.copy(start)];
        k.layernormParametersBackward(one, two, ...inputs);
        expectSameBits(gain, one);
        expectSameBits(shift, two);
      }
      memory.reset();
    }
  });

  test('a row alone has the bits it has in a batch, in any slices', () => {
    for (const C of [3, 17, 64]) {
      const N = 5;
      const { x, dy, gain, shift, want } = problem(N, C);
      const [X, DY, GAIN, SHIFT] = [x, dy, gain, shift].map((t) => memory.copy(t));
      const STATS = memory.copy(want.stats);
      const outputs = () => ({
        y: memory.tensor('y', [N, C]),
        stats: memory.tensor('stats', [N, 2]),
        dx: memory.tensor('dx', [N, C]),
      });
      const all = outputs();
      k.layernorm(all.y, all.stats, X!, GAIN!, SHIFT!);
      k.layernormBackward(all.dx, DY!, X!, GAIN!, STATS);
      for (const slices of [2, 3]) {
        const again = outputs();
        kernels(slices).layernorm(again.y, again.stats, X!, GAIN!, SHIFT!);
        kernels(slices).layernormBackward(again.dx, DY!, X!, GAIN!, STATS);
        expectSameBits(again.y, all.y);
        expectSameBits(again.stats, all.stats);
        expectSameBits(again.dx, all.dx);
      }
      for (const n of rows.map((count) => count - 1)) {
        const row = (name: string, from: ArrayLike<number>, width = C) =>
          memory.tensor(name, [1, width], Array.from(from).slice(n * width, (n + 1) * width));
        const [y, stats, dx] = [
          memory.tensor('y', [1, C]),
          memory.tensor('stats', [1, 2]),
          memory.tensor('dx', [1, C]),
        ];
        k.layernorm(y, stats, row('x', x.data), GAIN!, SHIFT!);
        k.layernormBackward(dx, row('dy', dy.data), row('x', x.data), GAIN!, row('s', want.stats.data, 2));
        expectSameBits(y, row('y', all.y.data));
        expectSameBits(stats, row('stats', all.stats.data, 2));
        expectSameBits(dx, row('dx', all.dx.data));
      }
      memory.reset();
    }
  });

  test('NaN in the next row does not reach over a tail', () => {
    for (const C of [1, 3, 5, 18]) {
      const { x, dy, gain, shift, want } = problem(2, C);
      const [X, DY, GAIN, SHIFT, STATS] = [x, dy, gain, shift, want.stats].map((t) => memory.copy(t));
      const run = () => {
        const [y, dx] = [memory.tensor('y', [2, C]), memory.tensor('dx', [2, C])];
        k.layernorm(y, memory.tensor('stats', [2, 2]), X!, GAIN!, SHIFT!);
        k.layernormBackward(dx, DY!, X!, GAIN!, STATS!);
        return [...y.data.slice(0, C), ...dx.data.slice(0, C)];
      };
      const before = run();
      X!.data.fill(Number.NaN, C);
      DY!.data.fill(Number.NaN, C);
      expectSameBits(run(), before);
      memory.reset();
    }
  });

  test('equal channels give the shift, and one channel always does', () => {
    const [x, gain] = [
      memory.tensor('x', [1, 8], Array(8).fill(3)),
      memory.tensor('gain', [8], Array(8).fill(5)),
    ];
    const shift = memory.tensor('shift', [8], [1, 2, 3, 4, 5, 6, 7, 8]);
    const [y, stats] = [memory.tensor('y', [1, 8]), memory.tensor('stats', [1, 2])];
    k.layernorm(y, stats, x, gain, shift);
    expect([...y.data]).toEqual([...shift.data]);
    expect(stats.data[0]).toBe(3);
    memory.reset();
  });
});
