/** Where kernels and operations meet.
 *
 * A family is one file of kernels: the WebAssembly functions built for a target, by name, and the methods of the Kernels
 * interface that launch them. A kernel's last two parameters are `from` and `to`, the outputs to compute; what an output
 * is (an element, a row, a tile) is the family's choice, as long as no two outputs write the same memory and none reads
 * what another writes. */
import type { Kernels } from '../../kernels.ts';
import type { Numbers, Tensor } from '../../tensor.ts';
import type { Func, Params } from '../../wasm/assembler.ts';
import type { Target } from './target.ts';

export type Family = (target: Target) => {
  readonly functions: readonly Func[];
  readonly operations: (engine: Engine) => Partial<Kernels>;
};

/** A family of the kernels that `build` makes; `operations` gets a launcher for each, or a list for a list of them. */
export function family<K extends Readonly<Record<string, Func | readonly Func[]>>>(
  build: (target: Target) => K,
  operations: (run: Launchers<K>, engine: Engine) => Partial<Kernels>,
): Family {
  return (target) => {
    const kernels = Object.entries(build(target));
    return {
      functions: kernels.flatMap(([, kernel]) => kernel),
      operations(engine) {
        const launchers = kernels.map(([name, kernel]) => {
          return [name, 'name' in kernel ? engine.launcher(kernel) : kernel.map((f) => engine.launcher(f))];
        });
        return operations(Object.fromEntries(launchers), engine);
      },
    };
  };
}

type Launchers<K> = {
  readonly [N in keyof K]: K[N] extends readonly Func<infer P>[]
    ? readonly Launcher<P>[]
    : K[N] extends Func<infer P>
      ? Launcher<P>
      : never;
};
/** Computes all outputs, on several threads if that pays. Takes a number for each of the kernel's parameters but the last
 * two, in their order: one too few does not compile. */
export type Launcher<P extends Params> = (
  work: Work,
  ...numbers: OneEach<Exclude<keyof P, 'from' | 'to'>>
) => void;
/** A list of as many numbers as the union has members. */
type OneEach<U, T extends number[] = []> = [U] extends [never]
  ? T
  : OneEach<Exclude<U, AnyOf<U>>, [...T, number]>;
/** One member of a union: of overloads, inference takes the last. */
type AnyOf<U> = (U extends unknown ? (f: (x: U) => void) => void : never) extends (f: infer F) => void
  ? F extends (x: infer M) => void
    ? M
    : never
  : never;

/** How much work a call is, to decide on how many threads it runs. */
export interface Work {
  readonly outputs: number;
  /** Outputs are handed out in multiples of this; 1 if absent. */
  readonly unit?: number;
  /** About how many nanoseconds one output takes on one thread. */
  readonly cost: number;
}

export interface Engine {
  readonly target: Target;
  readonly threads: number;
  launcher<P extends Params>(kernel: Func<P>): Launcher<P>;
  /** A function of the module as it is, on this thread: for what is not split over outputs. */
  direct<P extends Params>(f: Func<P>): (...numbers: OneEach<keyof P>) => number;
  /** The address of a tensor. */
  pointer(t: Tensor<Numbers>): number;
  /** Memory for within one operation. */
  scratch(bytes: number): number;
  /** Bytes that copies may still take. */
  roomForCopies(): number;
  /** The address of memory for good; undefined where there is no room. */
  reserveCopy(bytes: number): number | undefined;
}
