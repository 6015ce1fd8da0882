/** The gradients of a product, measured: how far the loss of the text moves when one number is moved a little up and down.
 *
 * That is done as the gradient checker does it, on a copy of the model in float64, where rounding leaves enough digits. */
import { Gpt } from '../../model/gpt.ts';
import { compareGradients, differenceStep } from '../../tensor/gradcheck/gradcheck.ts';
import { negativeLogLikelihood } from '../../tensor/reference/cross-entropy.ts';
import { reference } from '../../tensor/reference/index.ts';
import { type Floats, Tensor } from '../../tensor/tensor.ts';
import { type Learning, lessonOf } from './lesson.ts';
import { placeOf, productOf } from './product.ts';
import type { Difference, Differences, ProductPlace } from './product-protocol.ts';
import { factorsAt, watched } from './watched.ts';

export function differencesOf(looked: Learning, asked: ProductPlace): Differences {
  const { gpt } = looked;
  const { config } = gpt;
  const lesson = lessonOf(looked, asked.text);
  const { N, ids } = lesson;
  const { index, row, column, input } = placeOf(config, lesson, asked).place;
  const { dx, dw } = productOf(looked, asked);

  const exact = watched(reference);
  const options = { kernels: exact.kernels, batch: 1, slots: 0, gradients: false } as const;
  const copy = new Gpt(config, { ...options, precision: 'float64' });
  const inputs = copy.arena.ids('inputs', N);
  copy.arena.allocate(reference.memory);
  for (const [i, { value }] of copy.parameters.entries()) value.data.set(gpt.parameters[i].value.data);
  inputs.data.set(ids.subarray(0, N));

  /** Moves a number that the product reads, while it reads it: what else reads it does not notice. */
  const measured = (factor: 'a' | 'b', gradient: number): Difference => {
    const moved = new Tensor<Floats>('moved by', [1], new Float64Array(1));
    const loss = () => {
      let [order, logits] = [0, undefined as unknown as Floats];
      exact.during(
        (product, compute) => {
          if (order++ !== index) return compute();
          const { inA, inB } = factorsAt(product, row, column);
          const { data } = product[factor];
          const at = factor === 'a' ? inA(input) : inB(input);
          const before = data[at];
          data[at] += moved.data[0];
          compute();
          data[at] = before;
        },
        () => {
          logits = copy.forward(inputs, { batch: 1, time: N }).data;
        },
      );
      const V = config.vocabSize;
      let sum = 0;
      for (let n = 0; n < N; n++) sum += negativeLogLikelihood(logits, n * V, V, ids[n + 1]);
      return sum / N;
    };
    const analytic = new Tensor<Floats>('gradient', [1], Float64Array.of(gradient));
    const { numeric, worstRelativeError } = compareGradients(loss, moved, analytic);
    return { gradient, quotient: numeric, relative: worstRelativeError };
  };
  return { step: differenceStep, dx: measured('a', dx.result), dw: measured('b', dw.result) };
}
