import { describe, expect, test } from 'vitest';
import { comparePairs, pairTables, splitSegments } from '../../src/evaluate/pairs.ts';

const named = (name: string, ...lines: string[]) => ({ name, text: `${lines.join('\n')}\n` });
// The example of sacreBLEU's README.
const hypotheses = named(
  'hyp',
  'The dog bit the man.',
  "It wasn't surprising.",
  'The man had just bitten him.',
);
const references = [
  named('ref1', 'The dog bit the man.', 'It was not unexpected.', 'The man bit him first.'),
  named('ref2', 'The dog had bit the man.', 'No one was surprised.', 'The man had bitten the dog.'),
];

describe('comparePairs', () => {
  const report = comparePairs(hypotheses, references);

  test("BLEU of sacreBLEU's README example: 48.53, 13a, exp, order 4, over the corpus", () => {
    expect(Object.keys(report.bleu)).toEqual([
      'score',
      'precisions',
      'counts',
      'totals',
      'brevityPenalty',
      'hypothesisLength',
      'referenceLength',
      'signature',
    ]);
    expect(report.bleu.score).toBeCloseTo(48.530827, 6);
    expect(report.bleu.signature).toBe('nrefs:2|case:mixed|eff:no|tok:13a|smooth:exp|order:4');
    expect(report.bleu.totals).toEqual([17, 14, 11, 8]); // of 6 + 4 + 7 tokens, each line for itself
    expect(comparePairs(hypotheses, references, { tokenization: 'none' }).bleu.score).toBeCloseTo(
      49.1919566,
      6,
    );
  });

  test('ROUGE: means over lines of the best reference, by hand', () => {
    // Unigrams: line 1 5/5. Line 2 "it wasn t surprising": 1 of 4 with "it was not unexpected" (4), 0 with the other.
    // Line 3 (6): "the man bit him first" 3 of 5; "the man had bitten the dog" (6) 4: the, man, had, bitten.
    expect(report.rouge1.precision).toBeCloseTo((1 + 1 / 4 + 4 / 6) / 3, 14);
    expect(report.rouge1.recall).toBeCloseTo((1 + 1 / 4 + 4 / 6) / 3, 14);
    // Bigrams of line 3: the man, man had of 5 and 5.
    expect(report.rouge2.f).toBeCloseTo((1 + 0 + 2 / 5) / 3, 14);
    expect(report.rougeL.f).toBeCloseTo((1 + 1 / 4 + 4 / 6) / 3, 14);
    expect(report.rougeLsum).toEqual(report.rougeL); // lines hold no line breaks
  });

  test('repetition over white space words of the hypotheses, pooled', () => {
    const own = comparePairs(named('h', 'a b a b a', 'a b'), [named('r', 'x', 'y')]);
    expect(own.rep2).toBeCloseTo(1 - (2 + 1) / (4 + 1), 14); // ab, ba of 4; ab of 1
    expect(own.rep3).toBeCloseTo(1 - 2 / 3, 14); // aba, bab of 3
    expect(own.rep4).toBe(0); // abab, baba
    expect(own.diversity).toBeCloseTo((3 / 5) * (2 / 3), 14);
    expect(own.distinct1).toBe(2 / 7);
    expect(own.distinct2).toBe(2 / 5);
    expect(own.bleu.score).toBe(0);
    expect(comparePairs(named('h', 'a b'), [named('r', 'a b')]).rep3).toBeNull();
  });

  test('a text against itself is perfect', () => {
    const same = comparePairs(hypotheses, [hypotheses]);
    expect(same.bleu.score).toBe(100);
    for (const type of ['rouge1', 'rouge2', 'rougeL', 'rougeLsum'] as const) {
      expect(same[type]).toEqual({ precision: 1, recall: 1, f: 1 });
    }
  });

  test('unequal line counts name the file, both counts and what is expected', () => {
    expect(() => comparePairs(hypotheses, [references[0], named('short', 'one', 'two')])).toThrow(
      new RangeError('short: expected 3 lines as in hyp, got 2; one segment a line'),
    );
  });

  test('the tables show the numbers and both signatures', () => {
    const text = pairTables(report);
    expect(text).toContain('BLEU 48.53 = 82.4 / 50.0 / 45.5 / 37.5, brevity penalty 0.943');
    expect(text).toContain('nrefs:2|case:mixed|eff:no|tok:13a|smooth:exp|order:4');
    expect(text).toMatch(/^ROUGE-1 +63\.89 +63\.89 +63\.89$/m);
    expect(text).toMatch(/^diversity +\d\.\d{4}$/m);
  });
});

describe('segments of several lines', () => {
  const [hyp, ref] = [named('h', 'a b', 'c d', '', 'e f'), named('r', 'c d', 'a b', '', 'e x')];

  test('a delimiter lets line breaks into segments, where ROUGE-Lsum goes line by line', () => {
    const report = comparePairs(hyp, [ref], { delimiter: '\n\n' });
    expect(report).toMatchObject({ segments: 2, severalLines: true });
    // The first segment: 2 of 4 in order, but all 4 line by line; the second: 1 of 2.
    expect(report.rougeL.f).toBeCloseTo((2 / 4 + 1 / 2) / 2, 14);
    expect(report.rougeLsum.f).toBeCloseTo((1 + 1 / 2) / 2, 14);
    expect(pairTables(report)).toMatch(/^ROUGE-Lsum +75\.00 +75\.00 +75\.00$/m);
  });

  test('of one line each the table has ROUGE-L once and says why', () => {
    const text = pairTables(comparePairs(hyp, [ref]));
    expect(text).not.toMatch(/^ROUGE-Lsum/m);
    expect(text).toContain('ROUGE-Lsum, which goes line by line, is ROUGE-L here');
  });

  test('unequal counts name the delimiter', () => {
    expect(() => comparePairs(hyp, [named('short', 'a')], { delimiter: '\n\n' })).toThrow(
      new RangeError('short: expected 2 segments as in h, got 1; "\\n\\n" stands between segments'),
    );
  });
});

describe('splitSegments', () => {
  test('the last line break ends a line and begins none; CRLF is one; empty lines count', () => {
    expect(splitSegments('a\nb\n')).toEqual(['a', 'b']);
    expect(splitSegments('a\nb')).toEqual(['a', 'b']);
    expect(splitSegments('\uFEFFa\r\nb\r\n')).toEqual(['a', 'b']);
    expect(splitSegments('a\n\nb\n\n')).toEqual(['a', '', 'b', '']);
    expect(splitSegments('\n')).toEqual(['']);
  });

  test('between delimiters; the one at the end begins no other, nor does a line break there', () => {
    for (const end of ['', '\n', '\n\n']) {
      expect(splitSegments(`a\nb\r\n\r\nc${end}`, '\n\n')).toEqual(['a\nb', 'c']);
    }
    expect(splitSegments('a|b||c\n', '|')).toEqual(['a', 'b', '', 'c']);
  });
});
