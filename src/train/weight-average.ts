/** The running mean of the weights: the model that is evaluated, sampled and saved.
 *
 *     w       the weights that training moves
 *     mean    = d mean + (1 - d) w after update t,   d = min(decay, (t - 1) / (t + 9)): at first over the newest tenth
 *
 * A high learning rate makes w jump about around where the loss is low; their mean lies inside. So it is as good early
 * in a run as w becomes only when the rate has fallen (docs/recipe.md has the nats), and costs one pass over the
 * weights a step. At rate 0 both are the same.
 *
 * Between steps the model's parameters are the mean, so whatever looks at the model sees nothing else; w waits in a
 * tensor of its own, which a resumed run needs as it needs the optimizer's moments.
 * Polyak and Juditsky, SIAM Journal on Control and Optimization 30(4), 1992; called EMA where it decays as here. */
import type { Arena } from '../tensor/arena.ts';
import type { Kernels } from '../tensor/kernels.ts';
import type { Tensor } from '../tensor/tensor.ts';

export class WeightAverage {
  /** Laid out as the parameters; not used before the first update, when the parameters are w themselves. */
  readonly weights: Tensor;
  readonly #arena: Arena;
  readonly #kernels: Kernels;
  readonly #decay: number;
  readonly #mean: Tensor;

  /** Plans two tensors; so before the arena is allocated. */
  constructor(arena: Arena, kernels: Kernels, decay: number) {
    this.#arena = arena;
    this.#kernels = kernels;
    this.#decay = decay;
    this.weights = arena.moment('weights');
    this.#mean = arena.scratch('weights.mean', this.weights.shape);
  }

  /** Runs one update as if there were no mean: the parameters are w during it, and the new mean after it. If it throws,
   * they are the mean that they were before. @param done updates before this one */
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
