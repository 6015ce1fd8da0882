import { afterEach, describe, expect, it } from 'vitest';
import type { Tensor } from '../../../src/tensor/tensor.ts';
import { backends } from '../../support/backends.ts';
import { expectClose, expectSameBits, unit } from '../../support/compare.ts';
import { GuardedMemory } from '../../support/guarded.ts';
import { biasPool, dyPool, magnitudes, mean, pairs, range, rowsOf, sum, xPool, zPool } from './support.ts';

/** Mean, 1 / deviation and xhat of one row, in float64. */
function normalized(x: readonly number[]) {
  const average = mean(x);
  const rstd = 1 / Math.sqrt(mean(x.map((v) => (v - average) ** 2)) + 1e-5);
  return { average, rstd, xhat: x.map((v) => (v - average) * rstd) };
}

describe.each(await backends())('$name', ({ kernels }) => {
  const memory = new GuardedMemory(kernels.memory);
  afterEach(() => memory.reset());
  const cut = (name: string, shape: number[], pool: typeof xPool) =>
    memory.tensor(name, shape, pool.subarray(0, shape[0] * (shape[1] ?? 1)));

  it('(1, 3) has mean 2 and deviation 1: normalised (-1, 1), with gain (1, 2) and shift (0, 10) it is (-1, 12)', () => {
    const [x, gain, shift] = [
      [1, 3],
      [1, 2],
      [0, 10],
    ].map((v, i) => memory.tensor(`${i}`, i === 0 ? [1, 2] : [2], v));
    const [y, stats] = [memory.tensor('y', [1, 2]), memory.tensor('stats', [1, 2])];
    kernels.layernorm(y, stats, x, gain, shift);
    expectClose(y, [-1, 12], { relative: 1e-5 }); // epsilon, 1e-5, is added to the variance of 1
    expectClose(stats, [2, 1], { relative: 1e-5 });
  });

  /** y and stats of N rows of C, with the gain and shift of the pools. */
  function forward(x: Tensor, C: number) {
    const N = x.size / C;
    const [gain, shift] = [cut('gain', [C], zPool), cut('shift', [C], biasPool)];
    const [y, stats] = [memory.tensor('y', [N, C]), memory.tensor('stats', [N, 2])];
    kernels.layernorm(y, stats, x, gain, shift);
    return { gain, shift, y, stats };
  }

  /** The mean is off by up to C roundings of the row's average magnitude, which 1 / deviation enlarges; the deviation
   * by about as many; then one rounding for each operation. */
  function expectNormalized(x: Tensor, C: number): void {
    const { gain, shift, y, stats } = forward(x, C);
    const relative = (2 * C + 8) * unit;
    const rows = rowsOf(x.data, C);
    const exact = rows.map(normalized);
    const blur = exact.map(({ rstd }, n) => mean(magnitudes(rows[n])) * rstd);
    expectClose(
      y,
      exact.flatMap(({ xhat }) => xhat.map((v, c) => v * gain.data[c] + shift.data[c])),
      {
        relative,
        scale: exact.flatMap(({ xhat }, n) =>
          xhat.map((v, c) => Math.abs(gain.data[c]) * (Math.abs(v) + blur[n]) + Math.abs(shift.data[c])),
        ),
      },
    );
    expectClose(
      stats,
      exact.flatMap(({ average, rstd }) => [average, rstd]),
      { relative, scale: exact.flatMap(({ rstd }, n) => [mean(magnitudes(rows[n])), rstd * (1 + blur[n])]) },
    );
  }

  it('is within 2 C + 8 roundings of float64, for every size', () => {
    for (const [N, C] of pairs) {
      memory.reset();
      expectNormalized(cut('x', [N, C], xPool), C);
    }
  });

  it('stays so far from 0, where the mean of squares minus the square of the mean would lose the variance', () => {
    for (const C of [2, 3, 8, 17, 64]) {
      memory.reset();
      const x = cut('x', [5, C], xPool);
      for (let i = 0; i < x.size; i++) x.data[i] += 1000;
      expectNormalized(x, C);
    }
  });

  it('gives the shift where a row is constant', () => {
    for (const C of [1, 2, 4, 8, 16, 64]) {
      memory.reset();
      const { y, shift, stats } = forward(memory.tensor('x', [1, C], new Array(C).fill(2)), C);
      expectSameBits(y.data, shift.data);
      expectClose(stats, [2, 1 / Math.sqrt(1e-5)], { relative: 4 * unit });
    }
  });

  /** Both averages carry C roundings of what they average, and a few operations on either side add one each. */
  it('has dx within C + 12 roundings of float64, for every size', () => {
    for (const [N, C] of pairs) {
      memory.reset();
      const [x, dy, gain] = [cut('x', [N, C], xPool), cut('dy', [N, C], dyPool), cut('gain', [C], zPool)];
      const rows = rowsOf(x.data, C);
      const stats = memory.tensor(
        'stats',
        [N, 2],
        rows.map(normalized).flatMap(({ average, rstd }) => [average, rstd]),
      );
      const dx = memory.tensor('dx', [N, C]);
      kernels.layernormBackward(dx, dy, x, gain, stats);
      const exact = rows.map((row, n) => {
        const [average, rstd] = stats.data.subarray(2 * n, 2 * n + 2);
        const xhat = row.map((v) => (v - average) * rstd);
        const g = row.map((_, c) => dy.data[n * C + c] * gain.data[c]);
        const gXhat = g.map((v, c) => v * xhat[c]);
        const [a, b] = [mean(g), mean(gXhat)];
        const [aSize, bSize] = [mean(magnitudes(g)), mean(magnitudes(gXhat))];
        return {
          dx: g.map((v, c) => rstd * (v - a - xhat[c] * b)),
          scale: g.map((v, c) => rstd * (Math.abs(v) + aSize + Math.abs(xhat[c]) * bSize)),
        };
      });
      expectClose(
        dx,
        exact.flatMap((row) => row.dx),
        { relative: (C + 12) * unit, scale: exact.flatMap((row) => row.scale) },
      );
    }
  });

  it('adds to dgain and dshift within N + 4 roundings of float64, for every size', () => {
    for (const [N, C] of pairs) {
      memory.reset();
      const [x, dy] = [cut('x', [N, C], xPool), cut('dy', [N, C], dyPool)];
      const stats = cut('stats', [N, 2], zPool); // any numbers will do
      const [dgain, dshift] = [cut('dgain', [C], zPool), cut('dshift', [C], biasPool)];
      kernels.layernormParametersBackward(dgain, dshift, dy, x, stats);
      const column = (c: number) => range(N).map((n) => dy.data[n * C + c]);
      const xhat = (n: number, c: number) => (x.data[n * C + c] - stats.data[2 * n]) * stats.data[2 * n + 1];
      const shifts = range(C).map((c) => [biasPool[c], ...column(c)]);
      const gains = range(C).map((c) => [zPool[c], ...column(c).map((v, n) => v * xhat(n, c))]);
      const relative = (N + 4) * unit;
      expectClose(dshift, shifts.map(sum), { relative, scale: shifts.map((v) => sum(magnitudes(v))) });
      expectClose(dgain, gains.map(sum), { relative, scale: gains.map((v) => sum(magnitudes(v))) });
    }
  });

  it('gives a row the same bits alone as among others, forward and backward', () => {
    for (const [N, C] of [
      [2, 5],
      [5, 33],
      [9, 16],
      [17, 65],
    ]) {
      const run = (from: number, rows: number) => {
        memory.reset();
        const x = memory.tensor('x', [rows, C], xPool.subarray(from * C, (from + rows) * C));
        const dy = memory.tensor('dy', [rows, C], dyPool.subarray(from * C, (from + rows) * C));
        const dx = memory.tensor('dx', [rows, C]);
        const { y, stats, gain } = forward(x, C);
        kernels.layernormBackward(dx, dy, x, gain, stats);
        return [y, stats, dx].map((t) => rowsOf(t.data, t.size / rows));
      };
      const together = run(0, N);
      for (let n = 0; n < N; n++) {
        run(n, 1).forEach((alone, i) => {
          expectSameBits(alone[0], together[i][n]);
        });
      }
    }
  });

  it('refuses statistics of another width than 2', () => {
    const [x, gain, stats] = [[3, 4], [4], [3, 1]].map((shape) => memory.tensor('any', shape));
    expect(() => kernels.layernorm(x, stats, x, gain, gain)).toThrow(
      'layernorm: stats does not fit; expected (3, 2), got (3, 1)',
    );
  });
});
