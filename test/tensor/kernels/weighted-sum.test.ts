import { afterEach, describe, expect, it } from 'vitest';
import { tensor } from '../../../src/tensor/tensor.ts';
import { backends } from '../../support/backends.ts';
import { expectClose, expectSameBits, sizes, unit } from '../../support/compare.ts';
import { GuardedMemory } from '../../support/guarded.ts';
import { xPool, zPool } from './support.ts';

describe.each(await backends())('weightedSum on $name', ({ kernels }) => {
  const memory = new GuardedMemory(kernels.memory);
  afterEach(() => memory.reset());
  const cut = (name: string, n: number, pool: typeof xPool) => memory.tensor(name, [n], pool.subarray(0, n));

  it('2 (1, 2) + 10 (3, 4) = (32, 44)', () => {
    const [x, z, y] = [
      [1, 2],
      [3, 4],
      [0, 0],
    ].map((v, i) => memory.tensor(`${i}`, [2], v));
    kernels.weightedSum(y, 2, x, 10, z);
    expect([...y.data]).toEqual([32, 44]);
  });

  it.each([
    [1, 1],
    [0.95, 0.05],
    [-3, 0.1],
    [1e-4, 2],
  ])('is %f x + %f z within 3 roundings of float64 for every size, also in place', (a, b) => {
    for (const n of [...sizes, 1000, 4096]) {
      memory.reset();
      const [x, z, y] = [cut('x', n, xPool), cut('z', n, zPool), memory.tensor('y', [n])];
      const [left, right] = [x.data.map((v) => a * v), z.data.map((v) => b * v)];
      const exact = Array.from(x.data, (v, i) => a * v + b * z.data[i]);
      const scale = exact.map((_, i) => Math.abs(left[i]) + Math.abs(right[i]));
      kernels.weightedSum(y, a, x, b, z);
      expectClose(y, exact, { relative: 3 * unit, scale });
      const result = y.data.slice();
      kernels.weightedSum(x, a, x, b, z);
      expectSameBits(x, result);
      x.data.set(xPool.subarray(0, n));
      kernels.weightedSum(z, a, x, b, z);
      expectSameBits(z, result);
    }
  });

  it('adds and copies exactly', () => {
    const [x, z, y] = [cut('x', 333, xPool), cut('z', 333, zPool), memory.tensor('y', [333])];
    kernels.weightedSum(y, 1, x, 1, z);
    expectSameBits(
      y,
      x.data.map((v, i) => v + z.data[i]),
    );
    kernels.weightedSum(y, 0.25, x, 0, x);
    expectSameBits(
      y,
      x.data.map((v) => v / 4),
    );
  });

  it('looks at sizes, not at shapes', () => {
    const x = memory.tensor('x', [2, 3], [1, 2, 3, 4, 5, 6]);
    const y = memory.tensor('y', [6]);
    kernels.weightedSum(y, 2, x, 0, x.view(3, 2));
    expectSameBits(y, [2, 4, 6, 8, 10, 12]);
    expect(() => kernels.weightedSum(y, 1, x, 1, tensor('z', [5]))).toThrow(
      'weightedSum: expected y, x and z of one size, got y = 6, x = 6, z = 5',
    );
  });
});
