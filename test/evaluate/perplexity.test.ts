import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { bitsPer, meanAndError, perplexity } from '../../src/evaluate/perplexity.ts';
import { log } from '../../src/tensor/math.ts';

describe('perplexity and bits', () => {
  test('100 tokens of 2 nats over 400 characters: 0.721347520444482 bits per character', () => {
    expect(bitsPer(2 * 100, 400)).toBeCloseTo(0.721347520444482, 15);
    expect(bitsPer(2 * 100, 100)).toBeCloseTo(2 / Math.LN2, 14);
  });

  test('a uniform guess among V has perplexity V, relative error below 1e-14', () => {
    for (const V of [1, 2, 3, 62, 65, 50_257]) {
      expect(Math.abs(perplexity(log(V)) / V - 1)).toBeLessThan(1e-14);
    }
  });

  test('perplexity is at least 1, 1 for certainty', () => {
    expect(perplexity(0)).toBe(1);
    fc.assert(
      fc.property(fc.double({ min: 0, max: 20, noNaN: true }), (nats) => {
        expect(perplexity(nats)).toBeGreaterThanOrEqual(1);
      }),
      { seed: 1 },
    );
  });

  test('bits per character add up over a concatenation, weighted by characters', () => {
    const part = fc.record({
      nats: fc.double({ min: 1e-9, max: 1e4, noNaN: true }),
      characters: fc.integer({ min: 1, max: 5000 }),
    });
    fc.assert(
      fc.property(part, part, (a, b) => {
        const whole = bitsPer(a.nats + b.nats, a.characters + b.characters);
        const parts =
          bitsPer(a.nats, a.characters) * a.characters + bitsPer(b.nats, b.characters) * b.characters;
        expect(Math.abs(whole * (a.characters + b.characters) - parts)).toBeLessThanOrEqual(1e-12 * parts);
      }),
      { seed: 2 },
    );
  });

  test('nothing scored is an error, and so are impossible nats', () => {
    expect(() => bitsPer(0, 0)).toThrow('got 0');
    expect(() => bitsPer(1, Number.NaN)).toThrow(RangeError);
    for (const nats of [-0.1, Number.NaN]) {
      expect(() => perplexity(nats)).toThrow(`got ${nats}`);
      expect(() => bitsPer(nats, 1)).toThrow(`got ${nats}`);
    }
  });
});

describe('mean and standard error', () => {
  test('of 1, 2, 3, 4 are 2.5 and sqrt(5/12)', () => {
    const { mean, standardError } = meanAndError([1, 2, 3, 4]);
    expect(mean).toBe(2.5);
    expect(standardError).toBeCloseTo(Math.sqrt(5 / 12), 15);
  });

  test('equal values have error 0, one value has none, no value is an error', () => {
    expect(meanAndError(Float64Array.of(3, 3, 3))).toEqual({ mean: 3, standardError: 0 });
    expect(meanAndError([7])).toEqual({ mean: 7, standardError: null });
    expect(() => meanAndError([])).toThrow('no values');
  });
});
