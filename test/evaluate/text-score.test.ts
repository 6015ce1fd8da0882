import { describe, expect, test } from 'vitest';
import { scoreLines, scoreText } from '../../src/evaluate/text-score.ts';
import { scoreTokens } from '../../src/train/score.ts';
import { openTiny, story } from './support.ts';

const scorer = openTiny();
const tokens = scorer.tokenizer.encode(story);
const n = tokens.length;
const T = scorer.model.config.contextLength;

describe('scoreText', () => {
  test('stride = context equals blocks, bit for bit', () => {
    const { mode: _, ...blocks } = scoreText(scorer, tokens, { mode: 'blocks' });
    const { mode, ...stride } = scoreText(scorer, tokens, { mode: 'stride', stride: T });
    expect(mode).toBe('stride');
    expect(stride).toEqual(blocks);
    expect(Object.is(stride.nll, blocks.nll)).toBe(true);
  });

  test('stride scores each token as a pass over its own window does, once, for any batch', () => {
    const own = new Map<number, number>();
    scoreText(scorer, tokens, { mode: 'stride', stride: 5 }, (nll, index) => {
      expect(own.has(index)).toBe(false);
      own.set(index, nll);
    });
    expect([...own.keys()]).toEqual(Array.from({ length: n - 1 }, (_, i) => i + 1));
    for (const [index, nll] of own) {
      // The window that reaches `index` first: the 0th, or the k-th that starts at 5 k.
      const start = Math.max(0, Math.ceil((index - T) / 5)) * 5;
      let expected = Number.NaN;
      scoreTokens(scorer.model, scorer.buffers, tokens, [{ start, length: index - start }], (x) => {
        expected = x;
      });
      expect(nll).toBe(expected);
    }
    const all = [1, 2, 3, 7].map((batch) =>
      scoreText(openTiny({ batch }), tokens, { mode: 'stride', stride: 5 }),
    );
    for (const other of all) expect(other).toEqual(all[0]);
    expect(all[0].nll).toBeCloseTo([...own.values()].reduce((a, b) => a + b) / (n - 1), 13);
  });

  test('a model of zeros has perplexity V and log2 V bits a character, relative error below 1e-9', () => {
    const zero = openTiny({ zero: true });
    const V = zero.model.config.vocabSize;
    for (const mode of ['blocks', 'stride'] as const) {
      const { perplexity, bitsPerChar, standardError } = scoreText(zero, tokens, { mode });
      expect(Math.abs(perplexity / V - 1)).toBeLessThan(1e-9);
      expect(Math.abs(bitsPerChar / Math.log2(V) - 1)).toBeLessThan(1e-9);
      expect(standardError).toBeLessThan(1e-12);
    }
  });

  test('counts code points and UTF-8 bytes of what was scored: not of the first character', () => {
    const text = 'é€😀a😀é';
    const wide = openTiny({ text });
    const score = scoreText(wide, wide.tokenizer.encode(text), { mode: 'blocks' });
    expect(score).toMatchObject({ tokensScored: 5, characters: 5, bytes: 3 + 4 + 1 + 4 + 2 });
    expect(score.bitsPerChar).toBeCloseTo(score.nll / Math.LN2, 13);
    expect(score.bitsPerByte).toBeCloseTo((5 * score.nll) / (14 * Math.LN2), 13);
  });

  test('the JSON begins with tokensScored, nll, perplexity, bitsPerChar and tells the mode', () => {
    const score = scoreText(scorer, tokens, { mode: 'stride' });
    expect(Object.keys(score).slice(0, 4)).toEqual(['tokensScored', 'nll', 'perplexity', 'bitsPerChar']);
    expect(score).toMatchObject({ mode: 'stride', stride: T / 2, contextLength: T, characters: n - 1 });
    expect(scoreLines(score)).toMatch(/in windows of 12, the last 6 of each \(\d+ characters, \d+ bytes\)/);
    expect(scoreLines(scoreText(scorer, tokens, { mode: 'blocks' }))).toMatch(/in blocks of 12 /);
  });

  test('one token cannot be scored', () => {
    for (const few of [tokens.subarray(0, 0), tokens.subarray(0, 1)]) {
      expect(() => scoreText(scorer, few, { mode: 'blocks' })).toThrow(
        `expected at least 2 tokens, got ${few.length}`,
      );
    }
  });
});
