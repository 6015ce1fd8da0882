import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { chooseExcerpts, continuationPerplexity, continuePrompts } from '../../src/evaluate/continuations.ts';
import { trainBpe } from '../../src/model/text/bpe-train.ts';
import { generateAll } from '../../src/sample/generate.ts';
import { samplingSettings } from '../../src/sample/settings.ts';
import { scoreTokens } from '../../src/train/score.ts';
import { openTiny, story } from './support.ts';

const count = (n: number) => Int32Array.from({ length: n }, (_, i) => i);
const whole = { beginsCharacter: () => true };

describe('chooseExcerpts', () => {
  test('disjoint, each in its own stretch, the truth right behind the prompt; the same for the same seed', () => {
    const sizes = fc.record({
      count: fc.integer({ min: 1, max: 6 }),
      promptTokens: fc.integer({ min: 1, max: 5 }),
      newTokens: fc.integer({ min: 1, max: 5 }),
    });
    fc.assert(
      fc.property(sizes, fc.integer({ min: 0, max: 40 }), fc.nat(1000), (size, extra, seed) => {
        const n = size.count * (size.promptTokens + size.newTokens) + extra;
        const stretch = Math.floor(n / size.count);
        const excerpts = chooseExcerpts(whole, count(n), size, seed);
        expect(excerpts).toHaveLength(size.count);
        excerpts.forEach(({ prompt, truth }, i) => {
          const both = [...prompt, ...truth];
          expect([prompt.length, truth.length]).toEqual([size.promptTokens, size.newTokens]);
          expect(both).toEqual(both.map((_, k) => both[0] + k));
          expect(both[0]).toBeGreaterThanOrEqual(i * stretch);
          expect(both.at(-1)).toBeLessThan((i + 1) * stretch);
        });
        expect(chooseExcerpts(whole, count(n), size, seed)).toEqual(excerpts);
      }),
      { seed: 1, numRuns: 200 },
    );
  });

  test('every place of a stretch is drawn, and another seed draws others', () => {
    const size = { count: 1, promptTokens: 2, newTokens: 1 };
    const starts = Array.from(
      { length: 60 },
      (_, seed) => chooseExcerpts(whole, count(6), size, seed)[0].prompt[0],
    );
    expect([...new Set(starts)].sort()).toEqual([0, 1, 2, 3]);
  });

  test('of characters that are several tokens each: cut between characters, disjoint, no shorter than asked for', () => {
    const tokenizer = trainBpe('a', 256);
    const characters = fc.array(fc.constantFrom('a', 'é', '€', '😀'), { minLength: 60, maxLength: 90 });
    const sizes = fc.record({
      count: fc.integer({ min: 1, max: 3 }),
      promptTokens: fc.integer({ min: 1, max: 5 }),
      newTokens: fc.integer({ min: 1, max: 5 }),
    });
    let moved = 0;
    fc.assert(
      fc.property(characters, sizes, fc.nat(1000), (text, size, seed) => {
        const tokens = tokenizer.encode(text.join(''));
        let rest = text.join('');
        for (const { prompt, truth } of chooseExcerpts(tokenizer, tokens, size, seed)) {
          expect(prompt.length - size.promptTokens).toBeGreaterThanOrEqual(0);
          expect(prompt.length - size.promptTokens).toBeLessThanOrEqual(3);
          expect(truth.length - size.newTokens).toBeGreaterThanOrEqual(0);
          expect(truth.length - size.newTokens).toBeLessThanOrEqual(3);
          if (prompt.length > size.promptTokens) moved += 1;
          const [asked, came] = [tokenizer.decode(prompt), tokenizer.decode(truth)];
          expect(asked + came).not.toContain('\ufffd');
          const at = rest.indexOf(asked + came);
          expect(at).toBeGreaterThanOrEqual(0);
          expect(prompt.buffer).toBe(tokens.buffer);
          rest = rest.slice(at + asked.length + came.length); // the next is behind this one
        }
      }),
      { seed: 2, numRuns: 200 },
    );
    expect(moved).toBeGreaterThan(100);
    expect(() =>
      chooseExcerpts(tokenizer, tokenizer.encode('😀😀😀'), { count: 2, promptTokens: 1, newTokens: 1 }, 1),
    ).toThrow('expected 2 times 1 + 1 tokens (and 9 to cut between characters), got 12; take at most 1');
  });

  test('a text that is too short is refused with what was asked for', () => {
    expect(() => chooseExcerpts(whole, count(17), { count: 3, promptTokens: 2, newTokens: 4 }, 1)).toThrow(
      'expected 3 times 2 + 4 tokens, got 17; take at most 2, or shorter ones',
    );
  });
});

describe('continuePrompts', () => {
  const options = { settings: samplingSettings({ topP: 0.9 }), newTokens: 20, seed: 5 };
  const prompts = ['the ', 'a rat', 'no', 'the ', 'dog sat on the log'].map((prompt) =>
    openTiny().tokenizer.encode(prompt),
  );

  test('gives the same for any number of prompts at a time, past the context too', () => {
    const [one, two, five] = [1, 2, 5].map((slots) =>
      continuePrompts(openTiny({ slots }).model, prompts, options),
    );
    expect(two).toEqual(one);
    expect(five).toEqual(one);
    expect(one.map(({ length }) => length)).toEqual([20, 20, 20, 20, 20]);
    expect(one[0]).not.toEqual(one[3]); // equal prompts, streams of their own
  });

  test('prompt i gets what generate draws for stream i', () => {
    const { model } = openTiny({ slots: 1 });
    const [alone] = generateAll(model, [{ prompt: prompts[3], stream: 3 }], {
      ...{ settings: options.settings, maxNewTokens: 20, seed: 5, contextPolicy: 'shift' },
    });
    expect([...continuePrompts(model, prompts, options)[3]]).toEqual([...alone.tokens]);
  });
});

describe('continuationPerplexity', () => {
  const scorer = openTiny();
  const T = scorer.model.config.contextLength;
  const ids = scorer.tokenizer.encode(story);

  /** -ln p of the last token given all before it. */
  const surpriseOf = (tokens: Int32Array) => {
    let last = Number.NaN;
    scoreTokens(scorer.model, scorer.buffers, tokens, [{ start: 0, length: tokens.length - 1 }], (nll) => {
      last = nll;
    });
    return last;
  };

  test('within the context: every token after the prompt given all before it, none of the prompt', () => {
    const [prompt, text] = [ids.subarray(0, 4), ids.subarray(4, 9)];
    let nats = 0;
    for (let end = 5; end <= 9; end++) nats += surpriseOf(ids.subarray(0, end));
    expect(continuationPerplexity(scorer, [prompt], [text])).toBeCloseTo(Math.exp(nats / 5), 12);
  });

  test('past the context: windows that start half a context apart', () => {
    const [prompt, text] = [ids.subarray(0, 3), ids.subarray(3, 3 * T)];
    let nats = 0;
    for (let token = 3; token < 3 * T; token++) {
      const start = Math.max(0, Math.ceil((token - T) / (T / 2))) * (T / 2);
      nats += surpriseOf(ids.subarray(start, token + 1));
    }
    expect(continuationPerplexity(scorer, [prompt], [text])).toBeCloseTo(Math.exp(nats / text.length), 11);
  });

  test('pools tokens, not texts; no text sees another; any batch, any order', () => {
    const prompts = [ids.subarray(0, 3), ids.subarray(20, 21), ids.subarray(30, 42)];
    const texts = [ids.subarray(3, 5), ids.subarray(21, 50), ids.subarray(42, 49)];
    const alone = texts.map((text, i) => Math.log(continuationPerplexity(scorer, [prompts[i]], [text])));
    const pooled = alone.reduce((sum, nll, i) => sum + nll * texts[i].length, 0) / (2 + 29 + 7);
    const together = continuationPerplexity(scorer, prompts, texts);
    expect(together).toBeCloseTo(Math.exp(pooled), 11);
    expect(continuationPerplexity(openTiny({ batch: 7 }), prompts, texts)).toBe(together);
  });

  test('a model of zeros: V', () => {
    const zero = openTiny({ zero: true });
    const perplexity = continuationPerplexity(zero, [ids.subarray(0, 2)], [ids.subarray(2, 40)]);
    expect(perplexity).toBeCloseTo(zero.model.config.vocabSize, 11);
  });
});
