/** What is kept of a run while its records come in: all of a short one, and a faithful little of a long one. */
import { describe, expect, it } from 'vitest';
import { Stretches } from '../../src/report/stretches.ts';
import type { MetricsRecord } from '../../src/train/metrics.ts';
import { exampleRecords, measured, runOf, stepped } from './fixture.ts';

const historyOf = (records: readonly MetricsRecord[], clip?: number) =>
  runOf({ records, ...(clip === undefined ? {} : { description: { training: { clip } } }) }).history;

describe('stretches', () => {
  const sums = (limit: number) => new Stretches<number>(limit, (a, b) => a + b);

  it('become twice as long, all of them, when there are too many', () => {
    const stretches = sums(4);
    for (let step = 1; step <= 4; step++) stretches.add(step, 10 ** step);
    expect([stretches.length, stretches.values]).toEqual([1, [10, 100, 1000, 10_000]]);
    stretches.add(5, 1e5); // 1 | 2 3 | 4 5
    expect([stretches.length, stretches.values]).toEqual([2, [10, 1100, 110_000]]);
    expect([stretches.count, stretches.lastStep]).toEqual([5, 5]);
  });

  it('stay within the limit, lose nothing, and do not depend on how far apart steps are', () => {
    const stretches = sums(100);
    let total = 0;
    for (let step = 0; step < 3_000_000; step += 7) {
      stretches.add(step, step);
      total += step;
    }
    expect(stretches.values.length).toBeGreaterThan(50);
    expect(stretches.values.length).toBeLessThanOrEqual(100);
    expect(stretches.values.reduce((a, b) => a + b)).toBe(total);
    stretches.add(99_999_999, 1);
    expect(stretches.values.length).toBeLessThanOrEqual(100);
  });

  it('take the later of two values for one step, and count a step done again once', () => {
    const stretches = sums(4);
    for (const [step, value] of [
      [1, 5],
      [2, 6],
      [2, 7],
    ] as const)
      stretches.add(step, value);
    expect(stretches.values).toEqual([5, 7]);
    for (let step = 3; step <= 8; step++) stretches.add(step, 1); // 1 | 2 3 | 4 5 | 6 7 -> 1..3 | 4..7 | 8
    const before = [stretches.values, stretches.count] as const;
    stretches.dropAfter(5); // 4..7 stays: nothing is kept of where in it a value was
    expect(stretches.values).toEqual(before[0].slice(0, 2));
    for (let step = 6; step <= 8; step++) stretches.add(step, 1);
    expect([stretches.values, stretches.count]).toEqual(before);
  });

  it('put what comes late where it belongs', () => {
    const stretches = sums(8);
    for (const step of [5, 9, 2, 7]) stretches.add(step, step);
    expect(stretches.values).toEqual([2, 5, 7, 9]);
  });
});

describe('a short run', () => {
  it('is kept whole', () => {
    const records = exampleRecords(4000);
    const history = historyOf(records, 1);
    const steps = records.filter((r) => r.kind === 'step');
    for (const curve of ['loss', 'learningRate', 'gradNorm', 'tokensPerSecond'] as const) {
      const all = steps.map((m) => ({ x: m.step, y: m[curve] }));
      expect(history.points(curve)).toEqual(all);
      expect(history.means(curve)).toEqual(all);
    }
    expect(history.evaluations).toEqual(records.filter((r) => r.kind === 'evaluation'));
    expect(history.layers).toEqual(records.filter((r) => r.kind === 'layers'));
    expect(history.samples.kept).toEqual(records.filter((r) => r.kind === 'sample'));
    const clipped = steps.filter((m) => m.gradNorm > 1).map((m) => m.step);
    expect(history.clipped).toEqual({ count: clipped.length, at: clipped });
  });
});

describe('a long run', () => {
  const records = exampleRecords(50_000, { seed: 3 });
  const steps = records.filter((r) => r.kind === 'step');
  const history = historyOf(records, 1);

  it('keeps first, last, lowest and highest, in order, and the means', () => {
    const points = history.points('loss');
    const losses = steps.map((m) => m.loss);
    expect(points.length).toBeLessThan(2 * 4096 + 3);
    expect([points[0], points.at(-1)]).toEqual([
      { x: 1, y: losses[0] },
      { x: 50_000, y: losses.at(-1) },
    ]);
    expect(Math.max(...points.map((p) => p.y))).toBe(Math.max(...losses));
    expect(Math.min(...points.map((p) => p.y))).toBe(Math.min(...losses));
    for (let i = 1; i < points.length; i++) expect(points[i]!.x).toBeGreaterThan(points[i - 1]!.x);
    expect(history.stepsPerMean).toBe(16);
    const mean = history.means('loss')[1000]!; // steps 16,000 to 16,015
    const own = losses.slice(15_999, 16_015);
    expect(mean.x).toBe(16_007.5);
    expect(mean.y).toBeCloseTo(own.reduce((a, b) => a + b) / 16, 12);
  });

  it('counts every step and every clipped one', () => {
    expect(history.stepCount).toBe(50_000);
    expect(history.clipped.count).toBe(steps.filter((m) => m.gradNorm > 1).length);
    expect(history.samples.count).toBe(200);
    expect(history.samples.kept.length).toBeLessThanOrEqual(96);
    expect(history.layers.length).toBeLessThanOrEqual(256);
    expect(history.layers.at(-1)?.step).toBe(50_000);
  });

  it('is bounded in everything', () => {
    const many = Array.from({ length: 30_000 }, (_, i): MetricsRecord[] => [
      // The lowest, of a stop, beside the lowest that the run kept.
      i === 7778 ? { ...measured(i, 0.4), best: false } : measured(i, i === 7777 ? 0.5 : 1 + (i % 10)),
      { kind: 'warning', step: i, message: 'trouble' },
      { kind: 'resume', step: i },
    ]).flat();
    const { evaluations, warnings, resumes } = historyOf(many);
    expect(evaluations.length).toBeLessThanOrEqual(2048);
    expect(Math.min(...evaluations.filter(({ best }) => best).map((m) => m.nll))).toBe(0.5);
    expect([warnings.first.length, warnings.count, resumes.first.length, resumes.count]).toEqual([
      100, 30_000, 100, 30_000,
    ]);
  });
});

describe('after a resume', () => {
  const losses = (records: readonly MetricsRecord[]) =>
    historyOf(records)
      .points('loss')
      .map((p) => [p.x, p.y]);

  it('the later record counts, and what was not done again is gone', () => {
    const before = [
      stepped(1, 4),
      stepped(2, 3),
      measured(2, 3),
      stepped(3, 2),
      measured(3, 2),
      stepped(4, 1),
    ];
    const records = [...before, { kind: 'resume', step: 1 } as const, stepped(2, 7), stepped(3, 8)];
    expect(losses(records)).toEqual([
      [1, 4],
      [2, 7],
      [3, 8],
    ]);
    expect(historyOf(records).latest).toBeUndefined();
    expect(historyOf([...before, { kind: 'resume', step: 2 }]).latest?.step).toBe(2);
    expect(historyOf(records).lastStep).toBe(3);
  });

  it('without its record, as in a damaged file, the later counts too', () => {
    expect(losses([stepped(1, 4), stepped(2, 3), stepped(3, 2), stepped(2, 7)])).toEqual([
      [1, 4],
      [2, 7],
      [3, 2],
    ]);
  });

  it('a long run looks as if it had never stopped', () => {
    const whole = exampleRecords(20_000);
    const until = whole.findIndex((r) => r.step > 15_003);
    const from = whole.findIndex((r) => r.step > 9001);
    const pieces = [...whole.slice(0, until), { kind: 'resume', step: 9001 } as const, ...whole.slice(from)];
    const [a, b] = [historyOf(whole, 1), historyOf(pieces, 1)];
    expect(b.points('gradNorm')).toEqual(a.points('gradNorm'));
    expect(b.means('loss')).toEqual(a.means('loss'));
    expect([b.stepCount, b.clipped, b.evaluations]).toEqual([a.stepCount, a.clipped, a.evaluations]);
  });

  it('keeps two warnings of one step, and one that is said twice once', () => {
    const warning = (message: string) => ({ kind: 'warning', step: 5, message }) as const;
    expect(historyOf([warning('a'), warning('b'), warning('a')]).warnings).toMatchObject({ count: 2 });
  });
});
