/** The fast products against the reference, and against themselves: no path, tile, edge or thread may show. */
import { afterAll, describe, expect, test } from 'vitest';
import { nodeHost } from '../../../src/cli/host/simd-host.ts';
import type { Kernels, Start } from '../../../src/tensor/kernels.ts';
import { reference } from '../../../src/tensor/reference/index.ts';
import { createSimdKernels, type SimdKernels } from '../../../src/tensor/simd/index.ts';
import type { SharedMemory } from '../../../src/tensor/simd/machine/memory.ts';
import { type Tensor, tensor } from '../../../src/tensor/tensor.ts';
import { allBackends, closeAll, expectGuarded, expectSame, label, normals, place } from './support.ts';

const backends = await allBackends();
afterAll(() => closeAll(backends));
const named = backends.map((k) => ({ k, name: label(k) }));

const grid = [1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 33, 64, 65];
/** Every pair of M and N, with every K in turn; and a few larger ones that cross blocks and are worth splitting. */
const shapes = [
  ...grid.flatMap((M, i) => grid.map((N, j) => [M, N, grid[(7 * i + 4 * j) % grid.length]!] as const)),
  ...([[97, 203, 129], [49, 9, 700], [130, 65, 128], [3, 1030, 200], [50, 260, 3], [47, 515, 66]] as const), // biome-ignore format: a table
];
const transpositions = ['matmul', 'matmulTransposedB', 'matmulTransposedA'] as const;
type Transposition = (typeof transpositions)[number];
const starts = ['set', 'add', 'bias'] as const;

const transposed = (x: Float32Array, rows: number, columns: number): Float32Array =>
  x.map((_, i) => x[(i % rows) * columns + Math.floor(i / rows)]!);

/** The shapes that a and b have in memory. */
function layouts(operation: Transposition, M: number, N: number, K: number) {
  return {
    a: operation === 'matmulTransposedA' ? [K, M] : [M, K],
    b: operation === 'matmulTransposedB' ? [N, K] : [K, N],
  };
}

/** y = start + a b with a (M K) and b (K N) as given, laid out as the operation wants them. */
function product(
  k: Kernels,
  make: (name: string, shape: readonly number[], values: Float32Array) => Tensor,
  operation: Transposition,
  start: (typeof starts)[number],
  [M, N, K]: readonly [number, number, number],
  values: { readonly a: Float32Array; readonly b: Float32Array; readonly y: Float32Array },
  frozen = false,
): Tensor {
  const { a, b } = layouts(operation, M, N, K);
  const y = make('y', [M, N], values.y);
  const from: Start = start === 'bias' ? make('bias', [N], values.y.subarray(0, N)) : start;
  const aValues = operation === 'matmulTransposedA' ? transposed(values.a, M, K) : values.a;
  const bValues = operation === 'matmulTransposedB' ? transposed(values.b, K, N) : values.b;
  const factor = make('b', b, bValues);
  if (frozen) k.freeze(factor);
  k[operation](y, make('a', a, aValues), factor, from);
  return y;
}

const known = new Map<string, ReturnType<typeof draw>>();
function draw(M: number, N: number, K: number) {
  return { a: normals(M * K, 1), b: normals(K * N, 2), y: normals(M * N, 3) };
}
function inputs(shape: readonly [number, number, number]) {
  const values = known.get(shape.join()) ?? draw(...shape);
  known.set(shape.join(), values);
  return values;
}
const on = (k: SimdKernels) => (name: string, shape: readonly number[], values: Float32Array) =>
  place(k, name, shape, values);

/** What the reference says, and how far K + 1 roundings to 24 bits may go from it: K + 2 half units of sum |a| |b|. */
const expected = shapes.map((shape) => {
  const values = inputs(shape);
  const absolute = { a: values.a.map(Math.abs), b: values.b.map(Math.abs), y: values.y.map(Math.abs) };
  return starts.map((start) => {
    const want = product(reference, tensor, 'matmul', start, shape, values).data;
    const size = product(reference, tensor, 'matmul', start, shape, absolute).data;
    return { want, bound: size.map((s) => (shape[2] + 2) * 2 ** -24 * s) };
  });
});

describe.each(named)('$name', ({ k }) => {
  test.each(transpositions)(
    '%s: within K + 2 roundings of the reference, and nothing else is written',
    (operation) => {
      for (const [s, shape] of shapes.entries()) {
        for (const [i, start] of starts.entries()) {
          const y = product(k, on(k), operation, start, shape, inputs(shape));
          const { want, bound } = expected[s]![i]!;
          expectGuarded(y);
          for (let e = 0; e < y.size; e++) {
            if (!(Math.abs(y.data[e] - want[e]) <= bound[e])) {
              expect.fail(
                `M, N, K = ${shape}, ${start}, element ${e}: ${y.data[e]}, expected ${want[e]} +- ${bound[e]}`,
              );
            }
          }
        }
      }
    },
  );
});

describe.each(named)('$name', ({ k }) => {
  test('all transpositions have the bits of one thread of the same arithmetic', () => {
    const single = backends.find((b) => b.threads === 1 && b.target.fma === k.target.fma)!;
    for (const shape of shapes.slice(-8)) {
      for (const start of starts) {
        const want = product(single, on(single), 'matmul', start, shape, inputs(shape)).data;
        for (const operation of transpositions) {
          const got = product(k, on(k), operation, start, shape, inputs(shape)).data;
          expectSame(got, want, `${operation} ${shape}, ${start}`);
        }
      }
    }
  });

  test('a row alone has the bits it has among others, however many those are', () => {
    const [M, N, K] = [101, 77, 130];
    const values = inputs([M, N, K]);
    for (const operation of ['matmul', 'matmulTransposedB'] as const) {
      const all = product(k, on(k), operation, 'add', [M, N, K], values).data;
      for (const [first, rows] of [
        [0, 1],
        [100, 1],
        [7, 2],
        [50, 3],
        [13, 4],
        [4, 5],
        [5, 6],
        [31, 16],
        [3, 48],
        [2, 49],
      ] as const) {
        // biome-ignore format: a table
        const some = {
          ...values,
          a: values.a.subarray(first * K, (first + rows) * K),
          y: values.y.subarray(first * N, (first + rows) * N),
        };
        const got = product(k, on(k), operation, 'add', [rows, N, K], some).data;
        expectSame(
          got,
          all.subarray(first * N, (first + rows) * N),
          `${operation}, ${rows} rows from ${first}`,
        );
      }
    }
  });
});

describe.each(named)('frozen weights, $name', ({ k }) => {
  test('have the bits that weights have which may change, and nothing else is written', () => {
    for (const [s, shape] of shapes.entries()) {
      const start = starts[s % starts.length]!;
      for (const operation of ['matmul', 'matmulTransposedB'] as const) {
        const [plain, frozen] = [false, true].map((frozen) =>
          product(k, on(k), operation, start, shape, inputs(shape), frozen),
        );
        expectGuarded(frozen!);
        expectSame(frozen!.data, plain!.data, `${operation} ${shape}, ${start}`);
      }
    }
  });

  test('are read as they are after a change that was said', () => {
    const [weights, x] = [place(k, 'w', [40, 8], normals(320, 1)), place(k, 'x', [3, 8], normals(24, 2))];
    const [y, again, want] = [place(k, 'y', [3, 40]), place(k, 'again', [3, 40]), place(k, 'want', [3, 40])];
    k.freeze(weights);
    k.matmulTransposedB(y, x, weights, 'set');
    weights.data.set(normals(320, 3));
    k.freeze(weights);
    k.matmulTransposedB(again, x, weights, 'set');
    k.matmulTransposedB(want, x, place(k, 'other', [40, 8], normals(320, 3)), 'set');
    expectSame(again.data, want.data, 'after the change');
    expect(y.data).not.toEqual(again.data);
  });

  test('of which a part is a factor of its own keep the two apart, whichever way they lie', () => {
    const values = normals(64 * 64, 1);
    const x = place(k, 'x', [1, 64], normals(64, 2));
    const both = (name: string, w: Tensor, w48: Tensor) => {
      const ys = [48, 64, 64].map((N, i) => place(k, `${name} ${i}`, [1, N]));
      k.matmulTransposedB(ys[0]!, x, w48, 'set');
      k.matmulTransposedB(ys[1]!, x, w, 'set');
      k.matmul(ys[2]!, x, w, 'set');
      return ys;
    };
    const partOf = (w: Tensor) => w.rows(48);
    const [free, frozen] = [place(k, 'free', [64, 64], values), place(k, 'frozen', [64, 64], values)];
    k.freeze(frozen);
    const [want, got] = [both('free', free, partOf(free)), both('frozen', frozen, partOf(frozen))];
    for (const [i, y] of got.entries()) expectSame(y.data, want[i]!.data, y.name);
  });

  test('are not copied again whenever a recorded pass runs', () => {
    const [w, x, y] = [place(k, 'w', [32, 8]), place(k, 'x', [1, 8], normals(8, 2)), place(k, 'y', [1, 32])];
    w.data.set(normals(256, 1));
    k.freeze(w);
    const again = k.record(() => k.matmulTransposedB(y, x, w, 'set'));
    const first = y.data.slice();
    w.data.fill(0); // and nobody says so
    again();
    expectSame(y.data, first, 'from the copy');
  });
});

test('weights are frozen only if there is memory for copies of all', async () => {
  const k = await createSimdKernels(nodeHost, { threads: 1, math: 'auto' });
  const shared = k.memory as SharedMemory;
  const [w, x] = [place(k, 'w', [64, 8], normals(512, 1)), place(k, 'x', [1, 8], normals(8, 2))];
  const [y, part] = [place(k, 'y', [1, 32]), w.rows(32)];
  shared.reserve(shared.roomForCopies - 1500); // enough for the part's 1,024 bytes
  k.freeze(w);
  k.matmulTransposedB(y, x, part, 'set');
  expect(y.data.some((v) => v !== 0)).toBe(true);
  w.data.fill(0);
  k.matmulTransposedB(y, x, part, 'set');
  expect([...y.data]).toEqual(Array(32).fill(0)); // so it was not read from a copy
  k.close();
});

test('fused and portable arithmetic differ, so that both are really tested', () => {
  const [fused, portable] = [true, false].map((fma) => backends.find((b) => b.target.fma === fma)!);
  const results = [fused!, portable!].map((k) =>
    product(k, on(k), 'matmul', 'set', [64, 64, 64], inputs([64, 64, 64])),
  );
  expect(results[0]!.data).not.toEqual(results[1]!.data);
});

test('shapes that do not fit, and tensors in other memory, are refused', () => {
  const k = backends[0]!;
  const [y, a, b] = [place(k, 'y', [2, 3]), place(k, 'a', [2, 4]), place(k, 'b', [5, 3])];
  expect(() => k.matmul(y, a, b, 'set')).toThrow(/matmul: b does not fit; expected \(4, N\), got \(5, 3\)/);
  const fits = place(k, 'b', [4, 3]);
  expect(() => k.matmul(y, a, fits, place(k, 'bias', [4]))).toThrow(
    /bias does not fit; expected \(3\), got \(4\)/,
  );
  expect(() => k.matmul(y, a, tensor('stray', [4, 3]), 'set')).toThrow(/stray is in other memory/);
});
