import { describe, expect, it } from 'vitest';
import { cosSinTurns, exp, log, power, tanh } from '../../src/tensor/math.ts';
import { fingerprint } from '../support/compare.ts';

const { POSITIVE_INFINITY: infinity, NaN: nan, MIN_VALUE: smallest, MAX_VALUE: largest } = Number;

/** How many floating-point numbers lie between two, counted along the number line: their units in the last place. */
function ulps(a: number, b: number): number {
  return Math.abs(Number(rank(a) - rank(b)));
}

const float = new Float64Array(1);
const bits = new BigInt64Array(float.buffer);

function rank(x: number): bigint {
  float[0] = x;
  return bits[0] < 0n ? -(bits[0] & 0x7fffffffffffffffn) : bits[0];
}

/** count + 1 numbers from `from` to `to`, evenly spaced. */
function* evenly(from: number, to: number, count: number): Generator<number> {
  for (let i = 0; i <= count; i++) yield from + ((to - from) * i) / count;
}

/** Numbers of every size: every exponent from 2^from to 2^to, `each` mantissas. */
function* everySize(from: number, to: number, each: number): Generator<number> {
  for (let exponent = from; exponent < to; exponent++) {
    for (let i = 0; i < each; i++) yield 2 ** exponent * (1 + i / each);
  }
}

function worstUlps(
  ours: (x: number) => number,
  theirs: (x: number) => number,
  inputs: Iterable<number>,
): number {
  let worst = 0;
  for (const x of inputs) worst = Math.max(worst, ulps(ours(x), theirs(x)));
  return worst;
}

describe('exp', () => {
  it('stays within 1 unit in the last place of Math.exp where the result is a normal number', () => {
    expect(worstUlps(exp, Math.exp, evenly(-708, 709.78, 300_000))).toBeLessThanOrEqual(1);
    expect(worstUlps(exp, Math.exp, evenly(-1, 1, 200_000))).toBeLessThanOrEqual(1);
  });

  it('stays within 1 unit where the result is subnormal', () => {
    expect(worstUlps(exp, Math.exp, evenly(-746, -708, 200_000))).toBeLessThanOrEqual(1);
  });

  it('stays within 1 unit for arguments of every size down to the smallest, of both signs', () => {
    expect(worstUlps(exp, Math.exp, everySize(-1074, 9, 50))).toBeLessThanOrEqual(1);
    expect(
      worstUlps(
        (x) => exp(-x),
        (x) => Math.exp(-x),
        everySize(-1074, 9, 50),
      ),
    ).toBeLessThanOrEqual(1);
  });

  it('never decreases, not even where its pieces meet', () => {
    for (let k = -1075; k < 1024; k++) {
      const seam = (k + 0.5) * Math.LN2;
      let before = 0;
      for (const x of evenly(seam - 1e-12, seam + 1e-12, 40)) {
        if (!(exp(x) >= before)) expect.fail(`exp(${x}) = ${exp(x)}, after ${before}`);
        before = exp(x);
      }
    }
  });

  it('is exact at 0, overflows and underflows where it must, and hands NaN on', () => {
    const values = [0, -0, infinity, -infinity, nan].map(exp);
    expect(values).toEqual([1, 1, infinity, 0, nan]);
    expect(exp(709.782712893384)).toBeLessThan(infinity);
    expect(exp(709.7827128933841)).toBe(infinity);
    expect(exp(-745.1332191019411)).toBe(smallest);
    expect(exp(-745.1332191019413)).toBe(0);
    expect([exp(largest), exp(-largest)]).toEqual([infinity, 0]);
  });
});

describe('log', () => {
  it('stays within 2 units in the last place of Math.log over every size, subnormal numbers included', () => {
    expect(worstUlps(log, Math.log, everySize(-1074, 1024, 150))).toBeLessThanOrEqual(2);
  });

  it('stays within 2 units around 1, where the result goes through 0', () => {
    expect(worstUlps(log, Math.log, evenly(0.5, 2, 200_000))).toBeLessThanOrEqual(2);
    expect(worstUlps(log, Math.log, evenly(1 - 1e-9, 1 + 1e-9, 20_000))).toBeLessThanOrEqual(2);
  });

  it('is exact at powers of two that are, and knows its edges', () => {
    expect([log(1), log(0), log(-0), log(infinity)]).toEqual([0, -infinity, -infinity, infinity]);
    expect([log(-1), log(-smallest), log(-infinity), log(nan)]).toEqual([nan, nan, nan, nan]);
    expect(log(largest)).toBe(709.782712893384);
    expect(log(smallest)).toBe(-744.4400719213812);
    expect(log(2)).toBe(Math.LN2);
    expect(log(1 - 2 ** -53)).toBe(-(2 ** -53));
  });
});

describe('tanh', () => {
  it('stays within 4 units in the last place of Math.tanh', () => {
    expect(worstUlps(tanh, Math.tanh, evenly(-22, 22, 300_000))).toBeLessThanOrEqual(4);
    expect(worstUlps(tanh, Math.tanh, evenly(-0.5, 0.5, 200_000))).toBeLessThanOrEqual(4);
  });

  it('stays within 4 units for arguments of every size', () => {
    expect(worstUlps(tanh, Math.tanh, everySize(-1074, 1024, 100))).toBeLessThanOrEqual(4);
  });

  it('is odd, never beyond 1, keeps the sign of 0 and hands NaN on', () => {
    for (const x of evenly(0, 25, 10_000)) {
      expect(tanh(-x)).toBe(-tanh(x));
      expect(tanh(x)).toBeLessThanOrEqual(1);
    }
    expect([tanh(0), tanh(-0), tanh(smallest), tanh(-smallest)]).toEqual([0, -0, smallest, -smallest]);
    expect([tanh(infinity), tanh(-infinity), tanh(nan)]).toEqual([1, -1, nan]);
  });
});

describe('cosSinTurns', () => {
  it('stays within 2^-50 of Math.cos and Math.sin of 2 pi u for u from -1 to 2, and on the unit circle', () => {
    for (const u of evenly(-1, 2, 300_000)) {
      const [cos, sin] = cosSinTurns(u);
      // 2 pi u itself is rounded: by 2^-51 for |2 pi u| between 4 and 8, by 2^-50 beyond.
      const argument = 2 * Math.PI * u;
      const bound = 2 ** -50 + Math.abs(argument) * 2 ** -52;
      if (!(Math.abs(cos - Math.cos(argument)) < bound && Math.abs(sin - Math.sin(argument)) < bound)) {
        expect.fail(`cosSinTurns(${u}) = [${cos}, ${sin}]`);
      }
      if (!(Math.abs(cos * cos + sin * sin - 1) < 2 ** -50)) expect.fail(`off the circle at ${u}`);
    }
  });

  it('is exact at quarter turns, repeats after whole ones, and is not a number beyond all numbers', () => {
    const at = (u: number) => cosSinTurns(u).map((x) => x + 0); // -0 + 0 = 0
    expect([0, 0.25, 0.5, 0.75, 1, -0.25].map(at)).toEqual([
      [1, 0],
      [0, 1],
      [-1, 0],
      [0, -1],
      [1, 0],
      [0, -1],
    ]);
    expect(cosSinTurns(3.125)).toEqual(cosSinTurns(0.125));
    expect(cosSinTurns(-0.875)).toEqual(cosSinTurns(0.125));
    expect([nan, infinity].map(cosSinTurns)).toEqual([
      [nan, nan],
      [nan, nan],
    ]);
  });
});

describe('power', () => {
  it('is exact for small integers and powers of two', () => {
    expect([power(7, 0), power(0, 0), power(0, 3), power(-2, 3), power(3, 20)]).toEqual([
      1, 1, 0, -8, 3486784401,
    ]);
    expect([power(2, 1023), power(2, 1024), power(0.5, 1074)]).toEqual([2 ** 1023, infinity, smallest]);
  });

  it('stays within 2 n units in the last place of beta^n, as repeated squaring must', () => {
    for (const beta of [0.9, 0.99, 0.999]) {
      for (const n of [1, 2, 3, 10, 100, 1000, 5000]) {
        expect(ulps(power(beta, n), beta ** n)).toBeLessThanOrEqual(2 * n);
      }
    }
  });
});

it('results over 100,000 fixed inputs keep the bits that every engine must give', () => {
  const results = new Float64Array(100_000);
  for (let i = 0; i < results.length; i += 5) {
    const x = (i - 50_000) / 64;
    results[i] = exp(x);
    results[i + 1] = log(i + 0.5);
    results[i + 2] = tanh(x / 32);
    [results[i + 3], results[i + 4]] = cosSinTurns(x / 1000);
  }
  expect(fingerprint(results)).toBe('e5ea395f');
});
