/** All stages together: equal to an oracle of plain arrays, and in the order that docs/sampling.md shows. */
import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { History } from '../../src/sample/edits.ts';
import { noCandidates, type Sampler, type SamplerState, stagesOf } from '../../src/sample/sampler.ts';
import { SamplerError, type SamplingSettings, samplingSettings } from '../../src/sample/settings.ts';
import { Trace } from '../../src/sample/trace.ts';
import { log } from '../../src/tensor/math.ts';
import { RandomStream } from '../../src/tensor/random.ts';
import { eightLogits, histories, settingsOfAll, stagesOracle, V } from './stages-support.ts';
import { historyOf, logitRows, logitsOf, next, samplerOf, settingsRows, uniforms } from './support.ts';

const run = { seed: 71, numRuns: 1000 };
/** Every token that can come: those drawn at many uniforms. */
const possible = (
  given: Partial<SamplingSettings>,
  logits: Float32Array | Float64Array,
  history?: History,
): number[] => {
  const tokens = Array.from({ length: 64 }, (_, i) => next(given, logits, history, i / 64));
  return [...new Set(tokens)].sort((a, b) => a - b);
};

describe('the stages', () => {
  test('give the same token or error whether a trace looks on or not', () => {
    const odd = fc.constantFrom(Number.NaN, Infinity, undefined, undefined, undefined);
    fc.assert(
      fc.property(logitRows, settingsRows, uniforms, odd, (row, settings, u, bad) => {
        const logits = bad === undefined ? row : Float32Array.of(...row.slice(1), bad);
        const attempt = (given: Partial<SamplingSettings>, trace?: Trace): number | string => {
          try {
            return next(given, logits, historyOf([0]), u, trace);
          } catch (error) {
            return (error as SamplerError).message;
          }
        };
        for (const temperature of [settings.temperature, 0]) {
          const given = { ...settings, temperature };
          expect(attempt(given, new Trace())).toBe(attempt(given));
        }
      }),
      run,
    );
  });

  test('at values that change nothing, over an edited copy, give the token that they give when they are off', () => {
    fc.assert(
      fc.property(eightLogits, settingsRows, uniforms, histories, (logits, settings, u, history) => {
        const noop = {
          logitBias: [[0, 0]] as const,
          allowedTokens: [0, 1, 2, 3, 4, 5, 6, 7],
          noRepeatNgram: 50,
        };
        expect(next({ ...settings, ...noop }, logits, history, u)).toBe(next(settings, logits, history, u));
      }),
      run,
    );
  });

  test('with all settings at random is the oracle, traced or not', () => {
    fc.assert(
      fc.property(eightLogits, histories, settingsOfAll, uniforms, (logits, history, given, u) => {
        const before = logits.slice();
        const trace = new Trace();
        const token = next(given, logits, history, u);
        expect(token).toBe(stagesOracle(logits, history, samplingSettings(given, V), u));
        expect(next(given, logits, history, u, trace)).toBe(token);
        expect(trace.token).toBe(token);
        expect(logits).toEqual(before);
      }),
      { ...run, numRuns: 2000 },
    );
  });

  test('one sampler serves many rows: nothing stays from one call to the next', () => {
    const calls = fc.array(fc.tuple(eightLogits, histories, uniforms), { maxLength: 6 });
    fc.assert(
      fc.property(settingsOfAll, calls, (given, rows) => {
        const sampler = samplerOf(given, V);
        for (const [logits, history, u] of rows) {
          expect(sampler.next(sampler.start(), logits, history, u)).toBe(next(given, logits, history, u));
        }
      }),
      { ...run, numRuns: 300 },
    );
  });
});

test('stand in docs/sampling.md, by their names and in their order', () => {
  const { edits, cuts } = stagesOf(samplingSettings(), V);
  const names = (stages: readonly { readonly name: string }[]) => stages.map(({ name }) => name);
  const page = readFileSync(new URL('../../docs/sampling.md', import.meta.url), 'utf8');
  const [table] = /(?<=^\| stage .*\n\|---.*\n)(?:\|.*\n)+/m.exec(page)!;
  const rows = [...table.matchAll(/^\| `(\w+)` \|/gm)].map(([, name]) => name);
  expect(rows).toHaveLength(table.trim().split('\n').length);
  expect(rows).toEqual([...names(edits), 'temperature', ...names(cuts), 'draw']);
});

describe('masks among the stages', () => {
  const flat = new Float32Array(4);

  test('minNewTokens 3 after a prompt of 5 masks end and stop tokens at lengths 5, 6, 7, not at 8', () => {
    const given = { minNewTokens: 3, eosTokens: [0], stopTokens: [2] };
    const generated = [[], [1], [1, 3], [1, 3, 1]];
    expect(generated.map((ids) => possible(given, flat, historyOf([1, 3, 1, 3, 1], ids)))).toEqual([
      [1, 3],
      [1, 3],
      [1, 3],
      [0, 1, 2, 3],
    ]);
  });

  test('a NaN under a mask is still an error', () => {
    expect(() => next({ bannedTokens: [1] }, Float32Array.of(0, Number.NaN))).toThrow(SamplerError);
  });

  test('come before the ranking: top-k counts what masks left', () => {
    expect(possible({ bannedTokens: [0, 1], topK: 1 }, Float32Array.of(9, 8, 7, 6))).toEqual([2]);
  });

  test('hold for a greedy token too, as do penalties', () => {
    const logits = Float32Array.of(1, 4, 3, 2);
    expect(next({ temperature: 0, bannedTokens: [1] }, logits)).toBe(2);
    expect(next({ temperature: 0, bannedSequences: [[0, 1]] }, logits)).toBe(2);
    expect(next({ temperature: 0, allowedTokens: [3, 0] }, logits)).toBe(3);
    expect(next({ temperature: 0, logitBias: [[0, 9]] }, logits)).toBe(0);
    expect(next({ temperature: 0, repetitionPenalty: 2 }, logits, historyOf([1]))).toBe(2);
    expect(next({ temperature: 0, frequencyPenalty: 1.25 }, logits, historyOf([], [1, 2, 1]))).toBe(3);
    expect(next({ temperature: 0, presencePenalty: 2.5 }, logits, historyOf([], [1, 2, 1]))).toBe(3);
  });

  test('a text sampled under noRepeatNgram never holds an n-gram twice', () => {
    const random = new RandomStream(3, 'sample');
    for (const n of [1, 2, 3]) {
      const sampler = samplerOf({ noRepeatNgram: n }, 4);
      const ids = [0, 1];
      let token = 0;
      for (let step = 0; step < 200 && token !== noCandidates; step++) {
        token = sampler.next(
          sampler.start(),
          Float32Array.of(0, 1, 2, 0),
          historyOf(ids),
          random.uniform(step, n),
        );
        if (token !== noCandidates) ids.push(token);
      }
      expect(token).toBe(noCandidates); // four symbols run out of n-grams
      const grams = ids.map((_, i) => String(ids.slice(i, i + n))).slice(0, ids.length - n + 1);
      expect(new Set(grams).size).toBe(grams.length);
    }
  });
});

describe('with every token masked', () => {
  const logits = new Float32Array(3);
  const seen = historyOf([0, 1], [2]);
  const ngram = { noRepeatNgram: 1 };
  const short = { minNewTokens: 9, eosTokens: [0, 1, 2] };

  test('stop answers noCandidates, also of a greedy token', () => {
    expect(next(ngram, logits, seen)).toBe(noCandidates);
    expect(next({ ...ngram, temperature: 0 }, logits, seen)).toBe(noCandidates);
    expect(next({}, logits.slice().fill(-Infinity))).toBe(noCandidates);
  });

  test('throw throws', () => {
    expect(() => next({ ...ngram, onExhausted: 'throw' }, logits, seen)).toThrow(
      'candidates must be at least 1 after masks, got 0',
    );
  });

  test('relax lifts n-grams first, then sequences and minimum length, never bans nor the model’s own masks', () => {
    const relaxed = (given: Partial<SamplingSettings>, row = logits): [number[], number] => {
      const trace = new Trace();
      next({ ...given, onExhausted: 'relax' }, row, seen, 0, trace);
      return [possible({ ...given, onExhausted: 'relax' }, row, seen), trace.relaxed];
    };
    expect(relaxed({})).toEqual([[0, 1, 2], 0]);
    expect(relaxed(ngram)).toEqual([[0, 1, 2], 1]);
    expect(relaxed({ ...ngram, bannedTokens: [1] })).toEqual([[0, 2], 1]);
    expect(relaxed({ ...ngram, minNewTokens: 9, eosTokens: [0] })).toEqual([[1, 2], 1]);
    expect(relaxed(short)).toEqual([[0, 1, 2], 2]);
    expect(relaxed({ ...ngram, bannedSequences: [[2, 0], [1], [2]] })).toEqual([[0, 1, 2], 2]);
    expect(relaxed(short, Float32Array.of(0, -Infinity, 0))).toEqual([[0, 2], 2]);
    expect(relaxed({ ...short, bannedTokens: [0, 1, 2] })[0]).toEqual([noCandidates]);
  });
});

describe('mirostat among the stages', () => {
  const logits = Float64Array.from({ length: 30 }, (_, i) => -log(i + 1));
  const given = { mirostatTarget: 3, mirostatRate: 0.2 };
  const random = new RandomStream(9, 'sample');
  const draw = (sampler: Sampler, state: SamplerState, from: number, to: number): number[] =>
    Array.from({ length: to - from }, (_, i) =>
      sampler.next(state, logits, historyOf([]), random.uniform(from + i)),
    );

  test('keeps its state with the caller: a copy goes on alone, and rows do not disturb each other', () => {
    const sampler = samplerOf(given, 30);
    const state = sampler.start();
    expect(state).toEqual({ mu: 6 });
    draw(sampler, state, 0, 20);
    const copy = JSON.parse(JSON.stringify(state)) as SamplerState;
    const rest = draw(sampler, state, 20, 60);
    draw(sampler, sampler.start(), 0, 7);
    expect(draw(samplerOf(given, 30), copy, 20, 60)).toEqual(rest);
    expect(copy).toEqual(state);
    const whole = sampler.start();
    expect(draw(sampler, whole, 0, 60).slice(20)).toEqual(rest);
  });

  test('moves mu by the surprise of the whole distribution', () => {
    const p = logitsOf(0.5, 0.25, 0.125, 0.125);
    const sampler = samplerOf({ mirostatTarget: 1, mirostatRate: 0.5 }, 4);
    const state = sampler.start(); // mu 2: the first two tokens
    expect(sampler.next(state, p, historyOf([]), 0.9)).toBe(1); // 2 bits
    expect(state.mu).toBeCloseTo(1.5, 14);
    expect(sampler.next(state, p, historyOf([]), 0.9)).toBe(0); // 1 bit
    expect(state.mu).toBeCloseTo(1.5, 14);
  });

  test('leaves the state alone when off or greedy', () => {
    for (const off of [{}, { ...given, temperature: 0 }]) {
      const sampler = samplerOf(off, 30);
      const state = sampler.start();
      draw(sampler, state, 0, 5);
      expect(state).toEqual(sampler.start());
    }
  });
});
