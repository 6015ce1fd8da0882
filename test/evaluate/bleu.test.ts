import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type BleuOptions, bleuScore, corpusBleu, sentenceBleu } from '../../src/evaluate/bleu.ts';
import { bleuTokenizers } from '../../src/evaluate/bleu-tokenize.ts';

/** Published values are cut off or rounded: within one unit of the last digit given. */
const within = (value: number, expected: number, digits: number) =>
  expect(Math.abs(value - expected)).toBeLessThan(Number(`1e-${digits}`));
const raw: BleuOptions = { tokenization: 'none', smoothing: 'floor', smoothingValue: 0.01 };
const lines = ['The dog bit the man.', "It wasn't surprising.", 'The man had just bitten him.'];
const references = [
  ['The dog bit the man.', 'The dog had bit the man.'],
  ['It was not unexpected.', 'No one was surprised.'],
  ['The man bit him first.', 'The man had bitten the dog.'],
];

describe('BLEU agrees with the published values of sacreBLEU', () => {
  test.each([
    ['this is a fest', 'this is a test', 22.3606797749979],
    ['this is a test', 'this is a test', 100],
    ['test', 'a test', 36.78794411714425],
    ['a little test', 'a test', 3.218297948685433],
    ['another test', 'ref2', 0],
  ])('floor 0.01, effective order: %s / %s', (hypothesis, reference, expected) => {
    expect(sentenceBleu(hypothesis, [reference], raw).score).toBeCloseTo(expected, 10);
  });

  test('one line, floor 0.1 and 0: counts [4,2,1,0] of [6,5,4,3]', () => {
    const score = (smoothingValue: number) =>
      corpusBleu(['am I am a character sequence'], [['I am a symbol string sequence a a']], {
        ...raw,
        smoothingValue,
      });
    const { counts, totals, hypothesisLength, referenceLength } = score(0.1);
    expect({ counts, totals, hypothesisLength, referenceLength }).toEqual({
      counts: [4, 2, 1, 0],
      totals: [6, 5, 4, 3],
      hypothesisLength: 6,
      referenceLength: 8,
    });
    within(score(0.1).score, 15.55722182, 8);
    expect(score(0).score).toBe(0);
  });

  test('statistics [9,7,5,3] of [10,8,6,4], lengths 11 and 11', () => {
    const lengths = { hypothesisLength: 11, referenceLength: 11 };
    const { score, brevityPenalty, precisions } = bleuScore({
      counts: [9, 7, 5, 3],
      totals: [10, 8, 6, 4],
      ...lengths,
    });
    expect(score).toBeCloseTo(83.75922397, 8);
    expect(brevityPenalty).toBe(1);
    expect(precisions).toEqual([90, 87.5, 100 * (5 / 6), 75]);
  });

  test.each<[string, BleuOptions, number]>([
    ['13a', { tokenization: '13a' }, 48.530827],
    ['default', {}, 48.530827],
    ['none', { tokenization: 'none' }, 49.1919566],
    ['no smoothing', { smoothing: 'none' }, 48.530827],
  ])('three lines with two references each: %s', (_, options, expected) => {
    expect(corpusBleu(lines, references, options).score).toBeCloseTo(expected, 6);
  });

  test('three lines: empty hypotheses score 0 with brevity penalty 0', () => {
    const { score, brevityPenalty, hypothesisLength, referenceLength } = corpusBleu(['', '', ''], references);
    expect([score, brevityPenalty, hypothesisLength, referenceLength]).toEqual([0, 0, 0, 6 + 5 + 6]);
  });

  test('three lines: maximum order 1 to 6', () => {
    const scores = [1, 2, 3, 4, 5, 6].map((maxOrder) => corpusBleu(lines, references, { maxOrder }).score);
    [77.65, 60.5, 53.93, 48.53, 46.14, 43.28].forEach((expected, i) => {
      expect(scores[i]).toBeCloseTo(expected, 2);
    });
  });

  test.each<[string, BleuOptions, number, number]>([
    ['exp', {}, 8.493, 3],
    ['none', { smoothing: 'none' }, 0, 12],
    ['floor', { smoothing: 'floor' }, 4.51688, 5],
    ['floor 0.5', { smoothing: 'floor', smoothingValue: 0.5 }, 10.1, 2],
    ['add-k', { smoothing: 'add-k' }, 14.882, 3],
    ['add-k 2', { smoothing: 'add-k', smoothingValue: 2 }, 21.389, 3],
    ['words', { tokenization: 'none' }, 7.347, 3],
    ['characters', { tokenization: 'char' }, 40.8759, 4],
    ['characters, lower case', { tokenization: 'char', lowercase: true }, 42.0267, 4],
  ])('a Romanian sentence, 13a, effective order: %s', (_, options, expected, digits) => {
    const hypothesis = 'Producția de zahăr primă va fi exprimată în ceea ce privește zahărul alb;';
    const reference = 'producţia de zahăr brut se exprimă în zahăr alb;';
    within(sentenceBleu(hypothesis, [reference], options).score, expected, digits);
  });

  test.each([
    ['no match, no hypothesis', [0, 0, 0, 0], [4, 4, 2, 1], 0, 1, 0],
    ['no match', [0, 0, 0, 0], [10, 11, 12, 0], 14, 10, 0],
    ['nothing at all', [0, 0, 0, 0], [0, 0, 0, 0], 0, 0, 0],
    ['one order without a match', [6, 5, 4, 0], [6, 5, 4, 3], 6, 6, 0],
    ['nothing at all, floor 0.1', [0, 0, 0, 0], [0, 0, 0, 0], 0, 0, 0.1],
    ['no totals, floor 0.01', [0, 0, 0, 0], [0, 0, 0, 0], 1, 5, 0.01],
  ])(
    'degenerate statistics give exactly 0: %s',
    (_, counts, totals, hypothesisLength, referenceLength, value) => {
      const statistics = { counts, totals, hypothesisLength, referenceLength };
      expect(bleuScore(statistics, { smoothing: 'floor', smoothingValue: value }).score).toBe(0);
    },
  );

  test.each<[string, BleuOptions, number]>([
    ['exp', { smoothing: 'exp' }, 37.99178428],
    ['add-k', { smoothing: 'add-k' }, 48.54917717],
    ['floor', { smoothing: 'floor' }, 25.40663741],
    ['none', { smoothing: 'none' }, 0],
  ])('token ids [1,2,3,9,4,5] against [1,2,3,4,5]: %s', (_, options, expected) => {
    const { score, counts } = corpusBleu([[1, 2, 3, 9, 4, 5]], [[[1, 2, 3, 4, 5]]], options);
    expect(counts).toEqual([5, 3, 1, 0]);
    expect(score).toBeCloseTo(expected, 8);
  });

  test('token ids: brevity [1,2] against [1,2,3,4], order 2, is 100/e', () => {
    expect(corpusBleu([[1, 2]], [[[1, 2, 3, 4]]], { maxOrder: 2 }).score).toBeCloseTo(36.78794412, 8);
  });

  test('token ids: of references of 2 and 4 tokens the shorter counts for 3 tokens', () => {
    const list = [Int32Array.of(1, 2), Int32Array.of(1, 2, 3, 4)];
    for (const refs of [list, list.toReversed()]) {
      const { score, referenceLength, brevityPenalty } = corpusBleu([[1, 2, 3]], [refs], { maxOrder: 1 });
      expect([score, referenceLength, brevityPenalty]).toEqual([100, 2, 1]);
    }
  });
});

describe('BLEU of a text shorter than the maximum order', () => {
  test('is 0, and with effective order takes the orders there are', () => {
    expect(corpusBleu(['a b'], [['a b']]).score).toBe(0);
    expect(corpusBleu(['a b'], [['a b']], { effectiveOrder: true }).score).toBe(100);
    expect(sentenceBleu('a c', ['a b']).score).toBeCloseTo(100 * Math.sqrt((1 / 2) * (1 / 2)), 12);
  });

  test('counts missing orders as fully matched under add-k, as sacreBLEU does', () => {
    const { score, precisions } = corpusBleu(['a c'], [['a b']], { smoothing: 'add-k' });
    expect(precisions).toEqual([50, 50, 100, 100]);
    expect(score).toBeCloseTo(100 * Math.sqrt(1 / 2), 12);
  });
});

describe("BLEU agrees with the paper's examples", () => {
  const papineni = [
    'It is a guide to action that ensures that the military will forever heed Party commands',
    'It is the guiding principle which guarantees the military forces always being under the command of the Party',
    'It is the practical guide for the army always to heed the directions of the party',
  ];
  const options: BleuOptions = { tokenization: 'none', smoothing: 'none' };

  test('seven times "the" is clipped to 2 of 7', () => {
    const hypothesis = 'the the the the the the the';
    const { counts, totals } = sentenceBleu(
      hypothesis,
      ['the cat is on the mat', 'there is a cat on the mat'],
      options,
    );
    expect([counts[0], totals[0]]).toEqual([2, 7]);
    expect(counts[1]).toBe(0);
  });

  test('three references: 17/18, 10/17, 7/16, 4/15 and 50.4566684', () => {
    const hypothesis =
      'It is a guide to action which ensures that the military always obeys the commands of the party';
    const { counts, totals, score } = sentenceBleu(hypothesis, papineni, options);
    expect(counts).toEqual([17, 10, 7, 4]);
    expect(totals).toEqual([18, 17, 16, 15]);
    expect(score).toBeCloseTo(50.4566684, 7);
  });

  test('three references: 8/14, 1/13, 0, 0', () => {
    const hypothesis = 'It is to insure the troops forever hearing the activity guidebook that party direct';
    const { counts, totals } = sentenceBleu(hypothesis, papineni, options);
    expect([counts, totals]).toEqual([
      [8, 1, 0, 0],
      [14, 13, 12, 11],
    ]);
  });
});

describe('BLEU tokenization', () => {
  const cut = (line: string) => bleuTokenizers['13a'](line).join(' ');
  test.each([
    ['"Hello," she said.', '" Hello , " she said .'],
    ['1,000.5 or 3.14, .5 and 5.', '1,000.5 or 3.14 , . 5 and 5 .'],
    ['well-known 3-4 a-1', 'well-known 3 - 4 a-1'],
    ["it's (so) [far] {on} a/b", "it's ( so ) [ far ] { on } a / b"],
    ['&quot;x&quot; &amp;lt; &lt;y&gt;', '" x " < < y >'],
    ['hy-\nphen\nnext <skipped>line', 'hyphen next line'],
    ['end-\n', 'end-'],
    ['a`b~c^d_e', 'a ` b ~ c ^ d _ e'],
    ['zwölf…  “x”', 'zwölf… “x”'],
    ['   ', ''],
  ])('13a: %j', (line, expected) => {
    expect(cut(line)).toBe(expected);
  });

  test('none cuts at Unicode white space, char takes every other code point', () => {
    expect(bleuTokenizers.none(' a\u3000b\tc. ')).toEqual(['a', 'b', 'c.']);
    expect(bleuTokenizers.char('a 😀\u00a0é')).toEqual(['a', '😀', 'é']);
  });

  test('white space is what Python takes for it, in every tokenization; a byte order mark is none', () => {
    const python = [9, 10, 11, 12, 13, 0x1c, 0x1d, 0x1e, 0x1f, 0x20, 0x85, 0xa0, 0x1680].concat(
      Array.from({ length: 11 }, (_, i) => 0x2000 + i),
      [0x2028, 0x2029, 0x202f, 0x205f, 0x3000],
    );
    const cutters = Array.from({ length: 0x10000 }, (_, code) => code).filter(
      (code) => bleuTokenizers.none(`a${String.fromCharCode(code)}b`).length === 2,
    );
    expect(cutters).toEqual(python);
    for (const code of python) {
      const space = String.fromCharCode(code);
      expect(bleuTokenizers['13a'](`a${space}b-${space}`)).toEqual(['a', 'b-']);
      expect(bleuTokenizers.char(`a${space}b`)).toEqual(['a', 'b']);
    }
    expect(sentenceBleu('a\u0085b c d', ['a b c d']).score).toBe(100);
    expect(bleuTokenizers.char('\ufeffa')).toEqual(['\ufeff', 'a']);
  });

  test('tokens that contain spaces cannot be taken for other n-grams', () => {
    expect(corpusBleu([['a b', 'c']], [[['a', 'b c']]]).counts).toEqual([0, 0, 0, 0]);
  });
});

describe('BLEU signature', () => {
  test('names everything the score depends on', () => {
    const of = (options: BleuOptions, refs = references) => corpusBleu(lines, refs, options).signature;
    expect(of({})).toBe('nrefs:2|case:mixed|eff:no|tok:13a|smooth:exp|order:4');
    expect(
      of({
        lowercase: true,
        effectiveOrder: true,
        tokenization: 'char',
        smoothing: 'floor',
        maxOrder: 2,
      }),
    ).toBe('nrefs:2|case:lc|eff:yes|tok:char|smooth:floor[0.1]|order:2');
    expect(of({ smoothing: 'add-k', smoothingValue: 2 }, [['x'], ...references.slice(1)])).toBe(
      'nrefs:var|case:mixed|eff:no|tok:13a|smooth:add-k[2]|order:4',
    );
    expect(sentenceBleu([1], [[1]]).signature).toBe(
      'nrefs:1|case:mixed|eff:yes|tok:given|smooth:exp|order:4',
    );
  });
});

describe('BLEU errors', () => {
  const anyList = (value: unknown) => value as string[][];
  test.each<[string, () => unknown, RegExp]>([
    ['unequal counts', () => corpusBleu(['a', 'b'], [['a']]), /2 hypotheses and 1 lists/],
    ['no segment', () => corpusBleu([], []), /at least one hypothesis/],
    ['no reference', () => corpusBleu(['a'], [[]]), /segment 0 has no reference/],
    [
      'bare hypothesis',
      () => corpusBleu('a' as unknown as string[], [['a']]),
      /hypotheses; expected a list, got the bare string 'a'/,
    ],
    [
      'bare reference',
      () => corpusBleu(['a'], anyList(['a'])),
      /segment 0; expected a list, got the bare string 'a'/,
    ],
    [
      'references not nested',
      () => sentenceBleu([1, 2], anyList([1, 2]) as unknown as number[][]),
      /expected text or tokens, got 1/,
    ],
    ['words beside ids', () => sentenceBleu('1 2', [[1, 2]]), /words and token ids are mixed/],
    ['order 0', () => corpusBleu(['a'], [['a']], { maxOrder: 0 }), /order; .* got 0/],
    ['order 1.5', () => corpusBleu(['a'], [['a']], { maxOrder: 1.5 }), /order; .* got 1.5/],
    [
      'unknown smoothing',
      () => corpusBleu(['a'], [['a']], { smoothing: 'toString' as 'exp' }),
      /smoothing; .* got toString/,
    ],
    [
      'unknown tokenization',
      () => corpusBleu(['a'], [['a']], { tokenization: 'intl' as 'char' }),
      /tokenization; .* got intl/,
    ],
    ['value for exp', () => corpusBleu(['a'], [['a']], { smoothingValue: 1 }), /exp takes no value/],
    [
      'NaN value',
      () => corpusBleu(['a'], [['a']], { smoothing: 'floor', smoothingValue: Number.NaN }),
      /from 0 to 1, got NaN/,
    ],
    [
      'floor above 1',
      () => corpusBleu(['a'], [['a']], { smoothing: 'floor', smoothingValue: 1.5 }),
      /from 0 to 1, got 1.5/,
    ],
    [
      'negative add-k',
      () => corpusBleu(['a'], [['a']], { smoothing: 'add-k', smoothingValue: -1 }),
      /at least 0, got -1/,
    ],
  ])('%s', (_, call, message) => {
    expect(call).toThrow(message);
  });
});

describe('BLEU properties', () => {
  const text = fc.array(fc.integer({ min: 0, max: 4 }), { maxLength: 12 });
  const segment = fc.record({ hypothesis: text, references: fc.array(text, { minLength: 1, maxLength: 3 }) });
  const corpus = fc.array(segment, { minLength: 1, maxLength: 5 });
  const options = fc.record({
    smoothing: fc.constantFrom('none', 'floor', 'add-k', 'exp'),
    maxOrder: fc.integer({ min: 1, max: 5 }),
    effectiveOrder: fc.boolean(),
  });
  const score = (segments: readonly { hypothesis: number[]; references: number[][] }[], o: BleuOptions) =>
    corpusBleu(
      segments.map((s) => s.hypothesis),
      segments.map((s) => s.references),
      o,
    );

  test('lies in 0 .. 100, and so do the precisions', () => {
    fc.assert(
      fc.property(corpus, options, (segments, o) => {
        const bleu = score(segments, o);
        for (const value of [bleu.score, ...bleu.precisions, 100 * bleu.brevityPenalty]) {
          expect(value).toBeGreaterThanOrEqual(0);
          expect(value).toBeLessThanOrEqual(100);
        }
      }),
      { seed: 1, numRuns: 300 },
    );
  });

  test('a text against itself is exactly 100', () => {
    const long = fc.array(fc.integer({ min: 0, max: 4 }), { minLength: 5, maxLength: 20 });
    fc.assert(
      fc.property(long, options, (tokens, o) => {
        expect(corpusBleu([tokens], [[[9], tokens]], o).score).toBe(100);
      }),
      { seed: 2 },
    );
  });

  test('does not depend on the order of segments', () => {
    fc.assert(
      fc.property(corpus, options, (segments, o) => {
        expect(score(segments.toReversed(), o)).toEqual({
          ...score(segments, o),
          signature: expect.any(String),
        });
      }),
      { seed: 3 },
    );
  });

  test('one more reference never lowers a count', () => {
    fc.assert(
      fc.property(segment, text, (s, extra) => {
        const before = score([s], {}).counts;
        const after = score([{ ...s, references: [...s.references, extra] }], {}).counts;
        after.forEach((count, n) => {
          expect(count).toBeGreaterThanOrEqual(before[n]);
        });
      }),
      { seed: 4 },
    );
  });

  test('counts, totals and lengths equal a count by hand', () => {
    const windows = (tokens: number[], n: number) =>
      tokens.flatMap((_, i) => (i + n <= tokens.length ? [tokens.slice(i, i + n).join()] : []));
    fc.assert(
      fc.property(segment, ({ hypothesis, references: refs }) => {
        const bleu = score([{ hypothesis, references: refs }], {});
        for (let n = 1; n <= 4; n++) {
          // Every n-gram of the hypothesis takes one not yet taken copy from each reference; a match if any has one.
          const left = refs.map((reference) => windows(reference, n));
          let matched = 0;
          for (const ngram of windows(hypothesis, n)) {
            let found = false;
            for (const copies of left) {
              const at = copies.indexOf(ngram);
              if (at >= 0) {
                copies.splice(at, 1);
                found = true;
              }
            }
            if (found) matched++;
          }
          expect(bleu.counts[n - 1]).toBe(matched);
          expect(bleu.totals[n - 1]).toBe(windows(hypothesis, n).length);
        }
        const lengths = refs.map((reference) => reference.length).sort((a, b) => a - b);
        const distance = Math.min(...lengths.map((length) => Math.abs(length - hypothesis.length)));
        expect(bleu.referenceLength).toBe(
          lengths.find((length) => Math.abs(length - hypothesis.length) === distance),
        );
      }),
      { seed: 5, numRuns: 300 },
    );
  });

  test('the order of tokens matters beyond order 1', () => {
    const reference = [[1, 2, 3, 4]];
    const [forward, backward] = [
      [1, 2, 3, 4],
      [4, 3, 2, 1],
    ].map((tokens) => sentenceBleu(tokens, reference));
    expect(backward.counts).toEqual([4, 0, 0, 0]);
    expect(forward.counts).toEqual([4, 3, 2, 1]);
  });
});
