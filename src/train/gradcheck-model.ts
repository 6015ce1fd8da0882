/** The gradient check of a whole model: every parameter of a small GPT against finite differences of its loss. */
import type { ModelConfig } from '../model/config.ts';
import { Gpt } from '../model/gpt.ts';
import type { Kernels } from '../tensor/kernels.ts';
import { RandomStream } from '../tensor/random.ts';
import { negativeLogLikelihood } from '../tensor/reference/cross-entropy.ts';
import { compareGradients, type GradientRow } from './gradcheck.ts';

const [batch, time] = [2, 5];
const config: ModelConfig = {
  arch: 'gpt2',
  vocabSize: 7,
  contextLength: 6,
  channels: 6,
  heads: 2,
  layers: 2,
  feedForward: 10,
  dropout: 0,
};

/** One row for each parameter of a model with random weights, in float64. @param dropout with its mask held fixed. */
export function checkModel(kernels: Kernels, dropout = 0): GradientRow[] {
  const model = new Gpt(
    { ...config, dropout },
    { kernels, batch, slots: 0, gradients: true, precision: 'float64' },
  );
  const inputs = model.arena.ids('inputs', batch * time);
  const targets = model.arena.ids('targets', batch * time);
  model.arena.allocate(kernels.memory);
  const random = new RandomStream(1, 'init');
  for (const [i, { value }] of model.parameters.entries()) {
    random.normals(value.data, 0.4, i);
    if (value.shape.length < 2) for (let j = 0; j < value.size; j++) value.data[j]! += 0.5; // gains away from 0
  }
  for (let n = 0; n < batch * time; n++) {
    inputs.data[n] = random.below(config.vocabSize, n, 1000);
    targets.data[n] = random.below(config.vocabSize, n, 1001);
  }
  const loss = () => {
    const logits = model.forward(inputs, { batch, time, dropout: { seed: 1, step: 1 } }).data;
    let sum = 0;
    for (let n = 0; n < batch * time; n++) {
      sum += negativeLogLikelihood(logits, n * config.vocabSize, config.vocabSize, targets.data[n]!);
    }
    return sum / (batch * time);
  };
  loss();
  model.backward(targets, 1 / (batch * time));
  return model.parameters.map(({ name, value, grad }) => ({
    operation: 'model',
    gradient: name.replace('transformer.', ''),
    ...compareGradients(loss, value, grad),
  }));
}
