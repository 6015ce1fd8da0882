/** Hard masks: values published with transformers, restated, and oracles by definition. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  endsWith,
  maskAllBut,
  maskRepeatedNgrams,
  maskSequences,
  maskTokens,
} from '../../src/sample/edits.ts';
import { historyOf } from './support.ts';

const run = { seed: 47, numRuns: 1000 };
/** The ids that an edit of V zeros masks. */
const masked = (V: number, edit: (row: Float64Array) => void): number[] => {
  const row = new Float64Array(V);
  edit(row);
  return [...row.keys()].filter((id) => row[id] === -Infinity);
};
const ngrams = (V: number, ids: readonly number[], n: number): number[] =>
  masked(V, (row) => maskRepeatedNgrams(row, historyOf(ids), n));

describe('n-grams that would repeat', () => {
  test('after [1, 1, 2, 1] and [0, 1, 0, 1]', () => {
    expect([ngrams(3, [1, 1, 2, 1], 2), ngrams(3, [0, 1, 0, 1], 2)]).toEqual([[1, 2], [0]]);
    expect([ngrams(3, [1, 1, 2, 1], 3), ngrams(3, [0, 1, 0, 1], 3)]).toEqual([[], [0]]);
  });

  test('a later window that differs does not lift a mask: after [1, 2, 5, 7, 8, 5, 1, 2] only 5', () => {
    expect(ngrams(9, [1, 2, 5, 7, 8, 5, 1, 2], 3)).toEqual([5]);
  });

  test('a history shorter than n masks nothing; n = 1 masks all that was seen; n = 0 is off', () => {
    expect([
      ngrams(3, [1, 1], 3),
      ngrams(3, [], 1),
      ngrams(4, [3, 1, 3], 1),
      ngrams(4, [3, 1, 3], 0),
    ]).toEqual([[], [], [1, 3], []]);
  });

  test('are exactly the tokens that append an n-gram already there', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(3), { maxLength: 20 }), fc.integer({ min: 1, max: 5 }), (ids, n) => {
        const grams = new Set(
          ids
            .map((_, i) => ids.slice(i, i + n))
            .filter((g) => g.length === n)
            .map(String),
        );
        const repeats = [0, 1, 2, 3].filter((id) => grams.has(String([...ids, id].slice(-n))));
        expect(ngrams(4, ids, n)).toEqual(repeats);
      }),
      run,
    );
  });
});

describe('banned sequences', () => {
  const banned = (ids: readonly number[], sequences: readonly (readonly number[])[]): number[] =>
    masked(5, (row) => maskSequences(row, historyOf(ids), sequences));
  const list = [[1], [1, 0], [0, 1, 2], [1, 3, 1, 3]];

  test('[1], [1, 0], [0, 1, 2], [1, 3, 1, 3] after [0, 1, 3, 1] and after [0, 1, 0, 1]', () => {
    expect([banned([0, 1, 3, 1], list), banned([0, 1, 0, 1], list)]).toEqual([
      [0, 1, 3],
      [0, 1, 2],
    ]);
  });

  test('differs: a ban of the end token alone is honoured (theirs drops it from the list)', () => {
    expect(banned([0, 1, 3, 1], [...list, [4]])).toEqual([0, 1, 3, 4]);
  });

  test('with a start longer than the history, or equal but not newest, mask nothing', () => {
    expect(banned([1], [[0, 1, 2]])).toEqual([]);
    expect(banned([1, 0], [[1, 2]])).toEqual([]);
  });
});

test('lists of tokens: banned, and allowed alone', () => {
  expect(masked(5, (row) => maskTokens(row, [3, 0, 3]))).toEqual([0, 3]);
  expect(masked(5, (row) => maskAllBut(row, [1, 4]))).toEqual([0, 2, 3]);
  expect(masked(3, (row) => maskAllBut(row, [0, 1, 2]))).toEqual([]);
  const row = Float64Array.of(-Infinity, 2, 3);
  maskAllBut(row, [0, 1]);
  expect([...row]).toEqual([-Infinity, 2, -Infinity]); // allowing does not lift a mask
});

test('endsWith looks at the newest tokens, inside the history only', () => {
  const h = historyOf([1, 2], [3]);
  expect([[], [3], [2, 3], [1, 2, 3], [2], [0, 1, 2, 3], [3, 0]].map((s) => endsWith(h, s))).toEqual([
    true,
    true,
    true,
    true,
    false,
    false,
    false,
  ]);
});
