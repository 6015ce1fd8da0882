import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type ChainSettings, chainSettings } from '../../src/sample/chain-settings.ts';
import { SamplerError, samplingSettings } from '../../src/sample/settings.ts';

const V = 5;
const refusal = (given: Record<string, unknown>): SamplerError => {
  try {
    chainSettings(given as Partial<ChainSettings>, V);
  } catch (error) {
    if (error instanceof SamplerError) return error;
    throw error;
  }
  throw new Error('accepted');
};
const accepted = (given: Record<string, unknown>): ChainSettings =>
  chainSettings(given as Partial<ChainSettings>, V);

describe('chainSettings', () => {
  test('without arguments changes nothing', () => {
    expect(chainSettings({}, V)).toEqual({
      ...samplingSettings(),
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

  test('whatever a parameter is given, it is accepted or refused with a SamplerError', () => {
    const params = Object.keys(chainSettings({}, V));
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
