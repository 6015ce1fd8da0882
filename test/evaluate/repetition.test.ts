import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { sentenceBleu } from '../../src/evaluate/bleu.ts';
import {
  distinctN,
  diversity,
  loopShare,
  repeatedTokens,
  repetition,
  repN,
  tailLoop,
  zipfCoefficient,
} from '../../src/evaluate/repetition.ts';
import { selfBleu } from '../../src/evaluate/self-bleu.ts';

const thrice = [1, 2, 3, 1, 2, 3, 1, 2, 3];
const range = (n: number, from = 0) => Array.from({ length: n }, (_, i) => from + i);

describe('rep-n, diversity and distinct-n', () => {
  test('[1,2,3] three times: rep-1..4 = 0.666667, 0.625, 0.571429, 0.5 and diversity 0.0803571', () => {
    const expected = [6 / 9, 5 / 8, 4 / 7, 3 / 6];
    expected.forEach((value, i) => {
      expect(repN(thrice, i + 1)).toBeCloseTo(value, 15);
    });
    expect(diversity([thrice]).pooled).toBeCloseTo((3 / 8) * (3 / 7) * (3 / 6), 15);
    expect(diversity([thrice]).mean).toBeCloseTo(0.0803571, 7);
  });

  test('every token of an n-gram that was there before is marked, and only those', () => {
    expect(repeatedTokens(thrice, 3)).toEqual([0, 0, 0, 1, 1, 1, 1, 1, 1].map(Boolean));
    expect(repeatedTokens([...'abcdabce'], 3)).toEqual([0, 0, 0, 0, 1, 1, 1, 0].map(Boolean));
    expect(repeatedTokens([...'aaaa'], 2)).toEqual([false, true, true, true]); // overlapping ones, too
    expect(repeatedTokens([...'abab'], 3)).toEqual([false, false, false, false]);
    expect(repeatedTokens([1, 2], 3)).toEqual([false, false]);
    expect(() => repeatedTokens([1], 0)).toThrow('n-gram order');
  });

  test('the last n-gram counts', () => {
    expect(repN([1, 2, 3, 1, 2], 2)).toBe(1 - 3 / 4);
    expect(distinctN([[1, 1]], 2)).toBe(1);
  });

  test('undefined values are null and are left out of means', () => {
    expect(repN([1], 2)).toBeNull();
    expect(repN([], 1)).toBeNull();
    expect(repetition([], 1)).toEqual({ mean: null, pooled: null });
    expect(repetition([[1], [1, 1, 1]], 2)).toEqual({ mean: 0.5, pooled: 0.5 });
    expect(diversity([[1, 2, 3]])).toEqual({ mean: null, pooled: null });
    expect(
      diversity([
        [1, 2, 3],
        [1, 2, 3, 4],
      ]),
    ).toEqual({ mean: 1, pooled: 1 });
    expect(distinctN([[1], []], 2)).toBeNull();
  });

  test('the mean is over texts, pooled is over n-grams, and neither compares texts with each other', () => {
    const texts = [
      [1, 1, 1],
      [1, 2, 3, 4, 5],
    ];
    expect(repetition(texts, 1)).toEqual({ mean: (1 - 1 / 3) / 2, pooled: 1 - 6 / 8 });
    expect(
      repetition(
        [
          [1, 2],
          [1, 2],
        ],
        1,
      ),
    ).toEqual({ mean: 0, pooled: 0 });
  });

  test('distinct-n does compare texts, without n-grams across them', () => {
    expect(
      distinctN(
        [
          ['a', 'b'],
          ['a', 'b'],
        ],
        1,
      ),
    ).toBe(0.5);
    expect(
      distinctN(
        [
          ['a', 'b'],
          ['b', 'a'],
        ],
        2,
      ),
    ).toBe(1);
    expect(distinctN([['a', 'b', 'a', 'b']], 2)).toBe(2 / 3);
  });

  test('orders below 1 are errors', () => {
    expect(() => repN([1], 0)).toThrow(RangeError);
    expect(() => distinctN([[1]], Number.NaN)).toThrow('got NaN');
  });

  const text = fc.array(fc.integer({ min: 0, max: 3 }), { minLength: 4, maxLength: 20 });
  test('rep-n lies in [0, 1), is 1 - distinct-n of one text, and equals a count by hand', () => {
    fc.assert(
      fc.property(text, fc.integer({ min: 1, max: 4 }), (tokens, n) => {
        const windows = range(tokens.length - n + 1).map((i) => tokens.slice(i, i + n).join());
        const expected = 1 - new Set(windows).size / windows.length;
        expect(repN(tokens, n)).toBe(expected);
        expect(expected >= 0 && expected < 1).toBe(true);
        expect(1 - distinctN([tokens], n)!).toBe(expected);
      }),
      { seed: 1, numRuns: 200 },
    );
  });

  test('words and ids give the same values', () => {
    const words = thrice.map((id) => `word ${id}`);
    expect(repN(words, 3)).toBe(repN(Int32Array.from(thrice), 3));
  });
});

describe('Zipf coefficient', () => {
  const withFrequencies = (frequencies: number[]) =>
    frequencies.flatMap((count, token) => new Array<number>(count).fill(token));

  test('is 1 for frequencies 60, 30, 20, 15, 12 and 0 for equal ones', () => {
    expect(zipfCoefficient([withFrequencies([12, 60, 20, 15, 30])])).toBeCloseTo(1, 12);
    expect(zipfCoefficient([withFrequencies([1, 1, 1, 1])])).toBe(0);
  });

  test('is 2 for frequencies 144, 36, 16, 9, counted over all texts', () => {
    const tokens = withFrequencies([144, 36, 16, 9]);
    expect(zipfCoefficient([tokens.slice(0, 100), tokens.slice(100)])).toBeCloseTo(2, 12);
  });

  test('looks at the 5,000 most frequent tokens', () => {
    const common = range(5000);
    expect(zipfCoefficient([common, common, range(3000, 5000)])).toBeCloseTo(0, 15);
    expect(zipfCoefficient([common.slice(1), common, range(3000, 5000)])).toBeGreaterThan(1e-5);
  });

  test('is null with fewer than two different tokens', () => {
    expect(zipfCoefficient([[1, 1, 1]])).toBeNull();
    expect(zipfCoefficient([])).toBeNull();
  });
});

describe('tail loop', () => {
  test('a phrase of three tokens or more that comes twice at the end', () => {
    expect(tailLoop([9, 1, 2, 3, 1, 2, 3])).toEqual({ length: 3, repeats: 2 });
    expect(tailLoop([9, 1, 2, 3, 1, 2, 3, 4])).toBeNull();
    expect(tailLoop(thrice)).toEqual({ length: 3, repeats: 3 });
    expect(tailLoop(['a', 'b', 'c', 'd', 'a', 'b', 'c', 'd'])).toEqual({ length: 4, repeats: 2 });
  });

  test('a shorter phrase only with more than 50 repeats', () => {
    const copies = (n: number, phrase: number[]) => [7, ...range(n).flatMap(() => phrase)];
    expect(tailLoop(copies(50, [1]))).toBeNull();
    expect(tailLoop(copies(51, [1]))).toEqual({ length: 1, repeats: 51 });
    expect(tailLoop(copies(50, [1, 2]))).toBeNull();
    expect(tailLoop(copies(51, [1, 2]))).toEqual({ length: 2, repeats: 51 });
  });

  test('phrases of up to 90 tokens', () => {
    expect(tailLoop([...range(90), ...range(90)])).toEqual({ length: 90, repeats: 2 });
    expect(tailLoop([...range(91), ...range(91)])).toBeNull();
  });

  test('the phrase repeated most often decides, even if a longer one repeats too', () => {
    expect(tailLoop([1, 2, 3, 5, 5, 1, 2, 3, 5, 5])).toBeNull();
    expect(tailLoop([1, 1, 1, 1, 1, 1])).toBeNull();
  });

  test('nothing, one token, and no repetition', () => {
    for (const text of [[], [1], range(200)]) expect(tailLoop(text)).toBeNull();
  });

  test('equals a direct search for the most repeated last phrase', () => {
    const direct = (text: number[]) => {
      let best = { length: 0, repeats: 1 };
      for (let length = 1; length <= Math.min(90, text.length); length++) {
        const copy = (k: number) =>
          text.slice(text.length - (k + 1) * length, text.length - k * length).join();
        let repeats = 1;
        while ((repeats + 1) * length <= text.length && copy(repeats) === copy(0)) repeats++;
        if (repeats > best.repeats) best = { length, repeats };
      }
      return best.length >= 3 || best.repeats > 50 ? best : null;
    };
    const loops = fc
      .tuple(
        fc.array(fc.integer({ min: 0, max: 2 }), { maxLength: 6 }),
        fc.array(fc.integer({ min: 0, max: 2 }), { minLength: 1, maxLength: 6 }),
        fc.integer({ min: 0, max: 60 }),
      )
      .map(([head, phrase, n]) => [...head, ...range(n).flatMap(() => phrase)]);
    fc.assert(
      fc.property(loops, (text) => {
        expect(tailLoop(text)).toEqual(direct(text));
      }),
      { seed: 1, numRuns: 300 },
    );
  });

  test('the share of texts that loop', () => {
    expect(loopShare([thrice, range(9), [...range(4), ...range(4)], []])).toBe(0.5);
    expect(loopShare([])).toBeNull();
  });
});

describe('self-BLEU', () => {
  const texts = [range(10), [...range(6), 1, 2, 3], [4, 3, 2, 1, 0, 1, 2, 3, 4], [1, 2], range(10, 3)];

  test('is the mean BLEU of each text against all others', () => {
    for (const maxOrder of [1, 2, 4, 5]) {
      const scores = texts.map(
        (text, i) =>
          sentenceBleu(
            text,
            texts.filter((_, j) => j !== i),
            { maxOrder, smoothing: 'floor' },
          ).score,
      );
      const mean = scores.reduce((sum, score) => sum + score, 0) / scores.length;
      expect(selfBleu(texts, { maxOrder })).toBe(mean);
      expect(mean > 0 && mean < 100).toBe(true);
    }
  });

  test('is 100 for copies and 0 for texts without a common token', () => {
    expect(selfBleu([range(8), range(8), range(8)])).toBe(100);
    expect(selfBleu([range(8), range(8, 10), range(8, 20)])).toBe(0);
  });

  test('a sample is chosen by the seed and scored against all the others', () => {
    const scores = texts.map((text, i) =>
      sentenceBleu(
        text,
        texts.filter((_, j) => j !== i),
        { smoothing: 'floor' },
      ).score.toFixed(9),
    );
    const of = (seed: number) => selfBleu(texts, { sample: 1, seed }).toFixed(9);
    const drawn = range(40).map(of);
    expect(new Set(drawn)).toEqual(new Set(scores));
    expect(of(3)).toBe(of(3));
    // Every pair drawn is a pair of different texts: all ten pair means occur and nothing else.
    const pairs = range(200).map((seed) => selfBleu(texts, { sample: 2, seed }).toFixed(6));
    const means = scores.flatMap((a, i) => scores.slice(i + 1).map((b) => ((+a + +b) / 2).toFixed(6)));
    expect(new Set(pairs)).toEqual(new Set(means));
    expect(selfBleu(texts, { sample: 99 })).toBe(selfBleu(texts));
  });

  test('needs two texts and a positive sample', () => {
    expect(() => selfBleu([[1]])).toThrow('at least 2 texts, got 1');
    expect(() => selfBleu(texts, { sample: 0 })).toThrow('got 0');
    expect(() => selfBleu(texts, { maxOrder: 0 })).toThrow(RangeError);
  });
});
