/** The factors of Newton-Schulz against the formulas on plain numbers, and against themselves. */
import { afterEach, describe, expect, it } from 'vitest';
import type { Kernels } from '../../../src/tensor/kernels.ts';
import { tensor } from '../../../src/tensor/tensor.ts';
import { backends } from '../../support/backends.ts';
import { expectClose, expectSameBits, randomTensor, unit } from '../../support/compare.ts';
import { GuardedMemory } from '../../support/guarded.ts';

const settings = { coefficients: [3.4445, -4.775, 2.0315], rounds: 5 } as const;
const sides = [1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 24, 31, 33, 50, 65, 128];

/** g = x xᵀ for an x (S 2S) of size 1. */
function gram(S: number, seed: number): number[] {
  const x = randomTensor(`x ${S}`, [S, 2 * S], seed, 'float64').data;
  let size = 0;
  for (const v of x) size += v * v;
  return Array.from({ length: S * S }, (_, at) => {
    let sum = 0;
    for (let k = 0; k < 2 * S; k++) sum += x[Math.floor(at / S) * 2 * S + k]! * x[(at % S) * 2 * S + k]!;
    return sum / size;
  });
}

/** q after the rounds, without thinking of symmetry: g of each round from the x of that round, which is q g0 q. */
function naive(g0: readonly number[], S: number, rounds: number): number[] {
  const times = (x: readonly number[], y: readonly number[]) =>
    x.map((_, at) => {
      let sum = 0;
      for (let k = 0; k < S; k++) sum += x[Math.floor(at / S) * S + k]! * y[k * S + (at % S)]!;
      return sum;
    });
  const [a, b, c] = settings.coefficients;
  const one = g0.map((_, at) => (at % (S + 1) === 0 ? 1 : 0));
  let q: number[] = one;
  for (let round = 0; round < rounds; round++) {
    const g = times(times(q, g0), q);
    const square = times(g, g);
    const p = g.map((v, at) => a * one[at]! + b * v + c * square[at]!);
    q = times(p, q);
  }
  return q;
}

const all = await backends();
const expected = new Map(sides.map((S) => [S, [1, 2, 3].map((seed) => naive(gram(S, seed), S, 5))]));

describe.each(all)('newtonSchulz on $name', ({ kernels }) => {
  const memory = new GuardedMemory(kernels.memory);
  afterEach(() => memory.reset());
  function run(S: number, seeds: readonly number[], rounds = 5) {
    const square = (name: string, values?: number[]) => memory.tensor(name, [seeds.length, S, S], values);
    const g = square(
      'g',
      seeds.flatMap((seed) => gram(S, seed)),
    );
    const q = square('q');
    kernels.newtonSchulz(q, square('p'), square('t'), g, { ...settings, rounds });
    memory.expectGuardsIntact();
    return q;
  }

  it('one round of the matrix (1) is a + b + c = 0.701', () => {
    const [q, p, t] = ['q', 'p', 't'].map((name) => memory.tensor(name, [1, 1, 1]));
    kernels.newtonSchulz(q, p, t, memory.tensor('g', [1, 1, 1], [1]), { ...settings, rounds: 1 });
    expectClose(q, [0.701], { relative: 1e-6 });
  });

  it.each(sides)('is the product of the five polynomials for three matrices of S = %i', (S) => {
    const q = run(S, [1, 2, 3]);
    for (const [i, exact] of expected.get(S)!.entries()) {
      // Each round multiplies q by up to a = 3.4445, and what it was off by, too; so the scale is a to the fifth.
      const scale = exact.map(() => settings.coefficients[0] ** settings.rounds);
      expectClose(q.row(i), exact, { relative: 16 * unit, scale });
    }
  });

  it('takes as many rounds as it is told', () => {
    for (const rounds of [1, 2, 3]) {
      const exact = naive(gram(9, 1), 9, rounds);
      const scale = exact.map(() => settings.coefficients[0] ** rounds);
      expectClose(run(9, [1], rounds), exact, { relative: 16 * unit, scale });
    }
  });

  it('gives a matrix among others the bits that it has alone', () => {
    for (const S of [7, 33]) {
      const together = [1, 2, 3, 4, 5, 6, 7, 8, 9];
      const q = run(S, together);
      for (const [i, seed] of together.entries()) expectSameBits(q.row(i), run(S, [seed]).data);
    }
  });

  it('checks shapes', () => {
    const [good, bad] = [tensor('good', [2, 3, 3]), tensor('bad', [2, 3, 4])];
    expect(() => kernels.newtonSchulz(good, good, good, bad, settings)).toThrow(
      'newtonSchulz: g does not fit',
    );
    expect(() => kernels.newtonSchulz(good, bad, good, good, settings)).toThrow(
      'newtonSchulz: p does not fit',
    );
  });
});

it('has the same bits on any number of threads', () => {
  const bits = (kernels: Kernels) => {
    const memory = new GuardedMemory(kernels.memory);
    const square = (name: string, values?: number[]) => memory.tensor(name, [28, 40, 40], values);
    const g = square('g', Array.from({ length: 28 }, (_, seed) => gram(40, seed)).flat());
    const q = square('q');
    kernels.newtonSchulz(q, square('p'), square('t'), g, settings);
    return Float32Array.from(q.data);
  };
  for (const kind of ['fused', 'portable']) {
    const one = all.filter(({ name }) => name.includes(kind)).map(({ kernels }) => bits(kernels));
    for (const other of one.slice(1)) expectSameBits(other, one[0]!);
  }
});
