import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { SamplerError, type SamplingSettings, samplingSettings } from '../../src/sample/settings.ts';

const V = 5;
const refusal = (given: Record<string, unknown>): SamplerError => {
  try {
    samplingSettings(given as Partial<SamplingSettings>, V);
  } catch (error) {
    if (error instanceof SamplerError) return error;
    throw error;
  }
  throw new Error('accepted');
};
const accepted = (given: Record<string, unknown>): SamplingSettings =>
  samplingSettings(given as Partial<SamplingSettings>, V);

describe('samplingSettings', () => {
  test('without arguments changes nothing', () => {
    expect(samplingSettings({}, V)).toEqual({
      temperature: 1,
      topK: 0,
      topP: 1,
      allowedTokens: undefined,
      bannedTokens: [],
      bannedSequences: [],
      eosTokens: [],
      stopTokens: [],
      minNewTokens: 0,
      noRepeatNgram: 0,
      logitBias: [],
      repetitionPenalty: 1,
      penaltyMode: 'logits',
      penaltyLastN: -1,
      frequencyPenalty: 0,
      presencePenalty: 0,
      minP: 0,
      typicalP: 1,
      mirostatTarget: 0,
      mirostatRate: 0.1,
      onExhausted: 'stop',
    });
  });

  test('without a vocabulary is checked all the same', () => {
    expect(samplingSettings({ topK: 40 })).toEqual({ ...samplingSettings({}, V), topK: 40 });
  });

  test('an error names the parameter, the rule and the value, in text and in fields', () => {
    const error = refusal({ topP: Number.NaN });
    expect(error.message).toBe('topP must be between 0 and 1, got NaN');
    expect(error).toBeInstanceOf(RangeError);
    expect([error.name, error.code, error.param, error.value]).toEqual([
      'SamplerError',
      'invalid-setting',
      'topP',
      Number.NaN,
    ]);
    expect(refusal({ temperature: -1 }).message).toBe('temperature must be finite and at least 0, got -1');
    expect(refusal({ topK: '40' }).message).toBe('topK must be an integer of at least 0, got "40"');
    expect(refusal({ topK: [40] }).message).toBe('topK must be an integer of at least 0, got an array');
    expect(refusal({ topK: {} }).message).toBe('topK must be an integer of at least 0, got an object');
    expect(refusal({ topK: () => 1 }).message).toBe('topK must be an integer of at least 0, got a function');
    expect(refusal({ topK: null }).message).toBe('topK must be an integer of at least 0, got null');
  });

  const suspects = [Number.NaN, Infinity, -Infinity, -1, 1.5, '1', null, true, -0, -1e-17];
  test.each([
    ['temperature', [1.5, -0]],
    ['topK', [-0]],
    ['topP', [-0]],
    ['minP', [-0]],
    ['typicalP', []],
    ['repetitionPenalty', [1.5]],
    ['penaltyLastN', [-1, -0]],
    ['frequencyPenalty', [-1, 1.5, -0, -1e-17]],
    ['presencePenalty', [-1, 1.5, -0, -1e-17]],
    ['noRepeatNgram', [-0]],
    ['minNewTokens', [-0]],
    ['mirostatTarget', [1.5, -0]],
    ['mirostatRate', [1.5]],
    ['penaltyMode', []],
    ['onExhausted', []],
    ['allowedTokens', []],
    ['bannedTokens', []],
    ['bannedSequences', []],
    ['eosTokens', []],
    ['stopTokens', []],
    ['logitBias', []],
  ] as const)('%s accepts of the usual suspects exactly the documented', (param, documented) => {
    for (const value of suspects) {
      if ((documented as readonly unknown[]).includes(value))
        expect(accepted({ [param]: value })[param]).toBe(value);
      else expect(refusal({ [param]: value })).toMatchObject({ code: 'invalid-setting', param, value });
    }
  });

  test('the ends of the ranges', () => {
    for (const given of [
      { minP: 1 },
      { typicalP: Number.MIN_VALUE },
      { typicalP: 1 },
      { repetitionPenalty: Number.MIN_VALUE },
      { penaltyLastN: -1 },
    ]) {
      accepted(given);
    }
    for (const given of [
      { minP: 1.05 },
      { typicalP: 0 },
      { repetitionPenalty: 0 },
      { penaltyLastN: -2 },
      { mirostatRate: 0 },
    ]) {
      refusal(given);
    }
  });

  test('ids belong to the vocabulary, and the error says which does not', () => {
    expect(accepted({ bannedTokens: [0, 4] }).bannedTokens).toEqual([0, 4]);
    expect(refusal({ bannedTokens: [0, 5] }).message).toBe(
      'bannedTokens[1] must be a token id below 5, got 5',
    );
    expect(refusal({ stopTokens: [-1] })).toMatchObject({ param: 'stopTokens', index: 0, value: -1 });
    expect(refusal({ bannedSequences: [[1], [2, 1.5]] }).message).toBe(
      'bannedSequences[1][1] must be a token id below 5, got 1.5',
    );
    expect(refusal({ bannedSequences: [[1], []] })).toMatchObject({ param: 'bannedSequences', index: 1 });
    expect(refusal({ bannedSequences: [undefined] })).toMatchObject({ code: 'invalid-setting' });
    expect(
      refusal({
        logitBias: [
          [1, 2],
          [5, 1],
        ],
      }).message,
    ).toBe('logitBias[1][0] must be a token id below 5, got 5');
    expect(refusal({ logitBias: [[1, Infinity]] }).message).toBe(
      'logitBias[0][1] must be finite, got Infinity',
    );
    expect(refusal({ logitBias: [[1]] }).message).toBe('logitBias[0][1] must be finite, got undefined');
    expect(refusal({ logitBias: [7] }).message).toBe('logitBias[0] must be a list, got 7');
    expect(refusal({ allowedTokens: [] }).message).toBe(
      'allowedTokens must hold at least one token id, got an array',
    );
  });

  test('allowed tokens are put in order, once each', () => {
    expect(accepted({ allowedTokens: [4, 0, 4, 2] }).allowedTokens).toEqual([0, 2, 4]);
  });

  test('lists are copied: changing one’s own later changes nothing', () => {
    const [tokens, bias] = [[1], [1, 2]];
    const settings = accepted({ bannedTokens: tokens, bannedSequences: [tokens], logitBias: [bias] });
    tokens[0] = 3;
    bias[1] = 9;
    expect([settings.bannedTokens, settings.bannedSequences, settings.logitBias]).toEqual([
      [1],
      [[1]],
      [[1, 2]],
    ]);
  });

  test('words are refused with the words there are', () => {
    expect(refusal({ onExhausted: 'never' }).message).toBe(
      `onExhausted must be 'stop' or 'throw' or 'relax', got "never"`,
    );
  });

  test('mirostat measures the whole distribution, so a cut beside it is a conflict', () => {
    accepted({ mirostatTarget: 3, topK: 0, topP: 1, temperature: 0.7, noRepeatNgram: 3 });
    for (const cut of [{ topK: 9 }, { topP: 0.9 }, { minP: 0.1 }, { typicalP: 0.9 }]) {
      expect(refusal({ mirostatTarget: 3, ...cut })).toMatchObject({
        code: 'conflict',
        param: Object.keys(cut)[0],
      });
    }
    expect(refusal({ mirostatTarget: 3, topP: 0.9 }).message).toBe(
      'topP must stay 1 beside mirostatTarget, which measures the whole distribution, got 0.9',
    );
  });

  test('the ends of the ranges are inside', () => {
    for (const temperature of [0, Number.MIN_VALUE, Number.MAX_VALUE]) samplingSettings({ temperature });
    for (const topP of [0, Number.MIN_VALUE, 1]) samplingSettings({ topP });
    for (const topK of [0, 1, 1e300]) samplingSettings({ topK });
    expect(refusal({ topP: 1 + 2 ** -52 }).param).toBe('topP');
    expect(refusal({ topP: -Number.MIN_VALUE }).param).toBe('topP');
  });

  test('whatever it is given, it accepts by the rule or throws a SamplerError', () => {
    fc.assert(
      fc.property(fc.anything(), fc.constantFrom('temperature', 'topK', 'topP'), (value, param) => {
        const documented =
          value === undefined ||
          (typeof value === 'number' &&
            value >= 0 &&
            { temperature: value < Infinity, topK: Number.isInteger(value), topP: value <= 1 }[param]);
        if (documented) samplingSettings({ [param]: value });
        else expect(refusal({ [param]: value })).toMatchObject({ param });
      }),
      { seed: 1, numRuns: 2000 },
    );
  });

  test('whatever a parameter is given, it is accepted or refused with a SamplerError', () => {
    const params = Object.keys(samplingSettings({}, V));
    fc.assert(
      fc.property(
        fc.constantFrom(...params),
        fc.oneof(fc.anything(), fc.array(fc.anything())),
        (param, value) => {
          try {
            accepted({ [param]: value });
          } catch (error) {
            expect(error).toBeInstanceOf(SamplerError);
          }
        },
      ),
      { seed: 3, numRuns: 3000 },
    );
  });
});
