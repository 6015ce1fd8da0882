/** How a text ends: stop strings over every boundary of tokens, end tokens, lengths, loops; and that what is streamed is
 * what is returned, never half a character. */
import { describe, expect, test } from 'vitest';
import type { Tokenizer } from '../../src/model/text/tokenizer.ts';
import { type GenerateOptions, generate, generateAll } from '../../src/sample/generate.ts';
import type { SamplingSettings } from '../../src/sample/settings.ts';
import { reference } from '../../src/tensor/reference/index.ts';
import { randomModel, tinyConfig } from '../support/models.ts';

const model = randomModel(tinyConfig, { kernels: reference, batch: 0, slots: 3, gradients: false });
const V = tinyConfig.vocabSize;

/** Tokens that are these bytes, decoded as byte-level tokenizers do. */
function byteTokenizer(tokens: readonly Uint8Array[]): Tokenizer {
  const decode = (ids: ArrayLike<number>) =>
    new TextDecoder('utf-8', { ignoreBOM: true }).decode(
      Uint8Array.from(Array.from(ids).flatMap((id) => [...tokens[id]!])),
    );
  return {
    kind: 'bpe',
    vocabSize: tokens.length,
    added: new Map(),
    endOfText: undefined,
    encode: () => new Int32Array(0),
    decode,
    stream: () => {
      const decoder = new TextDecoder('utf-8', { ignoreBOM: true });
      return {
        push: (id) => decoder.decode(tokens[id]!, { stream: true }),
        end: () => decoder.decode(),
      };
    },
    beginsCharacter: (id) => (tokens[id]![0]! & 0xc0) !== 0x80,
    tokenText: (id) => decode([id]),
    toJSON: () => ({}),
  };
}
const utf8 = (text: string) => new TextEncoder().encode(text);
const pieces = byteTokenizer(['a', 'b', 'ab', 'ba', 'c', 'abc', '.', ' ', 'ca', '\n', 'bb'].map(utf8));
const bytes = byteTokenizer(
  ['a', 'é', 'b', '.']
    .map(utf8)
    .concat([0xf0, 0x9f, 0x98, 0x80, 0x81, 0xc3, 0xa9].map((x) => Uint8Array.of(x))),
);

function run(
  tokenizer: Tokenizer,
  given: Partial<GenerateOptions> = {},
  settings: Partial<SamplingSettings> = {},
  stream = 0,
) {
  const events = generate(model, [{ prompt: [1, 2], stream }], {
    settings: { temperature: 1.5, ...settings },
    maxNewTokens: 40,
    seed: 11,
    contextPolicy: 'shift',
    tokenizer,
    ...given,
  });
  const shown: string[] = [];
  for (;;) {
    const next = events.next();
    if (next.done) return { ...next.value[0]!, shown };
    shown.push(next.value.text);
  }
}

describe('stop strings', () => {
  test('every piece of a text, at every boundary, ends it where it is first complete', () => {
    let straddling = 0;
    for (let stream = 0; stream < 3; stream++) {
      const free = run(pieces, {}, {}, stream);
      const ends = free.tokens.map((_, i) => pieces.decode(free.tokens.slice(0, i + 1)).length);
      for (let from = 0; from < free.text.length; from += 2) {
        for (const length of [1, 2, 3, 5, 9]) {
          const stop = free.text.slice(from, from + length);
          const at = free.text.indexOf(stop);
          const count = ends.findIndex((end) => end >= at + stop.length) + 1;
          if (ends.some((end) => end > at && end < at + stop.length)) straddling += 1;
          const cut = run(pieces, { stop: [stop] }, {}, stream);
          expect(cut.finishReason).toBe('stop-string');
          expect(cut.text).toBe(free.text.slice(0, at));
          expect(cut.tokens).toEqual(free.tokens.slice(0, count));
          const kept = run(pieces, { stop: [stop], includeStop: true }, {}, stream);
          expect(kept.text).toBe(free.text.slice(0, at + stop.length));
          expect(kept.shown.join('')).toBe(kept.text);
        }
      }
    }
    expect(straddling).toBeGreaterThan(100);
  });

  test('of several the one complete first ends the text; a text without any ends at maxNewTokens, whole', () => {
    const free = run(pieces);
    const [late, early] = [free.text.slice(12, 20), free.text.slice(9, 12)];
    const at = free.text.indexOf(early);
    expect(run(pieces, { stop: [late, early, 'zzz'] }).text).toBe(free.text.slice(0, at));
    const none = run(pieces, { stop: ['zzzz', 'yyyyyyyyy'] });
    expect(none).toMatchObject({ text: free.text, finishReason: 'max-tokens' });
    expect(none.shown.join('')).toBe(free.text);
    expect(none.shown.at(-1)!.length).toBeGreaterThanOrEqual(8); // what was held back comes with the last token
  });

  test('a match at the last token counts as a match; one before minNewTokens does not', () => {
    const free = run(pieces);
    const last = run(pieces, { maxNewTokens: 10 });
    const tail = last.text.slice(-6);
    expect(free.text.indexOf(tail)).toBe(last.text.length - 6);
    expect(run(pieces, { maxNewTokens: 10, stop: [tail] }).finishReason).toBe('stop-string');
    const before = pieces.decode(free.tokens.slice(0, 5));
    const stop = before.slice(-1);
    const held = run(pieces, { stop: [stop] }, { minNewTokens: 5 });
    expect(held.tokens.length).toBeGreaterThan(5);
    expect(held.text.startsWith(before)).toBe(true);
    expect(held.text).toBe(free.text.slice(0, free.text.indexOf(stop, before.length)));
  });

  test('need a tokenizer', () => {
    expect(() =>
      generateAll(model, [{ prompt: [1], stream: 0 }], {
        settings: {},
        maxNewTokens: 1,
        seed: 0,
        contextPolicy: 'shift',
        stop: ['a'],
      }),
    ).toThrow('generate: stop strings need text; expected a tokenizer, got none');
  });
});

describe('streamed text', () => {
  test('is never half a character, and joined it is the decoded whole, also where bytes are no character', () => {
    let characters = 0;
    for (let stream = 0; stream < 40; stream++) {
      const bias = [4, 5, 6, 7, 9, 10].map((id) => [id, 1] as const);
      const { text, shown, tokens } = run(bytes, { stop: ['.😁'] }, { logitBias: bias }, stream);
      expect(shown.join('')).toBe(text);
      if (!text.includes('.😁')) expect(text).toBe(bytes.decode(tokens));
      for (const piece of shown) expect(/\p{Surrogate}/u.test(piece)).toBe(false);
      characters += [...text].filter((character) => character === '😀' || character === 'é').length;
    }
    expect(characters).toBeGreaterThan(40);
  });

  test('comes as soon as it is complete: with no stop string each event has its token’s text', () => {
    const { shown, tokens } = run(pieces);
    expect(shown).toEqual(tokens.map((id) => pieces.decode([id])));
  });
});

describe('the other ends', () => {
  const free = run(pieces);

  test('a stop token ends the text; its own text is left out unless asked for, its id stays', () => {
    const token = free.tokens[6]!;
    const count = free.tokens.indexOf(token) + 1;
    const stopped = run(pieces, {}, { stopTokens: [token] });
    expect(stopped).toMatchObject({
      tokens: free.tokens.slice(0, count),
      finishReason: 'stop-token',
      text: pieces.decode(free.tokens.slice(0, count - 1)),
    });
    const kept = run(pieces, { includeStop: true }, { stopTokens: [token] });
    expect(kept.text).toBe(pieces.decode(free.tokens.slice(0, count)));
    expect(run(pieces, {}, { eosTokens: [token] })).toMatchObject({
      finishReason: 'eos',
      text: stopped.text,
    });
    const sequence = free.tokens.slice(4, 7);
    expect(run(pieces, { stopSequences: [sequence] })).toMatchObject({
      finishReason: 'stop-sequence',
      tokens: free.tokens.slice(0, 7),
    });
  });

  test('before minNewTokens a stop token is masked, and then free again', () => {
    for (const minNewTokens of [1, 5, 9]) {
      const token = free.tokens[0]!;
      const { tokens } = run(pieces, {}, { stopTokens: [token], minNewTokens });
      expect(tokens.slice(0, minNewTokens)).not.toContain(token);
      expect(tokens.length).toBeGreaterThan(minNewTokens);
    }
  });

  test('a loop ends the text; greedy text loops', () => {
    const loop = { minCount: 3, minPattern: 1, maxPattern: 8 };
    const looping = run(pieces, { maxNewTokens: 400, loop }, { temperature: 0 });
    expect(looping.finishReason).toBe('repetition');
    const [length, tail] = [looping.tokens.length, looping.tokens];
    const period = [1, 2, 3, 4, 5, 6, 7, 8].find((p) =>
      tail.slice(length - 2 * p).every((id, i) => id === tail[length - 3 * p + i]),
    );
    expect(period).toBeDefined();
    expect(run(pieces, { loop: { ...loop, minCount: 30 } }).finishReason).toBe('max-tokens');
  });

  test('settings are checked before the model computes anything', () => {
    const bad: [Partial<GenerateOptions>, Partial<SamplingSettings>, string][] = [
      [{ maxNewTokens: 0 }, {}, 'maxNewTokens must be an integer of at least 1, got 0'],
      [{ maxNewTokens: 3 }, { minNewTokens: 4 }, 'minNewTokens must be an integer from 0 to 3, got 4'],
      [{ stop: [''] }, {}, 'stop[0] must be a string of whole characters, got ""'],
      [{}, { stopTokens: [V] }, `stopTokens[0] must be a token id below ${V}, got ${V}`],
      [{}, { topP: Number.NaN }, 'topP must be between 0 and 1, got NaN'],
    ];
    for (const [given, settings, message] of bad) expect(() => run(pieces, given, settings)).toThrow(message);
  });
});
