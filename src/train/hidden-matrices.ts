/** The hidden matrices of a model, as Muon works on them: which they are, and where their numbers lie.
 *
 * q, k and v are matrices of their own even where they stand side by side in one parameter: such a parameter has three
 * blocks. Blocks whose shorter sides are equal are made orthogonal together. */
import type { Arena } from '../tensor/arena.ts';
import { type Floats, Tensor } from '../tensor/tensor.ts';
import { orthogonalizeFlops, type Part, type Workspace } from './orthogonal.ts';

/** The views that an update needs, made once. m, gradient and updates are flat and hold all hidden matrices. */
interface Views {
  readonly m: Tensor;
  readonly gradient: Tensor;
  readonly updates: Tensor;
  readonly matrices: readonly Matrix[];
  /** Blocks of equal shorter side, which are made orthogonal together. */
  readonly groups: readonly { readonly parts: readonly Part[]; readonly workspace: Workspace }[];
}
interface Matrix {
  readonly value: Tensor;
  /** Its share of the updates. */
  readonly update: Tensor;
  readonly blocks: readonly Block[];
  /** sqrt(max(1, outputs / inputs)) */
  readonly stretch: number;
}
/** Columns of an update, from .. on, that are made orthogonal together; x is a copy of them. */
interface Block extends Part {
  readonly from: number;
}

export class HiddenMatrices {
  /** Floating-point operations that make all of them orthogonal once. */
  readonly flops: number;
  readonly #arena: Arena;
  readonly #updates: Tensor;
  /** Flat, for all blocks. */
  readonly #x: Tensor;
  readonly #y: Tensor;
  readonly #workspace: Workspace;
  #views: Views | undefined;

  /** Plans the memory; so before the arena is allocated. */
  constructor(arena: Arena) {
    this.#arena = arena;
    const [from, to] = arena.ranges.hidden;
    this.#updates = arena.scratch('muon.updates', [to - from]);
    this.#x = arena.scratch('muon.x', [to - from]);
    this.#y = arena.scratch('muon.y', [to - from]);
    const blocks = arena.parameters.flatMap(({ value, hidden }) => {
      const parts = hidden?.parts ?? 0;
      return Array.from({ length: parts }, () => [value.shape[0]!, value.shape[1]! / parts] as const);
    });
    const squares = blocks.reduce((sum, shape) => sum + Math.min(...shape) ** 2, 0);
    this.flops = blocks.reduce((sum, [rows, columns]) => sum + orthogonalizeFlops(rows, columns), 0);
    const space = (name: string) => arena.scratch(`muon.${name}`, [squares]);
    this.#workspace = { g: space('g'), p: space('p'), q: space('q'), t: space('t') };
  }

  /** Made once. @param moment the running means of all gradients, laid out as the parameters */
  views(moment: Tensor): Views {
    this.#views ??= this.#makeViews(moment);
    return this.#views;
  }

  #makeViews(moment: Tensor): Views {
    const { grads, ranges, parameters } = this.#arena;
    const [first, end] = ranges.hidden;
    const matrices = parameters.flatMap((parameter): Matrix[] => {
      const { value, hidden } = parameter;
      if (hidden === undefined) return [];
      const [rows, columns] = [value.shape[0]!, value.shape[1]! / hidden.parts];
      const start = this.#arena.offsetOf(parameter) - first;
      const update = view(this.#updates, start, value.shape);
      const blocks = Array.from({ length: hidden.parts }, (_, part): Block => {
        const at = start + part * rows * columns;
        const block = (of: Tensor) => view(of, at, [rows, columns]);
        return { x: block(this.#x), y: block(this.#y), from: part * columns };
      });
      const outputsByInputs = hidden.inputs === 'rows' ? columns / rows : rows / columns;
      return [{ value, update, blocks, stretch: Math.sqrt(Math.max(1, outputsByInputs)) }];
    });
    return {
      m: view(moment, first, [end - first]),
      gradient: view(grads, first, [end - first]),
      updates: this.#updates,
      matrices,
      groups: this.#groups(matrices.flatMap(({ blocks }) => blocks)),
    };
  }

  /** Groups come one after the other, so they share the workspace. */
  #groups(parts: readonly Part[]): Views['groups'] {
    const side = ({ x }: Part) => Math.min(...x.shape);
    return [...new Set(parts.map(side))].map((S) => {
      const group = parts.filter((part) => side(part) === S);
      const square = (t: Tensor) => t.view(group.length, S, S);
      const { g, p, q, t } = this.#workspace;
      return { parts: group, workspace: { g: square(g), p: square(p), q: square(q), t: square(t) } };
    });
  }
}

/** Memory of `flat` from element `from` on. */
function view(flat: Tensor, from: number, shape: readonly number[]): Tensor {
  const size = shape.reduce((product, length) => product * length, 1);
  return new Tensor<Floats>(flat.name, shape, flat.data.subarray(from, from + size));
}

/** Copies as many columns as the narrower of two matrices has, from one's column on to the other's. */
export function copyColumns(to: Tensor, toColumn: number, from: Tensor, fromColumn: number): void {
  const [toWidth, fromWidth] = [to.shape[1]!, from.shape[1]!];
  if (toWidth === fromWidth) {
    to.data.set(from.data);
    return;
  }
  for (let row = 0; row < to.shape[0]!; row++) {
    for (let column = 0; column < Math.min(toWidth, fromWidth); column++) {
      to.data[row * toWidth + toColumn + column] = from.data[row * fromWidth + fromColumn + column];
    }
  }
}
