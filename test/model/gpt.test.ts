import { describe, expect, it } from 'vitest';
import type { ModelConfig } from '../../src/model/config.ts';
import { forwardFlops, trainingFlops } from '../../src/model/flops.ts';
import { freeze } from '../../src/model/freeze.ts';
import type { Gpt } from '../../src/model/gpt.ts';
import { checkModel, modelsToCheck, modelTolerance } from '../../src/model/gradcheck.ts';
import { initialize } from '../../src/model/initialize.ts';
import { reference } from '../../src/tensor/reference/index.ts';
import { ids, Tensor } from '../../src/tensor/tensor.ts';
import { expectClose } from '../support/compare.ts';
import { randomIds, randomModel, tinyConfig, tinyConfigs } from '../support/models.ts';

const [batch, time] = [2, 5];
const inputs = randomIds(batch * time, tinyConfig.vocabSize, 2);
const targets = randomIds(batch * time, tinyConfig.vocabSize, 3);

/** A float64 model; `loss` runs forward and returns the mean loss. */
function build(config: ModelConfig = tinyConfig) {
  const options = { kernels: reference, batch, slots: 0, gradients: true, precision: 'float64' } as const;
  const model = randomModel(config, options);
  const losses = new Float64Array(batch * time);
  const pass = { batch, time };
  const loss = () => {
    const logits = model.forward(inputs, pass);
    for (let n = 0; n < losses.length; n++) {
      const z = logits.row(n).data;
      let sum = 0;
      for (let v = 0; v < z.length; v++) sum += Math.exp(z[v]!);
      losses[n] = Math.log(sum) - z[targets.data[n]!]!;
    }
    return losses.reduce((total, l) => total + l, 0) / losses.length;
  };
  return { model, loss, backward: () => model.backward(targets, 1 / losses.length) };
}

describe('the whole model', () => {
  it.each(Object.entries(modelsToCheck))(
    '%s has the gradients that finite differences measure',
    (_, config) => {
      const rows = checkModel(reference, config);
      expect(rows.length).toBeGreaterThan(20);
      for (const { gradient, worstRelativeError } of rows) {
        expect(worstRelativeError, gradient).toBeLessThan(modelTolerance);
      }
    },
  );

  it('adds gradients up over passes, so that micro-batches need nothing special', () => {
    const { model, loss, backward } = build();
    loss();
    backward();
    const once = model.arena.grads.data.slice();
    loss();
    backward();
    expectClose(
      model.arena.grads,
      once.map((g) => 2 * g),
      { relative: 1e-12 },
    );
  });

  it('says to its kernels which weights are final, but not of one that can be trained', () => {
    const frozen: Tensor[] = [];
    const kernels = { ...reference, freeze: (weights: Tensor) => void frozen.push(weights) };
    const model = randomModel(tinyConfig, { kernels, batch, slots: 1, gradients: false });
    model.extend([0], [1]);
    freeze(model);
    expect(frozen).toEqual([model.arena.params]);
    expect(model.recorded.size).toBe(0); // what was recorded reads the weights themselves
    model.extend([0], [2]);
    freeze(model);
    expect([frozen.length, model.recorded.size]).toEqual([2, 1]);
    expect(() => freeze(build().model)).toThrow(
      'freeze: expected a model without gradients, got one that can be trained',
    );
  });

  it('refuses a token outside the vocabulary', () => {
    const { model } = build();
    expect(() => model.forward(ids('ids', [0, 11]), { batch: 1, time: 2 })).toThrow(
      /ids\[1\] in 0 \.\. 10, got ids = 11/,
    );
  });
});

describe('initialize', () => {
  const sizes = { channels: 48, feedForward: 192, vocabSize: 40, layers: 3 };
  const options = { kernels: reference, batch: 1, slots: 0, gradients: false } as const;
  const models = tinyConfigs.map(([name, config]) => {
    return [name, randomModel({ ...config, ...sizes }, options)] as const;
  });
  const deviations = (model: Gpt) =>
    new Map(
      model.parameters
        .filter(({ value }) => value.shape.length === 2)
        .map(({ name, value: { data, size } }) => {
          return [name, Math.sqrt(reference.sumOfSquares(new Tensor(name, [size], data)) / size)];
        }),
    );
  const writesToStream = (name: string) => /c_proj|o_proj|down_proj/.test(name);
  const isTable = (name: string) => /wte|wpe|embed_tokens|lm_head/.test(name);

  it.each(models)(
    "gpt2's draws matrices with 0.02 and residual projections with 0.02 / sqrt(2 L): %s",
    (_, model) => {
      initialize(model, 1);
      for (const [name, deviation] of deviations(model)) {
        expect(deviation / (writesToStream(name) ? 0.02 / Math.sqrt(6) : 0.02), name).toBeCloseTo(1, 1);
      }
    },
  );

  it.each(models)(
    'fan-in draws with 1 / sqrt(inputs), and starts residual projections at 0: %s',
    (_, model) => {
      initialize(model, 1, 'fan-in');
      for (const [name, deviation] of deviations(model)) {
        if (writesToStream(name)) expect(deviation, name).toBe(0);
        else if (isTable(name)) expect(deviation / 0.02, name).toBeCloseTo(1, 1);
        else expect(deviation * Math.sqrt(48), name).toBeCloseTo(1, 1); // all others read the stream
      }
    },
  );

  it.each(models)('sets gains to 1 and biases to 0: %s', (_, model) => {
    initialize(model, 1);
    for (const { name, value } of model.parameters.filter((p) => p.value.shape.length === 1)) {
      const expected = /norm|ln_\w+\.weight$/.test(name) ? 1 : 0;
      expect(
        value.data.every((x) => x === expected),
        name,
      ).toBe(true);
    }
  });

  it('gives the same weights for the same seed and others for another', () => {
    const model = models[0]![1];
    initialize(model, 1);
    const first = model.arena.params.data.slice();
    initialize(model, 2);
    expect(model.arena.params.data).not.toEqual(first);
    initialize(model, 1);
    expect(model.arena.params.data).toEqual(first);
  });
});

describe('the cost in arithmetic', () => {
  it.each(tinyConfigs)(
    'counts every matrix a row meets twice, and the square of attention: %s',
    (_, config) => {
      const model = randomModel(config, { kernels: reference, batch: 0, slots: 1, gradients: false });
      const met = model.parameters.filter(
        ({ value, hidden }) => value.shape.length === 2 && hidden !== undefined,
      );
      const head = config.vocabSize * config.channels;
      const matrices = met.reduce((sum, { value }) => sum + value.size, head);
      const scoresAndAverages = config.layers * 2 * (2 * config.contextLength * config.channels);
      expect(forwardFlops(config)).toBe(2 * matrices + scoresAndAverages);
      expect(forwardFlops(config, 1)).toBe(2 * matrices + scoresAndAverages / config.contextLength);
      expect(trainingFlops(config, 10)).toBe(30 * forwardFlops(config));
    },
  );
});
