import { afterEach, describe, expect, it } from 'vitest';
import { ids, tensor } from '../../../src/tensor/tensor.ts';
import { backends } from '../../support/backends.ts';
import { expectClose, expectSameBits, sizes, unit } from '../../support/compare.ts';
import { GuardedMemory } from '../../support/guarded.ts';
import { dyPool, pairs, xPool, zPool } from './support.ts';

describe.each(await backends())('$name', ({ kernels }) => {
  const memory = new GuardedMemory(kernels.memory);
  afterEach(() => memory.reset());
  const matrix = (name: string, N: number, C: number, pool = xPool) =>
    memory.tensor(name, [N, C], pool.subarray(0, N * C));

  it('(1, 2) + (3, 4) = (4, 6), and times it is (3, 8)', () => {
    const [a, b, y] = [
      [1, 2],
      [3, 4],
      [0, 0],
    ].map((v, i) => memory.tensor(`${i}`, [1, 2], v));
    kernels.add(y, a, b);
    expect([...y.data]).toEqual([4, 6]);
    kernels.multiply(y, a, b);
    expect([...y.data]).toEqual([3, 8]);
  });

  it('gelu lets large numbers through and closes for small ones: (-9, 0, 9) is (0, 0, 9)', () => {
    const y = memory.tensor('y', [1, 3]);
    kernels.gelu(y, memory.tensor('x', [1, 3], [-9, 0, 9]));
    expectClose(y, [0, 0, 9], { relative: 1e-7 });
  });

  it('add and multiply are exactly rounded for every size, also in place', () => {
    for (const [N, C] of pairs) {
      memory.reset();
      const [a, b, y] = [matrix('a', N, C), matrix('b', N, C, zPool), memory.tensor('y', [N, C])];
      const sums = a.data.map((v, i) => v + b.data[i]);
      const products = a.data.map((v, i) => v * b.data[i]);
      kernels.add(y, a, b);
      expectSameBits(y, sums);
      kernels.multiply(y, a, b);
      expectSameBits(y, products);
      kernels.multiply(b, a, b);
      expectSameBits(b, products);
      b.data.set(zPool.subarray(0, N * C));
      kernels.add(a, a, b);
      expectSameBits(a, sums);
    }
  });

  describe('embedding', () => {
    const tokens = [3, 0, 3, 1, 4, 3, 0, 1, 3];

    it('copies rows of the table bit for bit, or adds them with one rounding', () => {
      for (const C of sizes) {
        memory.reset();
        const table = matrix('table', 5, C);
        table.data[0] = -0;
        const [at, y] = [memory.ids('ids', tokens), memory.tensor('y', [9, C])];
        const picked = tokens.flatMap((v) => Array.from(table.data.subarray(v * C, (v + 1) * C)));
        kernels.embedding(y, table, at, 'set');
        expectSameBits(y, picked);
        y.data.set(zPool.subarray(0, 9 * C));
        kernels.embedding(y, table, at, 'add');
        expectSameBits(
          y,
          picked.map((v, i) => Math.fround(v + zPool[i])),
        );
      }
    });

    it('adds gradients to the rows of the table in order of n, each with one rounding', () => {
      for (const C of sizes) {
        memory.reset();
        const [dtable, dy] = [matrix('dtable', 5, C, zPool), matrix('dy', 9, C, dyPool)];
        const expected = dtable.data.slice();
        kernels.embeddingBackward(dtable, dy, memory.ids('ids', tokens));
        for (let i = 0; i < 9 * C; i++) expected[tokens[Math.floor(i / C)] * C + (i % C)] += dyPool[i];
        expectSameBits(dtable, expected);
      }
    });

    it.each([-1, 5])('refuses the id %i for a table of 5 rows', (id) => {
      const error = (operation: string) =>
        new RangeError(`${operation}: expected tokens[1] in 0 .. 4, got tokens = ${id}`);
      const [y, table, wrong] = [tensor('y', [2, 3]), tensor('table', [5, 3]), ids('tokens', [0, id])];
      expect(() => kernels.embedding(y, table, wrong, 'set')).toThrow(error('embedding'));
      expect(() => kernels.embeddingBackward(table, y, wrong)).toThrow(error('embeddingBackward'));
    });
  });

  describe('gelu', () => {
    const scale = Math.sqrt(2 / Math.PI);
    const naive = (x: number) => {
      const t = Math.tanh(scale * (x + 0.044715 * x ** 3));
      return {
        value: (x * (1 + t)) / 2,
        slope: (1 + t) / 2 + (x / 2) * (1 - t * t) * scale * (1 + 3 * 0.044715 * x * x),
      };
    };
    /** For negative x, 1 + tanh is a small difference of numbers near 1: so the error is measured against |x|, not
     * against the tiny result. tanh's argument is off by 4 roundings, which changes tanh by at most 0.45 of each; tanh
     * itself may be off by 4, and a few operations follow. In the slope 1 - tanh^2 is such a difference too, and the
     * polynomial |x| (1 + 0.134 x^2) multiplies it. */
    const relative = 8 * unit;
    const polynomial = (x: number) => Math.abs(x) * (1 + 3 * 0.044715 * x * x);

    it('is within 8 roundings of |x|, and its slope within 8 of 1 + the size of its parts, for every size', () => {
      for (const [N, C] of pairs) {
        memory.reset();
        const [x, dy] = [matrix('x', N, C), matrix('dy', N, C, dyPool)];
        for (let i = 0; i < x.size; i++) x.data[i] *= 3;
        const [y, dx] = [memory.tensor('y', [N, C]), memory.tensor('dx', [N, C])];
        const exact = Array.from(x.data, naive);
        kernels.gelu(y, x);
        expectClose(
          y,
          exact.map(({ value }) => value),
          { relative, scale: x.data.map(Math.abs) },
        );
        kernels.geluBackward(dx, dy, x);
        expectClose(
          dx,
          exact.map(({ slope }, i) => slope * dy.data[i]),
          { relative, scale: dx.data.map((_, i) => Math.abs(dy.data[i]) * (1 + polynomial(x.data[i]))) },
        );
      }
    });
    it('is 0 at 0, and far out x or what nothing but an exponential sees, with slope 1 or 0', () => {
      const x = memory.tensor('x', [1, 8], [0, -0, 10, -10, 100, -100, 1e4, -1e4]);
      const [y, dx] = [memory.tensor('y', [1, 8]), memory.tensor('dx', [1, 8])];
      const dy = memory.tensor('dy', [1, 8], new Array(8).fill(2));
      kernels.gelu(y, x);
      kernels.geluBackward(dx, dy, x);
      // At -10 the exact value is -10 / (1 + e^87.8) = -1e-37: a kernel may give that or the 0 of 1 + tanh(-43.9).
      const visible = (v: number) => (Math.abs(v) < 1e-30 ? 0 : v + 0);
      expect(Array.from(y.data, visible)).toEqual([0, 0, 10, 0, 100, 0, 1e4, 0]);
      expect(Array.from(dx.data, visible)).toEqual([1, 1, 2, 0, 2, 0, 2, 0]);
    });

    it('gives an element the same bits wherever it stands', () => {
      const x = matrix('x', 1, 65);
      const y = memory.tensor('y', [1, 65]);
      kernels.gelu(y, x);
      for (let i = 0; i < 65; i++) {
        const [one, alone] = [memory.tensor('x', [1, 1], [x.data[i]]), memory.tensor('y', [1, 1])];
        kernels.gelu(alone, one);
        expectSameBits(alone, y.data.subarray(i, i + 1));
        kernels.geluBackward(alone, one, one);
        const dx = memory.tensor('dx', [1, 65]);
        kernels.geluBackward(dx, x, x);
        expectSameBits(alone, dx.data.subarray(i, i + 1));
      }
    });
  });
});
