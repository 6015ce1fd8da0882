/** Stopping and going on changes nothing: not a byte of the last checkpoint, nor of the best. */
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeCheckpoint } from '../../src/model/files/checkpoint.ts';
import { initialize } from '../../src/model/initialize.ts';
import { CharTokenizer } from '../../src/model/text/tokenizer.ts';
import { reference } from '../../src/tensor/reference/index.ts';
import { ids } from '../../src/tensor/tensor.ts';
import { splitTokens } from '../../src/train/check-split.ts';
import { Batches } from '../../src/train/dataset.ts';
import { decodeState, encodeState, restoreTrainer, type StateFile } from '../../src/train/state.ts';
import { Trainer } from '../../src/train/trainer.ts';
import { tinyConfig } from '../support/models.ts';
import { filesIn, type RunOptions, records, runSettings, story, trainIn } from '../support/runs.ts';
import { freshPaths } from '../support/scratch.ts';

const fresh = freshPaths();

/** Checkpoints by name and file, without what tells of the past: metrics.jsonl holds times. */
function checkpoints(run: string): Record<string, string> {
  const files = Object.entries(filesIn(run)).filter(([name]) => /^(best|step-\d+)/.test(name));
  expect(files.length).toBe(4 + 6);
  return Object.fromEntries(files.map(([name, bytes]) => [name, bytes.toString('latin1')]));
}

/** The checkpoints that a run ends with when it is stopped after each of `cuts` and gone on with. */
async function pieces(cuts: readonly number[], options: RunOptions) {
  const run = fresh();
  for (const stopAt of cuts) await trainIn(run, { ...options, stopAt });
  const { trainer } = await trainIn(run, options);
  const end = { checkpoints: checkpoints(run), step: trainer.step };
  rmSync(run, { recursive: true });
  return end;
}

const everything: RunOptions = {
  settings: { accumulate: 2, sampling: 'epoch', evalEvery: 5, weightDecay: 0.1, emaDecay: 0.8 },
  config: { dropout: 0.2 },
};

describe('a run of 12 steps', () => {
  it('in two pieces, cut at any step, ends with the bytes of the straight run', async () => {
    const straight = await pieces([], everything);
    expect(straight.step).toBe(12);
    for (let cut = 1; cut < 12; cut++) {
      expect(await pieces([cut], everything), `cut after step ${cut}`).toEqual(straight);
    }
  });

  it('in twelve pieces too, and whatever is shown, sampled or kept on the way', async () => {
    const straight = await pieces([], everything);
    const cuts = Array.from({ length: 11 }, (_, i) => i + 1);
    expect(await pieces(cuts, { ...everything, checkpointEvery: 100 })).toEqual(straight);
    expect(await pieces([4, 7], { ...everything, checkpointEvery: 1, sampleEvery: 2 })).toEqual(straight);
  });

  it('in random pieces, with any options', { timeout: 120_000 }, async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.uniqueArray(fc.integer({ min: 1, max: 11 }), { minLength: 1, maxLength: 3 }),
        fc.record({
          accumulate: fc.integer({ min: 1, max: 3 }),
          batchSize: fc.integer({ min: 1, max: 3 }),
          sampling: fc.constantFrom('random', 'epoch'),
          clip: fc.constantFrom(0, 1),
          evalEvery: fc.integer({ min: 1, max: 5 }),
          evalTokens: fc.constantFrom(12, 40, 'full' as const),
          patience: fc.integer({ min: 0, max: 2 }),
          learningRate: fc.constantFrom(1e-3, 0.3),
          warmup: fc.integer({ min: 0, max: 4 }),
          seed: fc.nat(),
        }),
        fc.record({ dropout: fc.constantFrom(0, 0.1, 0.5), layers: fc.integer({ min: 1, max: 2 }) }),
        fc.integer({ min: 1, max: 13 }),
        async (cuts, settings, config, checkpointEvery) => {
          const options = { settings: { ...settings, minLearningRate: settings.learningRate / 10 }, config };
          const inPieces = await pieces(
            cuts.sort((a, b) => a - b),
            { ...options, checkpointEvery },
          );
          expect(inPieces).toEqual(await pieces([], options));
        },
      ),
      { seed: 4, numRuns: 40 },
    );
  });

  it('that stops early with the best of step 3 does so in pieces too, and says so', async () => {
    // A rate of 30 ruins the model at once, so no later evaluation is better than the first.
    const options = { settings: { learningRate: 30, minLearningRate: 30, warmup: 4, clip: 1, patience: 2 } };
    const straight = await pieces([], options);
    expect(straight.step).toBe(9);
    for (const cut of [2, 3, 4, 6, 8]) expect(await pieces([cut], options), `cut ${cut}`).toEqual(straight);
    const run = fresh();
    const { trainer, lines } = await trainIn(run, options);
    expect(lines).toContain('no new best in 2 evaluations: stopping early with the best, of step 3');
    const evaluation = records(run).find((record) => record.kind === 'evaluation');
    expect(evaluation).toMatchObject({ step: 3, best: true, nll: trainer.evaluate().nll });
  });

  it('that lost its newest checkpoint goes on from the one before, to the same bytes', async () => {
    const straight = await pieces([], everything);
    const run = fresh();
    await trainIn(run, { ...everything, checkpointEvery: 2, keep: 2, stopAt: 9 });
    rmSync(join(run, 'step-00000009', 'optimizer.safetensors'));
    const { trainer } = await trainIn(run, everything);
    expect({ checkpoints: checkpoints(run), step: trainer.step }).toEqual(straight);
    expect(records(run).find((record) => record.kind === 'resume')).toEqual({ kind: 'resume', step: 8 });
  });

  it('is a prefix of the run with more steps when the rate is constant', async () => {
    // With a cosine over more steps the rates differ, and so must the weights.
    const constant = { learningRate: 1e-3, minLearningRate: 1e-3, warmup: 0, evalEvery: 4 };
    const long = await pieces([], { settings: { ...constant, steps: 16 } });
    const run = fresh();
    await trainIn(run, { settings: constant });
    await trainIn(run, { settings: { steps: 16 } });
    expect(checkpoints(run)).toEqual(long.checkpoints);
  });
});

describe('encodeState and restoreTrainer', () => {
  const text = story.repeat(4);
  const tokenizer = CharTokenizer.train(text);
  const config = { ...tinyConfig, vocabSize: tokenizer.vocabSize };
  const identity = { preset: 'nano', data: 'test', corpusSha256: 'test', arithmetic: 'test' };
  const progress = { best: { step: 2, nll: 1 / 3 }, evaluationsSinceBest: 1 };
  const start = () => {
    const split = splitTokens(tokenizer.encode(text), config.contextLength);
    const trainer = new Trainer(config, runSettings, split, { kernels: reference });
    initialize(trainer.model, 1);
    return trainer;
  };
  const encode = (trainer: Trainer) => encodeState(trainer, tokenizer, identity, runSettings, progress);

  it('give back every number of the state: a restored trainer encodes to the same bytes', () => {
    const trainer = start();
    for (let i = 0; i < 3; i++) trainer.train();
    const files = encode(trainer);
    const state = decodeState(files.get('state.json')!, 'test');
    expect(state).toEqual({ version: 3, step: 3, ...progress, ...identity, settings: runSettings });
    const again = start();
    const checkpoint = decodeCheckpoint((file) => files.get(file as StateFile), 'test');
    restoreTrainer(again, checkpoint, files.get('optimizer.safetensors')!, state, 'test');
    expect(encode(again)).toEqual(files);
  });

  it('are refused with a number in them that is not finite, and leave the trainer as it was', () => {
    const [trainer, again] = [start(), start()];
    for (let i = 0; i < 3; i++) trainer.train();
    trainer.state[0]!.data[3] = Number.NaN;
    const files = encode(trainer);
    const checkpoint = decodeCheckpoint((file) => files.get(file as StateFile), 'test');
    const state = decodeState(files.get('state.json')!, 'test');
    const before = encode(again);
    expect(() =>
      restoreTrainer(again, checkpoint, files.get('optimizer.safetensors')!, state, 'test'),
    ).toThrow(
      `test/optimizer.safetensors: tensor "${trainer.state[0]!.name}" holds NaN at 3; expected finite numbers`,
    );
    expect(encode(again)).toEqual(before);
  });

  it.each([
    ['settings.beta1', 100_000, 'a number of at least 0 and below 1'],
    ['settings.beta2', 1.5, 'a number of at least 0 and below 1'],
    ['settings.emaDecay', 1, 'a number of at least 0 and below 1'],
    ['settings.clip', -1, 'a number of at least 0'],
    ['settings.weightDecay', null, 'a number of at least 0'],
    ['settings.learningRate', 0, 'a number above 0'],
    ['settings.minLearningRate', 1, 'a number of at least 0, at most learningRate, 0.01'],
    ['settings.batchSize', 1.5, 'a whole number of at least 1'],
    ['settings.evalTokens', 0, 'a whole number of at least 1'],
    ['settings.seed', -1, 'a whole number'],
    ['settings.patience', '3', 'a whole number'],
    ['step', 13, 'a whole number, at most steps, 12'],
    ['evaluationsSinceBest', 4, 'a whole number, at most step, 3'],
    ['best.step', 4, 'a whole number, at most step, 3'],
    ['best.nll', -0.5, 'a number of at least 0'],
  ])('refuse %s %j', (field, value, expected) => {
    const trainer = start();
    trainer.step = 3;
    const state = JSON.parse(new TextDecoder().decode(encode(trainer).get('state.json')!));
    const [name, within = 'state'] = field.split('.').reverse() as [string, string?];
    (within === 'state' ? state : state[within])[name] = value;
    const bytes = new TextEncoder().encode(JSON.stringify(state));
    const got = typeof value === 'string' ? `"${value}"` : value;
    expect(() => decodeState(bytes, 'x/state.json')).toThrow(
      new RangeError(`x/state.json: ${field}: expected ${expected}, got ${got}`),
    );
  });

  it('give the same bytes for the same training, whenever and wherever it happens', () => {
    const [a, b] = [start(), start()];
    a.train();
    b.train();
    expect(encode(a)).toEqual(encode(b));
    b.train();
    expect(encode(a).get('optimizer.safetensors')).not.toEqual(encode(b).get('optimizer.safetensors'));
  });
});

describe('epochs without replacement', () => {
  const [length, T] = [83, 4];
  const text = Int32Array.from({ length }, (_, i) => i);
  /** Where the windows of one micro-batch of B start. */
  const starts = (batches: Batches, B: number, step: number, draw = 0, draws = 1): number[] => {
    const [inputs, targets] = [ids('inputs', new Int32Array(B * T)), ids('targets', new Int32Array(B * T))];
    batches.fill(inputs, targets, step, draw, draws);
    for (let i = 0; i < B * T; i++) expect(targets.data[i]).toBe(inputs.data[i]! + 1);
    return Array.from({ length: B }, (_, b) => inputs.data[b * T]!);
  };
  const open = (seed = 3) => new Batches(text, T, seed, 'epoch');
  /** The first n windows, one at a time. */
  const first = (n: number, seed = 3) => {
    const batches = open(seed);
    return Array.from({ length: n }, (_, k) => starts(batches, 1, k)[0]!);
  };

  it('takes every window exactly once an epoch: disjoint, in an order of its own each time', () => {
    const { windows } = open();
    expect(windows).toBe(20);
    const orders: string[] = [];
    const offsets = new Set<number>();
    for (let epoch = 0; epoch < 6; epoch++) {
      const taken = first(6 * windows).slice(epoch * windows, (epoch + 1) * windows);
      const sorted = [...taken].sort((a, b) => a - b);
      const [offset] = sorted as [number];
      expect(offset).toBeGreaterThanOrEqual(0);
      expect(sorted).toEqual(Array.from({ length: windows }, (_, i) => offset + i * T));
      expect(sorted.at(-1)! + T).toBeLessThan(length);
      offsets.add(offset);
      orders.push(taken.map((start) => start - offset).join());
    }
    expect(new Set(orders).size).toBe(6);
    expect(offsets.size).toBeGreaterThan(1);
    expect(first(20)).not.toEqual(first(20, 4));
  });

  it('is the same series in batches of any size, in micro-batches, and asked for in any order', () => {
    const series = first(120);
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 7 }),
        fc.integer({ min: 1, max: 3 }),
        fc.array(fc.tuple(fc.nat(4), fc.nat(2)), { minLength: 1, maxLength: 8 }),
        (B, draws, asked) => {
          const batches = open();
          for (const [step, place] of asked) {
            const draw = place % draws;
            const k = (step * draws + draw) * B;
            expect(starts(batches, B, step, draw, draws)).toEqual(series.slice(k, k + B));
          }
        },
      ),
      { seed: 5, numRuns: 200 },
    );
  });
});
