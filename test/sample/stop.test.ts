/** Ends of a text by tokens, length and loops, and the settings that ask for them. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { SamplerError } from '../../src/sample/settings.ts';
import {
  type LoopRule,
  loopLength,
  type StopSettings,
  stopReason,
  stopSettings,
} from '../../src/sample/stop.ts';
import { historyOf } from './support.ts';

const V = 10;
const settings = (given: Partial<StopSettings>): StopSettings =>
  stopSettings({ maxNewTokens: 99, ...given }, V);
const refusal = (given: Record<string, unknown>): SamplerError => {
  try {
    settings(given as Partial<StopSettings>);
  } catch (error) {
    if (error instanceof SamplerError) return error;
    throw error;
  }
  throw new Error('accepted');
};

describe('stopReason', () => {
  const reason = (given: Partial<StopSettings>, prompt: number[], generated: number[]) =>
    stopReason(historyOf(prompt, generated), settings(given));

  test('is an end token, a stop token or a stop sequence where the newest token completes one', () => {
    const given = { eosTokens: [9], stopTokens: [8, 7], stopSequences: [[1, 2], [3]] };
    expect(reason(given, [1], [1, 9])).toBe('eos');
    expect(reason(given, [1], [7])).toBe('stop-token');
    expect(reason(given, [1], [5, 1, 2])).toBe('stop-sequence');
    expect(reason(given, [1], [3])).toBe('stop-sequence');
    for (const generated of [[9, 5], [5], [2, 1], [2]]) expect(reason(given, [1], generated)).toBeUndefined();
  });

  test('counts generated tokens only: not a prompt that ends in an end token, nor a sequence that begins there', () => {
    expect(reason({ eosTokens: [9] }, [1, 9], [])).toBeUndefined();
    expect(reason({ stopSequences: [[1, 2]] }, [0, 1], [2])).toBeUndefined();
  });

  test('is max-tokens at exactly so many, whatever else', () => {
    const lengths = [0, 1, 2, 3, 4].map((n) => reason({ maxNewTokens: 3 }, [1, 1, 1, 1], Array(n).fill(0)));
    expect(lengths).toEqual([undefined, undefined, undefined, 'max-tokens', 'max-tokens']);
    expect(reason({ maxNewTokens: 1, eosTokens: [5] }, [], [5])).toBe('eos'); // the more telling reason first
  });

  test('waits for minNewTokens, but for maxNewTokens', () => {
    const given = { minNewTokens: 3, eosTokens: [9], stopTokens: [8], stopSequences: [[7]] };
    for (const last of [9, 8, 7]) {
      expect(reason(given, [], [1, last])).toBeUndefined();
      expect(reason(given, [], [1, 1, last])).toBeDefined();
    }
    const loop = { minCount: 2, minPattern: 1, maxPattern: 1 };
    expect(reason({ minNewTokens: 3, loop }, [], [1, 1])).toBeUndefined();
    expect(reason({ minNewTokens: 3, loop }, [], [1, 1, 1])).toBe('repetition');
    expect(reason({ minNewTokens: 3, maxNewTokens: 3 }, [], [1, 1, 1])).toBe('max-tokens');
  });
});

describe('loopLength', () => {
  const rule = { minCount: 3, minPattern: 1, maxPattern: 4 };
  test('finds the shortest pattern at the end, of a length in the range, that comes often enough', () => {
    const of = (generated: number[], r: LoopRule = rule): number => loopLength(historyOf([], generated), r);
    expect(of([5, 1, 1, 1])).toBe(1);
    expect(of([1, 1])).toBe(0);
    expect(of([9, 1, 2, 1, 2, 1, 2])).toBe(2);
    expect(of([1, 2, 1, 2, 1, 2, 3])).toBe(0); // not at the end
    expect(of([1, 2, 3, 4, 1, 2, 3, 4, 1, 2, 3, 4])).toBe(4);
    expect(of([1, 2, 3, 4, 1, 2, 3, 4, 1, 2, 3, 4], { ...rule, maxPattern: 3 })).toBe(0);
    expect(of([1, 1, 1, 1, 1, 1], { ...rule, minPattern: 2 })).toBe(2);
    expect(of([2, 1, 2, 1, 2])).toBe(0); // two copies and a half
  });

  test('does not look into the prompt', () => {
    expect(loopLength(historyOf([1], [1, 1]), rule)).toBe(0);
    expect(loopLength(historyOf([1], [1, 1, 1]), rule)).toBe(1);
  });

  test('agrees with the definition: copies of the tail, joined, are the tail', () => {
    const rules = fc.record({
      minCount: fc.integer({ min: 2, max: 4 }),
      minPattern: fc.integer({ min: 1, max: 3 }),
      maxPattern: fc.integer({ min: 3, max: 5 }),
    });
    fc.assert(
      fc.property(fc.array(fc.nat(1), { maxLength: 16 }), fc.nat(4), rules, (ids, prompt, r) => {
        const generated = ids.slice(prompt);
        let expected = 0;
        for (let n = r.maxPattern; n >= r.minPattern; n--) {
          const copies = Array.from({ length: r.minCount }, () => generated.slice(-n)).flat();
          const fits = generated.length >= n * r.minCount;
          if (fits && String(generated.slice(-n * r.minCount)) === String(copies)) expected = n;
        }
        expect(loopLength(historyOf(ids.slice(0, prompt), generated), r)).toBe(expected);
      }),
      { seed: 83, numRuns: 3000 },
    );
  });
});

describe('stopSettings', () => {
  test('has defaults for all but maxNewTokens', () => {
    expect(stopSettings({ maxNewTokens: 5 }, V)).toEqual({
      stop: [],
      eosTokens: [],
      stopTokens: [],
      stopSequences: [],
      minNewTokens: 0,
      maxNewTokens: 5,
      loop: undefined,
    });
    expect(refusal({ maxNewTokens: undefined }).message).toBe(
      'maxNewTokens must be an integer of at least 1, got undefined',
    );
  });

  test.each([
    ['maxNewTokens', []],
    ['minNewTokens', [-0]],
    ['stop', []],
    ['stopTokens', []],
    ['eosTokens', []],
    ['stopSequences', []],
    ['loop', []],
  ] as const)('%s accepts of the usual suspects exactly the documented', (param, documented) => {
    for (const value of [Number.NaN, Infinity, -Infinity, -1, 1.5, '1', null, true, -0]) {
      if ((documented as readonly unknown[]).includes(value)) settings({ [param]: value });
      else expect(refusal({ [param]: value }).code).toBe('invalid-setting');
    }
  });

  test('refuses empty and broken strings, a minimum above the maximum, and loops of one copy', () => {
    expect(settings({ stop: ['\n', '😀'] }).stop).toEqual(['\n', '😀']);
    expect(refusal({ stop: ['a', ''] }).message).toBe('stop[1] must be a string of whole characters, got ""');
    expect(refusal({ stop: ['\ude00'] })).toMatchObject({ param: 'stop', index: 0 });
    expect(refusal({ stop: 'END' }).message).toBe('stop must be a list of strings, got "END"');
    expect(refusal({ minNewTokens: 6, maxNewTokens: 5 }).message).toBe(
      'minNewTokens must be an integer from 0 to 5, got 6',
    );
    settings({ minNewTokens: 5, maxNewTokens: 5 });
    const loop = { minCount: 2, minPattern: 1, maxPattern: 1 };
    expect(settings({ loop }).loop).toEqual(loop);
    expect(refusal({ loop: { ...loop, minCount: 1 } })).toMatchObject({ param: 'loop.minCount' });
    expect(refusal({ loop: { ...loop, minPattern: 2 } })).toMatchObject({ param: 'loop.maxPattern' });
    expect(refusal({ loop: { ...loop, minPattern: 0 } })).toMatchObject({ param: 'loop.minPattern' });
  });
});
