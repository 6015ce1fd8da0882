/** Distillation: what is added to the gradient, whose turn it is, and what an ensemble predicts. */
import { describe, expect, it } from 'vitest';
import { scoreEnsemble } from '../../src/evaluate/ensemble.ts';
import { Gpt } from '../../src/model/gpt.ts';
import { initialize } from '../../src/model/initialize.ts';
import type { Kernels } from '../../src/tensor/kernels.ts';
import { splitTokens } from '../../src/train/check-split.ts';
import { teach } from '../../src/train/distill.ts';
import { Trainer, type TrainSettings } from '../../src/train/trainer.ts';
import { backends } from '../support/backends.ts';
import { expectClose, expectSameBits } from '../support/compare.ts';
import { randomIds, tinyConfig } from '../support/models.ts';

const { vocabSize: V, contextLength: T } = tinyConfig;
const B = 3;
const settings: TrainSettings = {
  ...{ steps: 8, batchSize: B, accumulate: 1, sampling: 'random', warmup: 0 },
  ...{ learningRate: 1e-2, minLearningRate: 1e-3, beta1: 0.9, beta2: 0.99, weightDecay: 0, clip: 0 },
  ...{ evalTokens: 40, seed: 7 },
};
const noise = splitTokens(randomIds(600, V).data, T);

describe.each(await backends())('distillation with $name kernels', ({ kernels }) => {
  const model = (seed: number, gradients = false) => {
    const gpt = new Gpt(tinyConfig, { kernels, batch: B, slots: 0, gradients });
    const buffers = {
      inputs: gpt.arena.ids('inputs', B * T),
      targets: gpt.arena.ids('targets', B * T),
    };
    gpt.arena.allocate(kernels.memory);
    initialize(gpt, seed);
    return { model: gpt, buffers };
  };
  const student = (teachers: readonly Gpt[], more: Partial<TrainSettings> = {}, use: Kernels = kernels) => {
    const trainer = new Trainer(tinyConfig, { ...settings, ...more }, noise, { kernels: use, teachers });
    initialize(trainer.model, 1);
    return trainer;
  };
  const gradients = (teachers: readonly Gpt[], steps = 1) => {
    const trainer = student(teachers, { learningRate: 1e-30, minLearningRate: 0 });
    for (let step = 0; step < steps; step++) trainer.train();
    return Float32Array.from(trainer.model.arena.grads.data);
  };

  it('takes s (q - y) from the gradient of the logits, and nothing where there is no target', () => {
    const { model: teacher, buffers } = model(5);
    buffers.inputs.data.set(randomIds(B * T, V).data);
    buffers.targets.data.set(randomIds(B * T, V).data);
    buffers.targets.data[4] = -1;
    const logits = Float64Array.from(teacher.forward(buffers.inputs, { batch: B, time: T }).data);
    const taught = teach([teacher], 0, buffers, T, 0.25)!;
    for (let n = 0; n < B * T; n++) {
      const row = logits.subarray(n * V, (n + 1) * V);
      const sum = row.reduce((total, x) => total + Math.exp(x), 0);
      const expected = [...row].map((x, v) => {
        const q = Math.exp(x) / sum;
        return n === 4 ? 0 : 0.25 * 0.5 * (q - Number(v === buffers.targets.data[n]));
      });
      expectClose(taught.data.subarray(n * V, (n + 1) * V), expected, { relative: 1e-5 });
    }
    expect(teach([], 3, buffers, T, 1)).toBeUndefined();
  });

  it('leaves half of every gradient where the teacher knows what the student knows', () => {
    const text = gradients([]);
    const half = gradients([model(1).model]);
    expect(half.some((g) => g !== 0)).toBe(true);
    expectClose(
      half,
      [...text].map((g) => g / 2),
      { relative: 1e-5 },
    );
  });

  it('asks the teachers in turns', () => {
    const [a, b] = [model(5).model, model(6).model];
    expectSameBits(gradients([a, b]), gradients([a]));
    expectSameBits(gradients([a, b], 2), gradients([b], 2));
    expect(gradients([a, b], 2)).not.toEqual(gradients([a], 2));
    expectSameBits(gradients([a, b], 3), gradients([a], 3));
  });

  it('lets a teacher with half the context read every window in two pieces', () => {
    const config = { ...tinyConfig, contextLength: T / 2 };
    const short = new Gpt(config, { kernels, batch: 2 * B, slots: 0, gradients: false });
    const buffers = { inputs: short.arena.ids('inputs', B * T), targets: short.arena.ids('targets', B * T) };
    short.arena.allocate(kernels.memory);
    initialize(short, 5);
    buffers.inputs.data.set(randomIds(B * T, V).data);
    const whole = Float32Array.from(teach([short], 0, buffers, T, 1)!.data);
    expectSameBits(whole, teach([short], 0, buffers, T / 2, 1)!.data);
  });

  it('brings a student nearer to its teacher than the text alone does', () => {
    const teacher = model(5).model;
    const distance = (trainer: Trainer) => {
      for (let step = 0; step < settings.steps; step++) trainer.train();
      const { inputs } = model(5).buffers;
      inputs.data.set(randomIds(B * T, V).data);
      const [q, p] = [teacher, trainer.model].map((gpt) => [
        ...gpt.forward(inputs, { batch: B, time: T }).data,
      ]);
      return p!.reduce((sum, x, i) => sum + (x - q![i]!) ** 2, 0);
    };
    expect(distance(student([teacher]))).toBeLessThan(distance(student([])));
  });

  it('an ensemble predicts the mean of the probabilities', () => {
    const models = [model(5), model(6), model(7)];
    const scorers = models.map((one) => ({ ...one, tokenizer: undefined as never }));
    const { alone, together } = scoreEnsemble(scorers, noise, T);
    const { validation } = noise;
    const sums = [0, 0, 0];
    let mean = 0;
    for (let at = 0; at < validation.length - 1; at += T) {
      const time = Math.min(T, validation.length - 1 - at);
      const rows = models.map(({ model: gpt, buffers }) => {
        const { inputs } = buffers;
        inputs.data.set(validation.subarray(at, at + time));
        return Float64Array.from(gpt.forward(inputs.rows(time), { batch: 1, time }).data);
      });
      for (let t = 0; t < time; t++) {
        const target = validation[at + t + 1]!;
        const ps = rows.map((row) => {
          const logits = row.subarray(t * V, (t + 1) * V);
          return Math.exp(logits[target]!) / logits.reduce((sum, x) => sum + Math.exp(x), 0);
        });
        for (const [i, p] of ps.entries()) sums[i]! -= Math.log(p);
        mean -= Math.log((ps[0]! + ps[1]! + ps[2]!) / 3);
      }
    }
    const count = validation.length - 1;
    expectClose(
      [...alone, together],
      [...sums, mean].map((sum) => sum / count),
      { relative: 1e-9 },
    );
    expect(together).toBeLessThan((alone[0]! + alone[1]! + alone[2]!) / 3);
  });
});
