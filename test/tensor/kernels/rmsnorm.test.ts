import { afterEach, describe, expect, it } from 'vitest';
import { tensor } from '../../../src/tensor/tensor.ts';
import { backends } from '../../support/backends.ts';
import { expectClose, expectSameBits, unit } from '../../support/compare.ts';
import { GuardedMemory } from '../../support/guarded.ts';
import { dyPool, magnitudes, mean, pairs, range, rowsOf, sum, xPool, zPool } from './support.ts';

const epsilon = 1e-6;
const inverse = (row: readonly number[]) => 1 / Math.sqrt(mean(row.map((v) => v * v)) + epsilon);

describe.each(await backends())('rmsnorm on $name', ({ kernels }) => {
  const memory = new GuardedMemory(kernels.memory);
  afterEach(() => memory.reset());
  const cut = (name: string, shape: number[], pool: typeof xPool) =>
    memory.tensor(name, shape, pool.subarray(0, shape[0] * (shape[1] ?? 1)));

  it('(2, -2) has root mean square 2: normalised (1, -1), with gain (1, 3) it is (1, -3)', () => {
    const [y, r] = [memory.tensor('y', [1, 2]), memory.tensor('r', [1])];
    kernels.rmsnorm(y, r, memory.tensor('x', [1, 2], [2, -2]), memory.tensor('gain', [2], [1, 3]), epsilon);
    expectClose(y, [1, -3], { relative: epsilon });
    expectClose(r, [0.5], { relative: epsilon });
  });

  /** A sum of C squares is off by C / 2 roundings under the root; the rest are a few operations. */
  it('is within C / 2 + 6 roundings of float64, for every size', () => {
    for (const [N, C] of pairs) {
      memory.reset();
      const [x, gain] = [cut('x', [N, C], xPool), cut('gain', [C], zPool)];
      const [y, r] = [memory.tensor('y', [N, C]), memory.tensor('r', [N])];
      kernels.rmsnorm(y, r, x, gain, epsilon);
      const exact = rowsOf(x.data, C).map((row) => row.map((v, c) => v * inverse(row) * gain.data[c]));
      const relative = (C / 2 + 6) * unit;
      expectClose(y, exact.flat(), { relative, scale: 0 });
      expectClose(r, rowsOf(x.data, C).map(inverse), { relative, scale: 0 });
    }
  });

  it('gives 0 for a row of zeros, and keeps a tiny and a huge row apart from their neighbours', () => {
    const x = memory.tensor('x', [3, 4], [0, 0, 0, 0, 1e-12, -1e-12, 0, 0, 1e8, 1e8, -1e8, 1e8]);
    const [y, r] = [memory.tensor('y', [3, 4]), memory.tensor('r', [3])];
    kernels.rmsnorm(y, r, x, memory.tensor('gain', [4], [1, 2, 3, 4]), epsilon);
    expectClose(y, [0, 0, 0, 0, 1e-9, -2e-9, 0, 0, 1, 2, -3, 4], { relative: 8 * unit, scale: 0 });
    expectClose(r, [1e3, 1e3, 1e-8], { relative: 8 * unit, scale: 0 });
  });

  it('has dx within C + 12 roundings of float64, for every size', () => {
    for (const [N, C] of pairs) {
      memory.reset();
      const [x, dy, gain] = [cut('x', [N, C], xPool), cut('dy', [N, C], dyPool), cut('gain', [C], zPool)];
      const rows = rowsOf(x.data, C);
      const [dx, r] = [memory.tensor('dx', [N, C]), memory.tensor('r', [N], rows.map(inverse))];
      kernels.rmsnormBackward(dx, dy, x, gain, r);
      const exact = rows.map((row, n) => {
        const g = row.map((_, c) => dy.data[n * C + c] * gain.data[c]);
        const products = g.map((v, c) => v * row[c]);
        const scaled = row.map((v) => v * r.data[n] ** 2);
        return {
          dx: g.map((v, c) => r.data[n] * (v - scaled[c] * mean(products))),
          scale: g.map(
            (v, c) => r.data[n] * (Math.abs(v) + Math.abs(scaled[c]) * mean(magnitudes(products))),
          ),
        };
      });
      expectClose(
        dx,
        exact.flatMap((row) => row.dx),
        { relative: (C + 12) * unit, scale: exact.flatMap((row) => row.scale) },
      );
    }
  });

  it('adds to dgain within N + 4 roundings of float64, for every size', () => {
    for (const [N, C] of pairs) {
      memory.reset();
      const [x, dy, r] = [cut('x', [N, C], xPool), cut('dy', [N, C], dyPool), cut('r', [N], zPool)];
      const dgain = cut('dgain', [C], dyPool);
      kernels.rmsnormParametersBackward(dgain, dy, x, r);
      const terms = range(C).map((c) => [
        dyPool[c],
        ...range(N).map((n) => dy.data[n * C + c] * x.data[n * C + c] * r.data[n]),
      ]);
      expectClose(dgain, terms.map(sum), {
        relative: (N + 4) * unit,
        scale: terms.map((v) => sum(magnitudes(v))),
      });
    }
  });

  it('gives a row the same bits alone as among others, forward and backward', () => {
    for (const [N, C] of [
      [2, 5],
      [9, 16],
      [17, 65],
    ]) {
      const run = (from: number, rows: number) => {
        memory.reset();
        const part = (name: string, pool: typeof xPool) =>
          memory.tensor(name, [rows, C], pool.subarray(from * C, (from + rows) * C));
        const [x, dy, gain] = [part('x', xPool), part('dy', dyPool), cut('gain', [C], zPool)];
        const [y, dx] = [memory.tensor('y', [rows, C]), memory.tensor('dx', [rows, C])];
        const r = memory.tensor('r', [rows]);
        kernels.rmsnorm(y, r, x, gain, epsilon);
        kernels.rmsnormBackward(dx, dy, x, gain, r);
        return [y, r, dx].map((t) => rowsOf(t.data, t.size / rows));
      };
      const together = run(0, N);
      for (let n = 0; n < N; n++) {
        run(n, 1).forEach((alone, i) => {
          expectSameBits(alone[0], together[i][n]);
        });
      }
    }
  });

  it('refuses a gain of another width', () => {
    const x = tensor('x', [3, 4]);
    expect(() => kernels.rmsnorm(x, tensor('r', [3]), x, tensor('gain', [5]), epsilon)).toThrow(
      'rmsnorm: gain does not fit; expected (4), got (5)',
    );
  });
});
