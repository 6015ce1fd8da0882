/** What the guards say about real runs: each warning is provoked by training that deserves it. */
import { readdirSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { newestState } from '../../src/cli/runs/folder.ts';
import { initialize } from '../../src/model/initialize.ts';
import { CharTokenizer } from '../../src/model/text/tokenizer.ts';
import { RandomStream } from '../../src/tensor/random.ts';
import { reference } from '../../src/tensor/reference/index.ts';
import { splitTokens } from '../../src/train/check-split.ts';
import { DivergenceError } from '../../src/train/divergence.ts';
import { Guards, preflightWarnings } from '../../src/train/guards.ts';
import { batchFloor, overfitBatch } from '../../src/train/overfit.ts';
import { meanAndError } from '../../src/train/perplexity.ts';
import type { RunSettings } from '../../src/train/state.ts';
import { Trainer } from '../../src/train/trainer.ts';
import { allWindows } from '../../src/train/windows.ts';
import { tinyConfig } from '../support/models.ts';
import { type RunOptions, records, runSettings, story, trainIn } from '../support/runs.ts';
import { freshPaths } from '../support/scratch.ts';

const freshRun = freshPaths();

const random = new RandomStream(1, 'sample');
/** Letters that nothing but the letters themselves can tell. */
const noise = (n: number) => Array.from({ length: n }, (_, i) => 'abcdefgh'[random.below(8, i)]).join('');

const base: RunOptions = {
  config: { contextLength: 8, channels: 32, heads: 2, feedForward: 64 },
  settings: {
    ...{ steps: 160, batchSize: 4, warmup: 5, weightDecay: 0, learningRate: 5e-3, minLearningRate: 5e-3 },
    ...{ evalEvery: 20, evalTokens: 'full' },
  },
  checkpointEvery: 1000,
};
/** The warnings of a real run, with their steps. @param stops steps after which it is stopped and resumed */
async function warnings(options: RunOptions, stops: readonly number[] = []): Promise<[number, string][]> {
  const run = freshRun();
  const config = { ...base.config, ...options.config };
  const whole = { ...base, ...options, settings: { ...base.settings, ...options.settings }, config };
  for (const stopAt of stops) await trainIn(run, { ...whole, stopAt });
  await trainIn(run, whole);
  return records(run).flatMap((record) => (record.kind === 'warning' ? [[record.step, record.message]] : []));
}

describe('the guards', () => {
  it('keep silent in a run that learns', async () => {
    expect(await warnings({ text: story.repeat(20) })).toEqual([]);
  });

  it('call out overfitting once: a model that learns noise by heart', async () => {
    const told = await warnings({ text: noise(200), config: { channels: 48, feedForward: 192 } });
    expect(told).toHaveLength(1);
    const [step, message] = told[0]!;
    expect(step % 20).toBe(0);
    const [, low, high, count, before, after] =
      /^overfitting: validation has risen from ([\d.]+) to ([\d.]+) over (\d+) evaluations while the training loss fell from ([\d.]+) to ([\d.]+); .*--patience 3 would stop here/
        .exec(message)!
        .map(Number) as number[];
    expect(high!).toBeGreaterThan(low! * 1.01);
    expect(after!).toBeLessThan(before!);
    expect(count!).toBeGreaterThanOrEqual(3);
  });

  it('call out a rate that is too high once the loss has only gone up', async () => {
    const told = await warnings({
      text: story.repeat(20),
      settings: { learningRate: 3, minLearningRate: 3, warmup: 30, clip: 1 },
    });
    const rate = told.filter(([, message]) => message.startsWith('the learning rate looks too high'));
    expect(rate).toHaveLength(1);
    // Validation has risen too, but so has the training loss: that is not overfitting.
    expect(told.filter(([, message]) => message.startsWith('overfitting'))).toEqual([]);
    expect(rate[0]![1]).toMatch(
      /the loss has risen from \d\.\d+ to \d+\.\d+ and has not come back for 64 steps; try a third of --lr, or a longer --warmup$/,
    );
  });

  /** Noise in the midst of a text that is known by heart: the batch with it is a shock, once an epoch. */
  const shock: RunOptions = {
    text: `${'abcdefgh'.repeat(500)}${noise(60)}${'abcdefgh'.repeat(500)}`,
    settings: { sampling: 'epoch', steps: 220, learningRate: 3e-3, minLearningRate: 3e-3, evalEvery: 1000 },
  };
  it.each([
    [0, /gradient norm [\d.]+, no --clip holds it back$/],
    [1, /gradient norm [\d.]+, clipping scaled it down [\d.]+ times$/],
    [100, /gradient norm [\d.]+, below the clip of 100$/],
  ])('call out a loss spike, and what a clip of %d did about it', async (clip, what) => {
    const all = await warnings({ ...shock, settings: { ...shock.settings, clip } });
    // A shock late in the run may also leave the loss risen for good, which is another warning's to say.
    const told = all.filter(([, message]) => message.startsWith('loss spike'));
    expect(told.length).toBeGreaterThan(0);
    for (const [, message] of told) expect(message).toMatch(what);
    const [, loss, z, , mean] =
      /^loss spike: ([\d.]+) is ([\d.]+) standard deviations above the last (\d+) steps' mean of ([\d.]+);/
        .exec(told[0]![1])!
        .map(Number) as number[];
    expect(z!).toBeGreaterThan(6);
    expect(loss!).toBeGreaterThan(mean! * 1.05);
  });

  it('say the same, once, of a run that was stopped and resumed, even just before or after a warning', async () => {
    const spikes = { ...shock, settings: { ...shock.settings, clip: 1 } };
    const noisy = { text: noise(200), config: { channels: 48, feedForward: 192 } };
    for (const options of [spikes, noisy]) {
      const straight = await warnings(options);
      const at = straight[0]![0];
      expect(await warnings(options, [at - 1, at + 3])).toEqual(straight);
    }
  });

  it('judge a spike against the 64 losses before it, once there are 32', () => {
    const guards = new Guards(1);
    const level = (i: number) => 2 + (i % 2 === 0 ? 0.1 : -0.1);
    const tell = (steps: number) => Array.from({ length: steps }, (_, i) => guards.step(i, level(i), 0.5));
    const fresh = new Guards(1);
    for (let i = 0; i < 31; i++) fresh.step(i, level(i), 0.5);
    expect(fresh.step(31, 50, 0.5)).toBeUndefined();
    expect(tell(64).every((told) => told === undefined)).toBe(true);
    const deviation = 0.1 * Math.sqrt(64 / 63);
    expect(guards.step(64, 2 + 5.9 * deviation, 0.5)).toBeUndefined();
    const other = new Guards(1);
    for (let i = 0; i < 64; i++) other.step(i, level(i), 0.5);
    expect(other.step(64, 2 + 6.1 * deviation, 0.5)).toMatch(/^loss spike: .* is 6\.1 standard deviations/);
  });
});

describe('a run that diverges', () => {
  const diverging = (learningRate: number, more: Partial<RunSettings> = {}): RunOptions => ({
    text: story.repeat(20),
    config: base.config!,
    settings: {
      ...{ ...base.settings, learningRate, minLearningRate: 0, warmup: 4, clip: 0, ...more },
    },
    checkpointEvery: 1,
    keep: 1,
  });

  it.each([
    // The first steps of a rate that doubles beyond reason; where it breaks, and what is found first.
    [
      1e30,
      1000,
      /^training diverged in step 2: loss NaN, gradient norm NaN; the first bad tensor is transformer\.h\.0\.attn\.c_attn\.y, element \d+ is -?Infinity; try a lower --lr/,
    ],
    [
      1e30,
      1,
      /^training diverged in step 1: the held-out loss after it is NaN; the first bad tensor is transformer\.h\.0\.attn\.c_attn\.y, element \d+ is -?Infinity; try/,
    ],
    [
      1e39,
      1000,
      /^training diverged in step 1: its update; the first bad tensor is transformer\.wte\.weight, element 0 is -?Infinity; try/,
    ],
  ])(
    'with a rate of %d, evaluated every %d, stops and names the first bad tensor',
    async (rate, evalEvery, message) => {
      const run = freshRun();
      const error = await trainIn(run, diverging(rate, { evalEvery, warmup: 0 })).catch((reason) => reason);
      expect(error).toBeInstanceOf(DivergenceError);
      expect(error.message).toMatch(message);
      expect(readdirSync(run)).not.toContain('lock');
    },
  );

  it('keeps the last good checkpoint, and its trainer the weights of before', async () => {
    // Good for 6 steps; then a rate that makes every weight infinite, as if the machine had failed.
    const run = freshRun();
    await trainIn(run, { ...diverging(1e-3), stopAt: 6 });
    const good = newestState(run);
    expect(good.state.step).toBe(6);
    const settings = { ...diverging(1e-3).settings, learningRate: 1e39, minLearningRate: 1e39 };
    await expect(trainIn(run, { ...diverging(1e39), settings })).rejects.toThrow(
      /^training diverged in step 7: its update/,
    );
    expect(readdirSync(run).filter((name) => name.startsWith('step-'))).toEqual(['step-00000006']);
    expect(newestState(run)).toEqual(good);
  });

  it('leaves weights, moments and step as they were when a batch is bad', () => {
    const tokens = CharTokenizer.train(story).encode(story.repeat(4));
    const config = { ...tinyConfig, vocabSize: 32 };
    const trainer = new Trainer(config, runSettings, splitTokens(tokens, config.contextLength), {
      kernels: reference,
    });
    initialize(trainer.model, 1);
    for (let i = 0; i < 3; i++) trainer.train();
    const bad = trainer.model.parameters.find(({ name }) => name === 'transformer.h.1.mlp.c_fc.bias')!;
    bad.value.data[5] = Number.NaN;
    const state = () => [
      trainer.step,
      ...[trainer.model.arena.params, ...trainer.state].map(({ data }) => [...data]),
    ];
    const before = state();
    expect(() => trainer.train()).toThrow(
      /^training diverged in step 4: loss NaN, .*first bad tensor is transformer\.h\.1\.mlp\.c_fc\.bias, element 5 is NaN/,
    );
    expect(state()).toEqual(before);
  });
});

describe('before the first step', () => {
  const heart = (passes: number, ratio: string) =>
    `${passes} passes over a text of ${ratio} training tokens a parameter: expect the model to learn it by heart; up to 4 passes do no harm`;
  const short = 'the training text holds only';
  it.each([
    // The default run on the shipped text, many passes over a text that is large enough, and a small text.
    [780_000, 606_000, 1.2, []],
    [20_000, 1000, 100, []],
    [19_900, 1000, 100, [heart(100, '20')]],
    [18_000, 606_000, 53, [heart(53, '0.030')]],
    [780_000, 606_000, 4, []],
    [780_000, 606_000, 4.6, [heart(5, '1.3')]],
    [239, 10, 1, [`${short} 19 contexts of 12 tokens; a shorter --context gives more different ones`]],
    [240, 12, 1, []],
    [23, 1000, 9, [heart(9, '0.023'), `${short} 1 context of 12 tokens`]],
  ])('%i tokens for %i parameters in %d passes', (tokens, parameters, epochs, expected) => {
    const told = preflightWarnings(tinyConfig, { parameters, epochs }, tokens);
    expect(told).toHaveLength(expected.length);
    for (const [i, text] of expected.entries()) expect(told[i]!.slice(0, text.length)).toBe(text);
  });

  it('does not warn of many passes where there is the dropout that it would advise', () => {
    const warnings = (dropout: number) =>
      preflightWarnings({ ...tinyConfig, dropout }, { parameters: 606_000, epochs: 53 }, 18_000).length;
    expect([0, 0.09, 0.1, 0.2].map(warnings)).toEqual([1, 1, 0, 0]);
  });
});

describe('batchFloor', () => {
  it('is what a table of all continuations of all prefixes reaches', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 5 }),
        fc.integer({ min: 1, max: 5 }),
        fc.array(fc.nat(1), { minLength: 26, maxLength: 26 }),
        (B, T, letters) => {
          const tokens = Int32Array.from(letters);
          let sum = 0;
          for (let b = 0; b < B; b++) {
            for (let t = 0; t < T; t++) {
              // Of all rows that began like this one, the share that goes on like it.
              let [alike, going] = [0, 0];
              for (let other = 0; other < B; other++) {
                let same = true;
                for (let i = 0; i <= t; i++) same &&= tokens[other * T + i] === tokens[b * T + i];
                if (!same) continue;
                alike += 1;
                if (tokens[other * T + t + 1] === tokens[b * T + t + 1]) going += 1;
              }
              sum -= Math.log(going / alike);
            }
          }
          expect(batchFloor(tokens, B, T)).toBeCloseTo(sum / (B * T), 12);
        },
      ),
      { seed: 6, numRuns: 300 },
    );
  });

  it('is 0 where every window begins with another token, and ln 2 for a coin', () => {
    expect(batchFloor(Int32Array.of(0, 1, 2, 3, 4), 2, 2)).toBe(0);
    expect(batchFloor(Int32Array.of(7, 7, 8), 2, 1)).toBeCloseTo(Math.LN2, 15);
  });
});

describe('--overfit-batch', () => {
  const text = story.repeat(8);
  const tokenizer = CharTokenizer.train(text);
  const config = {
    ...tinyConfig,
    vocabSize: tokenizer.vocabSize,
    channels: 24,
    feedForward: 96,
    dropout: 0.8,
  };
  const split = splitTokens(tokenizer.encode(text), config.contextLength);
  const settings: RunSettings = {
    ...runSettings,
    batchSize: 4,
    accumulate: 3,
    steps: 300,
    learningRate: 1e-2,
  };
  const run = (changes: Partial<RunSettings> = {}, kernels = reference) => {
    const lines: string[] = [];
    const say = (line: string) => void lines.push(line);
    return { attempt: () => overfitBatch(config, { ...settings, ...changes }, split, kernels, say), lines };
  };

  it('learns one batch by heart, whatever the run would do about dropout and accumulation', async () => {
    const { attempt, lines } = run();
    await attempt();
    expect(lines[0]).toMatch(
      /^one batch of 4 windows of 12 tokens, up to 300 steps, dropout, decay and accumulation off, rate 0\.01 throughout$/,
    );
    const floor = Number(/^no causal model can go below ([\d.]+) nats on it/.exec(lines[1]!)![1]);
    expect(floor).toBeCloseTo(batchFloor(split.train.subarray(0, 49), 4, 12), 4);
    const [, loss] = /^step \d+ {2}loss ([\d.]+): learnt by heart/.exec(lines.at(-1)!)!;
    expect(Number(loss)).toBeLessThanOrEqual(floor + 0.05);
  });

  it('says what to look at when it does not learn, as with a backward pass that is wrong', async () => {
    // Every gradient with the wrong sign: everything runs, and nothing is learnt.
    const uphill: typeof reference.adamw = (params, m, v, grads, range, settings) => {
      reference.adamw(params, m, v, grads, range, {
        ...settings,
        gradientScale: -settings.gradientScale,
      });
    };
    const { attempt } = run({}, { ...reference, adamw: uphill });
    await expect(attempt()).rejects.toThrow(
      /^--overfit-batch: the loss is still [\d.]+ after 300 steps, expected below [\d.]+; try more --steps, another --lr, more --channels, or npm run gradcheck$/,
    );
  });

  it('refuses a text that is shorter than a batch', async () => {
    await expect(run({ batchSize: 1000 }).attempt()).rejects.toThrow(
      /^--overfit-batch: expected 12001 training tokens for one batch, got \d+; lower --batch-size$/,
    );
  });
});

describe('the standard error of a validation loss', () => {
  it('is the scatter of the mean over windows drawn again and again (bootstrap), within 5 %', () => {
    const text = story.repeat(40).slice(0, 2000) + noise(400);
    const tokenizer = CharTokenizer.train(text);
    const config = { ...tinyConfig, vocabSize: tokenizer.vocabSize, contextLength: 8 };
    // 30 whole windows: the text's last 10 % is half story, half noise, so that they differ.
    const tokens = tokenizer.encode(text);
    const split = { train: tokens, validation: tokens.slice(2000 - 120, 2000 + 121) };
    const settings = { ...runSettings, evalTokens: 'full' } as const;
    const trainer = new Trainer(config, { ...settings, steps: 60 }, split, { kernels: reference });
    initialize(trainer.model, 1);
    while (trainer.step < 60) trainer.train();
    const windows = allWindows(split.validation.length, 8);
    expect(windows.every(({ length }) => length === 8)).toBe(true);
    const means = windows.map(({ start }) => {
      const one = { train: tokens, validation: split.validation.subarray(start, start + 9) };
      const single = new Trainer(config, settings, one, { kernels: reference });
      single.model.arena.params.data.set(trainer.model.arena.params.data);
      return single.evaluate('full').nll;
    });
    const draws = 4000;
    const coin = new RandomStream(9, 'sample');
    const bootstrap = Array.from({ length: draws }, (_, draw) => {
      let sum = 0;
      for (let i = 0; i < means.length; i++) sum += means[coin.below(means.length, draw, i)]!;
      return sum / means.length;
    });
    // A bootstrap divides by n where the estimate divides by n - 1.
    const n = means.length;
    const ones = bootstrap.map(() => 1);
    const scatter = Math.sqrt(
      (meanAndError(bootstrap, ones).standardError! ** 2 * (draws - 1) * n) / (n - 1),
    );
    const { standardError, nll } = trainer.evaluate('full');
    expect(nll).toBeCloseTo(means.reduce((a, b) => a + b, 0) / n, 10);
    expect(standardError! / scatter).toBeGreaterThan(0.95);
    expect(standardError! / scatter).toBeLessThan(1.05);
  });
});
