/** One planned memory for everything a model needs, so that a training step allocates nothing.
 *
 *     params | grads | moments | saved | scratch | cache | ids
 *
 * Layers ask for tensors while they are built (the plan); `allocate` then lays out one buffer and places every tensor.
 * Parameters come matrices first, vectors after, so that weight decay, which is for matrices only, is one flat run;
 * gradients and moments repeat that layout, so AdamW, clipping and a checkpoint are each one pass over flat memory.
 *
 * saved: written by forward, read by backward, one per layer. scratch: gradients of activations, dead once the layer
 * before has read them, so all blocks share them by name. cache: keys and values of the cached sampler.
 * An arena without gradients has no backward: there blocks share what would be saved, and scratch takes no memory. */
import type { Memory } from './kernels.ts';
import { type Floats, type Ids, type Numbers, Tensor } from './tensor.ts';

export type Precision = 'float32' | 'float64';
/** A trained tensor and the gradient of the loss with respect to it. */
export interface Parameter {
  readonly name: string;
  readonly value: Tensor;
  readonly grad: Tensor;
}
export interface PlanRow {
  readonly section: string;
  readonly tensors: number;
  readonly elements: number;
  readonly bytes: number;
}

/** Every tensor starts on a 64-byte boundary: a cache line, and a whole number of SIMD registers. */
const alignment = 64;

export class Arena {
  readonly parameters: Parameter[] = [];
  readonly precision: Precision;
  readonly #moments: Tensor[] = [];
  readonly #saved: Tensor[] = [];
  readonly #scratch = new Map<string, Tensor>();
  readonly #cache: Tensor[] = [];
  readonly #ids: Ids[] = [];
  readonly #gradients: boolean;
  #flat: { params: Tensor; grads: Tensor | undefined; matrices: number } | undefined;

  /** Without `gradients` (sampling, evaluation) neither gradients nor moments take memory. */
  constructor(options: { precision?: Precision; gradients?: boolean } = {}) {
    this.precision = options.precision ?? 'float32';
    this.#gradients = options.gradients ?? true;
  }

  parameter(name: string, shape: readonly number[]): Parameter {
    if (this.parameters.some((p) => p.name === name)) throw new Error(`${name}: two parameters of one name`);
    const parameter = { name, value: new Tensor(name, shape), grad: new Tensor(`d ${name}`, shape) };
    this.parameters.push(parameter);
    return parameter;
  }

  saved(name: string, shape: readonly number[]): Tensor {
    return this.#gradients ? push(this.#saved, new Tensor(name, shape)) : this.#share(name, shape);
  }

  /** Names that differ only in the number of their block get the same memory: blocks run one after the other. */
  scratch(name: string, shape: readonly number[]): Tensor {
    return this.#gradients ? this.#share(name, shape) : new Tensor(name, shape);
  }

  cache(name: string, shape: readonly number[]): Tensor {
    return push(this.#cache, new Tensor(name, shape));
  }

  ids(name: string, length: number): Ids {
    return push(this.#ids, new Tensor<Int32Array>(name, [length]));
  }

  /** Optimizer state shaped like all parameters together (flat, same layout), zero at the start. */
  moment(name: string): Tensor {
    return push(this.#moments, new Tensor(name, [this.#parameterLayout().elements]));
  }

  /** All parameters as one flat tensor, in checkpoint order: matrices first. */
  get params(): Tensor {
    return this.#placed().params;
  }

  /** All gradients, laid out as `params`. */
  get grads(): Tensor {
    const { grads } = this.#placed();
    if (grads === undefined) throw new Error('this arena was planned without gradients');
    return grads;
  }

  /** How many leading elements of the flat run belong to matrices, which weight decay applies to. */
  get matrixElements(): number {
    return this.#placed().matrices;
  }

  /** Reserves one buffer and places every planned tensor in it. Call once, after all layers are built. */
  allocate(memory: Memory): this {
    if (this.#flat !== undefined) throw new Error('this arena is allocated already');
    const layout = this.#parameterLayout();
    const size = this.#elementBytes();
    const total = this.plan().reduce((bytes, row) => bytes + row.bytes, 0);
    const { buffer, byteOffset } = memory.reserve(total);
    let at = byteOffset;
    const floats = (length: number): Floats => {
      const data =
        this.precision === 'float32'
          ? new Float32Array(buffer, at, length)
          : new Float64Array(buffer, at, length);
      at += aligned(length * size);
      return data;
    };
    const flat = (name: string) => new Tensor<Floats>(name, [layout.elements], floats(layout.elements));
    const params = flat('params');
    const grads = this.#gradients ? flat('grads') : undefined;
    for (const [parameter, offset] of layout.offsets) {
      const slice = (t: Tensor): Floats => t.data.subarray(offset, offset + parameter.value.size);
      parameter.value.place(slice(params));
      if (grads !== undefined) parameter.grad.place(slice(grads));
    }
    const rest = [...this.#moments, ...this.#saved, ...this.#scratch.values(), ...this.#cache];
    for (const t of rest) t.place(floats(t.size));
    for (const t of this.#ids) {
      t.place(new Int32Array(buffer, at, t.size));
      at += aligned(t.size * 4);
    }
    this.#flat = { params, grads, matrices: layout.matrices };
    return this;
  }

  /** What takes how much memory, section by section; known before anything is allocated. */
  plan(): PlanRow[] {
    const size = this.#elementBytes();
    const { elements } = this.#parameterLayout();
    const flat = (section: string, tensors: number, copies: number): PlanRow => ({
      section,
      tensors,
      elements: elements * copies,
      bytes: aligned(elements * size) * copies,
    });
    const row = (section: string, tensors: readonly Tensor<Numbers>[], width: number): PlanRow => ({
      section,
      tensors: tensors.length,
      elements: tensors.reduce((sum, t) => sum + t.size, 0),
      bytes: tensors.reduce((sum, t) => sum + aligned(t.size * width), 0),
    });
    const count = this.parameters.length;
    return [
      flat('params', count, 1),
      flat('grads', this.#gradients ? count : 0, this.#gradients ? 1 : 0),
      flat('moments', this.#moments.length, this.#moments.length),
      row('saved', this.#saved, size),
      row('scratch', [...this.#scratch.values()], size),
      row('cache', this.#cache, size),
      row('ids', this.#ids, 4),
    ];
  }

  /** The first tensor that holds a NaN or an infinity, in the order in which a step computes: what was read (params),
   * forward (saved), backward (grads); or undefined. */
  firstNonFinite(): { readonly tensor: string; readonly index: number; readonly value: number } | undefined {
    const inOrder = [
      ...this.parameters.map((p) => p.value),
      ...this.#saved,
      ...this.parameters.map((p) => p.grad),
    ];
    for (const t of inOrder) {
      const index = t.data.findIndex((x: number) => !Number.isFinite(x));
      if (index >= 0) return { tensor: t.name, index, value: t.data[index]! };
    }
    return undefined;
  }

  #share(name: string, shape: readonly number[]): Tensor {
    const role = name.replace(/\.\d+\./, '.*.');
    const known = this.#scratch.get(role);
    if (known === undefined) {
      const fresh = new Tensor(role, shape);
      this.#scratch.set(role, fresh);
      return fresh;
    }
    if (known.shape.join() !== shape.join()) {
      throw new RangeError(`${role}: shared memory of (${known.shape}) asked for again as (${shape})`);
    }
    return known;
  }

  #elementBytes(): number {
    return this.precision === 'float32' ? 4 : 8;
  }

  #parameterLayout(): { offsets: Map<Parameter, number>; matrices: number; elements: number } {
    const step = alignment / this.#elementBytes();
    const offsets = new Map<Parameter, number>();
    let elements = 0;
    const lay = (parameters: Parameter[]): number => {
      for (const p of parameters) {
        offsets.set(p, elements);
        elements += Math.ceil(p.value.size / step) * step;
      }
      return elements;
    };
    const matrices = lay(this.parameters.filter((p) => p.value.shape.length >= 2));
    lay(this.parameters.filter((p) => p.value.shape.length < 2));
    return { offsets, matrices, elements };
  }

  #placed() {
    if (this.#flat === undefined) throw new Error('this arena is not allocated yet');
    return this.#flat;
  }
}

function aligned(bytes: number): number {
  return Math.ceil(bytes / alignment) * alignment;
}

function push<T>(list: T[], item: T): T {
  list.push(item);
  return item;
}
