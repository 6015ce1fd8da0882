/** The training loop's events: which, in what order, and that they change nothing. */
import { describe, expect, it } from 'vitest';
import { reference } from '../../src/tensor/reference/index.ts';
import { splitTokens } from '../../src/train/check-split.ts';
import { freshTrainer } from '../../src/train/state.ts';
import { notEvaluated, type Plan, type Progress, train } from '../../src/train/train.ts';
import { expectSameBits } from '../support/compare.ts';
import { randomIds, tinyConfig } from '../support/models.ts';
import { runSettings } from '../support/runs.ts';

/** A trainer that learns nothing, and whose evaluations are told. */
function fake(nlls: readonly number[] = [], step = 0) {
  let evaluations = 0;
  const rates: (number | undefined)[] = [];
  const trainer = {
    step,
    rates,
    train(rate?: number) {
      rates.push(rate);
      trainer.step += 1;
      return { step: trainer.step, loss: 1, learningRate: rate ?? 0, gradNorm: 1 };
    },
    evaluate() {
      const nll = nlls[evaluations++]!;
      return { nll, tokensScored: 1, standardError: null, perplexity: 1, bitsPerChar: 1 };
    },
  };
  return trainer;
}
/** The kinds of all events but pauses. */
const events = (trainer: ReturnType<typeof fake>, plan: Plan) =>
  [...train(trainer, plan)].map(({ kind }) => kind).filter((kind) => kind !== 'pause');

describe('the training loop', () => {
  it('yields, of each step, what has happened before what is due, and evaluates and saves the last', () => {
    const plan = { steps: 5, evalEvery: 2, checkpointEvery: 3, sampleEvery: 2 };
    const kinds = [...train(fake([3, 2, 1]), plan)].map(({ kind }) => kind);
    expect(kinds).toEqual([
      ...['pause', 'step'],
      ...['pause', 'step', 'evaluation', 'sample'],
      ...['pause', 'step', 'checkpoint'],
      ...['pause', 'step', 'evaluation', 'sample'],
      ...['pause', 'step', 'evaluation', 'checkpoint'],
      'end',
    ]);
  });

  it('without a cadence only trains', () => {
    expect(events(fake(), { steps: 2 })).toEqual(['step', 'step', 'end']);
  });

  it('knows the best and the evaluations since, from before a resume on', () => {
    const before: Progress = { best: { step: 2, nll: 2 }, evaluationsSinceBest: 1 };
    const told = [...train(fake([2, 1.5, 1.6], 4), { steps: 7, evalEvery: 1 }, before)].flatMap((event) =>
      event.kind === 'evaluation' ? [[event.best, event.progress]] : [],
    );
    expect(told).toEqual([
      [false, { best: { step: 2, nll: 2 }, evaluationsSinceBest: 2 }],
      [true, { best: { step: 6, nll: 1.5 }, evaluationsSinceBest: 0 }],
      [false, { best: { step: 6, nll: 1.5 }, evaluationsSinceBest: 1 }],
    ]);
  });

  it('ends early, saved, once patience is over; and at once where it was over before', () => {
    const plan = { steps: 9, evalEvery: 1, checkpointEvery: 100, patience: 2 };
    const all = [...train(fake([1, 2, 3]), plan)];
    expect(all.slice(-3).map(({ kind }) => kind)).toEqual(['evaluation', 'checkpoint', 'end']);
    expect(all.at(-1)).toEqual({ kind: 'end', early: true });
    const over = { best: { step: 1, nll: 1 }, evaluationsSinceBest: 2 };
    expect([...train(fake([], 3), plan, over)]).toEqual([{ kind: 'end', early: true }]);
    expect([...train(fake([], 9), plan, notEvaluated)]).toEqual([{ kind: 'end', early: false }]);
  });

  it('asks the plan for the rate, by the updates so far, or leaves it to the trainer', () => {
    const [planned, free] = [fake([], 3), fake()];
    expect(events(planned, { steps: 5, rate: (done) => done / 10 })).toHaveLength(3);
    expect(planned.rates).toEqual([0.3, 0.4]);
    expect(events(free, { steps: 2 })).toHaveLength(3);
    expect(free.rates).toEqual([undefined, undefined]);
  });

  it('left at a pause and entered again goes on as if nothing had been', () => {
    const split = splitTokens(randomIds(600, tinyConfig.vocabSize).data, tinyConfig.contextLength);
    const start = () => freshTrainer(tinyConfig, runSettings, split, { kernels: reference });
    const [straight, left] = [start(), start()];
    for (const _ of train(straight, { steps: 6 }));
    for (const { kind } of train(left, { steps: 6, evalEvery: 2 })) {
      if (kind === 'pause' && left.step === 3) break;
    }
    expect(left.step).toBe(3);
    for (const _ of train(left, { steps: 6, evalEvery: 1 }));
    expectSameBits(left.model.arena.params, straight.model.arena.params);
  });
});
