import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { pieces } from '../../../src/model/text/bpe-pieces.ts';
import { anyText } from './any-text.ts';

/** GPT-2's pattern itself, with \s as its engine understands it. */
const pattern =
  /'(?:[sdmt]|ll|ve|re)| ?\p{L}+| ?\p{N}+| ?[^\p{White_Space}\p{L}\p{N}]+|\p{White_Space}+(?!\P{White_Space})|\p{White_Space}+/gu;

const cases: Record<string, [string, string[]][]> = {
  'words take one space along': [
    ['Hello world', ['Hello', ' world']],
    [' a b', [' a', ' b']],
    ['a1 b2', ['a', '1', ' b', '2']],
    ['Hello, world!', ['Hello', ',', ' world', '!']],
    ['2 + 2 == 4...', ['2', ' +', ' 2', ' ==', ' 4', '...']],
  ],
  'of several spaces the last goes to the next word': [
    ['a  b', ['a', ' ', ' b']],
    ['a    b', ['a', '   ', ' b']],
    ['a\n\nb', ['a', '\n', '\n', 'b']],
    ['a\nb', ['a', '\n', 'b']],
    ['a \n b', ['a', ' \n', ' b']],
    ['if x:\n    y', ['if', ' x', ':', '\n   ', ' y']],
  ],
  'spaces at the end stay together': [
    ['a ', ['a', ' ']],
    ['a  ', ['a', '  ']],
    ['a \n\t ', ['a', ' \n\t ']],
    [' ', [' ']],
    ['', []],
  ],
  'contractions are pieces of their own, in lower case and without a space before': [
    ["I'll we've they're", ['I', "'ll", ' we', "'ve", ' they', "'re"]],
    ["it's don't I'd I'm", ['it', "'s", ' don', "'t", ' I', "'d", ' I', "'m"]],
    ["IT'S", ['IT', "'", 'S']],
    ["x 's", ['x', " '", 's']],
    ["'tis", ["'t", 'is']],
    ["'l''s", ["'", 'l', "''", 's']],
    ["'''s", ["'''", 's']],
  ],
  'letters and numbers of all scripts': [
    ['naïve café', ['naïve', ' café']],
    ['Ελλάδα и мир', ['Ελλάδα', ' и', ' мир']],
    ['漢字 かな', ['漢字', ' かな']],
    ['x² Ⅷ ½ ٣', ['x', '²', ' Ⅷ', ' ½', ' ٣']],
    ['𝒳𝓎 𐍈', ['𝒳𝓎', ' 𐍈']],
    ['e\u0301a', ['e', '\u0301', 'a']], // a combining mark is no letter
  ],
  'emoji and symbols': [
    ['hi 👍🏽!', ['hi', ' 👍🏽!']],
    ['👩‍👩‍👧a', ['👩‍👩‍👧', 'a']],
    ['a—b “c”', ['a', '—', 'b', ' “', 'c', '”']],
  ],
  'white space is Unicode White_Space': [
    ['a\u00a0b', ['a', '\u00a0', 'b']],
    ['a\u0085\u0085b', ['a', '\u0085', '\u0085', 'b']],
    ['a\ufeff!', ['a', '\ufeff!']],
    ['a\u3000 b', ['a', '\u3000', ' b']],
    ['a \u3000b', ['a', ' ', '\u3000', 'b']],
  ],
};

describe('pieces', () => {
  for (const [promise, examples] of Object.entries(cases)) {
    test(promise, () => {
      for (const [text, expected] of examples) {
        expect([...pieces(text)]).toEqual(expected);
        expect(text.match(pattern) ?? []).toEqual(expected);
      }
    });
  }

  test("are those of GPT-2's pattern, on any text", () => {
    const units = [
      ..." \n\t\u00a0\u0085\ufeff'''sdmtlver19²,.",
      'S',
      'é',
      '漢',
      '😀',
      '𝒳',
      '\u0301',
      '\udc80',
    ];
    const near = fc.string({ unit: fc.constantFrom(...units), maxLength: 30 });
    fc.assert(
      fc.property(fc.oneof(near, anyText), (text) => {
        expect([...pieces(text)]).toEqual(text.match(pattern) ?? []);
      }),
      { seed: 3, numRuns: 5000 },
    );
  });

  test('a run of 8 million letters is one piece', () => {
    expect([...pieces(`${'漢'.repeat(8e6)} x`)].map((piece) => piece.length)).toEqual([8e6, 2]);
  });
});
