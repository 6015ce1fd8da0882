/** The gradient check of a whole model: every parameter of a small GPT against finite differences of its loss. */

import { compareGradients, type GradientRow } from '../tensor/gradcheck/gradcheck.ts';
import type { Kernels } from '../tensor/kernels.ts';
import { RandomStream } from '../tensor/random.ts';
import { negativeLogLikelihood } from '../tensor/reference/cross-entropy.ts';
import { type ModelConfig, qwen3Defaults } from './config.ts';
import { Gpt } from './gpt.ts';

const [batch, time] = [2, 5];

const sizes = {
  vocabSize: 7,
  contextLength: 6,
  channels: 12,
  heads: 3,
  layers: 2,
  feedForward: 10,
  dropout: 0,
};
/** Small models of each kind. */
export const modelsToCheck: Readonly<Record<string, ModelConfig>> = {
  gpt2: { ...sizes, arch: 'gpt2' },
  'gpt2, dropout': { ...sizes, arch: 'gpt2', dropout: 0.3 },
  qwen3: { ...sizes, arch: 'qwen3', ...qwen3Defaults, ropeTheta: 100, normEpsilon: 1e-3 },
  'qwen3, dropout': { ...sizes, arch: 'qwen3', ...qwen3Defaults, normEpsilon: 1e-3, dropout: 0.3 },
  'llama, own head': {
    ...sizes,
    arch: 'qwen3',
    ...qwen3Defaults,
    normEpsilon: 1e-3,
    qkNorm: false,
    tiedHead: false,
  },
};

/** Larger than for one operation: the error of the quotients grows with the third derivative, which is larger for the norm
 * of a short row, such as an embedding's, than for any single operation. */
export const modelTolerance = 3e-8;

/** One row for each parameter of a model with random weights, in float64; dropout's mask is held fixed. */
export function checkModel(kernels: Kernels, config: ModelConfig): GradientRow[] {
  const model = new Gpt(config, { kernels, batch, slots: 0, gradients: true, precision: 'float64' });
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
    operation: config.arch,
    gradient: name.replace(/^(transformer|model)\./, ''),
    ...compareGradients(loss, value, grad),
  }));
}
