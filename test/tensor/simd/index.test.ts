/** What the kernels object promises beyond the single operations. */
import { afterAll, afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { nodeHost } from '../../../src/cli/host/simd-host.ts';
import { reference } from '../../../src/tensor/reference/index.ts';
import { createSimdKernels, type SimdKernels } from '../../../src/tensor/simd/index.ts';
import { family } from '../../../src/tensor/simd/machine/engine.ts';
import { madd, nmadd } from '../../../src/tensor/simd/machine/target.ts';
import { Tensor } from '../../../src/tensor/tensor.ts';
import { assemble, f32x4, func, v128 } from '../../../src/tensor/wasm/assembler.ts';
import { allBackends, closeAll, expectSame, label, normals, place } from './support.ts';

const backends = await allBackends();
afterAll(() => closeAll(backends));

test('every operation of the interface is there, and says which implementation it is', () => {
  for (const k of backends) {
    expect(Object.keys(k)).toEqual(expect.arrayContaining(Object.keys(reference)));
    expect(k.name).toBe('simd');
  }
  expect(backends.map((k) => k.threads)).toEqual([1, 2, 3, 1, 2, 3]);
});

test('portable is never fused', () => {
  expect(backends.slice(3).map((k) => k.target.fma)).toEqual([false, false, false]);
});

describe.each(backends.map((k) => ({ k, name: label(k) })))('$name', ({ k }) => {
  test('float64 tensors go to the reference', () => {
    const wide = (name: string, shape: number[], stream: number) =>
      new Tensor(name, shape, Float64Array.from(normals(shape[0]! * shape[1]!, stream)));
    const [a, b] = [wide('a', [5, 6], 1), wide('b', [6, 7], 2)];
    const [got, want] = [wide('y', [5, 7], 3), wide('y', [5, 7], 3)];
    k.matmul(got, a, b, 'add');
    reference.matmul(want, a, b, 'add');
    expectSame(got.data, want.data, 'y');
  });

  test('no rows are no work', () => {
    const [a, b] = [place(k, 'a', [4, 3]), place(k, 'b', [3, 5])];
    const y = place(k, 'y', [4, 5], normals(20, 1));
    const before = [...y.data];
    k.matmul(y.rows(0), a.rows(0), b, 'set');
    expectSame(y.data, before, 'y');
  });

  test('what is recorded computes the same again, on what the tensors hold then', () => {
    const [a, b, y] = [
      place(k, 'a', [40, 64], normals(2560, 1)),
      place(k, 'b', [64, 96]),
      place(k, 'y', [40, 96]),
    ];
    const z = place(k, 'z', [40, 96]);
    const again = k.record(() => {
      k.matmul(y, a, b, 'set');
      k.add(z, y, y);
    });
    b.data.set(normals(6144, 2));
    again();
    const want = place(k, 'want', [40, 96]);
    k.matmul(want, a, b, 'set');
    expectSame(y.data, want.data, 'y');
    expectSame(
      z.data,
      want.data.map((v) => 2 * v),
      'z',
    );
  });

  test('kernels that take numbers which are no integers, in steps shared or not, give the same bits recorded', () => {
    const [x, gain, r] = [place(k, 'x', [1, 70]), place(k, 'gain', [70], normals(70, 1)), place(k, 'r', [1])];
    const [weight, h, y] = [
      place(k, 'w', [70, 300], normals(21_000, 2)),
      place(k, 'h', [1, 300]),
      place(k, 'y', [1, 300]),
    ];
    const compute = () => {
      k.rmsnorm(x, r, x, gain, 0.3);
      k.matmul(h, x, weight, 'set');
      k.gelu(y, h);
      k.weightedSum(h, 0.7, y, -1.25, h);
    };
    const results = [compute, k.record(compute)].map((run) => {
      x.data.set(normals(70, 3));
      run();
      return [...x.data, ...r.data, ...y.data, ...h.data];
    });
    expectSame(results[1]!, results[0]!, 'recorded');
  });

  test('what the reference computed is computed again, too', () => {
    const wide = (name: string) => new Tensor(name, [1, 2], Float64Array.of(1, 2));
    const [a, y] = [wide('a'), wide('y')];
    const again = k.record(() => k.add(y, a, a));
    a.data[0] = 10;
    again();
    expectSame(y.data, [20, 4], 'y');
  });

  test('the peak loop counts its operations', () => {
    expect(k.peak(1000)).toBe(1000 * 4 * (k.target.wide ? 24 : 12) * 4 * 2);
  });
});

describe('where no thread can be sent shared memory, as in a page opened from a disk', () => {
  beforeEach(() => void vi.stubGlobal('SharedArrayBuffer', undefined));
  afterEach(() => void vi.unstubAllGlobals());

  test('one thread computes the same bits, and its tensors stay where they are while memory grows', async () => {
    const k = await createSimdKernels(nodeHost, { threads: 1, math: 'auto' });
    const product = (kernels: SimdKernels) => {
      const [a, b] = [
        place(kernels, 'a', [9, 70], normals(630, 1)),
        place(kernels, 'b', [70, 33], normals(2310, 2)),
      ];
      const y = place(kernels, 'y', [9, 33]);
      kernels.memory.reserve(1e6);
      kernels.matmul(y, a, b, 'set');
      return y.data;
    };
    expectSame(product(k), product(backends[0]!), 'y');
  });

  test('more threads are refused with what would do', async () => {
    await expect(createSimdKernels(nodeHost, { threads: 2, math: 'auto' })).rejects.toThrow(
      'simd: threads does not fit; expected 1 where threads cannot share memory, got 2',
    );
  });
});

test('a launch with a number too few or too many does not compile', () => {
  const kernel = func('k', { a: 'i32', b: 'f32', from: 'i32', to: 'i32' }, () => []);
  const work = { outputs: 1, cost: 1 };
  family(
    () => ({ kernel }),
    (run) => {
      run.kernel(work, 1, 2);
      // @ts-expect-error: b is missing
      run.kernel(work, 1);
      // @ts-expect-error: from and to are the launcher's
      run.kernel(work, 1, 2, 3);
      return {};
    },
  );
});

test('madd and nmadd are a b + c and c - a b, fused or not', () => {
  const targets = [{ fma: false, wide: false }, ...backends.slice(0, 1).map((k) => k.target)];
  for (const target of targets) {
    const [a, b, c] = [f32x4.const(3, 0.1, -2, 1), f32x4.const(5, 0.1, 7, 1), f32x4.const(1, -0.01, 4, 1)];
    const kernel = func('go', {}, () => [
      v128.store(0, madd(target)(a, b, c)),
      v128.store(16, nmadd(target)(a, b, c)),
    ]);
    const memory = new WebAssembly.Memory({ initial: 1, maximum: 1, shared: true });
    const { exports } = new WebAssembly.Instance(new WebAssembly.Module(assemble([kernel])), {
      env: { memory },
    });
    (exports['go'] as () => void)();
    const [x, y] = [Math.fround(0.1), Math.fround(-0.01)];
    const twice = Math.fround(x * x);
    const [plus, minus] = target.fma ? [x * x + y, y - x * x] : [twice + y, y - twice];
    expect([...new Float32Array(memory.buffer, 0, 8)]).toEqual(
      [16, plus, -10, 2, -14, minus, 18, 0].map(Math.fround),
    );
  }
});

test('a number of threads that is none', async () => {
  await expect(createSimdKernels(nodeHost, { threads: 0, math: 'auto' })).rejects.toThrow(
    'simd: threads does not fit; expected an integer from 1, got 0',
  );
});
