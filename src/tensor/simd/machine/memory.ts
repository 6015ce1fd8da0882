/** One shared WebAssembly memory: tensors of the fast backend live in it, and every thread computes on it.
 *
 * It only grows. A shared memory never moves, so views made before it grew stay valid. */
import type { Memory } from '../../kernels.ts';
import type { Numbers, Tensor } from '../../tensor.ts';

const page = 65536;
/** 2 GiB, so that an address is a positive i32 and signed comparisons of addresses are right. */
const maximumPages = 32768;
const alignment = 64;
/** So many bytes from address 0 on are zero for ever: what a sum that starts from nothing starts from. */
const zeroBytes = 128;
/** Kernels may read, never write, up to so many bytes past the end of a tensor: a panel's columns at a row's end. */
const slack = 128;

export class SharedMemory implements Memory {
  readonly memory = new WebAssembly.Memory({ initial: 1, maximum: maximumPages, shared: true });
  /** Each growth gives a new buffer object for the same memory. */
  readonly #buffers = new WeakSet<ArrayBufferLike>();
  /** The one that the last tensor was in, which the next one nearly always is in too. */
  #last: ArrayBufferLike = this.memory.buffer;
  #end = zeroBytes;
  #scratch = { pointer: 0, bytes: 0 };

  /** Zeroed memory for good. */
  reserve(bytes: number): { readonly buffer: ArrayBufferLike; readonly byteOffset: number } {
    const byteOffset = this.#end;
    const end = byteOffset + Math.ceil(bytes / alignment) * alignment;
    const pages = Math.ceil((end + slack) / page);
    if (pages > maximumPages) {
      const [most, need] = [Math.floor((maximumPages * page) / 1e6), Math.ceil(end / 1e6)]; // MB, as --plan has them
      throw new RangeError(
        `simd memory: too much is asked for; expected at most ${most} MB, got ${need} MB; use a smaller model or batch`,
      );
    }
    const missing = pages - this.memory.buffer.byteLength / page;
    if (missing > 0) this.memory.grow(missing);
    const { buffer } = this.memory;
    this.#buffers.add(buffer);
    this.#end = end;
    return { buffer, byteOffset };
  }

  /** Bytes that copies may take, without which computing gets along: a quarter of the memory stays for everything else. */
  get roomForCopies(): number {
    return (3 * maximumPages * page) / 4 - this.#end;
  }

  /** Like `reserve`, for copies: returns the address, or undefined where there is no room. */
  reserveCopy(bytes: number): number | undefined {
    if (bytes > this.roomForCopies) return undefined;
    try {
      return this.reserve(bytes).byteOffset;
    } catch {
      return undefined; // the system has no more
    }
  }

  /** The address of a tensor's first element. Throws a TypeError if the tensor is in other memory. */
  pointer(t: Tensor<Numbers>): number {
    const { buffer } = t;
    if (buffer !== this.#last) {
      if (!this.#buffers.has(buffer)) throw this.#foreign(t);
      this.#last = buffer;
    }
    return t.byteOffset;
  }

  #foreign(t: Tensor<Numbers>): TypeError {
    return new TypeError(
      `simd: ${t.name} is in other memory; expected a tensor in the memory of these kernels, got one in its own; allocate it from kernels.memory`,
    );
  }

  /** Memory for within one operation: the next call may hand out the same. It holds anything. */
  scratch(bytes: number): number {
    if (bytes > this.#scratch.bytes) {
      // At least doubling keeps what outgrown scratch wastes below what is in use.
      const size = Math.max(bytes, 2 * this.#scratch.bytes, page);
      this.#scratch = { pointer: this.reserve(size).byteOffset, bytes: size };
    }
    return this.#scratch.pointer;
  }
}
