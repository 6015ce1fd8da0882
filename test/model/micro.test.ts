/** The first stair: the page of single numbers computes what PyTorch does, and the engine computes what the page does. */
import { describe, expect, it } from 'vitest';
import type { Gpt } from '../../src/model/gpt.ts';
import {
  backward,
  lossOf,
  type Model,
  newCache,
  newModel,
  newOptimizer,
  num,
  read,
  trainStep,
  write,
} from '../../src/model/micro.ts';
import { generateAll } from '../../src/sample/generate.ts';
import { samplingSettings } from '../../src/sample/settings.ts';
import { RandomStream } from '../../src/tensor/random.ts';
import { reference } from '../../src/tensor/reference/index.ts';
import { ids } from '../../src/tensor/tensor.ts';
import { Batches } from '../../src/train/dataset.ts';
import { Trainer } from '../../src/train/trainer.ts';
import { expectClose, unit } from '../support/compare.ts';
import { golden, randomize, randomModel, tinyConfig } from '../support/models.ts';
import { runSettings } from '../support/runs.ts';

interface Stored {
  readonly name: string;
  readonly shape: readonly number[];
  readonly data: ArrayLike<number>;
}

/** The page's model with these weights. */
function microModel(
  stored: Iterable<Stored>,
  { vocabSize, contextLength, ...sizes }: typeof tinyConfig,
): Model {
  const parameters = new Map(
    [...stored].map(({ name, shape, data }) => {
      const columns = shape.at(-1)!;
      const rows = Array.from({ length: data.length / columns }, (_, r) =>
        Array.from({ length: columns }, (_, c) => num(data[r * columns + c])),
      );
      return [name, rows];
    }),
  );
  return { sizes: { vocabulary: vocabSize, context: contextLength, ...sizes }, parameters };
}
const numbers = (model: Model, name: string) => model.parameters.get(name)!.flat();
const weightsOf = (model: Gpt): Stored[] =>
  model.parameters.map(({ name, value }) => ({ name, shape: value.shape, data: value.data }));

describe('the page and PyTorch', () => {
  const { checkpoint, values, tensors } = golden('gpt2-tiny');
  const model = microModel(checkpoint.tensors.values(), checkpoint.config as typeof tinyConfig);
  const mean = values.inputs.map((tokens, b) => lossOf(model, tokens, values.targets[b]!));
  const loss = mean.reduce((total, { value }) => total + value, 0) / mean.length;

  it('agree in the loss', () => {
    expect(Math.abs(loss / values.loss - 1)).toBeLessThan(1e-12);
  });

  it('agree in every logit, up to their rounding to float32', () => {
    const logits = values.inputs.flatMap((tokens) => {
      const cache = newCache(model);
      return tokens.flatMap((token) => read(model, cache, token).map(({ value }) => value));
    });
    expectClose(logits, tensors.get('logits')!.data, { relative: 1.01 * unit });
  });

  it('agree in the gradient of every parameter', () => {
    for (const x of mean) backward(num(x.value / mean.length, [x], [1 / mean.length]));
    const names = [...tensors.keys()].filter((name) => name.startsWith('grad.'));
    expect(names.sort()).toEqual([...model.parameters.keys()].map((name) => `grad.${name}`).sort());
    for (const name of names) {
      const gradient = numbers(model, name.slice('grad.'.length)).map((x) => x.gradient);
      expectClose(gradient, tensors.get(name)!.data, { relative: 1.01 * unit });
    }
  });
});

describe('the engine and the page, in float64', () => {
  const config = { ...tinyConfig, contextLength: 6 };
  const text = Int32Array.from({ length: 40 }, (_, i) => (i * i + 3 * i) % config.vocabSize);
  const settings = {
    ...runSettings,
    ...({
      batchSize: 3,
      weightDecay: 0.1,
      clip: 0.5,
      warmup: 0,
      learningRate: 0.01,
      shape: 'constant',
    } as const),
  };
  const split = { train: text, validation: text };
  const trainer = new Trainer(config, settings, split, { kernels: reference, precision: 'float64' });
  randomize(trainer.model, 5);
  const page = microModel(weightsOf(trainer.model), config);
  const update = newOptimizer(page, settings);

  /** The windows of a batch as the page wants them: each a text of one token more. */
  const windowsOf = (step: number): number[][] => {
    const T = config.contextLength;
    const [inputs, targets] = [
      ids('inputs', new Array(3 * T).fill(0)),
      ids('targets', new Array(3 * T).fill(0)),
    ];
    new Batches(text, T, settings.seed).fill(inputs, targets, step, 0);
    return [0, 1, 2].map((b) => [...inputs.data.slice(b * T, (b + 1) * T), targets.data[(b + 1) * T - 1]!]);
  };

  it('agree in three steps: losses, every gradient, every updated weight', () => {
    for (let step = 0; step < 3; step++) {
      const windows = windowsOf(step);
      const before = trainer.train();
      const loss = trainStep(page, windows, () => {
        for (const { name, grad } of trainer.model.parameters) {
          expectClose(
            grad,
            numbers(page, name).map((x) => x.gradient),
            { relative: 1e-9 },
          ); // of `step`
        }
        update();
      });
      expect(Math.abs(before.loss / loss - 1)).toBeLessThan(1e-12);
      expect(before.gradNorm).toBeGreaterThan(settings.clip);
      for (const { name, value } of trainer.model.parameters) {
        expectClose(
          value,
          numbers(page, name).map((x) => x.value),
          { relative: 1e-9 },
        );
      }
    }
  });

  it('agree in the tokens that they draw with the cache', () => {
    const gpt = randomModel(
      config,
      { kernels: reference, batch: 0, slots: 1, gradients: false, precision: 'float64' },
      9,
    );
    const model = microModel(weightsOf(gpt), config);
    const random = new RandomStream(4, 'sample');
    for (let stream = 0; stream < 20; stream++) {
      const start = [stream % config.vocabSize, 3];
      const options = {
        settings: samplingSettings({ temperature: 0.7 }),
        ...({ maxNewTokens: 99, seed: 4, contextPolicy: 'stop' } as const),
      };
      const [drawn] = generateAll(gpt, [{ prompt: start, stream }], options);
      let i = 0;
      const written = write(model, start, 0.7, () => random.uniform(i++, stream));
      const end = drawn!.tokens.indexOf(start[0]) + 1; // where the page stops; the engine stops at a full context
      const tokens = drawn!.tokens.slice(0, end || undefined);
      expect(written.slice(2, 2 + tokens.length)).toEqual(tokens);
    }
  });
});

describe('the page by itself', () => {
  it('learns by heart what it is shown, and writes it', () => {
    let state = 1;
    const random = () => {
      state = (state * 16807) % 2147483647;
      return state / 2147483647;
    };
    const model = newModel({ vocabulary: 4, context: 6, channels: 8, heads: 2, layers: 1 }, random);
    const update = newOptimizer(model, {
      learningRate: 0.02,
      beta1: 0.9,
      beta2: 0.95,
      weightDecay: 0,
      clip: 1,
    });
    const text = [0, 1, 2, 3, 2, 0];
    const losses = Array.from({ length: 60 }, () => trainStep(model, [text], update));
    expect(losses[0]).toBeCloseTo(Math.log(4), 0);
    expect(losses.at(-1)).toBeLessThan(0.05);
    expect(write(model, [0], 0.5, random)).toEqual(text);
  });
});
