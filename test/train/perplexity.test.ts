import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { log } from '../../src/tensor/math.ts';
import { RandomStream } from '../../src/tensor/random.ts';
import { bitsPer, meanAndError, perplexity } from '../../src/train/perplexity.ts';

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
    const { mean, standardError } = meanAndError([1, 2, 3, 4], [1, 1, 1, 1]);
    expect(mean).toBe(2.5);
    expect(standardError).toBeCloseTo(Math.sqrt(5 / 12), 15);
    expect(meanAndError([8, 16, 24, 32], [8, 8, 8, 8]).standardError).toBeCloseTo(Math.sqrt(5 / 12), 15);
  });

  test('windows of 2, 2 and 1 tokens with sums 2, 6 and 4, by hand', () => {
    // The mean is 12 / 5; the windows are off by 2 - 4.8, 6 - 4.8 and 4 - 2.4.
    const { mean, standardError } = meanAndError([2, 6, 4], [2, 2, 1]);
    expect(mean).toBe(12 / 5);
    expect(standardError).toBeCloseTo(Math.sqrt((3 / 2) * (2.8 ** 2 + 1.2 ** 2 + 1.6 ** 2)) / 5, 15);
  });

  test('one token more in a window of its own moves the error by little, however far it lies from the mean', () => {
    const random = new RandomStream(4, 'evaluate');
    const k = 30;
    const sums = Array.from({ length: k }, (_, i) => 64 * (1 + random.uniform(i)));
    const sizes = sums.map(() => 64);
    const before = meanAndError(sums, sizes).standardError!;
    for (const surprise of [0, 1.5, 9]) {
      const after = meanAndError([...sums, surprise], [...sizes, 1]).standardError!;
      expect(Math.abs(after / before - 1)).toBeLessThan(0.01);
    }
  });

  test('is the scatter of the mean over texts drawn window by window, of unequal windows too', () => {
    const random = new RandomStream(5, 'evaluate');
    const k = 400;
    const draw = (text: number) => {
      const sizes = Array.from({ length: k }, (_, i) => 1 + random.below(9, text, i, 0));
      const sums = sizes.map((n, i) => n * (1 + random.uniform(text, i, 1)));
      return meanAndError(sums, sizes);
    };
    const texts = Array.from({ length: 1000 }, (_, text) => draw(text));
    const means = texts.map(({ mean }) => mean);
    const scatter = meanAndError(
      means,
      means.map(() => 1),
    ).standardError!;
    for (const { standardError } of texts.slice(0, 20)) {
      const ratio = standardError! / (scatter * Math.sqrt(texts.length));
      expect(Math.abs(ratio - 1)).toBeLessThan(0.2);
    }
  });

  test('equal values have error 0, one window has none, no window is an error', () => {
    expect(meanAndError(Float64Array.of(3, 3, 3), [1, 1, 1])).toEqual({ mean: 3, standardError: 0 });
    expect(meanAndError([7], [2])).toEqual({ mean: 3.5, standardError: null });
    expect(() => meanAndError([], [])).toThrow('no values');
  });
});
