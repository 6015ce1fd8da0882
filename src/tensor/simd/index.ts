/** The fast implementation of the Kernels interface: WebAssembly SIMD, assembled at start-up, on several threads.
 *
 * One module holds all kernels. The object starts as a copy of the reference implementation and overrides what the
 * families offer; float64 tensors, which only gradient checks use, go to the reference. */
import type { Kernels } from '../kernels.ts';
import { reference } from '../reference/index.ts';
import type { Tensor } from '../tensor.ts';
import { assemble } from '../wasm/assembler.ts';
import { adamw } from './adamw.ts';
import { attention } from './attention/attention.ts';
import { attentionBackward } from './attention/backward.ts';
import { attentionCached } from './attention/cached.ts';
import { bias } from './bias.ts';
import { crossEntropy } from './cross-entropy.ts';
import { dropout } from './dropout.ts';
import { elements } from './elementwise.ts';
import { embedding } from './embedding.ts';
import { gelu } from './gelu.ts';
import { layernorm } from './layernorm.ts';
import type { Engine, Family, Work } from './machine/engine.ts';
import { SharedMemory } from './machine/memory.ts';
import { Pool, type SimdHost } from './machine/pool.ts';
import { Recorder } from './machine/recorder.ts';
import { hasFusedMultiplyAdd, hasRelaxedSimd, hasSimd, hasThreads, type Target } from './machine/target.ts';
import { wideIsFaster } from './machine/wide.ts';
import { matmul } from './matmul/matmul.ts';
import { newtonSchulz } from './newton-schulz.ts';
import { peak, peakFlops } from './peak.ts';
import { qkNorm } from './qk-norm.ts';
import { rmsnorm } from './rmsnorm.ts';
import { rope } from './rope.ts';
import { difference } from './self-test.ts';
import { swiglu } from './swiglu.ts';

const families: readonly Family[] = [
  matmul,
  bias,
  elements,
  gelu,
  swiglu,
  layernorm,
  rmsnorm,
  qkNorm,
  rope,
  attention,
  attentionBackward,
  attentionCached,
  crossEntropy,
  embedding,
  dropout,
  adamw,
  newtonSchulz,
  peak,
];

export interface SimdOptions {
  /** How many threads compute, this one included. */
  readonly threads: number;
  /** 'auto' fuses multiply-add where the machine can; 'portable' gives the same bits on every machine. */
  readonly math: 'auto' | 'portable';
  /** 'auto' computes on vectors of 256 bits where the engine can: the same bits, sooner. */
  readonly wide?: 'auto' | 'off';
}

export interface SimdKernels extends Kernels {
  readonly threads: number;
  readonly target: Target;
  /** The operation that was wrong with wide vectors, for which they are off; else ''. */
  readonly fault: string;
  /** Does rounds of multiply-adds in registers only, on this thread, and says how many floating-point operations that
   * were: divided by the time, the peak that a product can be compared with. */
  peak(rounds: number): number;
  /** Ends the workers; the kernels cannot be used any more. */
  close(): void;
}

/** A chunk is at least this long. Handing a job over and waiting for its end takes 0.4 microseconds, and 0.1 more for
 * each chunk: a job of 6.5 microseconds ends after 4.2 on two threads, one of 3.2 gains nothing. */
const splitNanoseconds = 3000;
/** Several chunks a thread, so that one that starts late or is interrupted does not hold up the others. */
const chunksPerThread = 4;
/** The same two numbers for what is recorded. */
const recordedNanoseconds = 1000;
const recordedChunks = 1;

/** Starting is the one asynchronous step. Rejects if there is no SIMD or if a worker does not start. */
export async function createSimdKernels(host: SimdHost, options: SimdOptions): Promise<SimdKernels> {
  const { threads } = options;
  if (!(Number.isInteger(threads) && threads >= 1)) {
    throw new RangeError(`simd: threads does not fit; expected an integer from 1, got ${threads}`);
  }
  if (threads > 1 && !hasThreads()) {
    throw new RangeError(
      `simd: threads does not fit; expected 1 where threads cannot share memory, got ${threads}`,
    );
  }
  if (!hasSimd())
    throw new Error('simd: this engine has no WebAssembly SIMD or no shared memory; use the reference');
  const { target, fault } = probe(host, options);
  const built = families.map((family) => family(target));
  const module = await WebAssembly.compile(codeOf(built));
  const shared = new SharedMemory();
  const { memory } = shared;
  const { exports } = await WebAssembly.instantiate(module, { env: { memory } });
  const kernels = exports as Exports;
  const pool = threads > 1 ? await Pool.open(host, threads, { module, memory, kernels }) : undefined;
  const recorder = new Recorder();
  const engine = createEngine({ target, threads, kernels, shared, pool, recorder });

  return {
    ...operationsOf(built, engine, recorder),
    name: 'simd',
    memory: shared,
    threads,
    target,
    fault,
    peak: (rounds) => peakFlops(engine, rounds),
    close: () => pool?.close(),
  };
}

function probe(host: SimdHost, { math, wide = 'auto' }: SimdOptions): { target: Target; fault: string } {
  if (math === 'auto' && !hasRelaxedSimd()) host.enableRelaxedSimd();
  const fma = math === 'auto' && hasFusedMultiplyAdd();
  let fault = '';
  if (host.mergeVectors(wide === 'auto') && wideIsFaster(host, fma)) {
    const target = { fma, wide: true };
    fault = host.tested(codeOf(families.map((family) => family(target))), target);
    if (fault === '') return { target, fault };
  }
  host.mergeVectors(false);
  return { target: { fma, wide: false }, fault };
}

/** The operation whose bits are others where the engine merges vectors, or ''. Merging has to be on. */
export function selfTest(host: SimdHost, fma: boolean): string {
  const target = { fma, wide: true };
  const built = families.map((family) => family(target));
  return difference(host, codeOf(built), (kernels, shared) => {
    const recorder = new Recorder();
    const engine = createEngine({ target, threads: 1, kernels, shared, pool: undefined, recorder });
    return operationsOf(built, engine, recorder);
  });
}

type Exports = Record<string, (...args: number[]) => number>;
type Built = ReturnType<Family>;

const codeOf = (built: readonly Built[]) => assemble(built.flatMap(({ functions }) => functions));

function operationsOf(built: readonly Built[], engine: Engine, recorder: Recorder): Kernels {
  const simd: Record<string, unknown> = { ...reference };
  for (const { operations } of built) {
    for (const [name, fast] of Object.entries(operations(engine))) {
      const slow = reference[name as keyof Kernels] as unknown as Operation;
      simd[name] = withReference(fast as Operation, slow, recorder);
    }
  }
  return { ...(simd as unknown as Kernels), record: (compute) => recorder.record(compute) };
}

type Operation = (first: Tensor, ...rest: unknown[]) => unknown;

function withReference(fast: Operation, slow: Operation, recorder: Recorder): Operation {
  return (first, ...rest) => {
    if (!(first.data instanceof Float64Array)) return fast(first, ...rest);
    recorder.spoil();
    return slow(first, ...rest);
  };
}

function createEngine(parts: {
  readonly target: Target;
  readonly threads: number;
  readonly kernels: Exports;
  readonly shared: SharedMemory;
  readonly pool: Pool | undefined;
  readonly recorder: Recorder;
}): Engine {
  const { target, threads, kernels, shared, pool, recorder } = parts;
  const names = Object.keys(kernels);
  /** The launch of a recorded kernel. All that it needs lies ready, so that smaller pieces are worth handing over. */
  const again = (index: number, { outputs, unit = 1, cost }: Work, args: readonly number[]): (() => void) => {
    const pieces = Math.min(Math.floor((outputs * cost) / recordedNanoseconds), Math.ceil(outputs / unit));
    const chunks = Math.min(pieces, recordedChunks * threads);
    const job = chunks < 2 ? undefined : pool?.prepare(index, { outputs, unit, chunks }, args);
    if (job !== undefined) return () => pool!.start(job);
    const [kernel, all] = [kernels[names[index]!]!, [...args, 0, outputs]];
    return () => void kernel(...all);
  };
  return {
    target,
    threads,
    direct: ({ name }) => kernels[name]!,
    launcher: ({ name }) => {
      const onThisThread = kernels[name]!;
      const index = names.indexOf(name);
      return ({ outputs, unit = 1, cost }: Work, ...args: number[]): void => {
        const pieces = Math.min(Math.floor((outputs * cost) / splitNanoseconds), Math.ceil(outputs / unit));
        const chunks = Math.min(pieces, threads * chunksPerThread);
        recorder.add(() => again(index, { outputs, unit, cost }, args));
        if (pool !== undefined && chunks >= 2) {
          pool.run(index, { outputs, unit, chunks }, args);
        } else {
          args.push(0, outputs); // twice as fast as (...args, 0, outputs)
          onThisThread(...args);
        }
      };
    },
    pointer: (t) => shared.pointer(t),
    scratch: (bytes) => shared.scratch(bytes),
  };
}
