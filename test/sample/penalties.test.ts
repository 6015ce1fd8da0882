/** Bias and penalties: published values, then properties over random rows and histories. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { addBias, type History, penalizeFrequency, penalizeRepetition } from '../../src/sample/edits.ts';
import type { SamplingSettings } from '../../src/sample/settings.ts';
import { distribution, entries, historyOf, samplerOf, tameRows } from './support.ts';

const run = { seed: 31, numRuns: 500 };
const repetition = (
  logits: ArrayLike<number>,
  history: History,
  given: Partial<SamplingSettings>,
): Float64Array => {
  const row = Float64Array.from(logits);
  const counts = new Int32Array(row.length);
  penalizeRepetition(row, counts, history, {
    repetitionPenalty: 1,
    penaltyMode: 'logits',
    penaltyLastN: -1,
    ...given,
  });
  expect(counts.every((n) => n === 0)).toBe(true); // scratch is handed back as it came
  return row;
};
const frequency = (
  logits: ArrayLike<number>,
  history: History,
  f: number,
  presence: number,
): Float64Array => {
  const row = Float64Array.from(logits);
  const counts = new Int32Array(row.length);
  penalizeFrequency(row, counts, history, { frequencyPenalty: f, presencePenalty: presence });
  expect(counts.every((n) => n === 0)).toBe(true);
  return row;
};
const idsIn = (h: History): number[] => Array.from(h.ids).slice(0, h.length);
const probabilitiesOf = (row: Float64Array): number[] => entries(distribution(row, {})).map(([, p]) => p);

describe('agrees with transformers', () => {
  test('repetition 2 after [0, 1]: -.1 becomes -.2, .1 becomes .05, the rest stays', () => {
    expect([...repetition([-0.1, 0.1, 0.3, -0.3], historyOf([0, 1]), { repetitionPenalty: 2 })]).toEqual([
      -0.2, 0.05, 0.3, -0.3,
    ]);
  });

  test('a window of 0 leaves all logits alone', () => {
    const row = [-0.1, 0.1, 0.3];
    expect([...repetition(row, historyOf([0, 1]), { repetitionPenalty: 2, penaltyLastN: 0 })]).toEqual(row);
  });
});

// Rows are uniform over five tokens; their window is all generated tokens, as here.
describe('agrees with llama.cpp', () => {
  const uniform = new Float64Array(5).fill(Math.log(0.2));
  const close = (row: Float64Array, expected: readonly number[]): void => {
    for (const [i, p] of probabilitiesOf(row).entries())
      expect(Math.abs(p - expected[i]!)).toBeLessThan(1e-5);
  };
  test('repetition 50 of token 0', () => {
    close(repetition(uniform, historyOf([], [0]), { repetitionPenalty: 50 }), [0, 0.25, 0.25, 0.25, 0.25]);
    close(
      repetition(uniform, historyOf([], [0, 1, 2, 0, 0]), { repetitionPenalty: 50 }),
      [0, 0, 0, 0.5, 0.5],
    );
  });
  test('frequency and presence 5 of token 0', () => {
    close(frequency(uniform, historyOf([], [0]), 5, 5), [0.000011, 0.249997, 0.249997, 0.249997, 0.249997]);
  });
  test('frequency and presence 5 after 0, 1, 2, 0, 0', () => {
    close(
      frequency(uniform, historyOf([], [0, 1, 2, 0, 0]), 5, 5),
      [0, 0.000023, 0.000023, 0.499977, 0.499977],
    );
  });
});

const history = fc
  .tuple(fc.array(fc.nat(4), { maxLength: 6 }), fc.array(fc.nat(4), { maxLength: 6 }))
  .map(([prompt, generated]) => historyOf(prompt, generated));
const rows = fc
  .array(fc.double({ min: -8, max: 8, noNaN: true }), { minLength: 5, maxLength: 5 })
  .map((row) => Float64Array.from(row));
const modes = fc.constantFrom('logits' as const, 'logprobs' as const);
const penalties = fc.double({ min: 1, max: 10, noNaN: true });

describe('repetition', () => {
  test('depends on which tokens are in the window, not on how often nor on prompt or not', () => {
    fc.assert(
      fc.property(rows, history, modes, penalties, (row, h, penaltyMode, repetitionPenalty) => {
        const given = { penaltyMode, repetitionPenalty };
        const distinct = [...new Set(idsIn(h))].reverse();
        expect(repetition(row, historyOf(distinct), given)).toEqual(repetition(row, h, given));
      }),
      run,
    );
  });

  test('above 1 never raises the odds of a seen token against an unseen one', () => {
    fc.assert(
      fc.property(rows, history, modes, penalties, (row, h, penaltyMode, repetitionPenalty) => {
        const after = repetition(row, h, { penaltyMode, repetitionPenalty });
        for (const seen of idsIn(h)) {
          for (const other of row.keys()) {
            if (idsIn(h).includes(other)) continue;
            expect(after[seen]! - after[other]!).toBeLessThanOrEqual(row[seen]! - row[other]! + 1e-12);
          }
        }
      }),
      run,
    );
  });

  test('of r, then of 1 / r, restores the logits', () => {
    fc.assert(
      fc.property(rows, history, penalties, (row, h, r) => {
        const there = repetition(row, h, { repetitionPenalty: r });
        const back = repetition(there, h, { repetitionPenalty: 1 / r });
        for (const [i, z] of row.entries()) expect(Math.abs(back[i]! - z)).toBeLessThan(1e-12);
      }),
      run,
    );
  });

  test('of 1 changes no bit', () => {
    fc.assert(
      fc.property(rows, history, modes, (row, h, penaltyMode) => {
        const sampler = samplerOf({ repetitionPenalty: 1, penaltyMode }, row.length);
        const { logits, count } = sampler.prepare(row, h);
        expect(logits.slice(0, count)).toEqual(Float64Array.from(row));
      }),
      run,
    );
  });

  test('by log-probabilities multiplies log p, and does not depend on a shift of the logits', () => {
    fc.assert(
      fc.property(
        rows,
        history,
        penalties,
        fc.double({ min: -50, max: 50, noNaN: true }),
        (row, h, r, shift) => {
          const given = { repetitionPenalty: r, penaltyMode: 'logprobs' as const };
          const after = probabilitiesOf(repetition(row, h, given));
          const p = probabilitiesOf(row).map((x, id) => (idsIn(h).includes(id) ? x ** r : x));
          const total = p.reduce((sum, x) => sum + x, 0);
          for (const [i, x] of p.entries()) expect(Math.abs(after[i]! - x / total)).toBeLessThan(1e-12);
          const shifted = probabilitiesOf(
            repetition(
              row.map((z) => z + shift),
              h,
              given,
            ),
          );
          for (const [i, x] of shifted.entries()) expect(Math.abs(after[i]! - x)).toBeLessThan(1e-12);
        },
      ),
      run,
    );
    const logits = [1, 2, 3]; // and the form by logits does depend on it
    const byLogits = (shift: number): number[] =>
      probabilitiesOf(
        repetition(
          logits.map((z) => z + shift),
          historyOf([0]),
          { repetitionPenalty: 2 },
        ),
      );
    expect(Math.abs(byLogits(0)[0]! - byLogits(10)[0]!)).toBeGreaterThan(0.03);
  });

  test('looks at the last N tokens of prompt and text together', () => {
    const h = historyOf([0, 1], [2, 0]);
    const touched = (penaltyLastN: number): number[] =>
      [...repetition([1, 1, 1, 1], h, { repetitionPenalty: 2, penaltyLastN }).keys()].filter(
        (id) => repetition([1, 1, 1, 1], h, { repetitionPenalty: 2, penaltyLastN })[id] !== 1,
      );
    expect([0, 1, 2, 3, 4, 99, -1].map(touched)).toEqual([
      [],
      [0],
      [0, 2],
      [0, 1, 2],
      [0, 1, 2],
      [0, 1, 2],
      [0, 1, 2],
    ]);
  });
});

describe('frequency and presence', () => {
  test('take f times the count and the presence penalty once, from generated tokens only', () => {
    fc.assert(
      fc.property(
        rows,
        history,
        fc.constantFrom(-2, 0, 0.5, 2),
        fc.constantFrom(-1, 0, 1.5),
        (row, h, f, p) => {
          const after = frequency(row, h, f, p);
          const generated = idsIn(h).slice(h.promptLength);
          for (const [id, z] of row.entries()) {
            const n = generated.filter((g) => g === id).length;
            expect(Math.abs(after[id]! - (z - n * f - (n > 0 ? p : 0)))).toBeLessThan(1e-12);
          }
        },
      ),
      run,
    );
  });
});

test('bias adds', () => {
  const row = Float64Array.of(1, 2, 3);
  addBias(row, [
    [2, -4],
    [0, 0.5],
    [2, 1],
  ]);
  expect([...row]).toEqual([1.5, 2, 0]);
});

test('nothing lifts a mask, and no size of bias or penalty masks a token, makes it infinite, or gives NaN', () => {
  const extreme = fc.constantFrom(Number.MIN_VALUE, 1e-300, 1, 1e300, Number.MAX_VALUE);
  const sign = fc.constantFrom(1, -1);
  const values = fc.array(fc.constantFrom(-Infinity, -Number.MAX_VALUE, -1, 0, 3, 3e38, Number.MAX_VALUE), {
    minLength: 5,
    maxLength: 5,
  });
  fc.assert(
    fc.property(values, history, modes, extreme, sign, (row, h, penaltyMode, x, s) => {
      const biased = Float64Array.from(row);
      addBias(
        biased,
        [0, 1, 2, 3, 4].map((id) => [id, s * x] as const),
      );
      for (const after of [
        biased,
        repetition(row, h, { penaltyMode, repetitionPenalty: x }),
        frequency(row, h, s * x, x),
      ]) {
        for (const [i, z] of after.entries()) {
          if (row[i] === -Infinity) expect(z).toBe(-Infinity);
          else expect(Number.isFinite(z)).toBe(true);
        }
      }
    }),
    { ...run, numRuns: 2000 },
  );
});

test('a row with every token masked stays so', () => {
  const masked = new Float64Array(5).fill(-Infinity);
  expect(repetition(masked, historyOf([1]), { repetitionPenalty: 2, penaltyMode: 'logprobs' })).toEqual(
    masked,
  );
  fc.assert(
    fc.property(tameRows, (row) => {
      expect(frequency(row, historyOf([0]), 1, 1)).toEqual(Float64Array.from(row)); // the prompt is not counted
    }),
    { seed: 1, numRuns: 20 },
  );
});
