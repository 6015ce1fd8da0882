/** The pool: every output is computed exactly once, and whatever happens to a worker ends in one clear error. */
import { spawnSync } from 'node:child_process';
import { afterAll, describe, expect, test } from 'vitest';
import { nodeHost } from '../../../../src/cli/host/simd-host.ts';
import { pass } from '../../../../src/tensor/simd/machine/pass.ts';
import { Pool, type SimdHost, type WorkerHandle } from '../../../../src/tensor/simd/machine/pool.ts';
import { assemble, func, i32, loop, when } from '../../../../src/tensor/wasm/assembler.ts';

/** count[i] += 1 for each output i, and first[i] = from of the slice that computed it. */
const count = func('count', { at: 'i32', from: 'i32', to: 'i32' }, ({ at, from, to }, local) => {
  const [i, p] = [local('i32'), local('i32')];
  return [
    loop(i, from, to, 1, [
      p.set(i32.add(at, i32.shl(i, 3))),
      i32.store(p, i32.add(i32.load(p), 1)),
      i32.store(p, from, 4),
    ]),
  ];
});
/** Says at address 0 that it runs, then reads where there is no memory. */
const trap = func('trap', { from: 'i32', to: 'i32' }, () => [i32.store(0, 1), i32.store(4, i32.load(-4))]);
/** Says at address 0 that it runs, then takes hours. */
const hang = func('hang', { from: 'i32', to: 'i32' }, (_, local) => {
  const [i, j] = [local('i32'), local('i32')];
  const hours = loop(i, 0, 2 ** 30, 1, [loop(j, 0, 2 ** 30, 1, [when(i32.eq(i, -1), [i32.store(4, j)])])]);
  return [i32.store(0, 1), hours];
});

const pools: Pool[] = [];
afterAll(() => {
  for (const pool of pools) pool.close();
});

type Kernel = (...args: number[]) => number;
/** A pool of `threads` on the kernels above. With `meanwhile` the calling thread does not compute its chunks of `hang`
 * and `trap`: it waits until a worker is in its own, and calls that. Patience that no machine exhausts, however busy. */
async function start(threads: number, host: SimdHost = nodeHost, meanwhile?: () => void, patience = 60) {
  const memory = new WebAssembly.Memory({ initial: 1, maximum: 1, shared: true });
  const module = new WebAssembly.Module(assemble([count, trap, hang, pass]));
  const { exports } = new WebAssembly.Instance(module, { env: { memory } });
  const whileWorkerRuns = (): number => {
    const words = new Int32Array(memory.buffer);
    for (let tries = 0; Atomics.load(words, 0) === 0; tries++) {
      if (tries === 3000) throw new Error('no worker took a chunk');
      Atomics.wait(words, 0, 0, 10);
    }
    meanwhile!();
    return 0;
  };
  const replaced = meanwhile === undefined ? {} : { trap: whileWorkerRuns, hang: whileWorkerRuns };
  const kernels = { ...(exports as Record<string, Kernel>), ...replaced };
  const pool = await Pool.open(host, threads, { module, memory, kernels }, patience);
  pools.push(pool);
  return { pool, memory, index: (name: string) => Object.keys(kernels).indexOf(name) };
}

/** The Node host, with the worker's source replaced if one is given, with handles to its workers, and with the reason for
 * which the first of them ended, once the pool has heard it. */
function watched(source?: string) {
  const handles: WorkerHandle[] = [];
  let tell: (reason: string) => void;
  const ended = new Promise<string>((resolve) => {
    tell = resolve;
  });
  const host: SimdHost = {
    ...nodeHost,
    startWorker: async (original, data, onEnd) => {
      const handle = await nodeHost.startWorker(source ?? original, data, (reason) => {
        onEnd(reason);
        tell(reason);
      });
      handles.push(handle);
      return handle;
    },
  };
  return { host, handles, ended };
}

describe('run', () => {
  test.each([1, 2, 3])(
    '%d threads compute every output once, in slices that start at multiples of the unit',
    async (threads) => {
      const { pool, memory, index } = await start(threads);
      for (const outputs of [1, 2, 5, 7, 64, 65, 1000]) {
        for (const unit of [1, 3, 8]) {
          for (const chunks of [1, 2, 3, 12]) {
            if (chunks > Math.ceil(outputs / unit)) continue;
            const words = new Int32Array(memory.buffer, 64, 2 * outputs + 2).fill(0);
            pool.run(index('count'), { outputs, unit, chunks }, [64]);
            const counts = Array.from({ length: outputs + 1 }, (_, i) => words[2 * i]);
            expect(counts).toEqual([...Array(outputs).fill(1), 0]);
            const firsts = new Set(Array.from({ length: outputs }, (_, i) => words[2 * i + 1]!));
            expect(firsts.size).toBe(chunks);
            expect([...firsts].every((first) => first % unit === 0)).toBe(true);
          }
        }
      }
    },
  );

  test('many short jobs in a row, parked or not, lose nothing', async () => {
    const { pool, memory, index } = await start(3);
    const words = new Int32Array(memory.buffer, 64, 20);
    for (let i = 0; i < 3000; i++) {
      if (i % 500 === 0) Atomics.wait(words, 19, 0, 20); // long enough for the workers to park
      pool.run(index('count'), { outputs: 10, unit: 1, chunks: 6 }, [64]);
    }
    expect(Array.from({ length: 10 }, (_, i) => words[2 * i])).toEqual(Array(10).fill(3000));
  });
});

describe('failures', () => {
  const failed = /^simd: a thread failed: .+; start again, or use --threads 1$/;

  test('a worker killed in the middle of a chunk: an error, not a hang, and the same error ever after', async () => {
    const { host, handles } = watched();
    const { pool, index } = await start(2, host, () => handles[0]!.terminate(), 1);
    const run = () => pool.run(index('hang'), { outputs: 2, unit: 1, chunks: 2 }, []);
    expect(run).toThrow(/no progress in 1 s/);
    expect(run).toThrow(failed);
  });

  test('a kernel that traps in a worker, woken for it: its own message, without waiting for patience to end', async () => {
    const { pool, memory, index } = await start(2, nodeHost, () => {});
    Atomics.wait(new Int32Array(memory.buffer), 1, 0, 50); // long enough for the worker to park
    const run = () => pool.run(index('trap'), { outputs: 2, unit: 1, chunks: 2 }, []);
    expect(run).toThrow(/a thread failed: RuntimeError: memory access out of bounds/);
    expect(run).toThrow(failed);
  }, 50_000);

  test('a kernel that traps on the calling thread: the trap, and no further jobs', async () => {
    const { pool, index } = await start(1);
    expect(() => pool.run(index('trap'), { outputs: 1, unit: 1, chunks: 1 }, [])).toThrow(
      'memory access out of bounds',
    );
    expect(() => pool.run(index('count'), { outputs: 1, unit: 1, chunks: 1 }, [64])).toThrow(failed);
  });

  test('a worker that ends while idle: the next job says so', async () => {
    // It ends when it is told to: one that ended by itself might do so before the pool is open.
    const { host, ended } = watched(
      '({ memory }, ready) => { ready(); Atomics.wait(new Int32Array(memory.buffer), 0, 0); process.exit(3); }',
    );
    const { pool, memory, index } = await start(2, host);
    const words = new Int32Array(memory.buffer);
    Atomics.store(words, 0, 1);
    Atomics.notify(words, 0);
    expect(await ended).toContain('exit code 3');
    expect(() => pool.run(index('count'), { outputs: 1, unit: 1, chunks: 1 }, [64])).toThrow(/exit code 3/);
  });

  test.each([
    ['throws', '() => { throw new Error("out of luck"); }', /a thread failed: out of luck; start again/],
    ['exits', '() => process.exit(5)', /a thread failed: it ended with exit code 5/],
    ['is no JavaScript', '((', /a thread failed: .*; start again/],
  ])('a worker that %s at its start: starting rejects with one error', async (_, source, message) => {
    await expect(start(3, watched(source).host)).rejects.toThrow(message);
  });

  test('a pool used after it was closed', async () => {
    const { pool } = await start(2);
    pool.close();
    expect(() => pool.run(0, { outputs: 1, unit: 1, chunks: 1 }, [64])).toThrow(/these kernels are closed/);
  });
});

test('workers do not keep a process alive, and start under tsx', () => {
  const index = new URL('../../../../src/tensor/simd/index.ts', import.meta.url);
  const host = new URL('../../../../src/cli/host/simd-host.ts', import.meta.url);
  const script = `
    import { createSimdKernels } from '${index}';
    import { nodeHost } from '${host}';
    const k = await createSimdKernels(nodeHost, { threads: 3, math: 'auto' });
    console.log(k.name, k.threads);`;
  const child = spawnSync(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', script], {
    encoding: 'utf8',
  });
  expect(child.stderr).toBe('');
  expect(child.stdout).toBe('simd 3\n');
  expect(child.status).toBe(0);
});
