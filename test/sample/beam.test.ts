/** Beam search against enumeration of every text, against a search without a cache, and against greedy decoding. */
import { describe, expect, test } from 'vitest';
import type { Gpt } from '../../src/model/gpt.ts';
import { CharTokenizer } from '../../src/model/text/tokenizer.ts';
import { type BeamOptions, beamSearch } from '../../src/sample/beam.ts';
import { type ContextPolicy, generateAll } from '../../src/sample/generate.ts';
import type { SamplingSettings } from '../../src/sample/settings.ts';
import { reference } from '../../src/tensor/reference/index.ts';
import { ids } from '../../src/tensor/tensor.ts';
import { randomModel, tinyConfig } from '../support/models.ts';

const open = (vocabSize: number, slots: number, seed = 1) =>
  randomModel({ ...tinyConfig, vocabSize }, { kernels: reference, batch: 1, slots, gradients: false }, seed);
const options = (more: Partial<BeamOptions> = {}): BeamOptions => ({
  width: 1,
  lengthPenalty: 0,
  settings: {},
  maxNewTokens: 4,
  contextPolicy: 'shift',
  ...more,
});

/** log p of every token after `text`, by the engine's own exp and log, without a cache. */
function logProbabilities(model: Gpt, text: readonly number[]): number[] {
  const logits = model.forward(ids('text', [...text]), { batch: 1, time: text.length });
  const z = Array.from(logits.row(text.length - 1).data);
  const max = Math.max(...z);
  const logSum = max + Math.log(z.reduce((sum, x) => sum + Math.exp(x - max), 0));
  return z.map((x) => x - logSum);
}

interface Text {
  readonly tokens: readonly number[];
  readonly logProbability: number;
}

/** Every text of n tokens, or fewer if it ends in `stop`. */
function enumerate(model: Gpt, prompt: readonly number[], n: number, stop?: number): Text[] {
  const grow = (text: Text): Text[] => {
    if (text.tokens.length === n || (text.tokens.length > 0 && text.tokens.at(-1) === stop)) return [text];
    return logProbabilities(model, [...prompt, ...text.tokens]).flatMap((p, token) =>
      grow({ tokens: [...text.tokens, token], logProbability: text.logProbability + p }),
    );
  };
  return grow({ tokens: [], logProbability: 0 });
}
const byScore = (a: number) => (x: Text, y: Text) =>
  y.logProbability / y.tokens.length ** a - x.logProbability / x.tokens.length ** a;

describe('a beam wide enough', () => {
  test('finds the likeliest of all texts, and the next ones in their order', () => {
    let surprised = 0;
    for (let seed = 1; seed <= 4; seed++) {
      const model = open(4, 64, seed);
      const all = enumerate(model, [0, 2], 4).sort(byScore(0));
      expect(all.length).toBe(256);
      const found = beamSearch(model, [0, 2], options({ width: 64 }));
      expect(found.length).toBe(64);
      for (const [i, { tokens, logProbability, score }] of found.slice(0, 10).entries()) {
        expect(tokens).toEqual(all[i]!.tokens);
        expect(logProbability).toBeCloseTo(all[i]!.logProbability, 5);
        expect(score).toBe(logProbability);
      }
      const [greedy] = beamSearch(model, [0, 2], options({ width: 1 }));
      expect(greedy!.logProbability).toBeLessThanOrEqual(found[0]!.logProbability);
      if (greedy!.logProbability < found[0]!.logProbability) surprised += 1;
    }
    expect(surprised).toBeGreaterThan(0); // greedy is not always the likeliest
  });

  test.each([0, 0.5, 1, 3])(
    'finds the best scored of texts that may end early, at length penalty %d',
    (a) => {
      const model = open(3, 128, 5);
      const all = enumerate(model, [1], 4, 2).sort(byScore(a));
      const lengths = new Set(all.slice(0, 5).map(({ tokens }) => tokens.length));
      const given = options({ width: 128, lengthPenalty: a, settings: { stopTokens: [2] } });
      const found = beamSearch(model, [1], given);
      expect(found.length).toBe(all.length);
      for (const [i, { tokens, score, finishReason }] of found.entries()) {
        expect(score).toBeCloseTo(all[i]!.logProbability / all[i]!.tokens.length ** a, 5);
        if (i < 5) expect(tokens).toEqual(all[i]!.tokens);
        expect(finishReason).toBe(tokens.at(-1) === 2 ? 'stop-token' : 'max-tokens');
      }
      if (a === 0) expect(lengths.has(1)).toBe(true);
      if (a === 3) expect(found[0]!.tokens.length).toBe(4);
    },
  );

  test.each([1000, 1e308])(
    'at length penalty %d, where length^a overflows, finds the longest, of these the likeliest',
    (a) => {
      const model = open(3, 128, 5);
      const expected = enumerate(model, [1], 4, 2).sort(
        (x, y) => y.tokens.length - x.tokens.length || y.logProbability - x.logProbability,
      );
      const given = options({ width: 128, lengthPenalty: a, settings: { stopTokens: [2] } });
      const found = beamSearch(model, [1], given);
      expect(found.map(({ tokens }) => tokens)).toEqual(expected.map(({ tokens }) => tokens));
      expect(new Set(found.map(({ tokens }) => tokens.length)).size).toBe(4);
    },
  );
});

/** The search once more: no cache, every hypothesis read anew, plain sorts. */
function naive(model: Gpt, prompt: readonly number[], width: number, n: number, T: number): Text[] {
  let beam: Text[] = [{ tokens: [], logProbability: 0 }];
  for (let step = 0; step < n; step++) {
    beam = beam
      .flatMap(({ tokens, logProbability }) =>
        logProbabilities(model, [...prompt, ...tokens].slice(-T)).map((p, token) => ({
          tokens: [...tokens, token],
          logProbability: logProbability + p,
        })),
      )
      .sort((a, b) => b.logProbability - a.logProbability)
      .slice(0, width);
  }
  return beam;
}

describe('what masks leave is worth what the model says', () => {
  const masked = (text: readonly number[], settings: Partial<SamplingSettings>) => {
    const pairs = text.slice(1).map((id, i) => `${text[i]} ${id}`);
    const repeats = new Set(pairs).size < pairs.length;
    return (
      (settings.noRepeatNgram === 2 && repeats) || text.some((id) => settings.bannedTokens?.includes(id))
    );
  };

  test('the likeliest text that they allow is found, with its log P as if there were no masks', () => {
    for (const settings of [
      { noRepeatNgram: 2 },
      { bannedTokens: [1] },
      { noRepeatNgram: 2, bannedTokens: [3] },
    ]) {
      for (let seed = 1; seed <= 3; seed++) {
        const model = open(4, 64, seed);
        const allowed = enumerate(model, [0], 4).filter(({ tokens }) => !masked([0, ...tokens], settings));
        const [best] = allowed.sort(byScore(0));
        const [found] = beamSearch(model, [0], options({ width: 64, settings }));
        expect(found!.tokens).toEqual(best!.tokens);
        expect(found!.logProbability).toBeCloseTo(best!.logProbability, 5);
        expect(found!.score).toBe(found!.logProbability);
      }
    }
  });

  test('a bias counts in the score, not in the log-probability, and without end it is a ban', () => {
    const model = open(4, 64, 2);
    const biased = beamSearch(model, [0], options({ width: 64, settings: { logitBias: [[3, 0.75]] } }));
    const all = enumerate(model, [0], 4);
    for (const { tokens, logProbability, score } of biased) {
      const count = tokens.filter((id) => id === 3).length;
      const own = all.find((text) => text.tokens.join() === tokens.join())!;
      expect(logProbability).toBeCloseTo(own.logProbability, 5);
      expect(score).toBeCloseTo(own.logProbability + 0.75 * count, 5);
    }
    expect(biased.map(({ score }) => score)).toEqual(biased.map(({ score }) => score).sort((a, b) => b - a));
    const [banned] = beamSearch(model, [0], options({ width: 16, settings: { bannedTokens: [3] } }));
    const [shunned] = beamSearch(model, [0], options({ width: 16, settings: { logitBias: [[3, -1e9]] } }));
    expect(shunned).toEqual(banned);
  });
});

describe('on the cache', () => {
  test.each([1, 2, 3, 5])(
    'width %i equals a search that reads every text anew, also past the context',
    (width) => {
      const T = tinyConfig.contextLength;
      const model = open(11, 6);
      const given = options({ width, maxNewTokens: 20, contextPolicy: 'slide' });
      const found = beamSearch(model, [1, 2, 3], given);
      const expected = naive(model, [1, 2, 3], width, 20, T);
      expect(found.map(({ tokens }) => tokens)).toEqual(expected.map(({ tokens }) => tokens));
      for (const [i, { logProbability }] of found.entries()) {
        expect(logProbability).toBeCloseTo(expected[i]!.logProbability, 4);
      }
      const short = beamSearch(model, [1, 2, 3], options({ width, maxNewTokens: T - 3 }));
      expect(short.map(({ tokens }) => tokens)).toEqual(
        naive(model, [1, 2, 3], width, T - 3, T).map(({ tokens }) => tokens),
      );
    },
  );

  test('width 1 is greedy decoding, with masks, penalties and each context policy', () => {
    const model = open(11, 2);
    const rows: Partial<SamplingSettings>[] = [
      {},
      { noRepeatNgram: 3 },
      { repetitionPenalty: 1.5, bannedTokens: [5], logitBias: [[3, 2]] },
      { stopTokens: [4], minNewTokens: 6 },
    ];
    for (const settings of rows) {
      for (const contextPolicy of ['shift', 'slide', 'stop'] as ContextPolicy[]) {
        const given = options({ settings, contextPolicy, maxNewTokens: 30 });
        const [found] = beamSearch(model, [6, 1], given);
        const [greedy] = generateAll(model, [{ prompt: [6, 1], stream: 0 }], {
          ...given,
          settings: { ...settings, temperature: 0 },
          seed: 0,
        });
        expect(found).toMatchObject(greedy!);
      }
    }
  });
});

describe('ends', () => {
  const tokenizer = CharTokenizer.train('abcdefghijk');
  const model = open(11, 4);

  test('at stop strings, of which text and tokens say what generation would say', () => {
    const given = options({ width: 1, maxNewTokens: 12, tokenizer, settings: { noRepeatNgram: 2 } });
    const free = beamSearch(model, [1], given)[0]!;
    const stop = free.text.slice(4, 6);
    const cut = beamSearch(model, [1], { ...given, stop: [stop] })[0]!;
    expect(cut).toMatchObject({ text: free.text.slice(0, 4), finishReason: 'stop-string' });
    expect(cut.tokens).toEqual(free.tokens.slice(0, 6));
    const kept = beamSearch(model, [1], { ...given, stop: [stop], includeStop: true })[0]!;
    expect(kept.text).toBe(free.text.slice(0, 6));
  });

  test('where masks leave nothing, keeping what it has', () => {
    const settings = { allowedTokens: [0, 1, 2], noRepeatNgram: 1 };
    const found = beamSearch(model, [0], options({ width: 3, settings, maxNewTokens: 9 }));
    expect(found.map(({ tokens, finishReason }) => [[...tokens].sort(), finishReason])).toEqual([
      [[1, 2], 'no-candidates'],
      [[1, 2], 'no-candidates'],
    ]);
  });

  test('refuses widths the cache cannot hold, penalties that are no number, and what generation refuses', () => {
    for (const width of [0, 5, 1.5, Number.NaN]) {
      expect(() => beamSearch(model, [1], options({ width }))).toThrow(
        `width must be an integer from 1 to 4, the slots of the cache, got ${width}`,
      );
    }
    for (const lengthPenalty of [-1, Number.NaN, Number.POSITIVE_INFINITY]) {
      expect(() => beamSearch(model, [1], options({ lengthPenalty }))).toThrow(
        `lengthPenalty must be finite and at least 0, got ${lengthPenalty}`,
      );
    }
    expect(() => beamSearch(model, [], options())).toThrow('the prompt is empty');
  });
});
