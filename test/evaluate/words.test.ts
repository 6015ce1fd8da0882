import { describe, expect, test } from 'vitest';
import { countWords, knownWordShare, splitWords, wordRepetition, wordsOf } from '../../src/evaluate/words.ts';

describe('words', () => {
  test('are runs of letters and digits with apostrophes inside, in lower case', () => {
    expect([...wordsOf("Don't stop -- 'Élan' o’clock, well-worn 3rd. DON'T")]).toEqual([
      "don't",
      'stop',
      'élan',
      'o’clock',
      'well',
      'worn',
      '3rd',
    ]);
    expect(splitWords(" a-b\n c. 'd' ")).toEqual(['a-b', 'c.', "'d'"]);
  });
});

describe('the share of known words', () => {
  const known = wordsOf("the hedgehog can't sleep");
  const share = (prompt: string, text: string) => knownWordShare([{ prompt, text }], known);

  test('counts each as often as it occurs, whatever its case', () => {
    expect(share('', "The the owl CAN'T x ")).toBe(3 / 5);
  });

  test('counts the word that the prompt began and the text ended, not one of the prompt alone', () => {
    expect(share('owl hedge', 'hog.')).toBe(1);
    expect(share('owl hedge', 'row.')).toBe(0);
    expect(share('owl', ' the.')).toBe(1);
  });

  test('leaves out the word at the very end, which may have been cut off', () => {
    expect(share('', 'the sle')).toBe(1);
    expect(share('', 'the sle ')).toBe(1 / 2);
    expect(share('', 'sle')).toBeNull();
  });

  test('leaves out the word at the very beginning of a prompt, which may have been cut off, and an apostrophe there', () => {
    expect(share('gehog', ' the')).toBeNull();
    expect(share('gehog sl', 'eep the')).toBe(1);
    expect(share('g', 'ehog the ')).toBe(1);
    expect(share('’', 't the ')).toBe(1); // can|’t
    expect(share('the ', 'owl can’')).toBe(0); // the owl is all that counts
    expect(share('', 'gehog ')).toBe(0); // without a prompt the text begins here
  });

  test('a word that stands in the corpus is known, also where capitals depend on what follows', () => {
    const text = 'ΟΔΟΣ.Α ΟΔΟΣ';
    expect(knownWordShare([{ prompt: '', text: `${text} ` }], wordsOf(text))).toBe(1);
  });

  test('pools several texts; none without words', () => {
    const texts = ['the owl ', 'sleep '].map((text) => ({ prompt: '', text }));
    expect(knownWordShare(texts, known)).toBe(2 / 3);
    expect(knownWordShare([], known)).toBeNull();
    expect(countWords([{ prompt: '', text: 'The owl, the qwx the' }], known)).toEqual({ found: 2, all: 4 });
  });
});

describe('word repetition', () => {
  test('of the texts together, by hand', () => {
    // Pairs: ab bc ca ab bc of 5, 3 of them different; then ab. Triples: abc bca cab abc of 4, 3 different.
    const measured = wordRepetition([
      ['a', 'b', 'c', 'a', 'b', 'c'],
      ['a', 'b'],
    ]);
    expect(measured.rep2).toBeCloseTo(1 - 4 / 6, 14);
    expect(measured.rep3).toBeCloseTo(1 - 3 / 4, 14);
    expect(measured.rep4).toBe(0);
    expect(measured.diversity).toBeCloseTo((4 / 6) * (3 / 4), 14);
    expect(measured.distinct1).toBe(3 / 8);
    expect(measured.distinct2).toBe(3 / 6);
  });
});
