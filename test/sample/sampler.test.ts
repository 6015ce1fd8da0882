/** Conformance values published with other samplers, and the edges where samplers go wrong. */
import { describe, expect, test } from 'vitest';
import { Candidates, load } from '../../src/sample/candidates.ts';
import { applyTemperature, keepTopK, keepTopP } from '../../src/sample/cuts.ts';
import { draw, noCandidates } from '../../src/sample/sampler.ts';
import { SamplerError, type SamplingSettings } from '../../src/sample/settings.ts';
import {
  distribution,
  entries,
  historyOf,
  idsOf,
  loaded,
  logitsOf,
  next,
  samplerOf,
  weightsOf,
} from './support.ts';

const kept = (logits: Float64Array, given: Partial<SamplingSettings>): number[] =>
  idsOf(distribution(logits, given));
const ramp = (from: number, step = 1): Float64Array =>
  Float64Array.from({ length: 10 }, (_, i) => from + i * step);
const probabilitiesOf = (logits: Float64Array, given: Partial<SamplingSettings>): number[] =>
  entries(distribution(logits, given)).map(([, p]) => p);
const uniformsToTry = [0, 2 ** -53, 0.1, 0.5, 0.9, 1 - 2 ** -53];
const drawn = (logits: Float32Array | Float64Array, given: Partial<SamplingSettings>): number[] => [
  ...new Set(uniformsToTry.map((u) => next(given, logits, historyOf([]), u))),
];

// Values of tests/generation/test_logits_process.py in huggingface/transformers, restated.
describe('agrees with transformers', () => {
  test('top-k 3 of a ramp keeps the last three', () => {
    expect(kept(ramp(0), { topK: 3 })).toEqual([7, 8, 9]);
  });

  test('top-k 3 of a ramp whose first half is raised by 10 keeps 2, 3, 4', () => {
    expect(kept(Float64Array.of(10, 11, 12, 13, 14, 5, 6, 7, 8, 9), { topK: 3 })).toEqual([2, 3, 4]);
  });

  test('top-p .8 of [.3, .1, .1, .5] keeps 0 and 3, though .5 + .3 rounds to less than .8', () => {
    expect(0.5 + 0.3 === 0.8).toBe(true);
    const p = probabilitiesOf(logitsOf(0.3, 0.1, 0.1, 0.5), {});
    expect(p[3]! + p[0]!).toBeLessThan(0.8);
    expect(kept(logitsOf(0.3, 0.1, 0.1, 0.5), { topP: 0.8 })).toEqual([0, 3]);
  });

  test('top-p .8 of [.15, .3, .3, .25] keeps 1, 2, 3', () => {
    expect(kept(logitsOf(0.15, 0.3, 0.3, 0.25), { topP: 0.8 })).toEqual([1, 2, 3]);
  });

  test('top-p .9 of logits -5 .. 4 keeps three', () => {
    expect(kept(ramp(-5), { topP: 0.9 })).toEqual([7, 8, 9]);
  });

  test('differs: top-p .9 of logits -500 .. 400 keeps the one best (theirs two, by a minimum we do not have)', () => {
    expect(kept(ramp(-500, 100), { topP: 0.9 })).toEqual([9]);
  });

  test('differs: top-k 1 of a uniform row keeps the lowest id alone (theirs keeps every tie)', () => {
    expect(kept(new Float64Array(10), { topK: 1 })).toEqual([0]);
  });
});

// Values of tests/test-sampling.cpp in ggml-org/llama.cpp, restated.
describe('agrees with llama.cpp on p = [.1, .2, .3, .4]', () => {
  const logits = logitsOf(0.1, 0.2, 0.3, 0.4);
  const close = (actual: number[], expected: number[]): void => {
    expect(actual.length).toBe(expected.length);
    for (const [i, p] of expected.entries()) expect(Math.abs(actual[i]! - p)).toBeLessThan(1e-5);
  };

  test('temperature 0 is one-hot on 3', () => expect(drawn(logits, { temperature: 0 })).toEqual([3]));
  test('top-k 1', () => expect(kept(logits, { topK: 1 })).toEqual([3]));
  test('top-k 3', () => close(probabilitiesOf(logits, { topK: 3 }), [0.22222, 0.33333, 0.44444]));
  test('top-p 0', () => expect(kept(logits, { topP: 0 })).toEqual([3]));
  test('top-p .7', () => close(probabilitiesOf(logits, { topP: 0.7 }), [0.428571, 0.571429]));
  test('top-p .8', () => close(probabilitiesOf(logits, { topP: 0.8 }), [0.22222, 0.33333, 0.44444]));
  test('top-p 1', () => close(probabilitiesOf(logits, { topP: 1 }), [0.1, 0.2, 0.3, 0.4]));
});

describe('temperature and cuts', () => {
  test('temperature .5, top-k 3, top-p .9 of logits 2, 1, 0, -1, -2, stage by stage', () => {
    const c = loaded(Float64Array.of(2, 1, 0, -1, -2));
    const expectProbabilities = (...expected: number[]): void => {
      const actual = entries(c);
      expect(actual.map(([id]) => id)).toEqual(expected.map((_, i) => i));
      for (const [i, p] of expected.entries()) expect(actual[i]![1]).toBeCloseTo(p, 14);
    };
    applyTemperature(c, 0.5);
    expectProbabilities(
      0.8647039742630842,
      0.11702495727271917,
      0.015837605738255944,
      0.0021433868583766707,
      0.0002900758675640402,
    );
    keepTopK(c, 3);
    expectProbabilities(0.8668133321973347, 0.11731042782619835, 0.015876239976466762);
    keepTopP(c, 0.9);
    expectProbabilities(0.8807970779778823, 0.11920292202211755);
    expect([draw(c, 0.88), draw(c, 0.881)]).toEqual([0, 1]);
  });

  test('top-p looks at what top-k left, renormalised: [.4, .2, .2, .1, .1] at 3 and .7 keeps two, not three', () => {
    expect(kept(logitsOf(0.4, 0.2, 0.2, 0.1, 0.1), { topK: 3, topP: 0.7 })).toEqual([0, 1]);
  });

  test('top-p is applied once: a second pass would cut [.5, .2, .2, .1] at .6 from two tokens to one', () => {
    const c = distribution(logitsOf(0.5, 0.2, 0.2, 0.1), { topP: 0.6 });
    expect(idsOf(c)).toEqual([0, 1]);
    keepTopP(c, 0.6);
    expect(idsOf(c)).toEqual([0]);
  });

  test('temperature and top-p do not commute: the order is temperature first', () => {
    const logits = logitsOf(0.5, 0.3, 0.2);
    expect(kept(logits, { temperature: 0.5, topP: 0.65 })).toEqual([0]); // .66, .24, .11
    expect(kept(logits, { topP: 0.65 })).toEqual([0, 1]); // what would go on to the temperature
  });
});

describe('at the edges', () => {
  test('the token that reaches top-p exactly is the last: .25 + .25 of four equal tokens at .5', () => {
    expect(kept(new Float64Array(4), { topP: 0.5 })).toEqual([0, 1]);
    expect(kept(new Float64Array(4), { topP: 0.51 })).toEqual([0, 1, 2]);
  });

  test('the token that crosses top-p is kept, also where the best alone crosses it', () => {
    expect(kept(logitsOf(0.9, 0.1), { topP: 0.5 })).toEqual([0]);
    expect(kept(logitsOf(0.4, 0.35, 0.25), { topP: 0.41 })).toEqual([0, 1]);
  });

  test('a very small top-p keeps the best token, where 1 - p would round to 1', () => {
    for (const topP of [0, Number.MIN_VALUE, 1e-20, 1e-8]) {
      expect(kept(new Float64Array(5), { topP })).toEqual([0]);
      expect(kept(Float64Array.of(1, 2, 3, 2), { topP })).toEqual([2]);
    }
  });

  test('top-p 1 keeps even what underflowed to probability 0; anything below 1 drops it', () => {
    expect(kept(Float64Array.of(0, -1e4, 1), { topP: 1 })).toEqual([0, 1, 2]);
    expect(kept(Float64Array.of(0, -1e4, 1), { topP: 1 - 2 ** -53 })).toEqual([0, 2]);
  });

  test('top-k above the vocabulary, and 0, keep all', () => {
    for (const topK of [0, 4, 5, 1e300])
      expect(kept(Float64Array.of(1, 0, 2, 0), { topK })).toEqual([0, 1, 2, 3]);
  });

  test('equal logits at a cut: exactly k and exactly the nucleus, lowest ids first', () => {
    const logits = Float64Array.of(1, 2, 1, 2, 1, 2, 1);
    expect(kept(logits, { topK: 2 })).toEqual([1, 3]);
    expect(kept(logits, { topK: 5 })).toEqual([0, 1, 2, 3, 5]);
    expect(kept(logitsOf(0.1, 0.2, 0.1, 0.2, 0.1, 0.2, 0.1), { topP: 0.75 })).toEqual([0, 1, 2, 3, 5]);
  });

  test('greedy takes the lowest of equal ids, and 0 and -0 are equal', () => {
    expect(drawn(Float64Array.of(1, 3, 2, 3, 3), { temperature: 0 })).toEqual([1]);
    expect(drawn(Float32Array.of(-1, -0, 0), { temperature: 0 })).toEqual([1]);
    expect(drawn(Float32Array.of(-1, -0, 0), { topK: 1 })).toEqual([1]);
  });

  test('tiny temperatures become one-hot, huge ones uniform, without NaN', () => {
    for (const temperature of [Number.MIN_VALUE, 1e-300, 1e-30]) {
      expect(drawn(Float32Array.of(-1e30, 3e38, 1, 3.3e38), { temperature })).toEqual([3]);
      expect(weightsOf(distribution(Float64Array.of(1, 2, 1.5), { temperature }))).toEqual([0, 1, 0]);
    }
    expect(weightsOf(distribution(Float64Array.of(1, 2, 1.5), { temperature: 1e300 }))).toEqual([1, 1, 1]);
  });

  test('where a temperature makes every weight equal, top-k 1 and top-p 0 still keep the best logit', () => {
    for (const given of [{ topK: 1 }, { topP: 0 }]) {
      expect(drawn(Float64Array.of(1, 2, 1.5), { ...given, temperature: Number.MAX_VALUE })).toEqual([1]);
      expect(drawn(Float32Array.of(1e-30, 2e-30, -0), { ...given, temperature: 1 })).toEqual([1]);
      expect(drawn(Float32Array.of(-1e-30, 0, -1e-30), { ...given, temperature: 1e300 })).toEqual([1]);
    }
  });

  test('the largest float64 logits neither overflow nor produce NaN', () => {
    const logits = Float64Array.of(-Number.MAX_VALUE, Number.MAX_VALUE, 0);
    expect(weightsOf(distribution(logits, {}))).toEqual([0, 1, 0]);
    expect(kept(logits, { topK: 2 })).toEqual([1, 2]);
    expect(kept(logits, { topP: 0.5 })).toEqual([1]);
  });

  test('a masked token is never kept nor drawn', () => {
    const logits = Float32Array.of(-Infinity, 5, -Infinity, 1, -Infinity);
    for (const given of [{}, { topK: 4 }, { topP: 0.999 }, { temperature: 1e300 }]) {
      expect(kept(Float64Array.from(logits), given).every((id) => id === 1 || id === 3)).toBe(true);
      expect(drawn(logits, given).every((id) => id === 1 || id === 3)).toBe(true);
    }
    expect(drawn(logits, { temperature: 0 })).toEqual([1]);
  });

  test('with every token masked the answer is noCandidates, at any setting', () => {
    const logits = new Float32Array(3).fill(-Infinity);
    for (const given of [{}, { temperature: 0 }, { topK: 1 }, { topP: 0 }]) {
      expect(drawn(logits, given)).toEqual([noCandidates]);
    }
    expect(noCandidates).toBe(-1);
  });

  test.each([Number.NaN, Number.POSITIVE_INFINITY])('a logit of %s is an error that says where', (bad) => {
    for (const given of [{}, { temperature: 0 }]) {
      try {
        drawn(Float32Array.of(0, -Infinity, bad, 1), given);
        expect.unreachable();
      } catch (error) {
        expect(error).toBeInstanceOf(SamplerError);
        expect(error).toMatchObject({ code: 'non-finite-logits', param: 'logits', value: bad, index: 2 });
        expect((error as Error).message).toBe(`logits[2] must be finite or -Infinity, got ${bad}`);
      }
    }
  });

  test('logits of another length than the vocabulary are an error', () => {
    expect(() => load(new Candidates(3), new Float32Array(4))).toThrow(
      'sample: logits do not fit; expected 3 as in the vocabulary, got 4',
    );
  });

  test.each([1, -Number.MIN_VALUE, Number.NaN])('a uniform of %s is an error', (u) => {
    expect(() => next({}, new Float32Array(2), historyOf([]), u)).toThrow(SamplerError);
  });
});

describe('the draw', () => {
  test('walks by id, whatever the ranking', () => {
    const c = distribution(logitsOf(0.125, 0.5, 0.25, 0.125), {});
    expect([0, 0.124, 0.126, 0.624, 0.626, 0.874, 0.876].map((u) => draw(c, u))).toEqual([
      0, 0, 1, 1, 2, 2, 3,
    ]);
  });

  test('at an exact boundary goes to the next token: four equal tokens at 0, 1/4, 1/2, 3/4', () => {
    const c = distribution(new Float64Array(4), {});
    expect([0, 0.25, 0.5, 0.75].map((u) => draw(c, u))).toEqual([0, 1, 2, 3]);
  });

  test('never returns a token of weight 0, before, between or behind the others', () => {
    const logits = Float64Array.of(-1e4, 0, -1e4, 0, -1e4);
    expect([0, 0.25, 0.5, 0.75, 1 - 2 ** -53].map((u) => draw(distribution(logits, {}), u))).toEqual([
      1, 1, 3, 3, 3,
    ]);
  });

  test('returns the last token that weighs anything where u * total rounds up to total', () => {
    const c = loaded(new Float64Array(3));
    c.weights.set([Number.MIN_VALUE, Number.MIN_VALUE, 0]);
    expect((1 - 2 ** -53) * (2 * Number.MIN_VALUE)).toBe(2 * Number.MIN_VALUE);
    expect(draw(c, 1 - 2 ** -53)).toBe(1);
  });
});

test('the caller’s logits are not touched, and the sampler carries nothing from one token to the next', () => {
  const sampler = samplerOf({ temperature: 0.7, topK: 4, topP: 0.95 }, 6);
  const rows = [
    Float32Array.of(1, 5, 2, 4, 3, 0),
    Float32Array.of(-Infinity, -Infinity, 1, -Infinity, -Infinity, -Infinity),
    Float32Array.of(9, 9, 9, 9, 9, 9),
  ];
  for (const u of uniformsToTry) {
    for (const row of [...rows, ...rows.toReversed()]) {
      const before = row.slice();
      const token = sampler.next(sampler.start(), row, historyOf([]), u);
      expect(token).toBe(next(sampler.settings, row, historyOf([]), u));
      expect(row).toEqual(before);
    }
  }
});
