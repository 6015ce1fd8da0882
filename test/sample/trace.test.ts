import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { noCandidates } from '../../src/sample/sampler.ts';
import { Trace } from '../../src/sample/trace.ts';
import { eightLogits, histories, settingsOfAll, V } from './stages-support.ts';
import { historyOf, logitsOf, next, uniforms } from './support.ts';

const run = { seed: 73, numRuns: 1000 };

describe('the trace', () => {
  test('of the worked example: stages, entropy, rank and log-probabilities', () => {
    const trace = new Trace();
    const logits = Float32Array.of(-1, 2, 0, 1, -2, 5);
    const given = { temperature: 0.5, topK: 3, topP: 0.9, bannedTokens: [5], minP: 0.1, typicalP: 0.5 };
    expect(next(given, logits, historyOf([0]), 0.9, trace)).toBe(1);
    const p = [0.8647039742630842, 0.11702495727271917, 0.015837605738255944, 0.0021433868583766707];
    const raw = [...logits].map((z) => Math.exp(z)).reduce((sum, x) => sum + x, 0);
    const stages = [
      ['masks', 5, 1 - Math.exp(5) / raw],
      ['topK', 3, p[0]! + p[1]! + p[2]!],
      ['topP', 2, p[0]! + p[1]!],
      ['minP', 2, p[0]! + p[1]!],
      ['typicalP', 1, p[0]!],
    ] as const;
    expect(trace.stages.map((s) => [s.name, s.kept])).toEqual(stages.map(([name, kept]) => [name, kept]));
    for (const [i, [, , mass]] of stages.entries()) expect(trace.stages[i]!.mass).toBeCloseTo(mass, 12);
    const all = [...p, 0.0002900758675640402];
    expect(trace.entropy).toBeCloseTo(
      all.reduce((sum, x) => sum - x * Math.log(x), 0),
      12,
    );
    expect([trace.token, trace.rank, trace.relaxed]).toEqual([1, 1, 0]);
    expect(trace.rawLogProbability).toBeCloseTo(2 - Math.log(raw), 12);
    expect(trace.logProbability).toBe(0);
  });

  test('gives the rank and the probability of a token that is not the best', () => {
    const trace = new Trace();
    const p = logitsOf(0.2, 0.5, 0.2, 0.1);
    expect(next({ topK: 3, repetitionPenalty: 1 }, p, historyOf([]), 0.9, trace)).toBe(2);
    expect(trace.rank).toBe(3); // behind 1, and behind 0, its equal
    expect(trace.logProbability).toBeCloseTo(Math.log(0.2 / 0.9), 12);
    expect(trace.rawLogProbability).toBeCloseTo(Math.log(0.2), 12);
  });

  test('of a greedy token: certain, though the model gave it .5', () => {
    const trace = new Trace();
    next(
      { temperature: 0, bannedTokens: [3], topP: 0.9, minP: 0.1 },
      logitsOf(0.2, 0.5, 0.2, 0.1),
      historyOf([]),
      0.9,
      trace,
    );
    expect(trace.stages.map((s) => [s.name, s.kept, Math.round(s.mass * 1e9) / 1e9])).toEqual([
      ['masks', 3, 0.9],
      ['greedy', 1, 1],
    ]);
    expect([trace.token, trace.rank, trace.entropy, trace.logProbability]).toEqual([1, 1, 0, 0]);
    expect(trace.rawLogProbability).toBeCloseTo(Math.log(0.5), 12);
  });

  test('of mirostat names its cut; of an exhausted step says nothing', () => {
    const trace = new Trace();
    next({ mirostatTarget: 1 }, logitsOf(0.5, 0.25, 0.125, 0.125), historyOf([]), 0, trace);
    expect(trace.stages.at(-1)).toEqual({ name: 'mirostat', kept: 2, mass: expect.closeTo(0.75, 12) });
    next({ noRepeatNgram: 1 }, new Float32Array(1), historyOf([0]), 0, trace);
    expect([trace.stages, trace.token, trace.rank, trace.entropy]).toEqual([[], -1, 0, 0]);
  });

  test('keeps mass and counts falling, within 0 and 1', () => {
    fc.assert(
      fc.property(eightLogits, histories, settingsOfAll, uniforms, (logits, history, given, u) => {
        const trace = new Trace();
        if (next(given, logits, history, u, trace) === noCandidates) return;
        const [masks, ...cuts] = trace.stages;
        const falls = (numbers: number[]): boolean =>
          numbers.every((x, i) => i === 0 || x <= numbers[i - 1]! + 1e-12);
        expect(falls([V, masks!.kept, ...cuts.map((s) => s.kept)])).toBe(true);
        expect(falls([1, ...cuts.map((s) => s.mass), 0])).toBe(true);
        expect(falls([1, masks!.mass, 0])).toBe(true);
        expect(trace.logProbability).toBeLessThanOrEqual(0);
      }),
      run,
    );
  });
});
