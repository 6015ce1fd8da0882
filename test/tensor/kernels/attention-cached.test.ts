import { afterEach, describe, expect, it } from 'vitest';
import type { LayerCache } from '../../../src/tensor/kernels.ts';
import { reference } from '../../../src/tensor/reference/index.ts';
import { ids } from '../../../src/tensor/tensor.ts';
import { backends } from '../../support/backends.ts';
import { expectSameBits, randomTensor, toFloat64 } from '../../support/compare.ts';
import { GuardedMemory } from '../../support/guarded.ts';
import { range } from './support.ts';

/** A row that continues the sequence in `slot`: its q, k and v are row `from` of what is computed. */
interface Row {
  readonly slot: number;
  readonly position: number;
  readonly from: number;
}

/** Two sequences that live in slots 2 and 0 of three, and the rows of their steps. */
const slots = [2, 0];
const layouts = [
  { T: 9, H: 2, D: 5 },
  { T: 17, H: 3, D: 4 },
  { T: 33, H: 1, D: 16 },
];

describe.each(await backends())('$name', ({ kernels }) => {
  const memory = new GuardedMemory(kernels.memory);
  afterEach(() => memory.reset());

  it('the first token gets its own value (8); the second, whose scores are equal, the mean of both: (8 + 2) / 2', () => {
    const cache = {
      keys: memory.tensor('keys', [1, 1, 1, 2]),
      values: memory.tensor('values', [1, 1, 2, 1]),
    };
    const y = memory.tensor('y', [2, 1]);
    const qkv = memory.tensor('qkv', [2, 3], [0, 1, 8, 0, 5, 2]); // q, k, v of each token: a query of 0 fits every key
    kernels.attentionCached(y, qkv, cache, memory.ids('slots', [0, 0]), memory.ids('positions', [0, 1]));
    expect([...y.data]).toEqual([8, 5]);
  });

  /** The full forward pass of both sequences, and a cache that never held anything: NaN, which must not spread. */
  function prepare({ T, H, D }: (typeof layouts)[number]) {
    memory.reset();
    const C = H * D;
    const qkv = memory.copy(randomTensor('qkv', [2 * T, 3 * C], 6));
    const [full, probs] = [memory.tensor('full', [2 * T, C]), memory.tensor('probs', [2, H, T, T])];
    kernels.attention(full, probs, qkv, null);
    const cache = {
      keys: memory.tensor('keys', [3, H, D, T]),
      values: memory.tensor('values', [3, H, T, D]),
    };
    return { qkv, full, cache };
  }

  /** One call with these rows; each must come out as in the full pass. */
  function expectStep(rows: readonly Row[], { qkv, full, cache }: ReturnType<typeof prepare>): void {
    const C = full.shape[1];
    const [N, width] = [rows.length, 3 * C];
    const given = memory.tensor('qkv of the step', [N, width]);
    rows.forEach(({ from }, n) => {
      given.data.set(qkv.data.subarray(from * width, (from + 1) * width), n * width);
    });
    const y = memory.tensor('y of the step', [N, C]);
    const pick = (name: 'slot' | 'position') =>
      memory.ids(
        `${name}s`,
        rows.map((row) => row[name]),
      );
    kernels.attentionCached(y, given, cache, pick('slot'), pick('position'));
    rows.forEach(({ from }, n) => {
      expectSameBits(y.data.subarray(n * C, (n + 1) * C), full.data.subarray(from * C, (from + 1) * C));
    });
  }

  const rowsOf = (sequence: number, T: number): Row[] =>
    range(T).map((position) => ({ slot: slots[sequence], position, from: sequence * T + position }));

  it.each([1, 2, 7, Number.POSITIVE_INFINITY])(
    'gives the bits of the full forward pass for prefill in pieces of %d',
    (piece) => {
      for (const layout of layouts) {
        const { T } = layout;
        const prepared = prepare(layout);
        const size = Math.min(piece, T);
        for (let at = 0; at < T; at += size) {
          for (const sequence of [0, 1]) expectStep(rowsOf(sequence, T).slice(at, at + size), prepared);
        }
      }
    },
  );

  it('gives them for ragged steps too: sequences of other lengths side by side, in any order', () => {
    for (const layout of layouts) {
      const prepared = prepare(layout);
      const [first, second] = [rowsOf(0, layout.T), rowsOf(1, layout.T)];
      expectStep(first.slice(0, 4), prepared);
      expectStep([...second.slice(0, 2), ...first.slice(4, 5)], prepared);
      expectStep([first[5], second[2], first[6], second[3], first[7]], prepared);
      expectStep([second[4], first[8]], prepared);
    }
  });

  it('gives them after a sequence was cut back and continued, or its slot taken over by another', () => {
    for (const layout of layouts) {
      const { T } = layout;
      const prepared = prepare(layout);
      const other = rowsOf(1, T).map((row) => ({ ...row, slot: slots[0] }));
      expectStep(rowsOf(0, T), prepared);
      expectStep(other, prepared); // takes over
      expectStep(rowsOf(0, T).slice(0, 3), prepared); // starts again
      for (let t = 3; t < T; t++) expectStep(rowsOf(0, T).slice(t, t + 1), prepared);
    }
  });

  it('writes only the slots and positions it is given', () => {
    const prepared = prepare(layouts[0]);
    const { keys, values } = prepared.cache;
    keys.data.fill(7);
    values.data.fill(7);
    expectStep([{ slot: 1, position: 0, from: 0 }], prepared);
    const C = 10;
    expect(keys.data.filter((x) => x !== 7)).toHaveLength(C);
    expect(values.data.filter((x) => x !== 7)).toHaveLength(C);
    const stored = range(C).map((c) => keys.data[(C + c) * 9]);
    expectSameBits(stored, prepared.qkv.data.subarray(C, 2 * C));
    const [head0, head1] = [0, 1].map((h) => values.data.subarray((2 + h) * 9 * 5, (2 + h) * 9 * 5 + 5));
    expectSameBits([...head0, ...head1], prepared.qkv.data.subarray(2 * C, 3 * C));
  });

  it('refuses slots, positions and shapes that the cache does not have', () => {
    const cache: LayerCache = {
      keys: memory.tensor('keys', [3, 2, 5, 9]),
      values: memory.tensor('values', [3, 2, 9, 5]),
    };
    const call =
      (slot: number, position: number, width = 30) =>
      () =>
        kernels.attentionCached(
          memory.tensor('y', [1, 10]),
          memory.tensor('qkv', [1, width]),
          cache,
          memory.ids('slots', [slot]),
          memory.ids('positions', [position]),
        );
    const error = (text: string) => new RangeError(`attentionCached: expected ${text}`);
    expect(call(3, 0)).toThrow(error('slots[0] in 0 .. 2, got slots = 3'));
    expect(call(-1, 0)).toThrow(error('slots[0] in 0 .. 2, got slots = -1'));
    expect(call(0, 9)).toThrow(error('positions[0] in 0 .. 8, got positions = 9'));
    expect(call(0, -1)).toThrow(error('positions[0] in 0 .. 8, got positions = -1'));
    expect(call(0, 0, 20)).toThrow(error('qkv of 3 * H * D channels, got qkv = 20, C = 10, H = 2, D = 5'));
  });
});

it('the reference keeps the promise in float64, where scores must not be rounded to float32', () => {
  const float64 = (name: string, shape: number[]) => toFloat64(randomTensor(name, shape, 7));
  const [T, H, D] = [9, 2, 5];
  const qkv = float64('qkv', [T, 30]);
  const [full, y] = [float64('full', [T, 10]), float64('y', [T, 10])];
  reference.attention(full, float64('probs', [1, H, T, T]), qkv, null);
  const cache = { keys: float64('keys', [1, H, D, T]), values: float64('values', [1, H, T, D]) };
  reference.attentionCached(y, qkv, cache, ids('slots', new Array(T).fill(0)), ids('positions', range(T)));
  expectSameBits(y, full);
});
