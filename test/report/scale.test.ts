import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { extent, place, tickLabels, ticks, value, whole } from '../../src/report/scale.ts';

describe('place', () => {
  it('is linear between the ends of the range, and beyond', () => {
    const scale = { kind: 'linear', domain: [1, 3], range: [200, 0] } as const;
    expect([1, 1.5, 2, 3, 4, 0].map((x) => place(scale, x))).toEqual([200, 150, 100, 0, -100, 300]);
  });

  it('gives every factor of ten the same length on a logarithmic axis', () => {
    const scale = { kind: 'log', domain: [0.01, 100], range: [0, 1000] } as const;
    for (const [x, at] of [
      [0.01, 0],
      [0.1, 250],
      [1, 500],
      [10, 750],
      [100, 1000],
    ] as const) {
      expect(place(scale, x)).toBeCloseTo(at, 9);
    }
    expect(place(scale, 0)).toBe(Number.NEGATIVE_INFINITY);
    expect(place(scale, -1)).toBeNaN();
  });
});

describe('extent', () => {
  it('is the lowest and highest finite value, with a margin at both ends', () => {
    expect(extent('linear', [3, Number.NaN, 1, Number.POSITIVE_INFINITY, 2])).toEqual([1, 3]);
    expect(extent('linear', [1, 3], { margin: 0.25 })).toEqual([0.5, 3.5]);
    expect(extent('log', [-1, 0, 2, 8])).toEqual([2, 8]);
    expect(extent('log', [2, 8], { margin: 0.5 })).toEqual([1, 12]);
  });

  it('has room around a single value and something to show for none', () => {
    expect(extent('linear', [5])).toEqual([4.5, 5.5]);
    expect(extent('linear', [0])).toEqual([-1, 1]);
    expect(extent('log', [4, 4])).toEqual([2, 8]);
    expect(extent('linear', [])).toEqual([0, 1]);
    expect(extent('log', [0, Number.NaN])).toEqual([1, 10]);
  });
});

describe('ticks', () => {
  it.each([
    [
      [0, 1],
      [0, 0.2, 0.4, 0.6, 0.8, 1],
    ],
    [
      [0, 2000],
      [0, 500, 1000, 1500, 2000],
    ],
    [
      [0, 0.0031],
      [0, 0.001, 0.002, 0.003],
    ],
    [
      [1.22, 1.36],
      [1.25, 1.3, 1.35],
    ],
    [
      [-1, 1],
      [-1, -0.5, 0, 0.5, 1],
    ],
    [
      [0.1, 0.7],
      [0.2, 0.4, 0.6],
    ],
  ] as const)('of %j are %j', (domain, expected) => {
    expect(ticks({ kind: 'linear', domain }, 5)).toEqual(expected);
  });

  it('are powers of ten over many decades, 1, 2 and 5 over few, and linear within one', () => {
    const log = (low: number, high: number) => ticks({ kind: 'log', domain: [low, high] }, 5);
    expect(log(0.001, 1000)).toEqual([0.01, 1, 100]);
    expect(log(0.0009, 1.1)).toEqual([0.001, 0.01, 0.1, 1]);
    expect(log(0.3, 6)).toEqual([0.5, 1, 2, 5]);
    expect(log(1.1, 1.9)).toEqual([1.2, 1.4, 1.6, 1.8]);
  });

  it('lie within the domain, rise, are at most twice as many as asked, and are short decimals', () => {
    const number = fc.double({ min: -1e9, max: 1e9, noNaN: true });
    fc.assert(
      fc.property(
        number,
        fc.double({ min: 1e-3, max: 1e9, noNaN: true }),
        fc.integer({ min: 3, max: 8 }),
        (low, span, count) => {
          const at = ticks({ kind: 'linear', domain: [low, low + span] }, count);
          expect(at.length).toBeGreaterThanOrEqual(1);
          expect(at.length).toBeLessThanOrEqual(2 * count);
          for (const [i, x] of at.entries()) {
            expect(x).toBeGreaterThanOrEqual(low - 1e-8 * span);
            expect(x).toBeLessThanOrEqual(low + span * (1 + 1e-8));
            if (i > 0) expect(x).toBeGreaterThan(at[i - 1]!);
            expect(String(x).replace(/e.*/, '').length).toBeLessThanOrEqual(16);
          }
        },
      ),
      { seed: 4, numRuns: 500 },
    );
  });

  it('survive a domain without width', () => {
    expect(ticks({ kind: 'linear', domain: [2, 2] })).toEqual([2]);
  });
});

describe('labels', () => {
  it.each([
    [
      [0, 0.5, 1],
      ['0', '0.5', '1.0'],
    ],
    [
      [0, 1000, 2000],
      ['0', '1,000', '2,000'],
    ],
    [
      [0, 5000, 10_000],
      ['0', '5k', '10k'],
    ],
    [
      [0, 1e6, 2.5e6],
      ['0', '1M', '2.5M'],
    ],
    [
      [0, 0.001, 0.0015],
      ['0', '0.0010', '0.0015'],
    ],
    [
      [0, 2e-4, 4e-4],
      ['0', '2e-4', '4e-4'],
    ],
    [
      [0.01, 0.1, 1, 10],
      ['0.01', '0.1', '1', '10'],
    ],
    [
      [-1, 0, 1],
      ['-1', '0', '1'],
    ],
    [[0], ['0']],
  ])('of %j are %j', (at, expected) => {
    expect(tickLabels(at)).toEqual(expected);
  });
});

describe('numbers in words', () => {
  it('have four digits, or as many as said', () => {
    expect([1.29761, 10366, 0.0061, 3e-5, 0, 1.5e9].map((x) => value(x))).toEqual([
      '1.298',
      '10,366',
      '0.006100',
      '3.000e-5',
      '0.000',
      '1.500e+9',
    ]);
    expect(value(0.0061, 2)).toBe('0.0061');
    expect(whole(1234567.4)).toBe('1,234,567');
  });

  it('say what is not one', () => {
    expect(
      [Number.NaN, null, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY].map((x) => value(x)),
    ).toEqual(['\u2013', '\u2013', 'infinite', '-infinite']);
  });
});
