/** Kernels for wide vectors: the same bits as the narrow ones, whether the engine merges vectors or not. */
import { afterAll, describe, expect, test } from 'vitest';
import { nodeHost } from '../../../src/cli/host/simd-host.ts';
import type { Kernels } from '../../../src/tensor/kernels.ts';
import { reference } from '../../../src/tensor/reference/index.ts';
import { createSimdKernels, type SimdKernels, selfTest } from '../../../src/tensor/simd/index.ts';
import type { SimdHost } from '../../../src/tensor/simd/machine/pool.ts';
import { matmul } from '../../../src/tensor/simd/matmul/matmul.ts';
import { newtonSchulz } from '../../../src/tensor/simd/newton-schulz.ts';
import { difference } from '../../../src/tensor/simd/self-test.ts';
import type { Tensor } from '../../../src/tensor/tensor.ts';
import { assemble } from '../../../src/tensor/wasm/assembler.ts';
import { modes, sliced } from './sliced.ts';
import { closeAll, expectSame, normals } from './support.ts';

const operations = ['freeze', 'matmul', 'matmulTransposedA', 'matmulTransposedB', 'newtonSchulz'] as const;
const of = (wide: boolean) =>
  modes.filter((mode) => mode.wide === wide).map((mode) => sliced([matmul, newtonSchulz], operations, mode));
const pairs = of(false).map((narrow, i) => [narrow, of(true)[i]!] as const);

/** Rows in place, panel by panel and in blocks; columns of no panel, of one and a half, of whole ones. */
test.each([
  [1, 7, 5],
  [1, 97, 12],
  [2, 97, 5],
  [5, 130, 9],
  [3, 40, 33],
  [14, 16, 9],
  [20, 31, 64],
  [49, 17, 3],
  [61, 65, 20],
  [100, 32, 7],
])('products of %i rows and %i columns over %i', (M, N, K) => {
  for (const [narrow, wide] of pairs) {
    for (const operation of ['matmul', 'matmulTransposedA', 'matmulTransposedB'] as const) {
      const result = ({ kernels: sliced, memory }: typeof narrow, frozen: boolean) => {
        const a = memory.tensor('a', operation === 'matmulTransposedA' ? [K, M] : [M, K], normals(M * K, 1));
        const b = memory.tensor('b', operation === 'matmulTransposedB' ? [N, K] : [K, N], normals(K * N, 2));
        const y = memory.tensor('y', [M, N]);
        const kernels = sliced(2);
        if (frozen) kernels.freeze(b);
        kernels[operation](y, a, b, memory.tensor('bias', [N], normals(N, 3)));
        const { data } = y;
        memory.reset();
        return data;
      };
      const want = result(narrow, false);
      expectSame(result(wide, false), want, operation);
      for (const each of [narrow, wide]) expectSame(result(each, true), want, `${operation}, frozen`);
    }
  }
});

test.each([3, 16, 21, 40])('Newton-Schulz of %i channels', (S) => {
  for (const pair of pairs) {
    const [want, got] = pair.map(({ kernels, memory }) => {
      const g = memory.tensor('g', [1, S, S]);
      for (let i = 0; i < S; i++) for (let j = 0; j < S; j++) g.data[i * S + j] = 1 / (1 + i + j);
      const [q, p, t] = ['q', 'p', 't'].map((name) => memory.tensor(name, [1, S, S]));
      kernels(1).newtonSchulz(q!, p!, t!, g, { coefficients: [3, -3, 1], rounds: 3 });
      memory.reset();
      return q!.data;
    });
    expectSame(got!, want!, 'q');
  }
});

describe('the self-test', () => {
  const code = assemble([]);
  const host = { ...nodeHost, optimized: <T>(action: () => T): T => action() };

  test('finds nothing where both compilers agree', () => {
    expect(difference(host, code, () => reference)).toBe('');
  });

  test.each(['matmulTransposedA', 'geluBackward', 'attentionCached', 'adamw'] as const)(
    'names %s if the optimising compiler changes its last bit',
    (operation) => {
      let instances = 0;
      const operations = (): Kernels => {
        instances += 1;
        if (instances === 1) return reference;
        const wrong = (y: Tensor, ...rest: unknown[]) => {
          (reference[operation] as (...all: unknown[]) => void)(y, ...rest);
          const words = new Uint32Array(y.buffer, y.byteOffset, y.size);
          words[y.size - 1]! ^= 1;
        };
        return { ...reference, [operation]: wrong };
      };
      expect(difference(host, code, operations)).toBe(operation);
    },
  );
});

describe('kernels', () => {
  const merges = nodeHost.mergeVectors(true);
  const opened: SimdKernels[] = [];
  afterAll(() => closeAll(opened));
  const open = async (wide: 'auto' | 'off', host: SimdHost = nodeHost) => {
    const kernels = await createSimdKernels(host, { threads: 1, math: 'auto', wide });
    opened.push(kernels);
    return kernels;
  };

  /** An engine that seems to merge vectors: every second burst, the wide one, takes `milliseconds` where the other takes 10. */
  const merging = (milliseconds: number, host: Partial<SimdHost> = {}): SimdHost => {
    let [time, readings] = [0, 0];
    const now = () => {
      time += [0, 10, 0, milliseconds][readings++ % 4]!;
      return time;
    };
    // An engine that cannot merge need not have the flags that optimise at once.
    const optimized = merges ? nodeHost.optimized : <T>(action: () => T): T => action();
    return { ...nodeHost, mergeVectors: (on) => on, optimized, now, tested: () => '', ...host };
  };

  test('are wide only where twice as many sums are faster', async () => {
    expect((await open('auto', merging(15))).target.wide).toBe(true); // of twice the work
    expect((await open('auto', merging(19))).target.wide).toBe(false);
    expect((await open('auto', merging(15, { mergeVectors: () => false }))).target.wide).toBe(false);
    expect((await open('off', merging(15))).target.wide).toBe(false);
  });

  test('are narrow and say why where the self-test fails', async () => {
    const told: boolean[] = [];
    const mergeVectors = (on: boolean) => {
      told.push(on);
      return on;
    };
    const { target, fault } = await open('auto', merging(15, { mergeVectors, tested: () => 'gelu' }));
    expect(target.wide).toBe(false);
    expect(fault).toBe('gelu');
    expect(told).toEqual([true, false]);
  });

  test('pass their self-test on this engine', () => {
    const optimized = merges ? nodeHost.optimized : <T>(action: () => T): T => action();
    nodeHost.mergeVectors(true);
    expect(selfTest({ ...nodeHost, optimized }, modes.at(-1)!.fma)).toBe('');
  });
});
