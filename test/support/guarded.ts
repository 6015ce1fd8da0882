/** Tensors for kernel tests: in the kernels' own memory, each between guard words, so that a write beside it shows.
 *
 * A fast implementation computes only on its own memory and never gives any back, so a suite makes one GuardedMemory
 * and resets it between cases. Tensors start on 64-byte boundaries as in an arena; the guards touch both ends. */
import { expect } from 'vitest';
import type { Memory } from '../../src/tensor/kernels.ts';
import { type Floats, type Ids, Tensor } from '../../src/tensor/tensor.ts';

const guard = 0x5ca1ab1e;
const line = 64;

export class GuardedMemory {
  readonly #buffer: ArrayBufferLike;
  readonly #start: number;
  readonly #end: number;
  #at: number;
  readonly #guards: { name: string; words: Uint32Array }[] = [];

  constructor(memory: Memory, bytes = 1 << 22) {
    const { buffer, byteOffset } = memory.reserve(bytes);
    this.#buffer = buffer;
    this.#start = Math.ceil(byteOffset / line) * line;
    this.#end = byteOffset + bytes;
    this.#at = this.#start;
  }

  /** Without `values` every element starts as NaN, so that one which is not written shows. */
  tensor(name: string, shape: readonly number[], values?: ArrayLike<number>): Tensor {
    const size = shape.reduce((product, length) => product * length, 1);
    const data = new Float32Array(this.#buffer, this.#between(name, size * 4), size);
    if (values === undefined) data.fill(Number.NaN);
    else if (values.length === size) data.set(values);
    else throw new RangeError(`${name}: ${values.length} values for (${shape})`);
    return new Tensor<Floats>(name, shape, data);
  }

  /** A copy of a tensor that lives elsewhere. */
  copy(t: Tensor): Tensor {
    return this.tensor(t.name, t.shape, t.data);
  }

  ids(name: string, values: ArrayLike<number>): Ids {
    const data = new Int32Array(this.#buffer, this.#between(name, values.length * 4), values.length);
    data.set(values);
    return new Tensor(name, [values.length], data);
  }

  expectGuardsIntact(): void {
    for (const { name, words } of this.#guards) {
      if (words.some((word) => word !== guard)) expect.fail(`${name}: memory beside it was overwritten`);
    }
  }

  /** Checks the guards, then forgets all tensors. */
  reset(): void {
    this.expectGuardsIntact();
    this.#guards.length = 0;
    this.#at = this.#start;
  }

  #between(name: string, bytes: number): number {
    const from = this.#at + line;
    const next = Math.ceil((from + bytes) / line) * line + line;
    if (next > this.#end) throw new RangeError(`${name}: this memory is full; reset it between cases`);
    for (const [start, end] of [
      [this.#at, from],
      [from + bytes, next],
    ]) {
      const words = new Uint32Array(this.#buffer, start, (end - start) / 4).fill(guard);
      this.#guards.push({ name, words });
    }
    this.#at = next;
    return from;
  }
}
