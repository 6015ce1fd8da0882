/** Passes: every step is computed once, after the steps before it, whoever comes, comes late or does not come. */
import { afterAll, describe, expect, test } from 'vitest';
import { nodeHost } from '../../../../src/cli/host/simd-host.ts';
import { SharedMemory } from '../../../../src/tensor/simd/machine/memory.ts';
import { entry, pass, type Step, writePass } from '../../../../src/tensor/simd/machine/pass.ts';
import { Pool, type SimdHost } from '../../../../src/tensor/simd/machine/pool.ts';
import {
  assemble,
  f32,
  func,
  i32,
  i32Atomic,
  loop,
  when,
  whileLoop,
} from '../../../../src/tensor/wasm/assembler.ts';
import { element } from '../../../../src/tensor/wasm/lanes.ts';

/** y[i] = x[n - 1 - i] + added: what one thread writes another reads in the next step. */
const mirror = func(
  'mirror',
  { y: 'i32', x: 'i32', n: 'i32', added: 'f32', from: 'i32', to: 'i32' },
  ({ y, x, n, added, from, to }, local) => {
    const i = local('i32');
    const mirrored = i32.sub(i32.sub(n, 1), i);
    return [loop(i, from, to, 1, [f32.store(element(y, i), f32.add(f32.load(element(x, mirrored)), added))])];
  },
);
/** Reads where there is no memory, but for output 0. */
const trap = func('trap', { from: 'i32', to: 'i32' }, ({ from }) => [
  when(i32.gt(from, 0), [i32.store(0, i32.load(-4))]),
]);
/** Output 1 says at `at` that it is begun, and is x[0] = 1 a tenth of a second later. */
const slow = func('slow', { at: 'i32', x: 'i32', from: 'i32', to: 'i32' }, ({ at, x, from }, local) => {
  const i = local('i32');
  return [
    when(i32.gt(from, 0), [i32.store(at, 1), loop(i, 0, 2 ** 28, 1, [i32.store(at, i, 4)]), f32.store(x, 1)]),
  ];
});
/** Takes a tenth of a second. */
const pause = func('pause', { at: 'i32', from: 'i32', to: 'i32' }, ({ at }, local) => {
  const i = local('i32');
  return [loop(i, 0, 2 ** 28, 1, [i32.store(at, i)])];
});
/** Output 0 waits for output 1, a second or two, and says at `at` + 4 whether it came. */
const together = func('together', { at: 'i32', from: 'i32', to: 'i32' }, ({ at, from }, local) => {
  const looks = local('i32');
  const missing = i32.eqz(i32Atomic.load(at));
  return [
    when(
      i32.gt(from, 0),
      [i32Atomic.store(at, 1)],
      [
        looks.set(0),
        whileLoop(i32.and(missing, i32.lt(looks, 2 ** 30)), [looks.set(i32.add(looks, 1))]),
        i32.store(at, i32Atomic.load(at), 4),
        i32.store(at, 0),
      ],
    ),
  ];
});
const table = [mirror, trap, slow, pause, together];

const pools: Pool[] = [];
afterAll(() => {
  for (const pool of pools) pool.close();
});

async function start(threads: number, host: SimdHost = nodeHost) {
  const shared = new SharedMemory();
  const { memory } = shared;
  const module = new WebAssembly.Module(assemble([...table, pass], table.map(entry)));
  const { exports } = new WebAssembly.Instance(module, { env: { memory } });
  const kernels = exports as Record<string, (...args: number[]) => number>;
  const pool = await Pool.open(host, threads, { module, memory, kernels }, 1);
  pools.push(pool);
  const compose = (steps: readonly Step[]) => writePass(shared, table, steps, threads);
  return { pool, shared, compose, compute: kernels[pass.name]! };
}

/** The Node host with another worker, made from the text of the real one. */
const hostWith = (source: (original: string) => string): SimdHost => ({
  ...nodeHost,
  startWorker: (original, data, ended) => nodeHost.startWorker(source(original), data, ended),
});
/** Never computes anything. */
const asleep = () => '({ memory }, ready) => { ready(); Atomics.wait(new Int32Array(memory.buffer), 0, 0); }';

const n = 64;
/** A pass there and back between two rows of n numbers: each of its 40 steps adds 1. Some steps are shared, by all threads or by
 * two; chunks may be empty. `run` says what the first row holds afterwards. */
function thereAndBack({ pool, shared, compose }: Awaited<ReturnType<typeof start>>, threads: number) {
  const rows = [0, 1].map(() => {
    const { buffer, byteOffset } = shared.reserve(4 * n);
    return new Float32Array(buffer, byteOffset, n);
  });
  const steps = Array.from({ length: 40 }, (_, i): Step => {
    const args = [rows[(i + 1) % 2]!.byteOffset, rows[i % 2]!.byteOffset, n, 1];
    const even = Array.from({ length: threads + 1 }, (_, t) => Math.floor((n * t) / threads));
    const bounds = [even, even, [0, n], [0, 20, n], even, [0, n], [0, n], [0, n, n]][i % 8]!;
    return { kernel: mirror, args, bounds: threads === 1 ? [0, n] : bounds };
  });
  const address = compose(steps);
  return {
    run: () => {
      pool.runPass(address);
      return rows[0]!;
    },
  };
}
const all = (value: number) => new Float32Array(n).fill(value);

describe('every step is computed once, after the steps before it', () => {
  test.each([1, 2, 3, 4])('%d threads, two passes in turns', async (threads) => {
    const started = await start(threads);
    const [a, b] = [thereAndBack(started, threads), thereAndBack(started, threads)];
    for (let i = 1; i <= 1500; i++) {
      expect(a.run()).toEqual(all(40 * i));
      if (i % 3 === 0) expect(b.run()).toEqual(all((40 * i) / 3));
    }
  });

  test('workers that do not come are not waited for', async () => {
    const { run } = thereAndBack(await start(3, hostWith(asleep)), 3);
    for (let i = 1; i <= 100; i++) expect(run()).toEqual(all(40 * i));
  });

  test('a worker that comes in the middle joins in', async () => {
    const host = hostWith(
      (original) => `(data, ready) => {
        ready();
        Atomics.wait(new Int32Array(data.memory.buffer), 0, 0);
        (${original})(data, () => {});
      }`,
    );
    const started = await start(2, host);
    const { run } = thereAndBack(started, 2);
    const words = new Int32Array(started.shared.memory.buffer);
    for (let i = 1; i <= 3000; i++) {
      if (i === 500) Atomics.notify(words, 0);
      expect(run()).toEqual(all(40 * i));
    }
  });

  test('nor does it go ahead of who took its chunk over', async () => {
    // It comes when its chunk of the first step is begun, by the caller; its chunk of the second reads what comes of that.
    const host = hostWith(
      (original) => `(data, ready) => {
        ready();
        const words = new Int32Array(data.memory.buffer);
        while (Atomics.load(words, 0) === 0) Atomics.wait(words, 1, 0, 1);
        (${original})(data, () => {});
      }`,
    );
    const { pool, shared, compose } = await start(2, host);
    const { buffer, byteOffset: x } = shared.reserve(2 * 4);
    const y = new Float32Array(buffer, shared.reserve(2 * 4).byteOffset, 2);
    const address = compose([
      { kernel: slow, args: [0, x], bounds: [0, 1, 2] },
      { kernel: mirror, args: [y.byteOffset, x, 2, 10], bounds: [0, 1, 2] },
    ]);
    pool.runPass(address);
    expect([...y]).toEqual([10, 11]);
  });

  test('one that waited in vain says at which step, be it the first', async () => {
    const { shared, compose, compute } = await start(2, hostWith(asleep));
    const { byteOffset: at } = shared.reserve(4);
    const address = compose([{ kernel: mirror, args: [at, at, 0, 0], bounds: [0, 0, 0] }]);
    expect(compute(address, 1, 0)).toBe(0); // nobody has begun the run
    expect(compute(address, 0, 0)).toBe(-1);
  });

  test('one that waited in vain while the caller was busy comes again', async () => {
    const { pool, shared, compose } = await start(2);
    const { buffer, byteOffset: at } = shared.reserve(3 * 4);
    const address = compose([
      { kernel: mirror, args: [at, at, 0, 0], bounds: [0, 0, 0] },
      { kernel: pause, args: [at + 8], bounds: [0, 1] },
      { kernel: together, args: [at], bounds: [0, 1, 2] },
    ]);
    for (let i = 0; i < 3; i++) {
      const words = new Int32Array(buffer, at, 2).fill(0);
      pool.runPass(address);
      expect(words[1]).toBe(1);
    }
  });

  test('one that parks between two runs is woken', async () => {
    const started = await start(2);
    const { run } = thereAndBack(started, 2);
    for (let i = 1; i <= 20; i++) {
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 5);
      expect(run()).toEqual(all(40 * i));
    }
  });
});

describe('failures', () => {
  test('a kernel that traps in a worker: its own message, and the same error ever after', async () => {
    const { pool, compose } = await start(2);
    const address = compose([{ kernel: trap, args: [], bounds: [0, 1, 2] }]);
    // Where the worker comes late, the caller takes its chunk over, and the trap is the caller's.
    expect(() => pool.runPass(address)).toThrow(/memory access out of bounds/);
    expect(() => pool.runPass(address)).toThrow(
      /^simd: a thread failed: .*memory access out of bounds; start again, or use --threads 1$/,
    );
  });

  test('a worker that died in the middle of a chunk: an error, not a hang', async () => {
    const { pool, shared, compose } = await start(2, hostWith(asleep));
    const address = compose([{ kernel: trap, args: [], bounds: [0, 1, 1] }]);
    const claimed = address + 128 + 128; // of thread 1: see pass.ts
    new Int32Array(shared.memory.buffer)[claimed / 4] = 1;
    expect(() => pool.runPass(address)).toThrow(/no progress in 1 s/);
    expect(() => pool.runPass(address)).toThrow(/no progress in 1 s/);
  });
});
