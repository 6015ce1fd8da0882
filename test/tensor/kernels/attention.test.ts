import { afterEach, describe, expect, it } from 'vitest';
import { type Floats, tensor } from '../../../src/tensor/tensor.ts';
import { backends } from '../../support/backends.ts';
import { expectClose, expectSameBits, randomTensor, sizes, unit } from '../../support/compare.ts';
import { GuardedMemory } from '../../support/guarded.ts';
import { naiveAttention, type Sizes } from './naive-attention.ts';
import { range, sum } from './support.ts';

/** Every T of the list, with batch, heads and head sizes that take turns. */
const heads = [
  [1, 1, 1],
  [2, 3, 5],
  [3, 1, 8],
  [1, 4, 16],
  [2, 2, 17],
  [1, 2, 33],
];
const cases: Sizes[] = sizes.map((T, i) => {
  const [B, H, D] = heads[i % heads.length];
  return { B, T, H, D };
});

const longest = 65 * 3 * 66 * 2;
const qkvPool = randomTensor('qkv', [longest], 5).data;
const dyPool = randomTensor('dy', [longest], 5).data;
const keepPool = randomTensor('keep', [65 * 65 * 12], 5).data.map((v) => (v < -0.5 ? 0 : 1.25));

/** What each case should give, without and with a mask; the same for every backend. */
const expected = [null, keepPool].map((mask) => cases.map((s) => naiveAttention(s, qkvPool, dyPool, mask)));

describe.each(await backends())('$name', ({ kernels }) => {
  const memory = new GuardedMemory(kernels.memory);
  afterEach(() => memory.reset());

  function forward({ B, T, H, D }: Sizes, values: ArrayLike<number>, mask: ArrayLike<number> | null = null) {
    const [N, C] = [B * T, H * D];
    const qkv = memory.tensor('qkv', [N, 3 * C], values);
    const keep = mask && memory.tensor('keep', [B, H, T, T], mask);
    const [y, probs] = [memory.tensor('y', [N, C]), memory.tensor('probs', [B, H, T, T])];
    kernels.attention(y, probs, qkv, keep);
    return { qkv, keep, y, probs };
  }

  const normals = (s: Sizes) => qkvPool.subarray(0, s.B * s.T * 3 * s.H * s.D);

  describe('attention', () => {
    /** Sums over D and over T, and up to 16 single operations: T + D + 16 roundings; see naiveAttention for what they meet. */
    it.each([false, true])(
      'and its backward are within T + D + 16 roundings of float64 in every sum; mask: %s',
      (masked) => {
        for (const [i, s] of cases.entries()) {
          memory.reset();
          const { B, T, H, D } = s;
          const mask = masked ? keepPool.subarray(0, B * H * T * T) : null;
          const { qkv, keep, y, probs } = forward(s, normals(s), mask);
          const dy = memory.tensor('dy', [B * T, H * D], dyPool.subarray(0, B * T * H * D));
          const dqkv = memory.tensor('dqkv', [B * T, 3 * H * D]);
          const { value, scale } = expected[masked ? 1 : 0][i];
          expectClose(y, value.y, { relative: unit, scale: scale.y });
          expectClose(probs, value.probs, { relative: unit, scale: scale.probs });
          kernels.attentionBackward(dqkv, dy, y, qkv, probs, keep);
          expectClose(dqkv, value.dqkv, { relative: unit, scale: scale.dqkv });
        }
      },
    );

    it('returns v itself for the first position', () => {
      const s = { B: 3, T: 1, H: 2, D: 5 };
      const { y, probs } = forward(s, normals(s));
      expectSameBits(
        y,
        range(3).flatMap((n) => Array.from(qkvPool.subarray(n * 30 + 20, n * 30 + 30))),
      );
      expectSameBits(probs, new Float32Array(6).fill(1));
    });

    it('averages the past where all scores are equal', () => {
      const [T, D] = [9, 4];
      const values = Float32Array.from(normals({ B: 1, T, H: 1, D }), (x, i) => (i % 12 < 4 ? 0 : x));
      const { y, probs } = forward({ B: 1, T, H: 1, D }, values);
      const expected = range(T).flatMap((t) => range(T).map((r) => (r <= t ? 1 / (t + 1) : 0)));
      expectClose(probs, expected, { relative: 2 * unit, scale: 0 });
      for (let t = 0; t < T; t++) {
        const average = range(D).map((d) => sum(range(t + 1).map((r) => values[r * 12 + 8 + d])) / (t + 1));
        expectClose(y.data.subarray(t * D, (t + 1) * D), average, { relative: 16 * unit, scale: 1 });
      }
    });

    it('copies the value of a score of 1e4 among scores of -1e4, without overflow', () => {
      // Position 2 has the key (100, 0, 0, 0), the others minus that; every query is (200, 0, 0, 0).
      const [T, D] = [5, 4];
      const values = Float32Array.from(normals({ B: 1, T, H: 1, D }), (x, i) => {
        const [t, c] = [Math.floor(i / 12), i % 12];
        if (c >= 8) return x;
        return c === 0 ? 200 : c === 4 ? (t === 2 ? 100 : -100) : 0;
      });
      const { y } = forward({ B: 1, T, H: 1, D }, values);
      for (const t of [2, 3, 4]) expectSameBits(y.data.subarray(t * D, (t + 1) * D), values.subarray(32, 36));
    });

    it('lets no later position change an earlier one in any bit, whether it comes later or not at all', () => {
      for (const s of [
        { B: 1, T: 9, H: 2, D: 5 },
        { B: 1, T: 33, H: 1, D: 16 },
      ]) {
        const C = s.H * s.D;
        memory.reset();
        const whole = forward(s, normals(s)).y.data.slice();
        for (const t of [1, 2, 3, 4, 7, 8]) {
          memory.reset();
          const changed = Float32Array.from(normals(s), (x, i) => (i >= t * 3 * C ? 5 - x : x));
          expectSameBits(forward(s, changed).y.data.subarray(0, t * C), whole.subarray(0, t * C));
          const short = { ...s, T: t };
          expectSameBits(forward(short, normals(short)).y, whole.subarray(0, t * C));
        }
      }
    });

    it('gives a sequence the same bits alone as in a batch, forward and backward', () => {
      for (const s of [
        { B: 3, T: 7, H: 2, D: 5 },
        { B: 2, T: 17, H: 3, D: 16 },
      ]) {
        const { B, T, H, D } = s;
        const run = (from: number, batch: number) => {
          memory.reset();
          const cut = (pool: Floats, each: number) => pool.subarray(from * each, (from + batch) * each);
          const one = { ...s, B: batch };
          const { qkv, y, probs, keep } = forward(one, cut(qkvPool, T * 3 * H * D), cut(keepPool, H * T * T));
          const dy = memory.tensor('dy', [batch * T, H * D], cut(dyPool, T * H * D));
          const dqkv = memory.tensor('dqkv', [batch * T, 3 * H * D]);
          kernels.attentionBackward(dqkv, dy, y, qkv, probs, keep);
          return [y, probs, dqkv].map((t) => t.data.slice());
        };
        const together = run(0, B);
        for (let b = 0; b < B; b++) {
          run(b, 1).forEach((alone, i) => {
            expectSameBits(alone, together[i].subarray(b * alone.length, (b + 1) * alone.length));
          });
        }
      }
    });

    it('refuses heads that do not divide the channels, and rows that are not batch * time', () => {
      const call = (N: number, C: number, C3: number, probs: number[]) => () =>
        kernels.attention(tensor('y', [N, C]), tensor('probs', probs), tensor('qkv', [N, C3]), null);
      expect(call(6, 4, 12, [2, 3, 3, 3])).toThrow(
        new RangeError('attention: expected channels divisible by heads, got C = 4, H = 3'),
      );
      expect(call(6, 4, 12, [2, 2, 4, 4])).toThrow(
        new RangeError('attention: expected rows = batch * time, got N = 6, B = 2, T = 4'),
      );
      expect(call(6, 4, 8, [2, 2, 3, 3])).toThrow(
        new RangeError('attention: expected q, k and v side by side, got qkv = 8, C = 4'),
      );
    });
  });
});
