import { describe, expect, it } from 'vitest';
import { initialize } from '../../src/model/initialize.ts';
import { tensor } from '../../src/tensor/tensor.ts';
import { splitTokens } from '../../src/train/check-split.ts';
import { observe } from '../../src/train/observe.ts';
import { Trainer } from '../../src/train/trainer.ts';
import { backends } from '../support/backends.ts';
import { expectSameBits } from '../support/compare.ts';
import { randomIds, tinyConfig } from '../support/models.ts';
import { runSettings } from '../support/runs.ts';

const noise = splitTokens(randomIds(600, tinyConfig.vocabSize).data, tinyConfig.contextLength);
const decay = 0.5;

describe.each(await backends())('the mean of the weights on $name kernels', ({ kernels }) => {
  const start = (emaDecay: number) => {
    const config = { ...tinyConfig, dropout: 0.1 };
    const trainer = new Trainer(config, { ...runSettings, emaDecay }, noise, { kernels });
    initialize(trainer.model, 1);
    return trainer;
  };
  const copy = ({ model }: Trainer) => tensor('copy', model.arena.params.shape, model.arena.params.data);

  it('lies beside weights that train as they would without it', () => {
    const [plain, averaged] = [start(0), start(decay)];
    // d is 0, 1/11, 2/12, ... 9/19, and from update 11 on one half.
    const ds = [0, 1 / 11, 2 / 12, 3 / 13, 4 / 14, 5 / 15, 6 / 16, 7 / 17, 8 / 18, 9 / 19, 0.5, 0.5];
    const mean = new Float64Array(plain.model.arena.params.size);
    let apart = 0;
    for (const d of ds) {
      expect(averaged.train()).toEqual(plain.train());
      const weights = plain.model.arena.params.data;
      expectSameBits(averaged.weights, plain.model.arena.params);
      for (let i = 0; i < mean.length; i++) {
        mean[i] = d * mean[i]! + (1 - d) * weights[i]!;
        const got = averaged.model.arena.params.data[i]!;
        expect(Math.abs(got - mean[i]!)).toBeLessThanOrEqual(1e-6 * Math.max(Math.abs(mean[i]!), 0.1));
        apart = Math.max(apart, Math.abs(got - weights[i]!));
      }
    }
    expect(apart).toBeGreaterThan(1e-3);
  });

  it('is what is evaluated, and the weights are not', () => {
    const [averaged, single] = [start(decay), start(0)];
    for (let i = 0; i < 4; i++) averaged.train();
    const evaluateWith = (data: ArrayLike<number>) => {
      single.model.arena.params.data.set(data);
      return single.evaluate().nll;
    };
    const { nll } = averaged.evaluate();
    expect(nll).toBe(evaluateWith(averaged.model.arena.params.data));
    expect(nll).not.toBe(evaluateWith(averaged.weights.data));
  });

  it('comes back when a step is refused, with weights and moments as they were', () => {
    const trainer = start(decay);
    for (let i = 0; i < 3; i++) trainer.train();
    const last = trainer.model.parameters.at(-1)!;
    const numbers = () => [copy(trainer), ...trainer.state].map(({ data }) => [...data]);
    trainer.weights.data[trainer.model.arena.offsetOf(last)] = Number.POSITIVE_INFINITY;
    const before = numbers();
    expect(() => trainer.train()).toThrow(/^training diverged in step 4: loss NaN/);
    expect(numbers()).toEqual(before);
    expect(trainer.step).toBe(3);
  });

  it('is kept with the weights, which take no memory where there is no mean', () => {
    expect(start(decay).state.map(({ name }) => name)).toEqual(['moment1', 'moment2', 'weights']);
    expect(start(0).state.map(({ name }) => name)).toEqual(['moment1', 'moment2']);
    const moments = (trainer: Trainer) =>
      trainer.model.arena.plan().find(({ section }) => section === 'moments')!.tensors;
    expect([moments(start(0)), moments(start(decay))]).toEqual([2, 3]);
  });

  it('does not hide how far a step moves the weights', () => {
    const [plain, averaged] = [start(0), start(decay)];
    const observed = (trainer: Trainer) => {
      const layers = observe(trainer);
      return { record: trainer.train(), layers: layers() };
    };
    for (let i = 0; i < 3; i++) expect(observed(averaged)).toEqual(observed(plain));
  });
});

describe.each(['fused', 'portable'])('on %s kernels', async (arithmetic) => {
  const alike = (await backends()).filter(({ name }) => name.includes(arithmetic));

  it.skipIf(alike.length === 0)('the mean has the same bits for any number of threads', () => {
    const config = { ...tinyConfig, channels: 64, heads: 4, feedForward: 256 }; // enough for threads to share
    const means = alike.map(({ kernels }) => {
      const trainer = new Trainer(config, { ...runSettings, emaDecay: decay }, noise, { kernels });
      initialize(trainer.model, 1);
      for (let i = 0; i < 4; i++) trainer.train();
      return trainer.model.arena.params;
    });
    expect(means.length).toBeGreaterThan(1);
    for (const mean of means) expectSameBits(mean, means[0]!);
  });
});
