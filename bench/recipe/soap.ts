/** SOAP: AdamW for the hidden matrices, in the directions in which their gradients vary independently.
 *
 *     L = b L + (1 - b) G Gᵀ,   R = b R + (1 - b) Gᵀ G     what Shampoo keeps of all gradients G
 *     G' = QLᵀ G QR                                          G in the eigenvectors of L and R, QL and QR
 *     N' = AdamW's step from G'                              its moments are in these directions as well
 *     w = w - rate * weightDecay * w - rate * QL N' QRᵀ
 * Adam scales each element of a matrix by itself, which is right only if elements vary independently; in the eigenvectors
 * they nearly do. Every ten updates one power iteration, L QL made orthogonal again, brings these up to date. The first gradient only
 * gives the first eigenvectors.
 * Vyas et al., arXiv 2409.11321. Tables and vectors have AdamW. */
import type { Arena } from '../../src/tensor/arena.ts';
import type { Kernels } from '../../src/tensor/kernels.ts';
import type { Tensor } from '../../src/tensor/tensor.ts';
import { AdamW } from '../../src/train/adamw.ts';
import { copyColumns, HiddenMatrices } from '../../src/train/hidden-matrices.ts';
import type { Optimizer } from '../../src/train/optimizer.ts';
import type { Settings } from './rows.ts';

const [beta1, beta2, epsilon] = [0.95, 0.95, 1e-8];
/** Updates from one power iteration of a matrix to its next. Not all matrices have theirs in the same update. */
const every = 10;
/** Power iterations on the first gradient that is not 0, which take the bases from the axes to near the eigenvectors. They cannot
 * be spread over more updates: v stays behind where a basis turns far, and a large m over a small v makes huge steps. */
const first = 10;

/** The rows or the columns of a matrix. */
export interface Side {
  /** L or R (S S). */
  readonly mean: Tensor;
  /** Eigenvectors, as columns, the largest eigenvalue first (S S). */
  readonly basis: Tensor;
  /** Scratch (S S). */
  readonly product: Tensor;
}
/** Of a matrix (R C). */
interface State {
  readonly left: Side;
  readonly right: Side;
  /** AdamW's moments (R C), in the eigenvectors. */
  readonly m: Tensor;
  readonly v: Tensor;
  /** Scratch (R C). */
  readonly half: Tensor;
  /** Gradients so far, from the first on that was not 0. */
  gradients: number;
}

export class Soap implements Optimizer {
  /** Without the power iterations. */
  readonly flops: number;
  /** One for each block of the hidden matrices. */
  readonly states: readonly State[];
  readonly #kernels: Kernels;
  readonly #settings: Settings;
  readonly #rest: AdamW;
  readonly #hidden: HiddenMatrices;

  /** Reserves room in the arena, so it must be called before the arena is allocated. Only for measuring: `moments` is not all
   * its state, so a run cannot be resumed. */
  constructor(arena: Arena, kernels: Kernels, settings: Settings) {
    this.#kernels = kernels;
    this.#settings = settings;
    this.#rest = new AdamW(arena, kernels, settings);
    this.#hidden = new HiddenMatrices(arena);
    const shapes = arena.parameters.flatMap(({ value, hidden }) => {
      const parts = hidden?.parts ?? 0;
      return Array.from({ length: parts }, () => [value.shape[0]!, value.shape[1]! / parts] as const);
    });
    const side = (name: string, S: number): Side => ({
      mean: arena.scratch(`${name}.mean`, [S, S]),
      basis: arena.scratch(`${name}.basis`, [S, S]),
      product: arena.scratch(`soap.product ${S}`, [S, S]),
    });
    this.states = shapes.map(([R, C], i) => ({
      left: side(`soap.${i}.left`, R),
      right: side(`soap.${i}.right`, C),
      m: arena.scratch(`soap.${i}.m`, [R, C]),
      v: arena.scratch(`soap.${i}.v`, [R, C]),
      half: arena.scratch(`soap.half ${R} ${C}`, [R, C]),
      gradients: 0,
    }));
    this.flops = shapes.reduce((sum, [R, C]) => sum + 6 * R * C * (R + C), 0);
  }

  get moments() {
    return this.#rest.moments;
  }

  norm(): number {
    return this.#rest.norm();
  }

  update(learningRate: number, norm: number, step: number): void {
    const { weightDecay, muonLearningRate, learningRate: peak } = this.#settings;
    const kernels = this.#kernels;
    this.#rest.updateKinds(['tables', 'vectors'], learningRate, norm, step);
    const { gradient, updates, matrices } = this.#hidden.views(this.moments.m);
    kernels.weightedSum(updates, this.#rest.gradientScale(norm), gradient, 0, gradient);
    const rate = learningRate * (muonLearningRate / peak);
    let block = 0;
    for (const { value, update, blocks } of matrices) {
      for (const { x, y, from } of blocks) {
        copyColumns(x, 0, update, from);
        this.#step(y, x, this.states[block]!, step, block);
        copyColumns(update, from, y, 0);
        block += 1;
      }
      kernels.weightedSum(value, 1 - rate * weightDecay, value, -rate, update);
    }
  }

  /** y = QL N' QRᵀ of gradient x, which is overwritten. */
  #step(y: Tensor, x: Tensor, state: State, step: number, block: number): void {
    const kernels = this.#kernels;
    const { left, right, m, v } = state;
    kernels.matmulTransposedB(left.product, x, x, 'set');
    kernels.weightedSum(left.mean, beta2, left.mean, 1 - beta2, left.product);
    kernels.matmulTransposedA(right.product, x, x, 'set');
    kernels.weightedSum(right.mean, beta2, right.mean, 1 - beta2, right.product);
    if (state.gradients > 0 || left.mean.data.some((x) => x !== 0)) state.gradients += 1;
    if (state.gradients < 2) {
      if (state.gradients === 1) this.#begin(state);
      y.data.fill(0); // in its own eigenvectors nearly all of the first gradient is rounding errors
      return;
    }
    if ((step + block) % every === 0) this.#turn(state);
    this.#intoBasis(y, x, state);
    x.data.fill(0); // so that AdamW with a rate of -1 gives its step alone
    const common = { beta1, beta2, epsilon, weightDecay: 0, gradientScale: 1, step: state.gradients - 1 };
    kernels.adamw(x, m, v, y, [0, x.size], { ...common, learningRate: -1 });
    this.#outOfBasis(y, x, state);
  }

  #begin({ left, right }: State): void {
    for (const side of [left, right]) {
      setIdentity(side.basis);
      for (let n = 0; n < first; n++) powerIteration(this.#kernels, side);
    }
  }

  /** New eigenvectors. m turns with them; v cannot, and only follows their order. */
  #turn(state: State): void {
    const { left, right, m, v } = state;
    this.#outOfBasis(m, m, state);
    const rows = powerIteration(this.#kernels, left);
    const columns = powerIteration(this.#kernels, right);
    this.#intoBasis(m, m, state);
    const before = v.data.slice();
    const width = columns.length;
    for (const [r, row] of rows.entries()) {
      for (const [c, column] of columns.entries()) v.data[r * width + c] = before[row * width + column]!;
    }
  }

  /** y = QLᵀ x QR */
  #intoBasis(y: Tensor, x: Tensor, { left, right, half }: State): void {
    this.#kernels.matmulTransposedA(half, left.basis, x, 'set');
    this.#kernels.matmul(y, half, right.basis, 'set');
  }

  /** y = QL x QRᵀ */
  #outOfBasis(y: Tensor, x: Tensor, { left, right, half }: State): void {
    this.#kernels.matmul(half, left.basis, x, 'set');
    this.#kernels.matmulTransposedB(y, half, right.basis, 'set');
  }
}

/** Turns the basis towards the eigenvectors of the mean, those of the largest eigenvalues first. Returns where each new column
 * stood before. */
export function powerIteration(kernels: Kernels, { mean, basis, product }: Side): number[] {
  kernels.matmul(product, mean, basis, 'set');
  const S = mean.shape[0]!;
  const sizes = new Float64Array(S); // of the eigenvalues, as far as they are known
  for (let i = 0; i < S * S; i++) sizes[i % S]! += basis.data[i]! * product.data[i]!;
  const order = [...sizes.keys()].sort((a, b) => sizes[b]! - sizes[a]!);
  // No eigenvector changes if all eigenvalues grow by the same, and then none is 0.
  const ridge = (1e-7 * sizes.reduce((sum, size) => sum + size, 0)) / S;
  const vectors = order.map((column) =>
    Float64Array.from({ length: S }, (_, r) => {
      return product.data[r * S + column]! + ridge * basis.data[r * S + column]!;
    }),
  );
  orthonormalize(vectors);
  for (const [c, vector] of vectors.entries()) {
    for (let r = 0; r < S; r++) basis.data[r * S + c] = vector[r]!;
  }
  return order;
}

/** Gram-Schmidt in its stable order: what has become a unit vector is at once taken out of all that follow. Four of these
 * at a time, so that no sum has to wait for itself. */
function orthonormalize(vectors: readonly Float64Array[]): void {
  const none = new Float64Array(vectors.length);
  for (const [k, q] of vectors.entries()) {
    const size = Math.sqrt(q.reduce((sum, x) => sum + x * x, 0));
    for (let i = 0; i < q.length; i++) q[i]! /= size;
    for (let j = k + 1; j < vectors.length; j += 4) {
      const [a, b = none, c = none, d = none] = vectors.slice(j, j + 4) as [Float64Array];
      takeOut(q, a, b, c, d);
    }
  }
}

function takeOut(q: Float64Array, a: Float64Array, b: Float64Array, c: Float64Array, d: Float64Array): void {
  let [onA, onB, onC, onD] = [0, 0, 0, 0];
  for (let i = 0; i < q.length; i++) {
    const x = q[i]!;
    onA += x * a[i]!;
    onB += x * b[i]!;
    onC += x * c[i]!;
    onD += x * d[i]!;
  }
  for (let i = 0; i < q.length; i++) {
    const x = q[i]!;
    a[i]! -= onA * x;
    b[i]! -= onB * x;
    c[i]! -= onC * x;
    d[i]! -= onD * x;
  }
}

function setIdentity({ data, shape }: Tensor): void {
  data.fill(0);
  for (let i = 0; i < shape[0]!; i++) data[i * shape[0]! + i] = 1;
}
