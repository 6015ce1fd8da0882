import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { SamplerError, samplingSettings } from '../../src/sample/settings.ts';

const refusal = (given: Record<string, unknown>): SamplerError => {
  try {
    samplingSettings(given);
  } catch (error) {
    if (error instanceof SamplerError) return error;
    throw error;
  }
  throw new Error('accepted');
};

describe('samplingSettings', () => {
  test('without arguments is the model’s own distribution', () => {
    expect(samplingSettings()).toEqual({ temperature: 1, topK: 0, topP: 1 });
    expect(samplingSettings({ topK: 40 })).toEqual({ temperature: 1, topK: 40, topP: 1 });
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

  const suspects = [Number.NaN, Infinity, -Infinity, -1, 1.5, '1', null, true, -0];
  test.each([
    ['temperature', [1.5, -0]],
    ['topK', [-0]],
    ['topP', [-0]],
  ] as const)('%s accepts of the usual suspects exactly the documented', (param, accepted) => {
    for (const value of suspects) {
      if ((accepted as readonly unknown[]).includes(value)) {
        expect(samplingSettings({ [param]: value })[param]).toBe(value);
      } else expect(refusal({ [param]: value })).toMatchObject({ code: 'invalid-setting', param, value });
    }
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
});
