/** Muon: momentum whose direction is made orthogonal, for hidden matrices; AdamW for everything else.
 *
 *     m = beta m + (1 - beta) g                     running mean of the gradient
 *     u = beta m + (1 - beta) g                     Nesterov: looks one step ahead
 *     w = w - rate * weightDecay * w - rate * sqrt(max(1, outputs / inputs)) * orthogonal(u)
 * The gradient of a matrix is nearly of low rank: a few directions are much larger than all others. orthogonal(u) keeps
 * the directions and makes all of them equally large (see orthogonal.ts), so that all are learned at the same speed. Of
 * all updates that stretch no input by more than a given bound it lowers the loss most; the square root makes that
 * bound, in root mean squares, the same for all shapes. Which matrices these are, and where they lie: hidden-matrices.ts.
 * Jordan et al., kellerjordan.github.io/posts/muon (2024); Bernstein and Newhouse, arXiv 2409.20325. */
import type { Arena } from '../tensor/arena.ts';
import type { Kernels } from '../tensor/kernels.ts';
import { AdamW } from './adamw.ts';
import { copyColumns, HiddenMatrices } from './hidden-matrices.ts';
import type { Optimizer, OptimizerSettings } from './optimizer.ts';
import { orthogonalize } from './orthogonal.ts';

const momentum = 0.85; // 0.95 is usual, and worse in runs of minutes: docs/recipe.md

export class Muon implements Optimizer {
  readonly flops: number;
  readonly #kernels: Kernels;
  readonly #rest: AdamW;
  readonly #hidden: HiddenMatrices;
  readonly #weightDecay: number;
  readonly #rateRatio: number;

  /** Reserves room in the arena, so it must be called before the arena is allocated.
   * @param rateRatio Muon's learning rate divided by AdamW's */
  constructor(arena: Arena, kernels: Kernels, settings: OptimizerSettings, rateRatio: number) {
    this.#kernels = kernels;
    this.#rest = new AdamW(arena, kernels, settings);
    this.#hidden = new HiddenMatrices(arena);
    this.#weightDecay = settings.weightDecay;
    this.#rateRatio = rateRatio;
    this.flops = this.#hidden.flops;
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
    const { m, gradient, updates, matrices, groups } = this.#hidden.views(this.moments.m);
    const share = (1 - momentum) * this.#rest.gradientScale(norm);
    this.#kernels.weightedSum(m, momentum, m, share, gradient);
    this.#kernels.weightedSum(updates, momentum, m, share, gradient);
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
}
