import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { lcsLength, lcsPositions } from '../../src/evaluate/lcs.ts';
import { corpusRouge, type RougeType, rouge } from '../../src/evaluate/rouge.ts';

const ids = (...values: number[]) => Int32Array.from(values);
const near = ({ precision, recall, f }: { precision: number; recall: number; f: number }, digits = 12) =>
  [precision, recall, f].map((value) => Number(value.toFixed(digits)));

describe('ROUGE agrees with the published values of rouge_score', () => {
  const target = 'testing one two';
  test.each<[RougeType, string, number[]]>([
    ['rouge1', 'testing', [1, 1 / 3, 1 / 2]],
    ['rouge2', 'testing one', [1, 1 / 2, 2 / 3]],
    ['rougeL', 'testing one', [1, 2 / 3, 4 / 5]],
    ['rougeL', 'testing two', [1, 2 / 3, 4 / 5]],
    ['rouge1', '', [0, 0, 0]],
    ['rouge2', '', [0, 0, 0]],
    ['rougeL', '', [0, 0, 0]],
    ['rougeLsum', '', [0, 0, 0]],
    ['rougeL', '/', [0, 0, 0]],
    ['rougeLsum', '/', [0, 0, 0]],
  ])('%s of "%s"', (type, prediction, expected) => {
    expect(near(rouge(type, prediction, [target]))).toEqual(
      expected.map((value) => Number(value.toFixed(12))),
    );
  });

  test('an empty reference scores 0', () => {
    for (const type of ['rouge1', 'rougeL', 'rougeLsum'] as const) {
      expect(rouge(type, 'a', [''])).toEqual({ precision: 0, recall: 0, f: 0 });
    }
  });

  test('longest common subsequence of [1,2,3,4,5] and [2,5,3,4]: 3 at positions 1, 2, 3', () => {
    expect(lcsLength(ids(1, 2, 3, 4, 5), ids(2, 5, 3, 4))).toBe(3);
    expect(lcsPositions(ids(1, 2, 3, 4, 5), ids(2, 5, 3, 4))).toEqual([1, 2, 3]);
  });

  test('summary level: R 0.8, P 0.4, F 0.5333 from the union [1,2,3,5]', () => {
    expect(near(rouge('rougeLsum', '1 2 6 7 8\n1 3 8 9 5', ['1 2 3 4 5']), 4)).toEqual([0.4, 0.8, 0.5333]);
  });

  // The published strings are random; these have the same overlaps: runs of shared words between unshared ones.
  const shared = (runs: number[], own: string, length: number) => {
    const words: string[] = [];
    let next = 0;
    for (const run of runs) {
      for (let i = 0; i < run; i++) words.push(`s${next++}`);
      words.push(`${own}${words.length}`);
    }
    while (words.length < length) words.push(`${own}${words.length}`);
    return words.join(' ');
  };
  test.each([
    [[4, 4, 3], 16, 27, [0.6875, 0.40741, 0.51163], [0.53333, 0.30769, 0.39024]],
    [[5, 4, 3, 3, 2], 26, 42, [0.65385, 0.40476, 0.5], [0.48, 0.29268, 0.36364]],
  ])('ROUGE-1.5.5: shared runs %j of %i and %i words', (runs, predicted, wanted, rouge1, rouge2) => {
    const prediction = shared(runs, 'p', predicted);
    const reference = shared(runs, 'r', wanted);
    expect(near(rouge('rouge1', prediction, [reference]), 5)).toEqual(rouge1);
    expect(near(rouge('rouge2', prediction, [reference]), 5)).toEqual(rouge2);
  });
});

describe('ROUGE rules', () => {
  test('text is lower-cased and cut at everything but a-z and 0-9', () => {
    expect(rouge('rouge1', "Don't STOP-it: naïve", ['don t stop it na ve']).f).toBe(1);
  });

  test('common n-grams count as often as the text that has them less often', () => {
    expect(near(rouge('rouge1', 'a a a b', ['a a c']), 4)).toEqual([0.5, 0.6667, 0.5714]);
  });

  test('Lsum never rewards a token of the prediction twice', () => {
    const { precision, recall } = rouge('rougeLsum', 'a b', ['a b\na b\na']);
    expect([precision, recall]).toEqual([1, 2 / 5]);
    expect(rouge('rougeLsum', 'a\na\na', ['a']).precision).toBe(1 / 3);
  });

  test('Lsum equals L for one line, and ignores where lines are empty', () => {
    expect(rouge('rougeLsum', 'a x b c', ['a b y c'])).toEqual(rouge('rougeL', 'a x b c', ['a b y c']));
    expect(rouge('rougeLsum', '\na b\n\nc\n', ['c\n\na b'])).toEqual({ precision: 1, recall: 1, f: 1 });
  });

  test('Lsum follows one particular subsequence: on equal rows the token of the reference is dropped', () => {
    expect(lcsPositions(ids(1, 2), ids(2, 1))).toEqual([0]);
    expect(lcsPositions(ids(1, 2, 3, 1), ids(3, 1, 2))).toEqual([0, 1]);
    // The union of positions 0 (from "b a") and 0 (from "a"): one hit of two.
    expect(rouge('rougeLsum', 'b a\na', ['a b']).recall).toBe(0.5);
  });

  test('of several references the best F counts, the first on ties', () => {
    expect(rouge('rouge1', 'a b c d', ['a x', 'a b c', 'd'])).toEqual(rouge('rouge1', 'a b c d', ['a b c']));
    const second = 'a b c d e f x y z'; // P = 1, R = 1/3; for 'a' it is the other way round
    expect(rouge('rouge1', 'a b c', ['a']).f).toBe(rouge('rouge1', 'a b c', [second]).f);
    expect(rouge('rouge1', 'a b c', ['a', second])).toEqual(rouge('rouge1', 'a b c', ['a']));
    expect(rouge('rouge1', 'a b c', [second, 'a'])).toEqual(rouge('rouge1', 'a b c', [second]));
  });

  test('a corpus is the mean over segments, of F too', () => {
    const result = corpusRouge(['rouge1', 'rougeL'], ['a b', 'c'], [['a', 'x'], ['c']]);
    expect(near(result.rouge1)).toEqual([0.75, 1, Number(((2 / 3 + 1) / 2).toFixed(12))]);
    expect(Object.keys(result)).toEqual(['rouge1', 'rougeL']);
  });

  test.each(['rouge0', 'rouge10', 'rougen', 'rouge', 'rougel', 'ROUGE1'])('type %s is an error', (type) => {
    expect(() => rouge(type as RougeType, 'a', ['a'])).toThrow(`got ${type}`);
    expect(() => corpusRouge([type as RougeType], ['a'], [['a']])).toThrow(RangeError);
  });

  test('errors name the segment', () => {
    expect(() => rouge('rouge1', 'a', [])).toThrow('rouge: segment 0 has no reference');
    expect(() => rouge('rouge1', 'a', 'a' as unknown as string[])).toThrow(TypeError);
    expect(() => corpusRouge(['rouge1'], ['a'], [])).toThrow(RangeError);
    expect(() => rouge('rouge1', [1], ['1'])).toThrow(TypeError);
  });
});

describe('ROUGE properties', () => {
  const text = fc.array(fc.integer({ min: 0, max: 4 }), { maxLength: 12 });
  const types = ['rouge1', 'rouge2', 'rouge3', 'rougeL'] as const;

  test('swapping the texts swaps P and R and keeps F', () => {
    fc.assert(
      fc.property(text, text, fc.constantFrom(...types), (a, b, type) => {
        const there = rouge(type, a, [b]);
        const back = rouge(type, b, [a]);
        expect([back.precision, back.recall]).toEqual([there.recall, there.precision]);
        expect(back.f).toBeCloseTo(there.f, 14);
        if (there.precision !== there.recall) expect(back.precision).not.toBe(there.precision);
      }),
      { seed: 1, numRuns: 300 },
    );
  });

  test('the common subsequence is at most the unigram overlap, and all values lie in 0 .. 1', () => {
    fc.assert(
      fc.property(text, text, (a, b) => {
        const [one, L, sum] = (['rouge1', 'rougeL', 'rougeLsum'] as const).map((type) => rouge(type, a, [b]));
        expect(L.recall).toBeLessThanOrEqual(one.recall);
        expect(sum).toEqual(L);
        for (const value of Object.values(one)) expect(value >= 0 && value <= 1).toBe(true);
      }),
      { seed: 2 },
    );
  });

  test('the longest common subsequence is as long as the best of all subsets, and its positions are one', () => {
    const short = fc.array(fc.integer({ min: 0, max: 3 }), { maxLength: 8 });
    const contains = (tokens: number[], wanted: number[]) => {
      let at = 0;
      for (const token of tokens) if (token === wanted[at]) at++;
      return at === wanted.length;
    };
    fc.assert(
      fc.property(short, short, (a, b) => {
        let best = 0;
        for (let mask = 0; mask < 1 << a.length; mask++) {
          const subset = a.filter((_, i) => (mask >> i) & 1);
          if (subset.length > best && contains(b, subset)) best = subset.length;
        }
        expect(lcsLength(Int32Array.from(a), Int32Array.from(b))).toBe(best);
        const positions = lcsPositions(Int32Array.from(a), Int32Array.from(b));
        expect(positions.length).toBe(best);
        expect(positions).toEqual([...new Set(positions)].sort((x, y) => x - y));
        expect(
          contains(
            b,
            positions.map((i) => a[i]),
          ),
        ).toBe(true);
      }),
      { seed: 3 },
    );
  });
});
