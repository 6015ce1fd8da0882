/** Beam search over byte-level tokens: characters lie over several of them, and texts end where those of sampling end. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { trainBpe } from '../../src/model/text/bpe-train.ts';
import { wholeText } from '../../src/model/text/tokenizer.ts';
import { beamSearch } from '../../src/sample/beam.ts';
import { generateAll } from '../../src/sample/generate.ts';
import { reference } from '../../src/tensor/reference/index.ts';
import { randomModel, tinyConfig } from '../support/models.ts';

const bytes = trainBpe('a', 256);
const merged = trainBpe('é€😀aé €😀 aaé€'.repeat(9), 262);
const models = [1, 2, 3].map((seed) =>
  randomModel(
    { ...tinyConfig, vocabSize: 262 },
    { kernels: reference, batch: 0, slots: 3, gradients: false },
    seed,
  ),
);

/** Few bytes, so that a random model often happens to finish a character; with the merged tokens that consist of them. */
const alphabets = ['aé', 'é', 'a€', '€é', '😀', 'a😀é'];
const cases = fc.record({
  tokenizer: fc.constantFrom(bytes, merged),
  model: fc.constantFrom(...models),
  alphabet: fc.constantFrom(...alphabets),
  prompt: fc.nat(255),
  noRepeatNgram: fc.constantFrom(0, 2, 3),
  maxNewTokens: fc.integer({ min: 6, max: 30 }),
  minNewTokens: fc.constantFrom(0, 0, 1, 4, 6),
  includeStop: fc.boolean(),
  /** Pieces of the text that comes without a stop: from which character, how many. */
  stops: fc.array(fc.tuple(fc.nat(9), fc.integer({ min: 1, max: 3 })), { minLength: 1, maxLength: 2 }),
});
type Case = typeof cases extends fc.Arbitrary<infer T> ? T : never;

function optionsOf(given: Case) {
  const { tokenizer, alphabet, noRepeatNgram, minNewTokens, maxNewTokens, includeStop } = given;
  const wanted = new Set(new TextEncoder().encode(alphabet));
  const allowedTokens = Array.from({ length: tokenizer.vocabSize }, (_, id) => id).filter((id) =>
    tokenizer.decodeBytes([id]).every((byte) => wanted.has(byte)),
  );
  const settings = { allowedTokens, noRepeatNgram, minNewTokens, temperature: 0 };
  return { settings, maxNewTokens, tokenizer, includeStop, contextPolicy: 'shift' as const };
}
function greedy({ model, prompt }: Case, options: ReturnType<typeof optionsOf>, stop: string[] = []) {
  return generateAll(model, [{ prompt: [prompt], stream: 0 }], { ...options, stop, seed: 0 })[0]!;
}
function stopsOf(given: Case): string[] {
  const free = [...greedy(given, optionsOf(given)).text];
  return given.stops.map(([from, length]) => free.slice(from, from + length).join('') || 'é');
}

describe('on bytes', () => {
  test('width 1 is greedy decoding, wherever characters and stop strings are cut', () => {
    let split = 0;
    const property = fc.property(cases, (given) => {
      const options = optionsOf(given);
      const stop = stopsOf(given);
      const expected = greedy(given, options, stop);
      const [found] = beamSearch(given.model, [given.prompt], {
        ...{ ...options, stop, width: 1, lengthPenalty: 0 },
      });
      expect(found).toMatchObject(expected);
      const last = expected.tokens.at(-1);
      if (expected.finishReason === 'stop-string' && !given.tokenizer.beginsCharacter(last!)) split += 1;
    });
    fc.assert(property, { seed: 3, numRuns: 300 });
    expect(split).toBeGreaterThan(80);
  });

  test('no text of a wider beam goes on behind its stop string, and none has ended without one', () => {
    let stopped = 0;
    const property = fc.property(cases, (given) => {
      const stop = stopsOf(given);
      const { minNewTokens, tokenizer } = given;
      const found = beamSearch(given.model, [given.prompt], {
        ...{ ...optionsOf(given), stop, width: 3, lengthPenalty: 0 },
      });
      for (const { tokens, finishReason } of found) {
        const lengths = tokens.map((_, i) => wholeText(tokenizer, tokens.slice(0, i + 1)).length);
        const whole = wholeText(tokenizer, tokens);
        // A stop string ends the text at the token that completes it, unless that is one of the first minNewTokens.
        const ends = stop.flatMap((s) => {
          const from = minNewTokens === 0 ? 0 : lengths[minNewTokens - 1]!;
          const at = whole.indexOf(s, Math.max(0, from - s.length + 1));
          return at < 0 ? [] : [lengths.findIndex((length) => length >= at + s.length) + 1];
        });
        const first = Math.min(...ends);
        expect(finishReason === 'stop-string').toBe(first === tokens.length);
        if (finishReason === 'stop-string') stopped += 1;
        else expect(first).toBe(Number.POSITIVE_INFINITY);
      }
    });
    fc.assert(property, { seed: 4, numRuns: 150 });
    expect(stopped).toBeGreaterThan(100);
  });
});
