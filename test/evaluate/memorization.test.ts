import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { codePoints, memorization } from '../../src/evaluate/memorization.ts';
import { SuffixAutomaton } from '../../src/evaluate/suffix-automaton.ts';
import { RandomStream } from '../../src/tensor/random.ts';

/** For each end position the longest run that occurs in `stream`, by trying all. */
function byHand(text: number[], stream: number[]): number[] {
  const haystack = `,${stream.join()},`;
  return text.map((_, end) => {
    let length = 0;
    while (length <= end && haystack.includes(`,${text.slice(end - length, end + 1).join()},`)) length++;
    return length;
  });
}

describe('longest matches', () => {
  const text = fc.array(fc.integer({ min: 0, max: 2 }), { maxLength: 25 });
  test('equal a search for every run, for several texts at once', () => {
    fc.assert(
      fc.property(fc.array(text, { maxLength: 4 }), text, (texts, stream) => {
        const lengths = new SuffixAutomaton(texts).longestMatches(stream).map((found) => [...found]);
        expect(lengths).toEqual(texts.map((one) => byHand(one, stream)));
      }),
      { seed: 1, numRuns: 500 },
    );
  });

  test('stay right where one token fills everything, and for tokens the other side lacks', () => {
    const ones = new Array<number>(20).fill(1);
    expect([...new SuffixAutomaton([ones]).longestMatches(ones.slice(0, 7))[0]]).toEqual(
      ones.map((_, i) => Math.min(i + 1, 7)),
    );
    expect([...new SuffixAutomaton([[1, 9, 1, 2]]).longestMatches([1, 2, 8, 1])[0]]).toEqual([1, 0, 1, 2]);
  });

  test('a run never crosses from one text to the next', () => {
    const lengths = new SuffixAutomaton([
      [1, 2],
      [3, 4],
    ]).longestMatches([1, 2, 3, 4]);
    expect(lengths.map((found) => [...found])).toEqual([
      [1, 2],
      [1, 2],
    ]);
  });

  test('the separator -1 cannot be a token', () => {
    expect(() => new SuffixAutomaton([[-1]])).toThrow('got -1');
    expect(() => new SuffixAutomaton([[0.5]])).toThrow(RangeError);
  });

  test('a million tokens, wholly copied: linear time', () => {
    const random = new RandomStream(1, 'evaluate');
    const ids = Int32Array.from({ length: 1 << 18 }, (_, i) => random.below(4, i));
    const stream = new Int32Array(4 * ids.length);
    for (let copy = 0; copy < 4; copy++) stream.set(ids, copy * ids.length);
    const { longest, seenShare } = memorization([ids.subarray(100_000, 150_000)], stream, { n: 50 });
    expect(longest).toEqual({ length: 50_000, text: 0, start: 0 });
    expect(seenShare).toBe(1);
  });
});

describe('memorization', () => {
  const training = codePoints('the cat sat on the mat');
  const measure = (texts: string[], n: number) => memorization(texts.map(codePoints), training, { n });

  test('the longest overlap: which text, where, how long', () => {
    const texts = ['xx the dog', 'a cat sat in', 'dog'];
    const { longest, meanLongest } = measure(texts, 3);
    expect(longest).toEqual({ length: 9, text: 1, start: 1 });
    expect(texts[1].slice(longest.start, longest.start + longest.length)).toBe(' cat sat ');
    expect(meanLongest).toBeCloseTo((5 + 9 + 1) / 3, 14); // ' the ', ' cat sat ', 'o'
  });

  test('the first of equally long overlaps', () => {
    expect(measure(['zcat', 'zzthe'], 1).longest).toEqual({ length: 3, text: 0, start: 1 });
  });

  test('the share of n-grams seen, each as often as it is generated, the last one included', () => {
    expect(measure(['catcat'], 3).seenShare).toBe(2 / 4); // cat, atc, tca, cat
    expect(measure(['zcat'], 3).seenShare).toBe(1 / 2);
    expect(measure(['cat', 'zzz'], 3).seenShare).toBe(1 / 2); // texts are pooled
    expect(measure(['ca'], 3).seenShare).toBeNull();
  });

  test('nothing to measure, nothing to compare with', () => {
    expect(memorization([], training, { n: 1 })).toEqual({
      longest: { length: 0, text: 0, start: 0 },
      meanLongest: null,
      seenShare: null,
    });
    expect(memorization([[1, 2]], [], { n: 1 }).seenShare).toBe(0);
    expect(() => memorization([[1]], [1], { n: 0 })).toThrow('got 0');
  });

  test('code points, not UTF-16 units', () => {
    expect([...codePoints('a😀é')]).toEqual([0x61, 0x1f600, 0xe9]);
  });

  const text = fc.array(fc.integer({ min: 0, max: 3 }), { minLength: 1, maxLength: 20 });
  test('the share equals a count by hand', () => {
    fc.assert(
      fc.property(text, text, fc.integer({ min: 1, max: 4 }), (own, stream, n) => {
        const windows = (tokens: number[]) =>
          tokens.flatMap((_, i) => (i + n <= tokens.length ? [tokens.slice(i, i + n).join()] : []));
        const known = new Set(windows(stream));
        const all = windows(own);
        const expected = all.length === 0 ? null : all.filter((w) => known.has(w)).length / all.length;
        expect(memorization([own], stream, { n }).seenShare).toBe(expected);
      }),
      { seed: 2, numRuns: 300 },
    );
  });
});
