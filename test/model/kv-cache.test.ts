/** A cache whose oldest keys have been dropped, against the formulas over the whole text. */
import { describe, expect, it } from 'vitest';
import type { Qwen3Config } from '../../src/model/config.ts';
import { reference } from '../../src/tensor/reference/index.ts';
import { backends } from '../support/backends.ts';
import { expectClose, expectSameBits } from '../support/compare.ts';
import { placed, randomIds, randomModel, tinyConfig, tinyQwen3 } from '../support/models.ts';
import { naiveQwen3 } from '../support/naive-qwen3.ts';

const T = tinyQwen3.contextLength;
const text = Array.from(randomIds(3 * T, tinyQwen3.vocabSize).data);
const configs: [string, Qwen3Config][] = [
  ['qwen3', tinyQwen3],
  ['llama', { ...tinyQwen3, qkNorm: false, tiedHead: true }],
];

const all = await backends();

describe.each(configs)('attention over the newest T keys: %s', (_, config) => {
  const open = (kernels = reference, precision: 'float32' | 'float64' = 'float32') =>
    randomModel(config, { kernels, batch: 1, slots: 3, gradients: false, precision });

  it('the naive model computes what a full pass computes', () => {
    const model = open(reference, 'float64');
    const ids = randomIds(T, config.vocabSize);
    const logits = model.forward(placed(model, ids), { batch: 1, time: T });
    expectClose(logits, naiveQwen3(config, model.parameters, ids.data, T).flat(), { relative: 1e-12 });
  });

  it.each(all)(
    'dropping one key before each token is a sliding window in every layer: $name',
    ({ kernels }) => {
      for (const precision of kernels === reference
        ? (['float32', 'float64'] as const)
        : ['float32' as const]) {
        const model = open(kernels, precision);
        const expected = naiveQwen3(config, model.parameters, text, T);
        for (const [t, token] of text.entries()) {
          if (t >= T) model.cache.drop(1);
          const logits = model.extend([1], [token]).row(0);
          expectClose(logits, expected[t]!, { relative: precision === 'float64' ? 1e-12 : 1e-5 });
        }
        // Without recomputing, what stays has seen what is gone: a fresh window of T tokens is something else.
        const fresh = naiveQwen3(config, model.parameters, text.slice(-T), T).at(-1)!;
        const difference = Math.max(...fresh.map((v, i) => Math.abs(v - expected.at(-1)![i]!)));
        expect(difference).toBeGreaterThan(1e-3);
      }
    },
  );

  it('rows of one batch roll as each does alone, bit for bit, whatever the others hold', () => {
    const [together, alone] = [open(), open()];
    const starts = [0, 7, 20];
    for (let t = 0; t < 2 * T; t++) {
      const tokens = starts.map((start) => text[(start + t) % text.length]!);
      const rows = t < 5 ? [0, 2] : [0, 1, 2]; // the second begins later
      for (const slot of rows) if (together.cache.length(slot) === T) together.cache.drop(slot);
      const logits = together.extend(
        rows,
        rows.map((slot) => tokens[slot]!),
      );
      if (rows.length < 3) {
        alone.extend([0], [tokens[0]!]);
        continue;
      }
      if (alone.cache.length(0) === T) alone.cache.drop(0);
      expectSameBits(alone.extend([0], [tokens[0]!]).row(0), logits.row(0));
    }
  });

  it('a copy goes on as its original, and an emptied slot starts over at position 0', () => {
    const model = open();
    for (const [t, token] of text.slice(0, T + 5).entries()) {
      if (t >= T) model.cache.drop(0);
      model.extend([0], [token]);
    }
    model.cache.drop(0);
    model.cache.copy(2, 0);
    const next = model.extend([0, 2], [4, 4]);
    expectSameBits(next.row(0), next.row(1));
    model.cache.truncate(0, 0);
    const restarted = model.prefill(0, text.slice(0, T)).data.slice();
    expectSameBits(restarted, open().prefill(1, text.slice(0, T)).data);
  });

  it('places follow what is held, positions what was read', () => {
    const { cache } = open();
    cache.append(new Array(T).fill(1), new Array(T).fill(0));
    for (let i = 0; i < 3; i++) cache.drop(1);
    cache.truncate(1, 5);
    const pass = cache.append([1, 0, 1], [0, 0, 0]);
    expect([...pass.places.data]).toEqual([5, 0, 6]);
    expect([...pass.positions.data]).toEqual([8, 0, 9]);
    expect(cache.length(1)).toBe(7);
  });
});

it('dropping from an empty slot, and rolling learned positions, are refused', () => {
  const options = { kernels: reference, batch: 0, slots: 1, gradients: false } as const;
  expect(() => randomModel(tinyQwen3, options).cache.drop(0)).toThrow(
    new RangeError('drop: expected a token in slot 0, got none'),
  );
  const gpt2 = randomModel(tinyConfig, options);
  gpt2.prefill(0, text.slice(0, T));
  gpt2.cache.drop(0);
  expect(() => gpt2.extend([0], [1])).toThrow(
    /cache\.positions\[0\] in 0 \.\. 11, got cache\.positions = 12/,
  );
});
