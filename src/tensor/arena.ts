/** One planned memory for everything a model needs, so that a training step allocates nothing.
 *
 *     params | grads | moments | saved | scratch | cache | ids
 *
 * Layers ask for tensors while they are built (the plan); `allocate` then lays out one buffer and places every tensor.
 * Tables come first among the parameters, then hidden matrices, then vectors: what an optimizer treats alike lies together.
 * Gradients and moments have the same layout, so AdamW, clipping and a checkpoint are each one pass over flat memory.
 *
 * saved: written by forward, read by backward, one per layer. scratch: gradients of activations; nobody needs them once the
 * layer before has read them, so all blocks share them, by role. cache: keys and values for sampling.
 * An arena without gradients has no backward: blocks then share what would be saved, and scratch takes no memory. */
import type { Memory } from './kernels.ts';
import { type Floats, type Ids, type Numbers, Tensor } from './tensor.ts';

export type Precision = 'float32' | 'float64';
/** A trained tensor and the gradient of the loss with respect to it. */
export interface Parameter {
  readonly name: string;
  readonly value: Tensor;
  readonly grad: Tensor;
  /** Only hidden matrices, which lead from one activation to the next, have it; tables and vectors do not. */
  readonly hidden: Hidden | undefined;
}
/** What initialisation and optimizers need to know of a hidden matrix. */
export interface Hidden {
  /** Which axis runs over its inputs: rows where y = x w, columns where y = x wᵀ. */
  readonly inputs: 'rows' | 'columns';
  /** Equal blocks of columns that are matrices of their own: 3 where q, k and v stand side by side. */
  readonly parts: number;
  /** Whether its output is added to the residual stream. */
  readonly residual: boolean;
}
/** Parameters of one shape, one below the other in memory, and `whole`: all of them as one tensor. */
export interface Stack {
  readonly parts: readonly Parameter[];
  readonly whole: Parameter;
}
/** From the first element to the one before the second. */
export type Range = readonly [from: number, to: number];
export interface Ranges {
  readonly tables: Range;
  readonly hidden: Range;
  readonly vectors: Range;
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
  readonly #names = new Set<string>();
  readonly #stacks: Stack[] = [];
  readonly #moments: Tensor[] = [];
  readonly #saved: Tensor[] = [];
  readonly #scratch = new Map<string, Tensor>();
  readonly #cache: Tensor[] = [];
  readonly #ids: Ids[] = [];
  readonly gradients: boolean;
  #flat: { params: Tensor; grads: Tensor | undefined; ranges: Ranges } | undefined;

  /** Without `gradients` (sampling, evaluation) neither gradients nor moments take memory. */
  constructor(options: { precision?: Precision; gradients?: boolean } = {}) {
    this.precision = options.precision ?? 'float32';
    this.gradients = options.gradients ?? true;
  }

  parameter(name: string, shape: readonly number[], hidden?: Hidden): Parameter {
    return this.stack([name], shape, shape, hidden).whole;
  }

  /** Several parameters of one shape, without gaps: one product can read them as a single tensor of shape `whole`. */
  stack(
    names: readonly string[],
    shape: readonly number[],
    whole: readonly number[],
    hidden?: Hidden,
  ): Stack {
    const plan = (name: string, size: readonly number[]): Parameter => {
      if (this.#names.has(name)) throw new Error(`${name}: two parameters of one name`);
      this.#names.add(name);
      return { name, value: new Tensor(name, size), grad: new Tensor(`d ${name}`, size), hidden };
    };
    const parts = names.map((name) => plan(name, shape));
    const stack = { parts, whole: parts.length === 1 ? parts[0]! : plan(names.join(' | '), whole) };
    this.#stacks.push(stack);
    this.parameters.push(...parts);
    return stack;
  }

  /** @param role under which memory is shared where nothing has to be saved for a backward */
  saved(name: string, shape: readonly number[], role = name): Tensor {
    return this.gradients ? push(this.#saved, new Tensor(name, shape)) : this.#share(role, shape);
  }

  /** What forward has left for backward, in the order of the model: for who looks inside. */
  get savedTensors(): readonly Tensor[] {
    return this.#saved;
  }

  /** Whoever asks for the same role gets the same memory. */
  scratch(role: string, shape: readonly number[]): Tensor {
    return this.gradients ? this.#share(role, shape) : new Tensor(role, shape);
  }

  cache(name: string, shape: readonly number[]): Tensor {
    return push(this.#cache, new Tensor(name, shape));
  }

  ids(name: string, ...shape: number[]): Ids {
    return push(this.#ids, new Tensor<Int32Array>(name, shape));
  }

  /** Optimizer state shaped like all parameters together (flat, same layout), zero at the start. */
  moment(name: string): Tensor {
    return push(this.#moments, new Tensor(name, [this.#parameterLayout().vectors]));
  }

  /** All parameters as one flat tensor, in checkpoint order: matrices first. */
  get params(): Tensor {
    return this.#placed().params;
  }

  /** The element of `params` that a parameter starts at. */
  offsetOf({ value }: Parameter): number {
    return (value.byteOffset - this.params.byteOffset) / this.#elementBytes();
  }

  /** All gradients, laid out as `params`. */
  get grads(): Tensor {
    const { grads } = this.#placed();
    if (grads === undefined) throw new Error('this arena was planned without gradients');
    return grads;
  }

  /** Where in `params` each kind of parameter lies. Tables and hidden matrices have two axes, vectors one. */
  get ranges(): Ranges {
    return this.#flat?.ranges ?? rangesOf(this.#parameterLayout());
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
    const elements = layout.vectors;
    const flat = (name: string) => new Tensor<Floats>(name, [elements], floats(elements));
    const params = flat('params');
    const grads = this.gradients ? flat('grads') : undefined;
    const place = (parameter: Parameter, offset: number): void => {
      const slice = (t: Tensor): Floats => t.data.subarray(offset, offset + parameter.value.size);
      parameter.value.place(slice(params));
      if (grads !== undefined) parameter.grad.place(slice(grads));
    };
    for (const [{ whole, parts }, offset] of layout.offsets) {
      place(whole, offset);
      if (parts.length === 1) continue;
      for (const [i, part] of parts.entries()) place(part, offset + i * part.value.size);
    }
    const rest = [...this.#moments, ...this.#saved, ...this.#scratch.values(), ...this.#cache];
    for (const t of rest) t.place(floats(t.size));
    for (const t of this.#ids) {
      t.place(new Int32Array(buffer, at, t.size));
      at += aligned(t.size * 4);
    }
    this.#flat = { params, grads, ranges: rangesOf(layout) };
    return this;
  }

  /** How much memory each section takes; known before anything is allocated. */
  plan(): PlanRow[] {
    const size = this.#elementBytes();
    const { vectors: elements } = this.#parameterLayout();
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
      flat('grads', this.gradients ? count : 0, this.gradients ? 1 : 0),
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

  #share(role: string, shape: readonly number[]): Tensor {
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

  /** Where each stack starts, and where tables, hidden matrices and vectors end; in elements. */
  #parameterLayout(): { offsets: Map<Stack, number>; tables: number; hidden: number; vectors: number } {
    const step = alignment / this.#elementBytes();
    const offsets = new Map<Stack, number>();
    let end = 0;
    const lay = (belongs: (p: Parameter) => boolean): number => {
      for (const stack of this.#stacks.filter(({ parts }) => belongs(parts[0]!))) {
        offsets.set(stack, end);
        end += Math.ceil(stack.whole.value.size / step) * step;
      }
      return end;
    };
    const isVector = (p: Parameter): boolean => p.value.shape.length < 2;
    const tables = lay((p) => !isVector(p) && p.hidden === undefined);
    const hidden = lay((p) => !isVector(p) && p.hidden !== undefined);
    const vectors = lay(isVector);
    return { offsets, tables, hidden, vectors };
  }

  #placed() {
    if (this.#flat === undefined) throw new Error('this arena is not allocated yet');
    return this.#flat;
  }
}

/** Each kind ends where the next one starts. */
function rangesOf(ends: { tables: number; hidden: number; vectors: number }): Ranges {
  const { tables, hidden, vectors } = ends;
  return { tables: [0, tables], hidden: [tables, hidden], vectors: [hidden, vectors] };
}

function aligned(bytes: number): number {
  return Math.ceil(bytes / alignment) * alignment;
}

function push<T>(list: T[], item: T): T {
  list.push(item);
  return item;
}
