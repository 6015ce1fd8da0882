import { describe, expect, it } from 'vitest';
import { initialize } from '../../src/model/initialize.ts';
import { CharTokenizer } from '../../src/model/text/tokenizer.ts';
import { renderFindLr } from '../../src/report/find-lr.ts';
import { reference } from '../../src/tensor/reference/index.ts';
import { splitTokens } from '../../src/train/check-split.ts';
import { rangeTest, smoothLosses, suggest } from '../../src/train/find-lr.ts';
import { Trainer, type TrainSettings } from '../../src/train/trainer.ts';
import { expectSameBits } from '../support/compare.ts';
import { tinyConfig } from '../support/models.ts';
import { runSettings, story } from '../support/runs.ts';

const tokenizer = CharTokenizer.train(story);
const config = { ...tinyConfig, vocabSize: tokenizer.vocabSize, layers: 1 };
const split = splitTokens(tokenizer.encode(story.repeat(8)), config.contextLength);
const start = (changes: Partial<TrainSettings> = {}) => {
  const trainer = new Trainer(config, { ...runSettings, ...changes }, split, { kernels: reference });
  initialize(trainer.model, 1);
  return trainer;
};
const range = { from: 1e-4, to: 1e2, steps: 80 };

describe.each(['adamw', 'muon'] as const)('the range test of a tiny model with %s', (optimizer) => {
  const test = rangeTest(start({ optimizer, batchSize: 4 }), range);

  it('suggests a rate that learns: left of the minimum, right of where nothing moves', () => {
    const { steepest, minimum, suggested } = suggest(test)!;
    expect(steepest).toBeLessThan(minimum);
    expect(suggested).toBeCloseTo(minimum / 3, 12);
    expect(suggested).toBeGreaterThan(0.03);
    expect(suggested).toBeLessThan(10);
  });

  it('multiplies the peak rate by evenly spaced powers', () => {
    const factors = test.steps.map(({ factor }) => factor);
    expect(factors[0]).toBe(1e-4);
    for (let i = 1; i < factors.length; i++)
      expect(factors[i]! / factors[i - 1]!).toBeCloseTo(1e6 ** (1 / 79), 10);
  });
});

describe('the range test', () => {
  it('stops at the first loss of four times the lowest', () => {
    const { steps, end } = rangeTest(start({ clip: 0 }), { from: 1e-2, to: 1e6, steps: 80 });
    expect(end).toBe('blown up');
    expect(steps.length).toBeLessThan(80);
    const losses = steps.map(({ loss }) => loss);
    const limit = 4 * Math.min(...losses);
    expect(losses.findIndex((loss) => loss > limit)).toBe(losses.length - 1);
  });

  it('stops when the loss is no number, and keeps only what is finite', () => {
    const trainer = start();
    const train = trainer.train.bind(trainer);
    trainer.train = (rate) => {
      if (trainer.step === 5) trainer.model.arena.params.data.fill(Number.NaN);
      return train(rate);
    };
    const { steps, smoothed, end } = rangeTest(trainer, range);
    expect(end).toBe('not finite');
    expect(steps.length).toBe(5);
    expect(smoothed.every(Number.isFinite)).toBe(true);
  });

  it('at one factor throughout is training at that rate', () => {
    const [tested, trained] = [start(), start({ learningRate: 0.02, minLearningRate: 0.02, warmup: 0 })];
    rangeTest(tested, { from: 2, to: 2, steps: 6 });
    for (let i = 0; i < 6; i++) trained.train();
    expectSameBits(tested.model.arena.params, trained.model.arena.params);
  });
});

describe('the suggestion', () => {
  const result = (losses: number[]) => ({
    steps: losses.map((loss, i) => ({ factor: 10 ** i, loss })),
    smoothed: losses,
    end: 'done' as const,
  });

  it('is by hand: the largest fall between neighbours, the lowest, and a third of its rate', () => {
    const { steepest, minimum, suggested } = suggest(result([4, 4, 3.5, 2, 1.9, 1.8, 3, 9]))!;
    expect([steepest, minimum, suggested]).toEqual([1e2, 1e5, 1e5 / 3]);
  });

  it('is none where the loss never falls', () => {
    expect(suggest(result([4, 4.1, 5]))).toBeUndefined();
    expect(suggest(result([]))).toBeUndefined();
  });
});

describe('smoothed losses', () => {
  it('weigh neighbours in a triangle, and leave straight lines and both ends as they are', () => {
    const line = Array.from({ length: 20 }, (_, i) => 3 - i / 10);
    for (const [i, y] of smoothLosses(line).entries()) expect(y).toBeCloseTo(line[i]!, 12);
    const spike = smoothLosses(Array.from({ length: 21 }, (_, i) => (i === 10 ? 25 : 0)));
    expect(spike.slice(5, 11)).toEqual([0, 1, 2, 3, 4, 5]);
  });
});

describe('the page', () => {
  it('shows both curves over a logarithmic axis of factors, and the marks', () => {
    const test = rangeTest(start(), { ...range, steps: 40 });
    const page = renderFindLr(test, suggest(test), '--lr 0.01');
    expect(page).toContain('Factor 1 is --lr 0.01.');
    expect(page).toMatch(/>factor 1e-4<\/text>/);
    expect(page).toMatch(/>suggestion<\/text>.*>minimum<\/text>/s);
    expect(page).not.toContain('NaN');
  });
});
