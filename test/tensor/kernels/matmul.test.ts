import { afterEach, describe, expect, it } from 'vitest';
import type { Kernels } from '../../../src/tensor/kernels.ts';
import { type Tensor, tensor } from '../../../src/tensor/tensor.ts';
import { backends } from '../../support/backends.ts';
import { expectClose, expectSameBits, sizes, unit } from '../../support/compare.ts';
import { GuardedMemory } from '../../support/guarded.ts';
import { xPool as aPool, biasPool, zPool as bPool, pairs, range, dyPool as yPool } from './support.ts';

interface Sizes {
  readonly M: number;
  readonly N: number;
  readonly K: number;
}

/** For each product, the shapes of its operands, and where the element (m, k) of a and (k, n) of b lies. */
const products = [
  {
    operation: 'matmul',
    aShape: ({ M, K }: Sizes) => [M, K],
    bShape: ({ N, K }: Sizes) => [K, N],
    a: ({ K }: Sizes, m: number, k: number) => m * K + k,
    b: ({ N }: Sizes, k: number, n: number) => k * N + n,
  },
  {
    operation: 'matmulTransposedB',
    aShape: ({ M, K }: Sizes) => [M, K],
    bShape: ({ N, K }: Sizes) => [N, K],
    a: ({ K }: Sizes, m: number, k: number) => m * K + k,
    b: ({ K }: Sizes, k: number, n: number) => n * K + k,
  },
  {
    operation: 'matmulTransposedA',
    aShape: ({ M, K }: Sizes) => [K, M],
    bShape: ({ N, K }: Sizes) => [K, N],
    a: ({ M }: Sizes, m: number, k: number) => k * M + m,
    b: ({ N }: Sizes, k: number, n: number) => k * N + n,
  },
] as const;
type Product = (typeof products)[number];

/** The product of two arrays in float64, and for each element the sum of the magnitudes that went into it. */
function naive(
  product: Product,
  s: Sizes,
  a: ArrayLike<number>,
  b: ArrayLike<number>,
  start: (m: number, n: number) => number,
) {
  const value = new Float64Array(s.M * s.N);
  const magnitude = new Float64Array(s.M * s.N);
  for (let m = 0; m < s.M; m++) {
    for (let n = 0; n < s.N; n++) {
      let total = start(m, n);
      let size = Math.abs(total);
      for (let k = 0; k < s.K; k++) {
        const term = a[product.a(s, m, k)] * b[product.b(s, k, n)];
        total += term;
        size += Math.abs(term);
      }
      value[m * s.N + n] = total;
      magnitude[m * s.N + n] = size;
    }
  }
  return { value, magnitude };
}

/** K's index runs as a Latin square over those of M and N, another one for each start: so every pair of sizes of any
 * two of M, N and K meets. */
const starts = [
  { start: 'set', turn: 1, first: () => 0 },
  { start: 'add', turn: 2, first: (m: number, n: number, N: number) => yPool[m * N + n] },
  { start: 'bias', turn: 4, first: (_: number, n: number) => biasPool[n] },
] as const;

describe.each(await backends())('$name', ({ kernels }) => {
  const memory = new GuardedMemory(kernels.memory);
  afterEach(() => memory.reset());

  /** The operation on elements of the pools; `a` if given replaces its operand. Without a start y holds NaN before. */
  function run(
    product: Product,
    s: Sizes,
    start: 'set' | 'add' | 'bias',
    operands?: { a: Tensor; y: Tensor },
  ) {
    const { M, N, K } = s;
    const a = operands?.a ?? memory.tensor('a', product.aShape(s), aPool.subarray(0, M * K));
    const b = memory.tensor('b', product.bShape(s), bPool.subarray(0, K * N));
    const before = start === 'add' ? yPool.subarray(0, M * N) : undefined;
    const y = operands?.y ?? memory.tensor('y', [M, N], before);
    const bias = memory.tensor('bias', [N], biasPool.subarray(0, N));
    kernels[product.operation](y, a, b, start === 'bias' ? bias : start);
    return y;
  }

  it('rows times columns: (1 2; 3 4) (5 6; 7 8) = (19 22; 43 50)', () => {
    const [a, b, y] = [
      memory.tensor('a', [2, 2], [1, 2, 3, 4]),
      memory.tensor('b', [2, 2], [5, 6, 7, 8]),
      memory.tensor('y', [2, 2]),
    ];
    kernels.matmul(y, a, b, 'set');
    expect([...y.data]).toEqual([19, 22, 43, 50]);
    kernels.matmulTransposedB(y, a, b, 'set');
    expect([...y.data]).toEqual([17, 23, 39, 53]);
    kernels.matmulTransposedA(y, a, b, 'add');
    expect([...y.data]).toEqual([17 + 26, 23 + 30, 39 + 38, 53 + 44]);
  });

  describe.each(products)('$operation', (product) => {
    /** An element is a sum of K rounded products and its start: (K + 1) roundings of all their magnitudes. */
    it.each(starts)('from $start is within K + 1 roundings of float64, for every pair of sizes', (from) => {
      sizes.forEach((M, i) => {
        sizes.forEach((N, j) => {
          memory.reset();
          const s = { M, N, K: sizes[(i + from.turn * j) % sizes.length] };
          const { value, magnitude } = naive(product, s, aPool, bPool, (m, n) => from.first(m, n, N));
          const y = run(product, s, from.start);
          expectClose(y, value, { relative: (s.K + 1) * unit, scale: magnitude });
        });
      });
    });

    it('gives a row the same bits alone as among others, from every start', () => {
      const cases = [
        { M: 2, N: 3, K: 5 },
        { M: 5, N: 33, K: 7 },
        { M: 9, N: 8, K: 64 },
        { M: 17, N: 65, K: 31 },
        { M: 33, N: 1, K: 65 },
        { M: 64, N: 31, K: 16 },
      ];
      for (const s of cases) {
        for (const { start } of starts) {
          memory.reset();
          const together = rows(run(product, s, start), s.N);
          for (let m = 0; m < s.M; m++) {
            memory.reset();
            const one = { ...s, M: 1 };
            const elements = range(s.K).map((k) => aPool[product.a(s, m, k)]);
            const a = memory.tensor('a', product.aShape(one), elements);
            const y = memory.tensor('y', [1, s.N], yPool.subarray(m * s.N, (m + 1) * s.N));
            expectSameBits(run(product, one, start, { a, y }), together[m]);
          }
        }
      }
    });
  });

  it('biasBackward adds column sums, within M + 1 roundings of float64, for every pair of sizes', () => {
    for (const [M, N] of pairs) {
      memory.reset();
      const dy = memory.tensor('dy', [M, N], aPool.subarray(0, M * N));
      const dbias = memory.tensor('dbias', [N], biasPool.subarray(0, N));
      kernels.biasBackward(dbias, dy);
      const value = Float64Array.from(biasPool.subarray(0, N));
      const magnitude = value.map(Math.abs);
      for (let i = 0; i < M * N; i++) {
        value[i % N] += aPool[i];
        magnitude[i % N] += Math.abs(aPool[i]);
      }
      expectClose(dbias, value, { relative: (M + 1) * unit, scale: magnitude });
    }
  });

  const t = (name: string, ...shape: number[]) => tensor(name, shape);
  it.each<[string, string, (k: Kernels) => void]>([
    ['matmul', 'b', (k) => k.matmul(t('y', 2, 3), t('a', 2, 4), t('b', 5, 3), 'set')],
    ['matmul', 'y', (k) => k.matmul(t('y', 2, 4), t('a', 2, 4), t('b', 4, 3), 'set')],
    ['matmul', 'bias', (k) => k.matmul(t('y', 2, 3), t('a', 2, 4), t('b', 4, 3), t('bias', 2))],
    ['matmulTransposedB', 'b', (k) => k.matmulTransposedB(t('y', 2, 3), t('a', 2, 4), t('b', 4, 3), 'set')],
    ['matmulTransposedA', 'b', (k) => k.matmulTransposedA(t('y', 2, 3), t('a', 2, 4), t('b', 4, 3), 'set')],
    ['biasBackward', 'dbias', (k) => k.biasBackward(t('bias', 2), t('dy', 2, 3))],
  ])('%s refuses an operand %s that does not fit', (operation, operand, call) => {
    expect(() => call(kernels)).toThrow(RangeError);
    expect(() => call(kernels)).toThrow(`${operation}: ${operand} does not fit; expected (`);
  });
});

function rows(y: Tensor, N: number): Float32Array[] {
  return range(y.size / N).map((m) => Float32Array.from(y.data.subarray(m * N, (m + 1) * N)));
}
