import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ngramBaselines } from '../../src/evaluate/ngram.ts';
import { PairTable } from '../../src/evaluate/pair-table.ts';
import { log } from '../../src/tensor/math.ts';

/** P(w | h) straight from the definition, counting by scanning the whole training text. */
function wittenBell(training: number[], context: number[], token: number, V: number): number {
  const lower = context.length === 0 ? 1 / V : wittenBell(training, context.slice(1), token, V);
  const followers: number[] = [];
  for (let i = context.length; i < training.length; i++) {
    if (context.every((w, j) => training[i - context.length + j] === w)) followers.push(training[i]);
  }
  if (followers.length === 0) return lower;
  const kinds = new Set(followers).size;
  const seen = followers.filter((w) => w === token).length;
  return (seen + kinds * lower) / (followers.length + kinds);
}

const tokens = (maxLength: number, minLength = 0) =>
  fc.array(fc.integer({ min: 0, max: 3 }), { minLength, maxLength });

describe('n-gram baselines', () => {
  test('equal the definition, counted by scanning, exactly', () => {
    fc.assert(
      fc.property(tokens(40), tokens(15, 1), (training, validation) => {
        const means = ngramBaselines(training, validation, { V: 5, maxOrder: 4 });
        const expected = [1, 2, 3, 4].map((order) => {
          let nats = 0;
          validation.forEach((token, i) => {
            const context = validation.slice(Math.max(0, i - order + 1), i);
            nats -= log(wittenBell(training, context, token, 5));
          });
          return nats / validation.length;
        });
        expect(means).toEqual([log(5), ...expected]);
      }),
      { seed: 1, numRuns: 200 },
    );
  });

  test('are proper: the probabilities of all next tokens sum to 1 at every order', () => {
    const training = [0, 1, 2, 0, 1, 3, 0, 1, 2, 2];
    for (const context of [
      [0, 1],
      [2, 2],
      [3, 3],
      [1, 2],
    ]) {
      const sums = [0, 0, 0];
      for (let token = 0; token < 5; token++) {
        const validation = [...context, token];
        const whole = ngramBaselines(training, validation, { V: 5, maxOrder: 3 });
        const before = ngramBaselines(training, context, { V: 5, maxOrder: 3 });
        for (let order = 1; order <= 3; order++) {
          sums[order - 1] += Math.exp(2 * before[order] - 3 * whole[order]);
        }
      }
      for (const sum of sums) expect(sum).toBeCloseTo(1, 12);
    }
  });

  test('data/tales.txt, 90/10 by position: 3.046, 2.303, 1.742, 1.394, 1.261, 1.232 nats', () => {
    const characters = [...readFileSync(new URL('../../data/tales.txt', import.meta.url), 'utf8')];
    const vocabulary = new Map([...new Set(characters)].sort().map((character, id) => [character, id]));
    const ids = Int32Array.from(characters, (character) => vocabulary.get(character)!);
    const cut = Math.floor(0.9 * ids.length);
    const means = ngramBaselines(ids.subarray(0, cut), ids.subarray(cut), { V: vocabulary.size });
    expect(means.map((nats) => nats.toFixed(3))).toEqual([
      '4.127', // ln 62
      '3.046',
      '2.303',
      '1.742',
      '1.394',
      '1.261',
      '1.232',
    ]);
  });

  test('without training text every order is uniform', () => {
    expect(ngramBaselines([], [0, 1, 0], { V: 4, maxOrder: 2 })).toEqual([log(4), log(4), log(4)]);
  });

  test('errors: an id outside the vocabulary, an empty validation text, a wrong order', () => {
    expect(() => ngramBaselines([0, 4], [0], { V: 4 })).toThrow('token 1; expected an id from 0 to 3, got 4');
    expect(() => ngramBaselines([0], [-5], { V: 4 })).toThrow('got -5');
    expect(() => ngramBaselines([0], [], { V: 4 })).toThrow('empty');
    expect(() => ngramBaselines([0], [0], { V: Number.NaN })).toThrow(RangeError);
    for (const maxOrder of [0, 1.5, Number.NaN]) {
      expect(() => ngramBaselines([0], [0], { V: 4, maxOrder })).toThrow(`got ${maxOrder}`);
    }
  });
});

describe('pair table', () => {
  test('numbers pairs in the order of their first appearance, like a map', () => {
    const part = fc.oneof(fc.integer({ min: -2, max: 5 }), fc.integer());
    fc.assert(
      fc.property(fc.array(fc.tuple(part, part), { maxLength: 60 }), (pairs) => {
        const table = new PairTable(pairs.length);
        const map = new Map<string, number>();
        for (const [a, b] of pairs) {
          const key = `${a},${b}`;
          expect(table.find(a, b)).toBe(map.get(key) ?? -1);
          if (!map.has(key)) map.set(key, map.size);
          expect(table.add(a, b)).toBe(map.get(key));
          expect(table.second(map.get(key)!)).toBe(b);
        }
        expect(table.size).toBe(map.size);
      }),
      { seed: 1 },
    );
  });

  test('says so when it is full', () => {
    const table = new PairTable(1);
    table.add(1, 2);
    expect(table.add(1, 2)).toBe(0);
    expect(() => table.add(2, 1)).toThrow('full at 1 pairs');
  });
});
