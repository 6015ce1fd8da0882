/** What a report says about a run: its best evaluation, the n-grams that it has passed, and its curves. */
import type { Baseline, EvaluationMetrics } from '../train/metrics.ts';
import type { CurveName, RunHistory } from './history.ts';
import { type Point, smooth } from './series.ts';

/** Everything a report shows. */
export interface RunData {
  readonly name: string;
  readonly history: RunHistory;
  readonly baselines: readonly Baseline[];
  /** Settings, sizes, corpus, environment: shown as tables, one for each group. */
  readonly description: Readonly<Record<string, Readonly<Record<string, string | number | boolean>>>>;
}

export interface Run extends RunData {
  /** Where the axis of steps ends: at least 1. */
  readonly lastStep: number;
  /** Held-out characters in a token, on average. */
  readonly charactersPerToken: number;
  /** The lowest evaluation that the run itself made, which is of the model in best/; without any, the lowest final. The
   * one that a stop adds may be lower, but its model was not kept. */
  readonly best: EvaluationMetrics | undefined;
  /** The strongest n-gram model that the latest evaluation is better than, and the weakest that it is not. */
  readonly passed: Baseline | undefined;
  readonly ahead: Baseline | undefined;
}

export function readRun(data: RunData): Run {
  const { history } = data;
  const { latest } = history;
  // Rounded: the last digits of the quotient differ from run to run.
  const { nll, natsPerChar } = latest ?? {};
  const charactersPerToken = nll && natsPerChar ? Number((nll / natsPerChar).toPrecision(9)) : 1;
  const baselines = data.baselines
    .map(({ order, nll }) => ({ order, nll: nll * charactersPerToken }))
    .filter((b) => Number.isFinite(b.nll));
  const byStrength = [...baselines].sort((a, b) => b.nll - a.nll);
  return {
    ...data,
    baselines,
    charactersPerToken,
    lastStep: Math.max(1, history.lastStep),
    best: lowest(history.evaluations.filter(({ best }) => best)) ?? lowest(history.finals),
    passed: latest && byStrength.findLast((b) => b.nll > latest.nll),
    ahead: latest && byStrength.find((b) => b.nll <= latest.nll),
  };
}

function lowest(measured: readonly EvaluationMetrics[]): EvaluationMetrics | undefined {
  return measured
    .filter((m) => Number.isFinite(m.nll))
    .reduce<EvaluationMetrics | undefined>((a, b) => (a === undefined || b.nll < a.nll ? b : a), undefined);
}

/** Where gradients are clipped: the setting whose name says so: clip, clipNorm, grad-clip, "gradient clip". 0 means no
 * limit. */
export function clipLimit(description: RunData['description']): number | undefined {
  const settings = Object.values(description).flatMap((group) => Object.entries(group));
  const found = settings.find(
    ([name, x]) => /^(grad(ient)?[ _-]?)?clip/i.test(name) && typeof x === 'number',
  );
  const limit = Number(found?.[1]);
  return limit > 0 && Number.isFinite(limit) ? limit : undefined;
}

/** 'uniform', '1-gram', '2-gram', ... */
export const baselineName = ({ order }: Baseline): string => (order === 0 ? 'uniform' : `${order}-gram`);

export const validationPoints = (measured: readonly EvaluationMetrics[]): Point[] =>
  measured
    .filter((m) => Number.isFinite(m.nll))
    .map((m) => ({ x: m.step, y: m.nll, error: m.standardError ?? Number.NaN }));

/** A curve, its running mean, and over how many steps each mean is: about a thirtieth of the run. */
export function curveOf(
  { history }: Run,
  name: CurveName,
): { readonly raw: Point[]; readonly mean: Point[]; readonly steps: number } {
  const means = history.means(name);
  const reach = Math.max(5, Math.round(means.length / 60));
  return {
    raw: history.points(name),
    mean: smooth(means, reach),
    steps: (2 * reach + 1) * history.stepsPerMean,
  };
}
