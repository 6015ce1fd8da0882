/** The running mean of the weights, which is the model that is evaluated, sampled and saved.
 *
 *     w       the weights that training moves
 *     mean    = d mean + (1 - d) w after update t,   d = min(decay, (t - 1) / (t + 9)): at first over the newest tenth
 *
 * With a high learning rate, w jumps around the place where the loss is low; the mean lies inside. So the mean is
 * already good early in a run, while w becomes as good only when the rate has fallen (docs/recipe.md has the numbers).
 * It costs one pass over the weights a step.
 *
 * Between steps the model's parameters are the mean, so evaluating, sampling and saving need to know nothing of this; w
 * waits in a tensor of its own. A resumed run needs that tensor as it needs the optimizer's moments. Polyak and
 * Juditsky, SIAM Journal on Control and Optimization 30(4), 1992; called EMA where it decays as here. */
import type { Arena } from '../tensor/arena.ts';
import type { Kernels } from '../tensor/kernels.ts';
import type { Tensor } from '../tensor/tensor.ts';

export class WeightAverage {
  /** w, laid out as the parameters. Not used before the first update: until then the parameters are w. */
  readonly weights: Tensor;
  readonly #arena: Arena;
  readonly #kernels: Kernels;
  readonly #decay: number;
  readonly #mean: Tensor;

  /** Reserves room for two tensors in the arena, so it must be called before the arena is allocated. */
  constructor(arena: Arena, kernels: Kernels, decay: number) {
    this.#arena = arena;
    this.#kernels = kernels;
    this.#decay = decay;
    this.weights = arena.moment('weights');
    this.#mean = arena.scratch('weights.mean', this.weights.shape);
  }

  /** Runs one update as if there were no mean. While it runs, the parameters are w; afterwards they are the new mean.
   * If it throws, they are the mean of before. @param done updates before this one */
  around<T>(done: number, update: () => T): T {
    const { params } = this.#arena;
    this.#mean.data.set(params.data);
    if (done > 0) params.data.set(this.weights.data);
    try {
      const result = update();
      this.weights.data.set(params.data);
      const d = Math.min(this.#decay, done / (done + 10));
      this.#kernels.weightedSum(params, d, this.#mean, 1 - d, this.weights);
      return result;
    } catch (error) {
      params.data.set(this.#mean.data);
      throw error;
    }
  }
}
