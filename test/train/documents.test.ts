import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { trainBpe } from '../../src/model/text/bpe-train.ts';
import { CharTokenizer } from '../../src/model/text/tokenizer.ts';
import { withEndOfText } from '../../src/model/text/tokenizer-file.ts';
import { ids } from '../../src/tensor/tensor.ts';
import { learnTokenizer } from '../../src/train/choices.ts';
import { Batches, encodeSplit, windowStart } from '../../src/train/dataset.ts';
import { type Corpus, scoredText, splitCorpus } from '../../src/train/documents.ts';
import { allWindows, heldOutWindows } from '../../src/train/windows.ts';

const corpusOf = (texts: readonly string[]): Corpus => ({
  documents: texts.map((text) => ({ text })),
  ends: true,
});
const names = Array.from({ length: 400 }, (_, i) => `n${i.toString(3)}`);

describe('splitting documents', () => {
  it('keeps each whole, and copies in one part', () => {
    fc.assert(
      fc.property(fc.array(fc.stringMatching(/^[ab]{1,4}$/), { minLength: 2, maxLength: 60 }), (texts) => {
        fc.pre(new Set(texts).size > 1);
        const { training, heldOut } = splitCorpus(corpusOf(texts));
        expect([...training, ...heldOut].map(({ text }) => text).sort()).toEqual([...texts].sort());
        expect(training.length * heldOut.length).toBeGreaterThan(0);
        const learned = new Set(training.map(({ text }) => text));
        expect(heldOut.filter(({ text }) => learned.has(text))).toEqual([]);
      }),
    );
  });

  it('holds out a tenth of the text, from all over it, the same each time', () => {
    const { training, heldOut } = splitCorpus(corpusOf(names));
    const length = (part: typeof training) => part.reduce((sum, { text }) => sum + text.length, 0);
    const share = length(heldOut) / (length(training) + length(heldOut));
    expect(share).toBeGreaterThan(0.095);
    expect(share).toBeLessThanOrEqual(0.1);
    const places = heldOut.map(({ text }) => names.indexOf(text));
    expect(Math.min(...places)).toBeLessThan(100);
    expect(Math.max(...places)).toBeGreaterThan(300);
    expect(training.map(({ text }) => text)).not.toEqual(
      names.filter((name) => training.some(({ text }) => text === name)),
    );
    expect(splitCorpus(corpusOf(names))).toEqual({ training, heldOut });
  });

  it('holds out the shortest of a few long ones', () => {
    const { training, heldOut } = splitCorpus(corpusOf(['a'.repeat(50), 'b'.repeat(40), 'c'.repeat(60)]));
    expect(heldOut).toEqual([{ text: 'b'.repeat(40) }]);
    expect(training.length).toBe(2);
  });

  it('needs two different ones, or others to hold out', () => {
    expect(() => splitCorpus(corpusOf(['a', 'a']))).toThrow('expected at least 2 different documents');
    const heldOut = [{ text: 'b' }];
    expect(splitCorpus({ ...corpusOf(['a']), heldOut })).toEqual({ training: [{ text: 'a' }], heldOut });
  });
});

describe('documents as tokens', () => {
  it.each(['char', 'bpe'] as const)('have the end-of-text token before and after each: %s', (kind) => {
    const corpus = corpusOf(names);
    const tokenizer = learnTokenizer(kind, corpus, 280);
    expect(tokenizer.vocabSize).toBe(kind === 'char' ? 5 : 280);
    const { training, heldOut } = splitCorpus(corpus);
    const { train, validation, end } = encodeSplit(corpus, tokenizer);
    expect(end).toBe(tokenizer.endOfText);
    for (const [tokens, part] of [
      [train, training],
      [validation, heldOut],
    ] as const) {
      const row = part.map(({ text }) => [...tokenizer.encode(text), end]);
      expect([...tokens]).toEqual([end, ...row.flat()]);
    }
  });

  it('learn merges from the training documents, and none across an end', () => {
    const texts = names.map((name) => `${name}q`);
    const tokenizer = learnTokenizer('bpe', corpusOf(texts), 300);
    const { training } = splitCorpus(corpusOf(texts));
    expect(tokenizer.toJSON()).toEqual(
      withEndOfText(trainBpe(training.map(({ text }) => text).join('\n'), 299)).toJSON(),
    );
    for (let id = 0; id < 299; id++) expect(tokenizer.decode([id])).not.toMatch(/\n./);
    expect(() => learnTokenizer('bpe', corpusOf(texts), 256)).toThrow('expected at least 257 tokens');
  });

  it('count an end as one character, so that tokenizers compare', () => {
    const [char, bpe] = (['char', 'bpe'] as const).map((kind) => learnTokenizer(kind, corpusOf(names), 280));
    const byCharacter = encodeSplit(corpusOf(names), char!).validation;
    const { validation, charactersPerToken } = encodeSplit(corpusOf(names), bpe!);
    expect(charactersPerToken! * (validation.length - 1)).toBeCloseTo(byCharacter.length - 1, 8);
    expect(scoredText(char!, byCharacter)).toBe(scoredText(bpe!, validation));
    expect(scoredText(char!, byCharacter).endsWith('\0')).toBe(true);
  });
});

/** E is the end. Documents of 2, 1, 9 and 3 tokens. */
const E = 99;
const row = Int32Array.of(E, 1, 2, E, 3, E, 11, 12, 13, 14, 15, 16, 17, 18, 19, E, 5, 6, 7, E);

describe('windows over documents', () => {
  it('begin with the document at their place, if it fits', () => {
    const starts = Array.from(row, (_, place) => windowStart(row, place, 4, E));
    expect(starts).toEqual([0, 0, 0, 3, 3, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 15, 15, 15, 19]);
    expect(windowStart(row, 10, 10, E)).toBe(5);
    expect(windowStart(row, 17, 4, undefined)).toBe(17);
  });

  it('score every token but the first once, and cut no document that fits', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 30 }),
        fc.integer({ min: 2, max: 12 }),
        (lengths, T) => {
          const tokens = Int32Array.from([E, ...lengths.flatMap((n) => [...Array(n).keys(), E])]);
          const windows = heldOutWindows({ train: tokens, validation: tokens, end: E }, T, 'full');
          const scored = windows.flatMap(({ start, length }) =>
            Array.from({ length }, (_, i) => start + 1 + i),
          );
          expect(scored).toEqual(Array.from({ length: tokens.length - 1 }, (_, i) => i + 1));
          for (const { start, length } of windows) {
            expect(length).toBeLessThanOrEqual(T);
            const before = tokens.lastIndexOf(E, start);
            if (tokens.indexOf(E, before + 1) - before <= T) expect(before).toBe(start);
          }
        },
      ),
    );
    expect(allWindows(9, 4)).toEqual([
      { start: 0, length: 4 },
      { start: 4, length: 4 },
    ]);
  });

  it.each(['random', 'epoch'] as const)(
    'are what batches are made of, the same after a stop: %s',
    (sampling) => {
      const tokenizer = learnTokenizer('char', corpusOf(names));
      const { train, end } = encodeSplit(corpusOf(names), tokenizer);
      const T = 12;
      const fill = (batches: Batches, step: number) => {
        const [inputs, targets] = [ids('i', new Int32Array(5 * T)), ids('t', new Int32Array(5 * T))];
        batches.fill(inputs, targets, step, 0);
        return [...inputs.data, ...targets.data];
      };
      const open = () => new Batches(train, T, 7, sampling, end);
      const straight = open();
      const steps = Array.from({ length: 60 }, (_, step) => fill(straight, step));
      for (const step of [0, 31, 59]) expect(fill(open(), step)).toEqual(steps[step]);
      for (const batch of steps) for (let b = 0; b < 5; b++) expect(batch[b * T]).toBe(end);
      expect(fill(new Batches(train, T, 8, sampling, end), 0)).not.toEqual(steps[0]);
    },
  );

  it('come from tokens that are not in memory as well', () => {
    const read: [number, number][] = [];
    const file = {
      length: row.length,
      subarray(start: number, end: number) {
        read.push([start, end]);
        return row.slice(start, end);
      },
    };
    const fill = (tokens: ConstructorParameters<typeof Batches>[0]) => {
      const [inputs, targets] = [ids('i', new Int32Array(40)), ids('t', new Int32Array(40))];
      new Batches(tokens, 4, 1, 'epoch', E).fill(inputs, targets, 3, 0);
      return [...inputs.data, ...targets.data];
    };
    expect(fill(file)).toEqual(fill(row));
    expect(Math.max(...read.map(([start, end]) => end - start))).toBeLessThanOrEqual(2 * 4 + 1);
  });
});

it('a text with characters of the vocabulary only makes a tokenizer without an end', () => {
  expect(CharTokenizer.train('ab').endOfText).toBe(undefined);
});
