import { describe, expect, test } from 'vitest';
import { reference } from '../../../src/tensor/reference/index.ts';
import { attention } from '../../../src/tensor/simd/attention/attention.ts';
import { attentionBackward } from '../../../src/tensor/simd/attention/backward.ts';
import { attentionCached } from '../../../src/tensor/simd/attention/cached.ts';
import { type Tensor, tensor } from '../../../src/tensor/tensor.ts';
import { expectClose, expectSameBits, randomTensor, sizes, unit } from '../../support/compare.ts';
import { modeName, modes, sliced } from './sliced.ts';

interface Shape {
  readonly B: number;
  readonly H: number;
  readonly T: number;
  readonly D: number;
}

/** Random inputs, the reference's outputs, and for each output the magnitudes that were added up. */
function problem({ B, H, T, D }: Shape, dropout: boolean) {
  const [N, C] = [B * T, H * D];
  const square = [B, H, T, T];
  const qkv = randomTensor('qkv', [N, 3 * C], 1);
  const dy = randomTensor('dy', [N, C], 1);
  const keep = dropout ? randomTensor('keep', square, 1) : null;
  keep?.data.forEach((v, i) => {
    keep.data[i] = v < -0.5 ? 0 : 1.25;
  });
  const want = { y: tensor('y', [N, C]), probs: tensor('probs', square), dqkv: tensor('dqkv', [N, 3 * C]) };
  reference.attention(want.y, want.probs, qkv, keep);
  reference.attentionBackward(want.dqkv, dy, want.y, qkv, want.probs, keep);

  const size = { scores: 0, y: new Float64Array(N * C), dqkv: new Float64Array(N * 3 * C) };
  const abs = (t: Tensor, i: number) => Math.abs(t.data[i]!);
  for (let head = 0; head < B * H; head++) {
    const row = (t: number) => (Math.floor(head / H) * T + t) * C + (head % H) * D;
    const q = (t: number) => 3 * row(t) - 2 * (head % H) * D;
    for (let t = 0; t < T; t++) {
      for (let s = 0; s <= t; s++) {
        const i = (head * T + t) * T + s;
        const [p, kept] = [want.probs.data[i]!, keep === null ? 1 : keep.data[i]!];
        let [score, dp] = [0, 0];
        for (let d = 0; d < D; d++) {
          score += abs(qkv, q(t) + d) * abs(qkv, q(s) + C + d);
          dp += abs(dy, row(t) + d) * (abs(qkv, q(s) + 2 * C + d) * kept + abs(want.y, row(t) + d));
        }
        size.scores = Math.max(size.scores, score / Math.sqrt(D));
        for (let d = 0; d < D; d++) {
          size.y[row(t) + d] += p * kept * abs(qkv, q(s) + 2 * C + d);
          size.dqkv[q(t) + d] += (p * dp * abs(qkv, q(s) + C + d)) / Math.sqrt(D);
          size.dqkv[q(s) + C + d] += (p * dp * abs(qkv, q(t) + d)) / Math.sqrt(D);
          size.dqkv[q(s) + 2 * C + d] += p * kept * abs(dy, row(t) + d);
        }
      }
    }
  }
  return { N, C, square, qkv, dy, keep, want, size };
}

const names = ['attention', 'attentionBackward', 'attentionCached'] as const;
const shapes: Shape[] = [
  ...sizes.map((T) => ({ B: 1, H: 2, T, D: 5 })),
  ...sizes.map((D) => ({ B: 2, H: 1, T: 7, D })),
  { B: 2, H: 3, T: 13, D: 12 },
  { B: 1, H: 1, T: 40, D: 32 },
];
const fewShapes: Shape[] = [
  { B: 2, H: 3, T: 13, D: 5 },
  { B: 3, H: 2, T: 16, D: 8 },
  { B: 1, H: 1, T: 33, D: 33 },
];

describe.each(modes.map((mode) => ({ mode, name: modeName(mode) })))('with $name', ({ mode }) => {
  const { kernels, memory } = sliced([attention, attentionBackward, attentionCached], names, mode);
  const k = kernels(1);
  const outputs = ({ N, C, square }: { N: number; C: number; square: number[] }) => ({
    y: memory.tensor('y', [N, C]),
    probs: memory.tensor('probs', square),
    dqkv: memory.tensor('dqkv', [N, 3 * C]),
  });
  const orNull = (t: Tensor | null) => (t === null ? null : memory.copy(t));

  describe.each([false, true])('with dropout: %s', (dropout) => {
    // A score is off by D roundings of what was added; e^score relatively by as much, once itself and once in the sum.
    test('y and probs are within the bound of their sums of the reference, probs 0 above the diagonal', () => {
      for (const shape of shapes) {
        const p = problem(shape, dropout);
        const { y, probs } = outputs(p);
        k.attention(y, probs, memory.copy(p.qkv), orNull(p.keep));
        const relative = (2 * (shape.D + 3) * p.size.scores + shape.T / 4 + 8) * unit;
        expectClose(probs, p.want.probs, { relative, scale: 1e-30 });
        expectClose(y, p.want.y, { relative: relative + (shape.T + 2) * unit, scale: p.size.y });
        for (let i = 0; i < probs.size; i++) {
          if (i % shape.T > Math.floor(i / shape.T) % shape.T) expect(Object.is(probs.data[i], 0)).toBe(true);
        }
        memory.reset();
      }
    });

    test('dqkv is within D + T + 8 units of the reference, relative to what was added', () => {
      for (const shape of shapes) {
        const p = problem(shape, dropout);
        const { dqkv } = outputs(p);
        const [dy, y, qkv, probs] = [p.dy, p.want.y, p.qkv, p.want.probs].map((t) => memory.copy(t));
        k.attentionBackward(dqkv, dy!, y!, qkv!, probs!, orNull(p.keep));
        expectClose(dqkv, p.want.dqkv, { relative: (shape.D + shape.T + 8) * unit, scale: p.size.dqkv });
        memory.reset();
      }
    });

    test('2 and 3 slices of the heads give the bits of one, and so does a sequence alone', () => {
      for (const shape of fewShapes) {
        const p = problem(shape, dropout);
        const [qkv, dy, keep] = [memory.copy(p.qkv), memory.copy(p.dy), orNull(p.keep)];
        const all = outputs(p);
        k.attention(all.y, all.probs, qkv, keep);
        k.attentionBackward(all.dqkv, dy, all.y, qkv, all.probs, keep);
        for (const slices of [2, 3]) {
          const again = outputs(p);
          kernels(slices).attention(again.y, again.probs, qkv, keep);
          kernels(slices).attentionBackward(again.dqkv, dy, again.y, qkv, again.probs, keep);
          expectSameBits(again.y, all.y);
          expectSameBits(again.probs, all.probs);
          expectSameBits(again.dqkv, all.dqkv);
        }
        const part = (t: Tensor) => {
          const size = t.size / shape.B;
          const first = t.shape.length === 4 ? 1 : shape.T;
          return memory.tensor(t.name, [first, ...t.shape.slice(1)], t.data.slice(t.size - size));
        };
        const alone = outputs({ N: shape.T, C: p.C, square: [1, ...p.square.slice(1)] });
        const one = { qkv: part(p.qkv), dy: part(p.dy), keep: p.keep === null ? null : part(p.keep) };
        k.attention(alone.y, alone.probs, one.qkv, one.keep);
        k.attentionBackward(alone.dqkv, one.dy, alone.y, one.qkv, alone.probs, one.keep);
        expectSameBits(alone.y, part(all.y));
        expectSameBits(alone.dqkv, part(all.dqkv));
        memory.reset();
      }
    });
  });

  /** y row by row through the cache: every sequence in a slot of its own, `chunk` positions of each in one call. */
  function throughCache({ B, H, T, D }: Shape, qkv: Tensor, chunk: number, slices: number): Float32Array {
    const [C, S] = [H * D, B + 1];
    const cache = {
      keys: memory.tensor('keys', [S, H, D, T]),
      values: memory.tensor('values', [S, H, T, D]),
    };
    const all = new Float32Array(B * T * C);
    for (let from = 0; from < T; from += chunk) {
      const length = Math.min(chunk, T - from);
      const rows = Array.from({ length: B * length }, (_, i) => ({ b: i % B, t: from + Math.floor(i / B) }));
      const slots = memory.ids(
        'slots',
        rows.map(({ b }) => S - 1 - b),
      );
      const positions = memory.ids(
        'positions',
        rows.map(({ t }) => t),
      );
      const x = memory.tensor('qkv', [rows.length, 3 * C]);
      const y = memory.tensor('y', [rows.length, C]);
      rows.forEach(({ b, t }, n) => {
        x.data.set(qkv.data.subarray((b * T + t) * 3 * C, (b * T + t + 1) * 3 * C), n * 3 * C);
      });
      kernels(slices).attentionCached(y, x, cache, slots, positions);
      rows.forEach(({ b, t }, n) => {
        all.set(y.data.subarray(n * C, (n + 1) * C), (b * T + t) * C);
      });
    }
    return all;
  }

  test('the cached step has the bits of the full pass, for chunks of 1, 2, 7 and all positions', () => {
    for (const shape of [...fewShapes, { B: 1, H: 1, T: 1, D: 1 }, { B: 1, H: 2, T: 64, D: 32 }]) {
      const p = problem(shape, false);
      const { y, probs } = outputs(p);
      k.attention(y, probs, memory.copy(p.qkv), null);
      for (const [chunk, slices] of [
        [1, 1],
        [2, 3],
        [7, 2],
        [shape.T, 1],
      ] as const) {
        expectSameBits(throughCache(shape, p.qkv, chunk, slices), y);
      }
      memory.reset();
    }
  });

  test('NaN and infinities in later positions leave the bits of earlier ones alone', () => {
    for (const shape of fewShapes) {
      const [N, C] = [shape.B * shape.T, shape.H * shape.D];
      const p = problem({ ...shape, B: 1 }, false);
      const qkv = memory.copy(p.qkv);
      const before = outputs(p);
      k.attention(before.y, before.probs, qkv, null);
      const cut = Math.floor(shape.T / 2);
      qkv.data.fill(Number.NaN, cut * 3 * C).fill(Number.POSITIVE_INFINITY, (cut + 1) * 3 * C);
      const after = outputs(p);
      k.attention(after.y, after.probs, qkv, null);
      expect(N).toBeGreaterThan(cut);
      expectSameBits(after.y.data.slice(0, cut * C), before.y.data.slice(0, cut * C));
      memory.reset();
    }
  });

  test('NaN in dy of one position leaves dk and dv of later ones and dq of all others alone', () => {
    const p = problem({ B: 1, H: 1, T: 9, D: 5 }, false);
    const [y, qkv, probs] = [p.want.y, p.qkv, p.want.probs].map((t) => memory.copy(t));
    const dqkv = (t: number) => {
      const [dy, out] = [memory.copy(p.dy), memory.tensor('dqkv', [9, 15])];
      dy.data.fill(Number.NaN, t * 5, (t + 1) * 5);
      k.attentionBackward(out, dy, y!, qkv!, probs!, null);
      return out.data;
    };
    const clean = memory.tensor('dqkv', [9, 15]);
    k.attentionBackward(clean, memory.copy(p.dy), y!, qkv!, probs!, null);
    for (let t = 0; t < 9; t++) {
      dqkv(t).forEach((x, i) => {
        const [n, part] = [Math.floor(i / 15), Math.floor((i % 15) / 5)];
        expect(x, `${t}: ${n}`).toBe((part === 0 ? n === t : n <= t) ? Number.NaN : clean.data[i]);
      });
    }
    memory.reset();
  });

  test('large scores: all weight on the largest, equal ones share', () => {
    const [T, D] = [6, 4];
    const qkv = memory.tensor('qkv', [T, 3 * D], new Float32Array(T * 3 * D));
    for (let t = 0; t < T; t++) {
      qkv.data[t * 3 * D] = 1e4;
      qkv.data[t * 3 * D + D] = t === 2 ? 1e2 : -1e2;
      qkv.data[t * 3 * D + 2 * D] = t;
    }
    const [y, probs] = [memory.tensor('y', [T, D]), memory.tensor('probs', [1, 1, T, T])];
    k.attention(y, probs, qkv, null);
    expect(Array.from({ length: T }, (_, t) => y.data[t * D])).toEqual([0, 0.5, 2, 2, 2, 2]);
    memory.reset();
  });

  test('a slot or position outside of the cache is a RangeError', () => {
    const cache = {
      keys: memory.tensor('keys', [2, 1, 4, 8]),
      values: memory.tensor('values', [2, 1, 8, 4]),
    };
    const [y, qkv] = [memory.tensor('y', [1, 4]), memory.tensor('qkv', [1, 12])];
    const step = (slot: number, position: number) => () =>
      k.attentionCached(y, qkv, cache, memory.ids('slots', [slot]), memory.ids('positions', [position]));
    expect(step(2, 0)).toThrow('attentionCached: expected slots[0] in 0 .. 1, got slots = 2');
    expect(step(1, 8)).toThrow('attentionCached: expected positions[0] in 0 .. 7, got positions = 8');
    memory.reset();
  });
});
