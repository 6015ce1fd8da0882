/** Where kernels and operations meet.
 *
 * A family is one file of kernels: `kernels` builds its WebAssembly functions for a target, `operations` are the
 * methods of the Kernels interface that call them. A kernel's last two parameters are `from` and `to`, the outputs to
 * compute; what an output is (an element, a row, a tile) is the family's choice, as long as no two outputs write the
 * same memory and none reads what another writes. */
import type { Kernels } from '../../kernels.ts';
import type { Numbers, Tensor } from '../../tensor.ts';
import type { Func } from '../../wasm/assembler.ts';
import type { Target } from './target.ts';

export interface Family {
  readonly kernels: (target: Target) => readonly Func[];
  readonly operations: (engine: Engine) => Partial<Kernels>;
}

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
  /** The launcher of a kernel: computes all outputs, on several threads if that pays. */
  kernel(name: string): (work: Work, ...args: number[]) => void;
  /** A function of the module as it is, on this thread: for what is not split over outputs. */
  direct(name: string): (...args: number[]) => number;
  /** The address of a tensor. */
  pointer(t: Tensor<Numbers>): number;
  /** Memory for within one operation. */
  scratch(bytes: number): number;
}
