/** The promises about bits: Object.is on every number, no tolerance. */
import { describe, expect, it } from 'vitest';
import { freeze } from '../../src/model/freeze.ts';
import type { Gpt } from '../../src/model/gpt.ts';
import { Tensor } from '../../src/tensor/tensor.ts';
import { backends } from '../support/backends.ts';
import { expectSameBits } from '../support/compare.ts';
import { placed, randomIds, randomModel, tinyConfig, tinyConfigs } from '../support/models.ts';

const T = tinyConfig.contextLength;
const V = tinyConfig.vocabSize;
const [B, text] = [3, randomIds(3 * T, V)];

const cases = (await backends()).flatMap(({ name, kernels }) =>
  tinyConfigs.map(([arch, config]) => ({ name, kernels, arch, config })),
);

describe.each(cases)('$arch on $name kernels', ({ kernels, config }) => {
  const open = () => randomModel(config, { kernels, batch: B, slots: B, gradients: false });
  const full = (model: Gpt, ids = text, batch = B): Tensor => {
    const logits = model.forward(placed(model, ids), { batch, time: ids.size / batch });
    return new Tensor('logits', logits.shape, logits.data.slice());
  };

  it('causality: a later token never changes logits at or before its predecessor', () => {
    const model = open();
    const before = full(model);
    for (let t = 1; t < T; t++) {
      const changed = text.data.slice();
      changed[T + t] = (changed[T + t]! + 1) % V;
      const after = full(model, new Tensor('changed', [B * T], changed));
      for (let n = 0; n < B * T; n++) {
        if (n >= T + t && n < 2 * T) continue;
        expectSameBits(after.row(n), before.row(n));
      }
      expect(after.row(T + t).data).not.toEqual(before.row(T + t).data);
    }
  });

  it('batched = single: each sequence of a batch has the logits it has alone, at every length', () => {
    const model = open();
    const together = full(model);
    for (let b = 0; b < B; b++) {
      for (const length of [1, 2, 5, T]) {
        const alone = full(model, new Tensor('alone', [length], text.data.slice(b * T, b * T + length)), 1);
        for (let t = 0; t < length; t++) expectSameBits(alone.row(t), together.row(b * T + t));
      }
    }
  });

  it.each([1, 2, 7, T])(
    'cached = uncached: a prompt read in chunks of %i has the logits of one full pass',
    (chunk) => {
      const model = open();
      const expected = full(model);
      for (let b = 0; b < B; b++) {
        for (let from = 0; from < T; from += chunk) {
          const ids = text.data.slice(b * T + from, b * T + Math.min(from + chunk, T));
          const logits = model.extend(new Array(ids.length).fill(b), ids);
          for (let i = 0; i < ids.length; i++) expectSameBits(logits.row(i), expected.row(b * T + from + i));
        }
      }
    },
  );

  it('frozen = not frozen: in full passes and in steps, also those that were recorded before', () => {
    const model = open();
    const expected = full(model);
    const steps = (expected: Tensor): void => {
      for (let b = 0; b < B; b++) model.cache.truncate(b, 0);
      for (let t = 0; t < T; t++) {
        const slots = [0, 1, 2].slice(0, 1 + (t % B)).filter((b) => model.cache.length(b) < T);
        const logits = model.extend(
          slots,
          slots.map((b) => text.data[b * T + model.cache.length(b)]!),
        );
        for (const [i, b] of slots.entries()) {
          expectSameBits(logits.row(i), expected.row(b * T + model.cache.length(b) - 1));
        }
      }
    };
    steps(expected);
    freeze(model);
    expectSameBits(full(model), expected);
    steps(expected);
    const changed = open();
    for (const { arena } of [changed, model]) arena.params.data.reverse();
    const want = full(changed);
    freeze(model);
    expectSameBits(full(model), want);
    steps(want);
  });

  it('cached steps of ragged sequences together have the logits of each alone', () => {
    const model = open();
    const expected = full(model);
    const lengths = [1, 5, 8];
    for (const [slot, length] of lengths.entries())
      model.prefill(slot, text.data.slice(slot * T, slot * T + length));
    for (let step = 0; step < 4; step++) {
      const slots = [2, 0, 1];
      const logits = model.extend(
        slots,
        slots.map((s) => text.data[s * T + lengths[s]! + step]!),
      );
      for (const [i, s] of slots.entries())
        expectSameBits(logits.row(i), expected.row(s * T + lengths[s]! + step));
    }
  });

  it('a cache cut short and regrown, and a copied one, are as good as fresh', () => {
    const model = open();
    const expected = full(model);
    model.prefill(0, [...text.data.slice(0, 4), 3, 1, 2]);
    model.cache.truncate(0, 4);
    model.cache.copy(2, 0);
    for (let t = 4; t < T; t++) {
      const logits = model.extend([0, 2], [text.data[t]!, text.data[t]!]);
      expectSameBits(logits.row(0), expected.row(t));
      expectSameBits(logits.row(1), expected.row(t));
    }
  });

  it('a full cache refuses more, and is left as it was', () => {
    const model = open();
    model.prefill(0, text.data.slice(0, T));
    expect(() => model.extend([1, 0], [1, 1])).toThrow(/slot 0 is full; expected at most 12 tokens/);
    expect([model.cache.length(0), model.cache.length(1)]).toEqual([T, 0]);
  });
});
