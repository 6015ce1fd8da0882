/** The recipe's additions: their gradients are derivatives, and each is nothing where it should be nothing. */
import { describe, expect, it } from 'vitest';
import { type Addition, additions, bigramTable, pairsOf, softCap } from '../../bench/recipe/additions.ts';
import type { Qwen3Config } from '../../src/model/config.ts';
import { Gpt } from '../../src/model/gpt.ts';
import { modelTolerance } from '../../src/model/gradcheck.ts';
import { initialize } from '../../src/model/initialize.ts';
import { compareGradients } from '../../src/tensor/gradcheck/gradcheck.ts';
import { negativeLogLikelihood } from '../../src/tensor/reference/cross-entropy.ts';
import { reference } from '../../src/tensor/reference/index.ts';
import { type Ids, ids } from '../../src/tensor/tensor.ts';
import { expectClose } from '../support/compare.ts';
import { randomIds, randomize, tinyQwen3 } from '../support/models.ts';

/** The smallest with several heads, and with several blocks after the first: each gradient is measured number by number. */
const small = { vocabSize: 4, layers: 3, channels: 8, heads: 2, feedForward: 4 };
const config: Qwen3Config = { ...tinyQwen3, ...small, tiedHead: true };
const V = config.vocabSize;
const [batch, time] = [2, 5];
const inputs = randomIds(batch * time, V, 2);
const targets = randomIds(batch * time, V, 3);

type Make = (config: Qwen3Config) => Addition;
/** The rows, and a cap that logits of 1 or 2 come nearer to. */
const all: Readonly<Record<string, Make>> = { ...additions, 'soft-cap-4': softCap(4) };

/** A model whose weights are drawn; without `make` the plain one. */
function start(make?: Make) {
  const { architecture, prepare } = make?.(config) ?? { architecture: undefined, prepare() {} };
  const options = { kernels: reference, batch, slots: 0, gradients: true, precision: 'float64' } as const;
  const model = new Gpt(config, { ...options, architecture });
  model.arena.allocate(reference.memory);
  initialize(model, 1, 'gpt2');
  prepare(model);
  return model;
}

/** Of the last parameters: the addition's own. */
const own = (model: Gpt) => model.parameters.slice(start().parameters.length);
const logits = (model: Gpt, read: Ids = inputs, pass = { batch, time }) =>
  model.forward(read, pass).data.slice();

/** All gradients of the mean loss, after two passes: what one leaves behind must not reach the next. */
function backward(model: Gpt): void {
  for (let pass = 0; pass < 2; pass++) {
    model.arena.grads.data.fill(0);
    logits(model);
    model.backward(targets, 1 / (batch * time));
  }
}

describe.each(Object.entries(all))('%s', (_, make) => {
  it('has the gradients that finite differences measure', () => {
    const model = randomize(start(make), 1);
    const loss = () => {
      const z = logits(model);
      let sum = 0;
      for (let n = 0; n < batch * time; n++) sum += negativeLogLikelihood(z, n * V, V, targets.data[n]!);
      return sum / (batch * time);
    };
    backward(model);
    for (const { name, value, grad } of model.parameters) {
      expect(compareGradients(loss, value, grad).worstRelativeError, name).toBeLessThan(modelTolerance);
    }
  });

  it('draws all other weights as the plain model does', () => {
    const [plain, model] = [start(), start(make)];
    for (const [i, { value }] of plain.parameters.entries()) {
      expect(model.parameters[i]!.value.data).toEqual(value.data);
    }
  });

  it('reads a window the same in a batch and alone, and nothing ahead', () => {
    const model = randomize(start(make), 1);
    const [together, n] = [logits(model), 3];
    const alone = logits(model, ids('ids', inputs.data.slice(time, time + n)), { batch: 1, time: n });
    expect([...alone]).toEqual([...together.slice(time * V, (time + n) * V)]);
  });
});

describe('what adds nothing yet', () => {
  it.each(['x0-mixing', 'bigram-table', 'bigram-table-all'])('%s is the plain model at first', (name) => {
    const model = start(additions[name]);
    expect(logits(model)).toEqual(logits(start()));
    backward(model);
    const moved = own(model).map(({ grad }) => grad.data.some((g) => g !== 0));
    expect(moved[moved.length - 1]).toBe(true); // so it does not stay so
  });

  it('value-residual starts with one half, and with λ = 0 is the plain model', () => {
    const model = start(additions['value-residual']);
    const [lambdas] = own(model);
    expect([...lambdas!.value.data]).toEqual([0.5, 0.5, 0.5]);
    expect(logits(model)).not.toEqual(logits(start()));
    lambdas!.value.data.fill(0);
    expect(logits(model)).toEqual(logits(start()));
  });

  it('value-residual with λ = 1 has every v from block 0, so the v projections of others do not matter', () => {
    const model = start(additions['value-residual']);
    own(model)[0]!.value.data.fill(1);
    const before = logits(model);
    for (const { name, value } of model.parameters) if (/[12]\.v\.weight$/.test(name)) value.data.fill(0);
    expectClose(logits(model), before, { relative: 1e-12 });
    for (const { name, value } of model.parameters) if (/0\.v\.weight$/.test(name)) value.data.fill(0);
    expect(Math.abs(logits(model)[0]! - before[0]!)).toBeGreaterThan(1e-5);
  });

  it('a cap far above the logits is none, and a low one bounds them', () => {
    const capped = (cap: number) => logits(randomize(start(softCap(cap)), 1));
    const plain = logits(randomize(start(), 1));
    expectClose(capped(1e8), plain, { relative: 1e-12 });
    expect([...capped(0.5)]).toEqual([...plain].map((z) => expect.closeTo(0.5 * Math.tanh(z / 0.5), 12)));
  });
});

describe('pairs of tokens', () => {
  it('are counted token before, token; the first of a window has V before it', () => {
    const tokens = ids('ids', [1, 0, 3, 2, 2, 1]);
    expect([...pairsOf(tokens, { batch: 2, time: 3 }, V).data]).toEqual([17, 4, 3, 18, 10, 9]);
  });

  it('have a gradient where they occur, and nowhere else', () => {
    const model = start(bigramTable(false));
    backward(model);
    const { grad } = own(model)[0]!;
    const learned = Array.from({ length: grad.shape[0]! }, (_, i) => i).filter((i) =>
      grad.row(i).data.some((g) => g !== 0),
    );
    const seen = new Set(pairsOf(inputs, { batch, time }, V).data);
    expect(learned).toEqual([...seen].sort((a, b) => a - b));
  });
});
