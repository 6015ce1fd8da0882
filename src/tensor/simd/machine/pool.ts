/** Threads inside the kernels, synchronous outside: `run` returns when all outputs are computed.
 *
 * Workers instantiate the same module on the same memory, spin a while for the next job, then park. Work is split over
 * outputs only, so how many threads there are and who computes what cannot change a bit. The job block and the order
 * in which it is written and read are described in worker.ts. */
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

/** A kernel with all that it needs, described in the block. */
export interface Job {
  readonly kernel: number;
  readonly cut: Cut;
  readonly record: number;
  /** With room for from and to. */
  readonly args: number[];
}

export class Pool {
  readonly #block = new SharedArrayBuffer(layout.bytes);
  readonly #words = new Int32Array(this.#block);
  readonly #values = new Float64Array(this.#block);
  readonly #workers: WorkerHandle[] = [];
  readonly #kernels: readonly ((...args: number[]) => void)[];
  readonly #patience: number;
  /** Records in use; the first is for jobs that are run once. */
  #records = 1;
  /** What `done` will be when the job at work is. */
  #expected = 0;
  #failure = '';

  private constructor(kernels: readonly ((...args: number[]) => void)[], patience: number) {
    this.#kernels = kernels;
    this.#patience = patience;
  }

  /** Starts `threads - 1` workers; the calling thread is the last one. Rejects with one error if any does not start.
   * A worker that is killed in the middle of a chunk cannot say so, and the waiting thread hears no events: so
   * `patience` seconds without any chunk finished count as its death. */
  static async open(
    host: SimdHost,
    threads: number,
    parts: Pick<WorkerData, 'module' | 'memory'> & {
      readonly kernels: Record<string, (...args: number[]) => void>;
    },
    patience = 10,
  ): Promise<Pool> {
    const names = Object.keys(parts.kernels);
    const pool = new Pool(Object.values(parts.kernels), patience);
    const { module, memory } = parts;
    const data = { module, memory, block: pool.#block, names, layout, spins: workerSpins };
    // tsx and other esbuild-based loaders wrap named functions in a helper of this name, which the worker lacks.
    const source = `(() => { const __name = (f) => f; return ${work.toString()}; })()`;
    const starts = Array.from({ length: threads - 1 }, () =>
      host.startWorker(source, data, (reason) => pool.#fail(reason)),
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

  /** Describes a job that will be run again and again; undefined when there is no more room. `args` are those before
   * from and to. */
  prepare(kernel: number, cut: Cut, args: readonly number[]): Job | undefined {
    if (this.#records === layout.maxRecords) return undefined;
    return this.#describe(this.#records++, kernel, cut, args);
  }

  /** Computes all outputs of one kernel, on all threads. */
  run(kernel: number, cut: Cut, args: readonly number[]): void {
    this.start(this.#describe(0, kernel, cut, args));
  }

  start(job: Job): void {
    this.#check();
    const words = this.#words;
    const { chunks } = job.cut;
    // From here on workers may read the record.
    Atomics.store(words, layout.open, (job.record << layout.openBits) | (chunks - 1));
    if (Atomics.load(words, layout.parked) > 0) {
      Atomics.add(words, layout.generation, 1);
      Atomics.notify(words, layout.generation);
    }
    try {
      this.#compute(job, chunks);
      this.#expected = (this.#expected + chunks - 1 - this.#help(job)) | 0;
    } catch (error) {
      this.#fail(String(error));
      throw error;
    }
    this.#wait();
  }

  #describe(record: number, kernel: number, cut: Cut, args: readonly number[]): Job {
    if (args.length > layout.maxArguments) {
      throw new RangeError(`simd: expected at most ${layout.maxArguments} arguments, got ${args.length}`);
    }
    const values = [kernel, cut.outputs, cut.unit, cut.chunks, args.length, ...args];
    const start = layout.records + record * layout.recordWords;
    for (let i = 0; i < values.length; i++) this.#values[start + i] = values[i]!;
    return { kernel, cut, record, args: [...args, 0, 0] };
  }

  /** @param chunk from 1 */
  #compute({ kernel, cut: { outputs, unit, chunks }, args }: Job, chunk: number): void {
    const units = Math.ceil(outputs / unit);
    args[args.length - 2] = Math.floor((units * (chunk - 1)) / chunks) * unit;
    args[args.length - 1] = Math.min(Math.floor((units * chunk) / chunks) * unit, outputs);
    this.#kernels[kernel]!(...args);
  }

  /** Computes what nobody has taken; returns how many chunks that were. */
  #help(job: Job): number {
    const words = this.#words;
    for (let helped = 0; ; ) {
      const open = Atomics.load(words, layout.open);
      const chunk = open - (job.record << layout.openBits);
      if (chunk === 0) return helped;
      if (Atomics.compareExchange(words, layout.open, open, open - 1) !== open) continue;
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
      if (idle > this.#patience) {
        this.#fail(`no progress in ${this.#patience} s`);
        this.#check();
      }
      seen = done;
      Atomics.wait(words, layout.done, done, 1000);
    }
    Atomics.store(words, layout.mainParked, 0);
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
