/** Threads inside the kernels, synchronous outside: `run` returns when all outputs are computed.
 *
 * Workers instantiate the same module on the same memory, spin a while for the next job, then park. Work is split over
 * outputs only, so how many threads there are and who computes what cannot change a bit. The job block and the order
 * in which it is written and read are described in worker.ts. */
import { pass } from './pass.ts';
import type { Target } from './target.ts';
import { layout, type WorkerData, work } from './worker.ts';

/** What the platform supplies. */
export interface SimdHost {
  /** Switches on relaxed SIMD where it is there but off; called only if modules with it do not validate. */
  enableRelaxedSimd(): void;
  /** Has the engine merge pairs of vectors in all that it compiles from now on, or not. False if it does not know how. */
  mergeVectors(on: boolean): boolean;
  /** Runs an action in which new modules have each function optimised at the end of its first call, so that what the
   * optimising compiler does can be looked at. */
  optimized<T>(action: () => T): T;
  /** A clock, in milliseconds. */
  now(): number;
  /** What selfTest says of this code for this target, or said before to the same engine on the same processor: '' for all is
   * well. Merging is an experiment that may end the whole process, so the test should run in another. */
  tested(code: Uint8Array, target: Target): string;
  /** Starts a thread that calls `(source)(data, ready)`, where `source` is the text of a function. Resolves when it
   * calls `ready`; rejects if it ends before. If it ends later, `ended` is called with the reason. */
  startWorker(source: string, data: WorkerData, ended: (reason: string) => void): Promise<WorkerHandle>;
}
export interface WorkerHandle {
  terminate(): void;
}

/** Looks at a word before parking, about 0.3 ms: longer than the JavaScript between two kernels and than most chunks,
 * so that a training step hardly ever pays for parking and waking. */
const workerSpins = 20_000;
const mainSpins = 20_000;

/** How to cut a job, decided by the caller. */
export interface Cut {
  readonly outputs: number;
  /** Chunks are multiples of this: the tile of the kernel. */
  readonly unit: number;
  readonly chunks: number;
}

/** The first output after so many chunks. */
export function outputsBefore({ outputs, unit, chunks }: Cut, count: number): number {
  return Math.min(Math.floor((Math.ceil(outputs / unit) * count) / chunks) * unit, outputs);
}

/** A kernel with all that it needs; `args` with room for from and to. */
interface Job {
  readonly kernel: number;
  readonly cut: Cut;
  readonly args: number[];
}

interface PoolParts extends Pick<WorkerData, 'module' | 'memory'> {
  /** All that the module exports: kernels, and what computes a pass. */
  readonly kernels: Readonly<Record<string, (...args: number[]) => number>>;
}

export class Pool {
  readonly #block = new SharedArrayBuffer(layout.bytes);
  readonly #words = new Int32Array(this.#block);
  readonly #values = new Float64Array(this.#block);
  readonly #workers: WorkerHandle[] = [];
  readonly #kernels: readonly ((...args: number[]) => number)[];
  readonly #pass: (...args: number[]) => number;
  readonly #patience: number;
  /** What `done` will be when the job at work is. */
  #expected = 0;
  #failure = '';

  private constructor({ kernels }: PoolParts, patience: number) {
    this.#kernels = Object.values(kernels);
    this.#pass = kernels[pass.name]!;
    this.#patience = patience;
  }

  /** Starts `threads - 1` workers; the calling thread is the last one. Rejects with one error if any does not start.
   * A worker that is killed in the middle of a chunk cannot say so, and the waiting thread hears no events: so
   * `patience` seconds without any chunk finished count as its death. */
  static async open(host: SimdHost, threads: number, parts: PoolParts, patience = 10): Promise<Pool> {
    const names = Object.keys(parts.kernels);
    const pool = new Pool(parts, patience);
    const { module, memory } = parts;
    const data = { module, memory, block: pool.#block, names, pass: pass.name, layout, spins: workerSpins };
    // tsx and other esbuild-based loaders wrap named functions in a helper of this name, which the worker lacks.
    const source = `(() => { const __name = (f) => f; return ${work.toString()}; })()`;
    const starts = Array.from({ length: threads - 1 }, (_, i) =>
      host.startWorker(source, { ...data, thread: i + 1 }, (reason) => pool.#fail(reason)),
    );
    for (const start of await Promise.allSettled(starts)) {
      if (start.status === 'fulfilled') pool.#workers.push(start.value);
      else pool.#fail(start.reason instanceof Error ? start.reason.message : String(start.reason));
    }
    try {
      pool.#check();
    } catch (error) {
      pool.close();
      throw error;
    }
    return pool;
  }

  close(): void {
    this.#failure ||= 'these kernels are closed; expected no call after close()';
    for (const worker of this.#workers) worker.terminate();
  }

  /** Computes all outputs of one kernel, on all threads. */
  run(kernel: number, cut: Cut, args: readonly number[]): void {
    this.#check();
    const job = this.#describe(kernel, cut, args);
    // From here on workers may read the description.
    Atomics.store(this.#words, layout.open, cut.chunks - 1);
    this.#wake();
    try {
      this.#compute(job, cut.chunks);
      this.#expected = (this.#expected + cut.chunks - 1 - this.#help(job)) | 0;
    } catch (error) {
      this.#fail(String(error));
      throw error;
    }
    this.#wait();
  }

  /** Computes the pass at an address, on all threads: see pass.ts. */
  runPass(address: number): void {
    this.#check();
    const words = this.#words;
    Atomics.store(words, layout.pass, address);
    Atomics.add(words, layout.passes, 1);
    this.#wake();
    try {
      for (let step = this.#pass(address, 0, 0), naps = 0; step >= 0; ) {
        Atomics.wait(words, layout.failure, 0, 1); // a millisecond, counted as below
        this.#check();
        const next = this.#pass(address, 0, step);
        naps = next === step ? naps + 1 : 0;
        if (naps > 1000 * this.#patience) this.#noProgress();
        step = next;
      }
    } catch (error) {
      this.#fail(String(error));
      throw error;
    } finally {
      Atomics.add(words, layout.passes, 1);
    }
  }

  #wake(): void {
    if (Atomics.load(this.#words, layout.parked) === 0) return;
    Atomics.add(this.#words, layout.generation, 1);
    Atomics.notify(this.#words, layout.generation);
  }

  #describe(kernel: number, cut: Cut, args: readonly number[]): Job {
    if (args.length > layout.maxArguments) {
      throw new RangeError(`simd: expected at most ${layout.maxArguments} arguments, got ${args.length}`);
    }
    const values = [kernel, cut.outputs, cut.unit, cut.chunks, args.length, ...args];
    for (let i = 0; i < values.length; i++) this.#values[layout.job + i] = values[i]!;
    return { kernel, cut, args: [...args, 0, 0] };
  }

  /** @param chunk from 1 */
  #compute({ kernel, cut, args }: Job, chunk: number): void {
    args[args.length - 2] = outputsBefore(cut, chunk - 1);
    args[args.length - 1] = outputsBefore(cut, chunk);
    this.#kernels[kernel]!(...args);
  }

  /** Computes what nobody has taken; returns how many chunks that were. */
  #help(job: Job): number {
    const words = this.#words;
    for (let helped = 0; ; ) {
      const chunk = Atomics.load(words, layout.open);
      if (chunk === 0) return helped;
      if (Atomics.compareExchange(words, layout.open, chunk, chunk - 1) !== chunk) continue;
      this.#compute(job, chunk);
      helped += 1;
    }
  }

  #wait(): void {
    const words = this.#words;
    const expected = this.#expected;
    for (let spin = 0; spin < mainSpins; spin++) if (Atomics.load(words, layout.done) === expected) return;
    Atomics.store(words, layout.mainParked, 1);
    // Seconds are counted one by one, so that a machine that slept for an hour counts one.
    for (let idle = 0, seen = -1; ; ) {
      const done = Atomics.load(words, layout.done);
      if (done === expected) break;
      this.#check();
      idle = done === seen ? idle + 1 : 0;
      if (idle > this.#patience) this.#noProgress();
      seen = done;
      Atomics.wait(words, layout.done, done, 1000);
    }
    Atomics.store(words, layout.mainParked, 0);
  }

  #noProgress(): void {
    this.#fail(`no progress in ${this.#patience} s`);
    this.#check();
  }

  /** Remembers the first reason; what a worker wrote down itself says more than that it ended. */
  #fail(reason: string): void {
    const length = Atomics.load(this.#words, layout.failure);
    const text = String.fromCharCode(...new Uint8Array(this.#block, layout.text, length));
    this.#failure ||= `a thread failed: ${text || reason}; start again, or use --threads 1`;
  }

  #check(): void {
    if (Atomics.load(this.#words, layout.failure) > 0) this.#fail('');
    if (this.#failure !== '') throw new Error(`simd: ${this.#failure}`);
  }
}
