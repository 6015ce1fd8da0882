/** The fast implementation of the Kernels interface: WebAssembly SIMD, assembled at start-up, on several threads.
 *
 * One module holds all kernels. The object starts as a copy of the reference implementation and overrides what the
 * families offer; float64 tensors, which only gradient checks use, go to the reference. */
import type { Kernels } from '../kernels.ts';
import { reference } from '../reference/index.ts';
import type { Tensor } from '../tensor.ts';
import { assemble, type Func } from '../wasm/assembler.ts';
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
import { entry, meeting, pass, type Step, writePass } from './machine/pass.ts';
import { peak, peakFlops } from './machine/peak.ts';
import { outputsBefore, Pool, type SimdHost } from './machine/pool.ts';
import { type Launch, Recorder } from './machine/recorder.ts';
import { hasFusedMultiplyAdd, hasRelaxedSimd, hasSimd, hasThreads, type Target } from './machine/target.ts';
import { wideIsFaster } from './machine/wide.ts';
import { matmul } from './matmul/matmul.ts';
import { newtonSchulz } from './newton-schulz.ts';
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
/** In a pass a thread's chunk takes at least so many times as long as threads take to meet, which is measured: cores may be
 * neighbours or far from each other. */
const leastMeetings = 6;

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
  const { target, built, code, fault } = probe(host, options);
  const module = await WebAssembly.compile(code);
  const shared = new SharedMemory();
  const { memory } = shared;
  const { exports } = await WebAssembly.instantiate(module, { env: { memory } });
  const kernels = exports as Exports;
  const pool = threads > 1 ? await Pool.open(host, threads, { module, memory, kernels }) : undefined;
  const recorder = new Recorder();
  const engine = createEngine({ target, threads, kernels, shared, pool, recorder });
  const compute = kernels[pass.name]!;
  /** What runs a pass of these steps. */
  const compose = (steps: readonly Step[]): (() => void) => {
    const address = writePass(shared, kernelsOf(built), steps, threads);
    return pool === undefined ? () => void compute(address, 0, 0) : () => pool.runPass(address);
  };
  const leastChunk = leastMeetings * (pool === undefined ? 0 : meetingTime(host, threads, compose));

  return {
    ...operationsOf(built, engine, recorder),
    record(compute) {
      const launches = recorder.record(compute);
      return launches === undefined
        ? compute
        : compose(launches.map((launch) => stepOf(launch, threads, leastChunk)));
    },
    name: 'simd',
    memory: shared,
    threads,
    target,
    fault,
    peak: (rounds) => peakFlops(engine, rounds),
    close: () => pool?.close(),
  };
}

/** The best code for this machine, and what was wrong with that for wide vectors, if anything. */
function probe(host: SimdHost, { math, wide = 'auto' }: SimdOptions): Program & { readonly fault: string } {
  if (math === 'auto' && !hasRelaxedSimd()) host.enableRelaxedSimd();
  const fma = math === 'auto' && hasFusedMultiplyAdd();
  let fault = '';
  if (host.mergeVectors(wide === 'auto') && wideIsFaster(host, fma)) {
    const program = programFor({ fma, wide: true });
    fault = host.tested(program.code, program.target);
    if (fault === '') return { ...program, fault };
  }
  host.mergeVectors(false);
  return { ...programFor({ fma, wide: false }), fault };
}

/** The operation whose bits are others where the engine merges vectors, or ''. Merging has to be on. */
export function selfTest(host: SimdHost, fma: boolean): string {
  const { target, built, code } = programFor({ fma, wide: true });
  return difference(host, code, (kernels, shared) => {
    const recorder = new Recorder();
    const engine = createEngine({ target, threads: 1, kernels, shared, pool: undefined, recorder });
    return operationsOf(built, engine, recorder);
  });
}

type Exports = Record<string, (...args: number[]) => number>;
type Built = ReturnType<Family>;
interface Program {
  readonly target: Target;
  readonly built: readonly Built[];
  readonly code: Uint8Array<ArrayBuffer>;
}

function programFor(target: Target): Program {
  const built = families.map((family) => family(target));
  return { target, built, code: codeOf(built) };
}

/** What passes are made of, in the order of the module's table. */
const kernelsOf = (built: readonly Built[]) => [
  meeting,
  ...built.flatMap(({ functions }) => functions.filter(isKernel)),
];
const isKernel = ({ params }: Func) => 'from' in params && 'to' in params;
const codeOf = (built: readonly Built[]) =>
  assemble([...built.flatMap(({ functions }) => functions), pass], kernelsOf(built).map(entry));

function operationsOf(built: readonly Built[], engine: Engine, recorder: Recorder): Kernels {
  const simd: Record<string, unknown> = { ...reference };
  for (const { operations } of built) {
    for (const [name, fast] of Object.entries(operations(engine))) {
      const slow = reference[name as keyof Kernels] as unknown as Operation;
      simd[name] = withReference(fast as Operation, slow, recorder);
    }
  }
  return simd as unknown as Kernels;
}

type Operation = (first: Tensor, ...rest: unknown[]) => unknown;

function withReference(fast: Operation, slow: Operation, recorder: Recorder): Operation {
  return (first, ...rest) => {
    if (!(first.data instanceof Float64Array)) return fast(first, ...rest);
    recorder.spoil();
    return slow(first, ...rest);
  };
}

/** Into how many chunks work is cut, if each takes so many nanoseconds at least. */
function chunksOf({ outputs, unit = 1, cost }: Work, least: number, most: number): number {
  return Math.min(Math.floor((outputs * cost) / least), Math.ceil(outputs / unit), most);
}

/** @param least nanoseconds that a chunk takes at least */
function stepOf({ kernel, work, args }: Launch, threads: number, least: number): Step {
  const { outputs, unit = 1 } = work;
  const chunks = Math.max(1, chunksOf(work, least, threads));
  const cut = { outputs, unit, chunks };
  return {
    kernel,
    args,
    bounds: Array.from({ length: chunks + 1 }, (_, count) => outputsBefore(cut, count)),
  };
}

/** Nanoseconds that threads take to meet before a step: the median of some tries, for other work makes one longer, and a thread
 * that does not come makes it shorter. */
function meetingTime(
  host: SimdHost,
  threads: number,
  compose: (steps: readonly Step[]) => () => void,
): number {
  const meetings = 100;
  const bounds = new Array<number>(threads + 1).fill(0);
  const meet = compose(Array.from({ length: meetings }, () => ({ kernel: meeting, args: [], bounds })));
  const times = Array.from({ length: 31 }, () => {
    const began = host.now();
    meet();
    return host.now() - began;
  });
  return (1e6 * times.sort((a, b) => a - b)[15]!) / meetings;
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
  return {
    target,
    threads,
    direct: ({ name }) => kernels[name]!,
    launcher: (kernel) => {
      const { name } = kernel;
      const onThisThread = kernels[name]!;
      const index = names.indexOf(name);
      return (work: Work, ...args: number[]): void => {
        const { outputs, unit = 1 } = work;
        const chunks = chunksOf(work, splitNanoseconds, threads * chunksPerThread);
        recorder.add({ kernel, work, args: [...args] });
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
    roomForCopies: () => shared.roomForCopies,
    reserveCopy: (bytes) => shared.reserveCopy(bytes),
  };
}
