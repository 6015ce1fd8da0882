import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { allWindows, chooseWindows, strideWindows } from '../../src/train/windows.ts';

describe('stride windows', () => {
  test('10 tokens, context 4, stride 2: the first scores 4, then 2 each, the last what is left', () => {
    expect(strideWindows(10, 4, 2)).toEqual([
      { start: 0, length: 4, scored: 4 },
      { start: 2, length: 4, scored: 2 },
      { start: 4, length: 4, scored: 2 },
      { start: 6, length: 3, scored: 1 },
    ]);
  });

  test('score every token after the first exactly once, in order, after at least T - stride others', () => {
    const sizes = fc
      .record({ n: fc.integer({ min: 2, max: 60 }), T: fc.integer({ min: 1, max: 12 }) })
      .chain(({ n, T }) =>
        fc.record({ n: fc.constant(n), T: fc.constant(T), s: fc.integer({ min: 1, max: T }) }),
      );
    fc.assert(
      fc.property(sizes, ({ n, T, s }) => {
        const scored: number[] = [];
        for (const window of strideWindows(n, T, s)) {
          const { start, length } = window;
          expect(length).toBeLessThanOrEqual(T);
          expect(window.scored).toBeGreaterThanOrEqual(1);
          for (let i = length - window.scored!; i < length; i++) {
            const target = start + 1 + i;
            scored.push(target);
            expect(i + 1).toBeGreaterThanOrEqual(Math.min(target, T - s + 1)); // tokens before it in the window
          }
        }
        expect(scored).toEqual(Array.from({ length: n - 1 }, (_, i) => i + 1));
      }),
      { seed: 1, numRuns: 300 },
    );
  });

  test('with the context as stride are the blocks', () => {
    for (let n = 2; n < 30; n++) {
      const windows = strideWindows(n, 7, 7);
      expect(windows.map(({ start, length }) => ({ start, length }))).toEqual(allWindows(n, 7));
      expect(windows.every(({ length, scored }) => scored === length)).toBe(true);
    }
  });

  test('the stride is half the context unless given, and must be from 1 to the context', () => {
    expect(chooseWindows(20, 9, { mode: 'stride' })).toEqual({ windows: strideWindows(20, 9, 4), stride: 4 });
    expect(chooseWindows(20, 1, { mode: 'stride' }).stride).toBe(1);
    expect(chooseWindows(20, 9, { mode: 'blocks' })).toEqual({ windows: allWindows(20, 9), stride: 9 });
    for (const stride of [0, 10, 1.5, Number.NaN]) {
      expect(() => chooseWindows(20, 9, { mode: 'stride', stride })).toThrow(
        `expected an integer from 1 to the context of 9, got ${stride}`,
      );
    }
  });
});
