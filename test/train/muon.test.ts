/** Muon against its formulas, written once more here in float64 on nested arrays. */
import { describe, expect, it } from 'vitest';
import { decodeCheckpoint } from '../../src/model/files/checkpoint.ts';
import { Gpt } from '../../src/model/gpt.ts';
import { initialize } from '../../src/model/initialize.ts';
import { CharTokenizer } from '../../src/model/text/tokenizer.ts';
import type { Parameter } from '../../src/tensor/arena.ts';
import { reference } from '../../src/tensor/reference/index.ts';
import { AdamW } from '../../src/train/adamw.ts';
import { splitTokens } from '../../src/train/check-split.ts';
import { Muon } from '../../src/train/muon.ts';
import { preflight } from '../../src/train/preflight.ts';
import { decodeState, encodeState, restoreTrainer, type StateFile } from '../../src/train/state.ts';
import { Trainer, type TrainSettings } from '../../src/train/trainer.ts';
import { backends } from '../support/backends.ts';
import { expectClose, expectSameBits, randomTensor } from '../support/compare.ts';
import { randomIds, randomize, tinyConfig, tinyQwen3 } from '../support/models.ts';

const settings = { beta1: 0.9, beta2: 0.99, weightDecay: 0.1, clip: 1 };
const [learningRate, ratio] = [3e-3, 7];
const configs = [
  ['gpt2', tinyConfig],
  ['qwen3', tinyQwen3],
] as const;

const all = await backends();

const runSettings: Required<TrainSettings> = {
  ...settings,
  steps: 8,
  batchSize: 2,
  accumulate: 1,
  sampling: 'random',
  learningRate: 3e-3,
  minLearningRate: 3e-4,
  warmup: 2,
  shape: 'linear',
  optimizer: 'muon',
  muonLearningRate: 0.02,
  emaDecay: 0,
  evalTokens: 40,
  seed: 7,
};

type Matrix = number[][];
const product = (x: Matrix, y: Matrix): Matrix =>
  x.map((row) => y[0]!.map((_, c) => row.reduce((sum, v, k) => sum + v * y[k]![c]!, 0)));
const transpose = (x: Matrix): Matrix => x[0]!.map((_, c) => x.map((row) => row[c]!));
const sum = (...terms: [number, Matrix][]): Matrix =>
  terms[0]![1].map((row, r) => row.map((_, c) => terms.reduce((total, [f, x]) => total + f * x[r]![c]!, 0)));
const size = (x: Matrix) => Math.sqrt(x.flat().reduce((total, v) => total + v * v, 0));

/** Newton-Schulz as published: transposed when there are more rows than columns. */
function zeroPower(g: Matrix): Matrix {
  let x = sum([1 / (size(g) + 1e-7), g]);
  const tall = x.length > x[0]!.length;
  if (tall) x = transpose(x);
  for (let i = 0; i < 5; i++) {
    const a = product(x, transpose(x));
    const b = sum([-4.775, a], [2.0315, product(a, a)]);
    x = sum([3.4445, x], [1, product(b, x)]);
  }
  return tall ? transpose(x) : x;
}

/** The matrices of a parameter as (outputs, inputs), by Hugging Face's names, and the way back. */
function split(name: string, x: Matrix): Matrix[] {
  if (!name.startsWith('transformer')) return [x];
  const outputsFirst = transpose(x); // Conv1D is (inputs, outputs)
  if (!name.includes('c_attn')) return [outputsFirst];
  const third = outputsFirst.length / 3;
  return [0, 1, 2].map((i) => outputsFirst.slice(i * third, (i + 1) * third));
}
const join = (name: string, parts: Matrix[]): Matrix =>
  name.startsWith('transformer') ? transpose(parts.flat()) : parts[0]!;

const isHidden = (name: string) => /c_attn|c_proj|c_fc|_proj/.test(name) && name.endsWith('.weight');

/** One parameter over several steps. */
function naiveMuon(name: string, start: Matrix, gradients: Matrix[], rate: number): Matrix {
  let [w, m] = [start, sum([0, start])];
  for (const g of gradients) {
    m = sum([0.85, m], [0.15, g]);
    const u = sum([0.85, m], [0.15, g]);
    const parts = split(name, u).map((part) => {
      const scale = Math.sqrt(Math.max(1, part.length / part[0]!.length));
      return sum([scale, zeroPower(part)]);
    });
    w = sum([1 - rate * settings.weightDecay, w], [-rate, join(name, parts)]);
  }
  return w;
}

const rowsOf = ({ value }: Pick<Parameter, 'value'>, data: ArrayLike<number>): Matrix =>
  Array.from({ length: value.shape[0]! }, (_, r) =>
    Array.from({ length: value.shape[1]! }, (_, c) => data[r * value.shape[1]! + c]!),
  );

function open(
  config: (typeof configs)[number][1],
  kernels = reference,
  precision: 'float32' | 'float64' = 'float64',
) {
  const model = new Gpt(config, { kernels, batch: 1, slots: 0, gradients: true, precision });
  const muon = new Muon(model.arena, kernels, settings, ratio);
  model.arena.allocate(kernels.memory);
  randomize(model, 2);
  const gradient = (p: Parameter, step: number) =>
    randomTensor(`${p.name} ${step}`, p.value.shape, 4, 'float64').data;
  /** Random gradients, clipped as if their norm were 2. */
  const step = (t: number) => {
    for (const p of model.parameters) p.grad.data.set(gradient(p, t));
    muon.update(learningRate, 2, t);
  };
  return { model, muon, gradient, step };
}

describe.each(configs)('Muon on %s', (_, config) => {
  it('takes the steps of the formulas for every hidden matrix', () => {
    const { model, gradient, step } = open(config);
    const hidden = model.parameters.filter((p) => isHidden(p.name));
    expect(hidden).toEqual(model.parameters.filter((p) => p.hidden !== undefined));
    expect(hidden.length).toBe(config.arch === 'gpt2' ? 8 : 14);
    const before = hidden.map((p) => rowsOf(p, p.value.data.slice()));
    for (const t of [1, 2, 3]) step(t);
    for (const [i, p] of hidden.entries()) {
      const gradients = [1, 2, 3].map((t) => sum([0.5, rowsOf(p, gradient(p, t))]));
      const expected = naiveMuon(p.name, before[i]!, gradients, learningRate * ratio);
      expectClose(p.value, expected.flat(), { relative: 1e-10 });
    }
  });

  it.each(all)('rounds to nearly the same in float32: $name', ({ kernels }) => {
    const [exact, rounded] = [open(config), open(config, kernels, 'float32')];
    for (const t of [1, 2, 3]) for (const { step } of [exact, rounded]) step(t);
    // Rounding of the smallest singular values grows by up to 3.44 in each of five steps, all of it times the rate.
    for (const [i, { value }] of rounded.model.parameters.entries()) {
      expectClose(value, exact.model.parameters[i]!.value.data, { relative: 1e-4 });
    }
  });

  it('leaves everything else to AdamW, bit for bit', () => {
    const { model, muon, gradient, step } = open(config);
    const other = new Gpt(config, {
      kernels: reference,
      batch: 1,
      slots: 0,
      gradients: true,
      precision: 'float64',
    });
    const adamw = new AdamW(other.arena, reference, settings);
    other.arena.allocate(reference.memory);
    randomize(other, 2);
    for (const t of [1, 2]) {
      step(t);
      for (const p of other.parameters) p.grad.data.set(gradient(p, t));
      adamw.update(learningRate, 2, t);
    }
    for (const [i, { name, value }] of model.parameters.entries()) {
      const theirs = other.parameters[i]!.value;
      if (isHidden(name)) expect(value.data).not.toEqual(theirs.data);
      else expectSameBits(value, theirs);
    }
    expect(muon.norm()).toBe(adamw.norm());
  });

  it('follows the schedule of the other rate, and decays apart from the gradient', () => {
    const { model, muon } = open(config);
    const hidden = model.parameters.filter((p) => isHidden(p.name));
    const before = hidden.map((p) => p.value.data.slice());
    model.arena.grads.data.fill(0);
    muon.update(learningRate / 4, 0, 1);
    for (const [i, { value }] of hidden.entries()) {
      const kept = 1 - (learningRate / 4) * ratio * settings.weightDecay;
      expectClose(
        value,
        before[i]!.map((w) => w * kept),
        { relative: 1e-14 },
      );
    }
  });
});

it('counts its arithmetic in the plan of a run', () => {
  const { channels: C, feedForward: F, layers, contextLength } = tinyQwen3;
  const orthogonal = (R: number, O: number) => 4 * R * O * Math.min(R, O) + 17 * Math.min(R, O) ** 3;
  const flops = layers * (4 * orthogonal(C, C) + 3 * orthogonal(C, F));
  const split = splitTokens(randomIds(600, tinyQwen3.vocabSize).data, contextLength);
  const plan = (optimizer: 'adamw' | 'muon') =>
    preflight(
      new Trainer(tinyQwen3, { ...runSettings, optimizer }, split, { kernels: reference }),
      split.train.length,
    ).flopsPerStep;
  expect(plan('muon') - plan('adamw')).toBe(flops);
});

describe('a run with Muon', () => {
  const tokenizer = CharTokenizer.train('abcdefghijk');
  const noise = splitTokens(randomIds(600, tinyConfig.vocabSize).data, tinyConfig.contextLength);
  const identity = { preset: 'p', data: 'd', corpusSha256: 's', arithmetic: 'a' };
  const run = { ...runSettings, initialization: 'fan-in', evalEvery: 4, patience: 0 } as const;
  const save = (trainer: Trainer) =>
    encodeState(trainer, tokenizer, identity, run, { best: null, evaluationsSinceBest: 0 });

  describe.each(all)('on $name kernels', ({ kernels }) => {
    const start = (config: (typeof configs)[number][1]) => {
      const trainer = new Trainer({ ...config, dropout: 0.1 }, runSettings, noise, { kernels });
      initialize(trainer.model, 1, 'fan-in');
      return trainer;
    };

    it.each(configs)('stopped and resumed ends with the bytes of one uninterrupted: %s', (_, config) => {
      const whole = start(config);
      while (whole.step < runSettings.steps) whole.train();
      const first = start(config);
      while (first.step < 3) first.train();
      const files = save(first);
      const state = decodeState(files.get('state.json')!, 'state.json');
      const checkpoint = decodeCheckpoint((file) => files.get(file as StateFile), 'folder');
      const { evalEvery: _e, patience: _p, ...restored } = state.settings;
      const second = new Trainer(checkpoint.config, restored, noise, { kernels });
      restoreTrainer(second, checkpoint, files.get('optimizer.safetensors')!, state, 'folder');
      while (second.step < runSettings.steps) second.train();
      expect(save(second)).toEqual(save(whole));
    });
  });
});
