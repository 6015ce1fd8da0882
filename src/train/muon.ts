/** Muon: momentum whose direction is made orthogonal, for hidden matrices; AdamW for everything else.
 *
 *     m = beta m + (1 - beta) g                     running mean of the gradient
 *     u = beta m + (1 - beta) g                     Nesterov: looks one step ahead
 *     w = w - rate * weightDecay * w - rate * sqrt(max(1, outputs / inputs)) * orthogonal(u)
 * A gradient of a matrix is nearly of low rank: a few directions drown all others. orthogonal(u) has the same
 * directions and gives each the same size (see orthogonal.ts), so all are learnt at one speed. It is the steepest step
 * among those that stretch no input by more than a bound; the factor makes that bound, in root mean squares, the same
 * for all shapes. q, k and v are matrices of their own even where they stand side by side in one parameter.
 * Jordan et al., kellerjordan.github.io/posts/muon (2024); Bernstein and Newhouse, arXiv 2409.20325. */
import type { Arena } from '../tensor/arena.ts';
import type { Kernels } from '../tensor/kernels.ts';
import { type Floats, Tensor } from '../tensor/tensor.ts';
import { AdamW } from './adamw.ts';
import type { Optimizer, OptimizerSettings } from './optimizer.ts';
import { orthogonalize, orthogonalizeFlops, type Part, type Workspace } from './orthogonal.ts';

const momentum = 0.95;

/** The views that an update needs, made once. m, gradient and updates are flat and hold all hidden matrices. */
interface Views {
  readonly m: Tensor;
  readonly gradient: Tensor;
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

export class Muon implements Optimizer {
  readonly #arena: Arena;
  readonly #kernels: Kernels;
  readonly #rest: AdamW;
  readonly #weightDecay: number;
  readonly #rateRatio: number;
  readonly #updates: Tensor;
  /** Flat, for all blocks. */
  readonly #x: Tensor;
  readonly #y: Tensor;
  readonly #workspace: Workspace;
  readonly flops: number;
  #views: Views | undefined;

  /** Plans the state; so before the arena is allocated. @param rateRatio this learning rate by AdamW's. */
  constructor(arena: Arena, kernels: Kernels, settings: OptimizerSettings, rateRatio: number) {
    this.#arena = arena;
    this.#kernels = kernels;
    this.#rest = new AdamW(arena, kernels, settings);
    this.#weightDecay = settings.weightDecay;
    this.#rateRatio = rateRatio;
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

  /** AdamW's; for hidden matrices m is the momentum, and v stays 0. */
  get moments() {
    return this.#rest.moments;
  }

  norm(): number {
    return this.#rest.norm();
  }

  update(learningRate: number, norm: number, step: number): void {
    this.#rest.updateKinds(['tables', 'vectors'], learningRate, norm, step);
    this.#views ??= this.#makeViews();
    const { m, gradient, matrices, groups } = this.#views;
    const share = (1 - momentum) * this.#rest.gradientScale(norm);
    this.#kernels.weightedSum(m, momentum, m, share, gradient);
    this.#kernels.weightedSum(this.#updates, momentum, m, share, gradient);
    const rate = learningRate * this.#rateRatio;
    for (const { update, blocks } of matrices) {
      for (const { x, from } of blocks) copyColumns(x, 0, update, from);
    }
    for (const { parts, workspace } of groups) orthogonalize(this.#kernels, parts, workspace);
    for (const { value, update, blocks, stretch } of matrices) {
      for (const { y, from } of blocks) copyColumns(update, from, y, 0);
      this.#kernels.weightedSum(value, 1 - rate * this.#weightDecay, value, -rate * stretch, update);
    }
  }

  #makeViews(): Views {
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
      m: view(this.moments.m, first, [end - first]),
      gradient: view(grads, first, [end - first]),
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
function copyColumns(to: Tensor, toColumn: number, from: Tensor, fromColumn: number): void {
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
