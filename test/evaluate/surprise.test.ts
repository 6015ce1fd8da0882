import { describe, expect, test } from 'vitest';
import {
  rankOf,
  surprise,
  surpriseLegend,
  surpriseTable,
  surpriseText,
} from '../../src/evaluate/surprise.ts';
import { scoreText } from '../../src/evaluate/text-score.ts';
import { openTiny, story } from './support.ts';

const scorer = openTiny();
const encode = (text: string) => scorer.tokenizer.encode(text);
const of = (text: string) => surprise(scorer, encode(text), { mode: 'blocks' });

describe('surprise', () => {
  test('of a longer text than the context: every token but the first, adding up to the total', () => {
    const { tokens, ...totals } = of(story);
    expect(totals).toEqual(scoreText(scorer, encode(story), { mode: 'blocks' }));
    expect(tokens.map(({ text }) => text).join('')).toBe(story);
    expect(tokens[0]).toEqual({ text: 't', nll: null, bits: null, rank: null });
    let sum = 0;
    for (const { nll, bits, rank } of tokens.slice(1)) {
      sum += nll!;
      expect(bits).toBe(nll! / Math.LN2);
      expect(rank).toBeGreaterThanOrEqual(1);
      expect(rank).toBeLessThanOrEqual(scorer.tokenizer.vocabSize);
      expect(nll).toBeGreaterThanOrEqual(Math.log(rank!) - 1e-12); // rank - 1 others are at least as likely
      if (nll! < Math.LN2) expect(rank).toBe(1); // more than half of the probability
    }
    expect(sum / totals.tokensScored).toBe(totals.nll);
  });

  test('a stride changes what tokens late in the text are predicted from, not those of the first window', () => {
    const blocks = of(story).tokens;
    const stride = surprise(scorer, encode(story), { mode: 'stride', stride: 1 }).tokens;
    expect(stride.slice(0, 13)).toEqual(blocks.slice(0, 13));
    expect(stride[13].nll).not.toBe(blocks[13].nll);
  });

  test('a model of zeros ranks equal logits by id', () => {
    const zero = openTiny({ zero: true });
    const { tokens } = surprise(zero, Int32Array.of(3, 0, 5, 2), { mode: 'blocks' });
    expect(tokens.map(({ rank }) => rank)).toEqual([null, 1, 6, 3]);
    for (const { nll } of tokens.slice(1)) expect(nll).toBeCloseTo(Math.log(zero.tokenizer.vocabSize), 12);
  });

  test('ranks: larger logits and equal ones with a lower id stand before', () => {
    const logits = Float32Array.of(1, 3, 2, 3, -1);
    expect([0, 1, 2, 3, 4].map((token) => rankOf(logits, token))).toEqual([4, 1, 3, 2, 5]);
  });
});

describe('what it looks like', () => {
  const token = (text: string, nll: number | null) => ({
    text,
    nll,
    bits: nll,
    rank: nll === null ? null : 1,
  });
  const shown = (...tokens: ReturnType<typeof token>[]) => surpriseText({ ...of('the cat'), tokens });

  test('the table has a line a token, in escapes where a character cannot be seen', () => {
    const lines = surpriseTable({
      ...of('the'),
      tokens: [token('a', null), token('\n', 0.12345), token('\x1b', 12)],
    }).split('\n');
    expect(lines).toEqual([
      'token     nats    bits      rank',
      'a            -       -  unscored',
      '↵        0.123   0.123         1',
      'U+001B  12.000  12.000         1',
    ]);
  });

  test('backgrounds change at 0.5, 1, 2, 3 and 4.5 nats and equal neighbours share one', () => {
    const styled = shown(token('a', 0.49), token('b', 0.5), token('c', 0.99), token('d', 1), token('e', 5));
    expect(styled).toBe(
      'a\x1b[48;5;230;38;5;16mbc\x1b[0m\x1b[48;5;222;38;5;16md\x1b[0m\x1b[48;5;124;38;5;231me\x1b[0m',
    );
    expect(shown(token('a', null), token('b', 2), token('c', 3))).toBe(
      '\x1b[4ma\x1b[0m\x1b[48;5;215;38;5;16mb\x1b[0m\x1b[48;5;203;38;5;16mc\x1b[0m',
    );
  });

  test('a background ends before the line does, and no control character comes through', () => {
    expect(shown(token('\n', 4.5), token('\x1b', 0))).toBe('\x1b[48;5;124;38;5;231m↵\x1b[0m\nU+001B');
  });

  test('the legend names every band', () => {
    expect(surpriseLegend().match(/ (0|0.5|1|2|3) to | from 4.5 /g)).toHaveLength(6);
  });
});
