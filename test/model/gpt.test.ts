import { describe, expect, it } from 'vitest';
import { initialize } from '../../src/model/initialize.ts';
import { reference } from '../../src/tensor/reference/index.ts';
import { ids, Tensor } from '../../src/tensor/tensor.ts';
import { gradientTolerance } from '../../src/train/gradcheck.ts';
import { checkModel } from '../../src/train/gradcheck-model.ts';
import { expectClose } from '../support/compare.ts';
import { randomIds, randomModel, tinyConfig } from '../support/models.ts';
import { microGpt } from '../support/tape.ts';

const [batch, time] = [2, 5];
const inputs = randomIds(batch * time, tinyConfig.vocabSize, 2);
const targets = randomIds(batch * time, tinyConfig.vocabSize, 3);
const rowsOf = (t: typeof inputs) =>
  Array.from({ length: batch }, (_, b) => Array.from(t.data.subarray(b * time, (b + 1) * time)));

/** A float64 model; `loss` runs forward and returns the mean loss. */
function build() {
  const options = { kernels: reference, batch, slots: 0, gradients: true, precision: 'float64' } as const;
  const model = randomModel(tinyConfig, options);
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
  it.each([
    ['without dropout', 0],
    ['with dropout at all its places', 0.3],
  ] as const)('has the gradients that finite differences measure, %s', (_, dropout) => {
    const rows = checkModel(reference, dropout);
    expect(rows.length).toBe(2 + 2 * 12 + 2);
    for (const { gradient, worstRelativeError } of rows) {
      expect(worstRelativeError, gradient).toBeLessThan(gradientTolerance);
    }
  });

  it('has the gradients that a scalar automatic differentiation finds', () => {
    const { model, loss, backward } = build();
    const parameters = new Map(
      model.parameters.map(({ name, value }) => [name, { shape: value.shape, data: value.data }]),
    );
    const oracle = microGpt(parameters, { heads: tinyConfig.heads }, rowsOf(inputs), rowsOf(targets));
    expect(loss()).toBeCloseTo(oracle.loss, 12);
    backward();
    expect(oracle.gradients.size).toBe(model.parameters.length);
    for (const { name, grad } of model.parameters)
      expectClose(grad, oracle.gradients.get(name)!, { relative: 1e-10 });
  });

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

  it('refuses a token outside the vocabulary', () => {
    const { model } = build();
    expect(() => model.forward(ids('ids', [0, 11]), { batch: 1, time: 2 })).toThrow(
      /ids\[1\] in 0 \.\. 10, got ids = 11/,
    );
  });
});

describe('initialize', () => {
  const config = { ...tinyConfig, channels: 48, feedForward: 192, vocabSize: 40, layers: 3 };
  const model = randomModel(config, { kernels: reference, batch: 1, slots: 0, gradients: false });
  initialize(model, 1);
  const deviation = (name: string) => {
    const { data } = model.parameters.find((p) => p.name === name)!.value;
    return Math.sqrt(reference.sumOfSquares(new Tensor(name, [data.length], data)) / data.length);
  };

  it('draws matrices with deviation 0.02 and residual projections with 0.02 / sqrt(2 L)', () => {
    for (const name of ['wte', 'h.0.attn.c_attn', 'h.2.mlp.c_fc']) {
      expect(deviation(`transformer.${name}.weight`)).toBeCloseTo(0.02, 2.7);
    }
    for (const name of ['h.0.attn.c_proj', 'h.1.mlp.c_proj']) {
      expect(deviation(`transformer.${name}.weight`) * Math.sqrt(6)).toBeCloseTo(0.02, 2.7);
    }
  });

  it('sets gains to 1 and biases to 0', () => {
    for (const { name, value } of model.parameters.filter((p) => p.value.shape.length === 1)) {
      const expected = /ln_\w+\.weight$/.test(name) ? 1 : 0;
      expect(
        value.data.every((x) => x === expected),
        name,
      ).toBe(true);
    }
  });

  it('gives the same weights for the same seed and others for another', () => {
    const first = model.arena.params.data.slice();
    initialize(model, 2);
    expect(model.arena.params.data).not.toEqual(first);
    initialize(model, 1);
    expect(model.arena.params.data).toEqual(first);
  });
});
