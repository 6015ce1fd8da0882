import { describe, expect, it } from 'vitest';
import { initialize } from '../../src/model/initialize.ts';
import { CharTokenizer } from '../../src/model/text/tokenizer.ts';
import { generateAll } from '../../src/sample/generate.ts';
import { samplingSettings } from '../../src/sample/settings.ts';
import type { Kernels } from '../../src/tensor/kernels.ts';
import { splitTokens } from '../../src/train/check-split.ts';
import { Trainer, type TrainSettings } from '../../src/train/trainer.ts';
import { backends } from '../support/backends.ts';
import { expectClose, expectSameBits } from '../support/compare.ts';
import { randomIds, tinyConfig } from '../support/models.ts';

const settings: TrainSettings = {
  steps: 12,
  batchSize: 3,
  accumulate: 1,
  sampling: 'random',
  learningRate: 1e-2,
  minLearningRate: 1e-3,
  warmup: 2,
  beta1: 0.9,
  beta2: 0.99,
  weightDecay: 0.1,
  clip: 1,
  evalTokens: 40,
  seed: 7,
};
const noise = splitTokens(randomIds(600, tinyConfig.vocabSize).data, tinyConfig.contextLength);

describe.each(await backends())('a trainer on $name kernels', ({ kernels }) => {
  const start = (
    changes: Partial<TrainSettings> = {},
    dropout = 0,
    split = noise,
    use: Kernels = kernels,
  ) => {
    const trainer = new Trainer({ ...tinyConfig, dropout }, { ...settings, ...changes }, split, {
      kernels: use,
    });
    initialize(trainer.model, 1);
    return trainer;
  };
  const run = (trainer: Trainer, between = (_: Trainer) => {}) => {
    for (let i = 0; i < settings.steps; i++) {
      trainer.train();
      between(trainer);
    }
    return trainer.model.arena.params;
  };

  it('gives the same weights for the same seed, and others for another', () => {
    expectSameBits(run(start({}, 0.2)), run(start({}, 0.2)));
    expect(run(start({ seed: 8 })).data).not.toEqual(run(start()).data);
    expect(run(start({ seed: 8 }, 0.2)).data).not.toEqual(run(start({}, 0.2)).data);
  });

  it('is not moved by evaluating and sampling between steps, nor are the evaluations by the steps', () => {
    const undisturbed = run(start({}, 0.2));
    const evaluations: number[] = [];
    const disturbed = run(start({}, 0.2), (trainer) => {
      evaluations.push(trainer.evaluate().nll, trainer.evaluate().nll);
      const options = {
        settings: samplingSettings(),
        maxNewTokens: 20,
        seed: 7,
        contextPolicy: 'shift',
      } as const;
      generateAll(trainer.model, [{ prompt: [1], stream: 0 }], options);
      trainer.evaluate('full');
    });
    expectSameBits(disturbed, undisturbed);
    for (let i = 0; i < evaluations.length; i += 2) expect(evaluations[i]).toBe(evaluations[i + 1]);
  });

  it('trains alike on one large batch and on the same windows in micro-batches', () => {
    // A training text of one window: every draw is that window.
    const one = {
      train: noise.train.subarray(0, tinyConfig.contextLength + 1),
      validation: noise.validation,
    };
    const [large, micro] = [start({ batchSize: 4 }, 0, one), start({ batchSize: 1, accumulate: 4 }, 0, one)];
    for (let i = 0; i < 3; i++) {
      const [a, b] = [large.train(), micro.train()];
      expectClose([b.loss, b.gradNorm], [a.loss, a.gradNorm], { relative: 1e-5, scale: 0 });
    }
  });

  it('reports the loss of a uniform guess before the first update', () => {
    expect(start().train().loss).toBeCloseTo(Math.log(tinyConfig.vocabSize), 1);
  });

  it('scores exactly ln V and perplexity V when all weights are zero', () => {
    const trainer = start();
    trainer.model.arena.params.data.fill(0);
    const { nll, perplexity, bitsPerChar } = trainer.evaluate('full');
    const V = tinyConfig.vocabSize;
    expectClose([nll, perplexity, bitsPerChar], [Math.log(V), V, Math.log2(V)], {
      relative: 1e-12,
      scale: 0,
    });
  });

  it('drives the loss of a single batch below 0.02', () => {
    const oneBatch = splitTokens(randomIds(240, tinyConfig.vocabSize).data, tinyConfig.contextLength);
    const T = tinyConfig.contextLength;
    const trainer = start({ steps: 200, batchSize: 4, weightDecay: 0, warmup: 5 }, 0, {
      train: oneBatch.train.subarray(0, T + 1),
      validation: oneBatch.validation,
    });
    let loss = Number.POSITIVE_INFINITY;
    while (trainer.step < 200) loss = trainer.train().loss;
    expect(loss).toBeLessThan(0.02);
  });

  it('learns a repeated pattern and continues it exactly, past the context length', () => {
    const pattern = 'a quick brown fox. ';
    const tokenizer = CharTokenizer.train(pattern);
    const split = splitTokens(tokenizer.encode(pattern.repeat(40)), 24);
    const config = {
      ...tinyConfig,
      vocabSize: tokenizer.vocabSize,
      contextLength: 24,
      channels: 24,
      feedForward: 96,
    };
    const trainer = new Trainer(config, { ...settings, steps: 120, batchSize: 4 }, split, { kernels });
    initialize(trainer.model, 1);
    while (trainer.step < 120) trainer.train();
    const [generation] = generateAll(trainer.model, [{ prompt: tokenizer.encode(pattern), stream: 0 }], {
      settings: samplingSettings({ temperature: 0 }),
      maxNewTokens: pattern.length * 3,
      seed: 1,
      contextPolicy: 'shift',
    });
    expect(tokenizer.decode(generation!.tokens)).toBe(pattern.repeat(3));
    expect(trainer.evaluate('full').nll).toBeLessThan(0.05);
  });

  it('clips the gradient: AdamW sees its direction, not its size', () => {
    const [plain, clipped] = [start({ clip: 0 }), start({ clip: 1e-3 })];
    expect(plain.train().gradNorm).toBe(clipped.train().gradNorm);
    const [m0, m1] = [plain.optimizer.moments.m.data, clipped.optimizer.moments.m.data];
    const norm = (x: ArrayLike<number>) => Math.sqrt(Array.from(x).reduce((sum, v) => sum + v * v, 0));
    const unit = (x: ArrayLike<number>, size = norm(x)) => Array.from(x, (v) => v / size);
    expect(norm(m1)).toBeCloseTo(1e-4, 8);
    expectClose(unit(m1), unit(m0), { relative: 1e-4 });
  });

  it('decays matrices and leaves vectors alone', () => {
    const trainer = start({ weightDecay: 0.5, learningRate: 0.1, minLearningRate: 0.1, warmup: 0 });
    const { arena } = trainer.model;
    arena.params.data.fill(2);
    arena.grads.data.fill(0);
    trainer.optimizer.update(0.1, 0, 1);
    for (const { name, value } of trainer.model.parameters) {
      const expected = value.shape.length >= 2 ? 2 - 0.1 * 0.5 * 2 : 2;
      for (const x of value.data) expect(x, name).toBeCloseTo(expected, 6);
    }
  });
});
