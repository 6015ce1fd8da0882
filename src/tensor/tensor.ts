/** A tensor is a name, a shape and a flat row-major array: element (n, c) of an (N, C) tensor is `data[n * C + c]`.
 *
 * Tensors are planned first and get their memory later (see arena.ts), so a shape is known before there is memory. */

/** Float32Array in all real use; Float64Array where gradients are checked against finite differences. */
export type Floats = Float32Array | Float64Array;
export type Numbers = Floats | Int32Array;

/** A call of `dims` whose shapes fit. Shapes never change, so the same tensors will fit again. */
export interface Check {
  readonly tensors: readonly Tensor<Numbers>[];
  readonly specs: readonly string[];
  readonly bound: Readonly<Record<string, number>>;
}

export class Tensor<D extends Numbers = Floats> {
  readonly name: string;
  readonly shape: readonly number[];
  readonly size: number;
  /** The calls that dims has already checked and that have this tensor as their first. */
  readonly checks: Check[] = [];
  #data: D | undefined;
  #buffer: ArrayBufferLike | undefined;
  #byteOffset = 0;
  #views: Map<string | number, Tensor<D>> | undefined;

  constructor(name: string, shape: readonly number[], data?: D) {
    this.name = name;
    this.shape = shape;
    this.size = shape.reduce((product, length) => product * length, 1);
    if (data !== undefined) this.place(data);
  }

  get data(): D {
    return this.#data ?? this.#unplaced();
  }

  /** The memory that the data lies in. */
  get buffer(): ArrayBufferLike {
    return this.#buffer ?? this.#unplaced();
  }

  /** Where in it the data begins. Both are kept here because asking a typed array for them is slow. */
  get byteOffset(): number {
    return this.#byteOffset;
  }

  /** Gives the tensor its memory, once. */
  place(data: D): void {
    if (data.length !== this.size) {
      throw new RangeError(
        `${this.name}: needs ${this.size} elements for (${this.shape}), got ${data.length}`,
      );
    }
    this.#data = data;
    this.#buffer = data.buffer;
    this.#byteOffset = data.byteOffset;
    this.#views = undefined;
  }

  /** The first n rows, sharing memory. Views are made once, so that asking again allocates nothing. */
  rows(n: number): Tensor<D> {
    return n === this.shape[0] ? this : (this.#known(n) ?? this.#view(n, 0, [n, ...this.shape.slice(1)]));
  }

  /** Row i alone, without its leading dimension, sharing memory. */
  row(i: number): Tensor<D> {
    const key = -1 - i;
    return this.#known(key) ?? this.#view(key, i * (this.size / this.shape[0]!), this.shape.slice(1));
  }

  /** The leading elements under another shape, sharing memory. */
  view(...shape: number[]): Tensor<D> {
    if (shape.length === this.shape.length && shape.every((n, i) => n === this.shape[i])) return this;
    const key = shape.join();
    return this.#known(key) ?? this.#view(key, 0, shape);
  }

  #unplaced(): never {
    throw new Error(`${this.name}: has no memory yet; allocate its arena first`);
  }

  #known(key: string | number): Tensor<D> | undefined {
    return this.#views?.get(key);
  }

  #view(key: string | number, from: number, shape: readonly number[]): Tensor<D> {
    const size = shape.reduce((product, length) => product * length, 1);
    if (!(from >= 0 && size >= 0 && from + size <= this.size)) {
      throw new RangeError(
        `${this.name}: a view of (${shape}) from element ${from} does not fit into (${this.shape})`,
      );
    }
    const view = new Tensor(this.name, shape, this.data.subarray(from, from + size) as D);
    this.#views ??= new Map();
    this.#views.set(key, view);
    return view;
  }
}

/** Token ids, positions, targets: always integers, never floats. */
export type Ids = Tensor<Int32Array>;

/** A tensor that owns its memory, for tests and small things outside an arena. */
export function tensor(name: string, shape: readonly number[], values?: ArrayLike<number>): Tensor {
  const size = shape.reduce((product, length) => product * length, 1);
  return new Tensor<Floats>(name, shape, values ? Float32Array.from(values) : new Float32Array(size));
}

/** Token ids that own their memory. */
export function ids(name: string, values: ArrayLike<number>): Ids {
  return new Tensor(name, [values.length], Int32Array.from(values));
}
