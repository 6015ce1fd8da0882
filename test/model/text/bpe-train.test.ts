import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { BpeTokenizer } from '../../../src/model/text/bpe.ts';
import { pieces } from '../../../src/model/text/bpe-pieces.ts';
import { learnMerges, trainBpe } from '../../../src/model/text/bpe-train.ts';
import { RandomStream } from '../../../src/tensor/random.ts';

interface Content {
  readonly model: { readonly vocab: Record<string, number>; readonly merges: string[] };
}
const mergesOf = (tokenizer: BpeTokenizer): string[] => (tokenizer.toJSON() as Content).model.merges;

/** Words of Sennrich et al., 2016, one a line: a newline is a piece of its own and has no pairs. */
const words = [
  ...Array<string>(5).fill('low'),
  ...Array<string>(2).fill('lower'),
  ...Array<string>(6).fill('newest'),
  ...Array<string>(3).fill('widest'),
];
const corpus = words.join('\n');

/** The definition, recounted from the start before every merge; ASCII without spaces, so that a byte is a character. */
function naiveMerges(text: string, most: number): string[] {
  const ids = new Map(Array.from({ length: 94 }, (_, i) => [String.fromCharCode(0x21 + i), i]));
  const sequences = [...pieces(text)].map((piece) => [...piece]);
  const merges: string[] = [];
  while (merges.length < most) {
    const counts = new Map<string, number>();
    for (const s of sequences) {
      for (let i = 0; i + 1 < s.length; i++) {
        const pair = `${s[i]} ${s[i + 1]}`;
        counts.set(pair, (counts.get(pair) ?? 0) + 1);
      }
    }
    const order = (pair: string): number[] => pair.split(' ').map((token) => ids.get(token)!);
    const [best] = [...counts]
      .filter(([, count]) => count >= 2)
      .sort(([a, m], [b, n]) => n - m || order(a)[0] - order(b)[0] || order(a)[1] - order(b)[1]);
    if (best === undefined) break;
    const [left, right] = best[0].split(' ');
    ids.set(left + right, 256 + merges.length);
    merges.push(best[0]);
    for (const s of sequences) {
      for (let i = 0; i + 1 < s.length; i++)
        if (s[i] === left && s[i + 1] === right) s.splice(i, 2, left + right);
    }
  }
  return merges;
}

describe('trainBpe', () => {
  test('gives the merges worked by hand on low, lower, newest, widest', () => {
    // Counts and ids: e s 9 = s t 9, e (68) before s (82); then es t 9; l o 7 = o w 7, l (75) before o (78); lo w 7;
    // n e 6 = e w 6 = w est 6, e first; n ew 6; new est 6; w i 3 = i d 3 = d est 3, d (67) first, then i (72), then w;
    // low e 2 = e r 2, e first; low er 2.
    const byHand = [
      'e s',
      'es t',
      'l o',
      'lo w',
      'e w',
      'n ew',
      'new est',
      'd est',
      'i dest',
      'w idest',
      'e r',
      'low er',
    ];
    expect(mergesOf(trainBpe(corpus, 268))).toEqual(byHand);
    expect(mergesOf(trainBpe(corpus, 260))).toEqual(byHand.slice(0, 4));
    const { merges, counts } = learnMerges(corpus, 1000); // which the text does not give
    expect(merges).toHaveLength(12);
    expect(counts).toEqual([9, 9, 7, 7, 6, 6, 6, 3, 3, 3, 2, 2]);
    const { vocab } = (trainBpe(corpus, 268).toJSON() as Content).model;
    expect([vocab['e'], vocab['s'], vocab['es'], vocab['est'], vocab['lower']]).toEqual([
      68, 82, 256, 257, 267,
    ]);
    expect([...trainBpe(corpus, 260).encode('lowest')]).toEqual([259, 257]);
    expect([...trainBpe(corpus, 268).encode('lower newest slow')]).toEqual([267, 220, 262, 220, 82, 259]);
  });

  test('joins a run from its left: aaaaa is aa aa a, then aa aaa', () => {
    // a a 8; then aa a 2 = aa aa 2, and a (64) before aa (256).
    expect(mergesOf(trainBpe('aaaaa\naaaaa', 259))).toEqual(['a a', 'aa a', 'aa aaa']);
    expect(learnMerges('aaaaa\naaaaa', 3).counts).toEqual([8, 2, 2]);
  });

  test('never joins over the edge of a piece', () => {
    expect(mergesOf(trainBpe('ab ab ab', 258))).toEqual(['a b', 'Ġ ab']);
    expect(() => trainBpe('a\na\na\n', 257)).toThrow('0 merges found');
  });

  test('is the definition, recounted from the start before every merge', () => {
    const text = fc.array(fc.constantFrom('a', 'b', 'a', 'aa', 'ab', '1', '!', '\n'), { maxLength: 60 });
    fc.assert(
      fc.property(text, (parts) => {
        const expected = naiveMerges(parts.join(''), 1000);
        expect(mergesOf(trainBpe(parts.join(''), 256 + expected.length))).toEqual(expected);
        expect(() => trainBpe(parts.join(''), 257 + expected.length)).toThrow(
          `${expected.length} merges found`,
        );
      }),
      { seed: 5, numRuns: 400 },
    );
  });

  test('does not depend on the order of the pieces, and repeats itself byte for byte', () => {
    const lines = 'the cat sat on the mat and the rat ate the oat that sat there that mat'.split(' ');
    const once = JSON.stringify(trainBpe(lines.join('\n'), 262));
    expect(JSON.stringify(trainBpe(lines.join('\n'), 262))).toBe(once);
    expect(JSON.stringify(trainBpe(lines.toReversed().join('\n'), 262))).toBe(once);
    expect(JSON.stringify(trainBpe(lines.toSorted().join('\n'), 262))).toBe(once);
  });

  test('learns bytes, so the two bytes of é join first', () => {
    expect(mergesOf(trainBpe('é\né', 257))).toEqual(['Ã ©']);
  });

  test('reads a lone surrogate as U+FFFD, as encode does', () => {
    const tokenizer = trainBpe('\ud800\n\ud800', 258);
    expect(mergesOf(tokenizer)).toEqual(['¿ ½', 'ï ¿½']);
    expect([...tokenizer.encode('\ud800')]).toEqual([257]);
  });

  test('256 tokens are the bytes alone, from any text, even an empty one', () => {
    const tokenizer = trainBpe('', 256);
    expect(tokenizer.vocabSize).toBe(256);
    expect([...tokenizer.encode('!a b')]).toEqual([0, 64, 220, 65]);
  });

  test('errors name what does not fit', () => {
    for (const size of [255, 0, -1, 256.5, Number.NaN]) {
      expect(() => trainBpe(corpus, size)).toThrow(
        new RangeError(
          `trainBpe: vocabulary size does not fit; expected an integer of at least 256, one for each byte, got ${size}`,
        ),
      );
    }
    expect(() => trainBpe(corpus, 300)).toThrow(
      new RangeError(
        'trainBpe: vocabulary size does not fit the text; expected at most 256 bytes + 12 merges found = 268, got 300; ' +
          'take a smaller vocabulary or a longer text',
      ),
    );
  });

  test('one piece of 100,000 letters is no trap', () => {
    const random = new RandomStream(1, 'batch');
    const letters = Array.from({ length: 100_000 }, (_, i) => 'abcd'[random.below(4, i)]).join('');
    const tokenizer = trainBpe(letters, 400);
    expect(tokenizer.vocabSize).toBe(400);
    expect(tokenizer.decode(tokenizer.encode(letters))).toBe(letters);
  });
});
