/** What a report says about a run, picked from its records. */
import type {
  Baseline,
  EvaluationMetrics,
  LayerMetrics,
  MetricsRecord,
  ResumeMetrics,
  RunData,
  SampleMetrics,
  StepMetrics,
  WarningMetrics,
} from '../train/metrics.ts';
import { type Point, smooth } from './series.ts';

export interface Run extends RunData {
  readonly steps: readonly StepMetrics[];
  /** Over the same windows each time. */
  readonly evaluations: readonly EvaluationMetrics[];
  /** Over the whole held-out part. */
  readonly finals: readonly EvaluationMetrics[];
  readonly samples: readonly SampleMetrics[];
  readonly layers: readonly LayerMetrics[];
  readonly warnings: readonly WarningMetrics[];
  readonly resumes: readonly ResumeMetrics[];
  /** The highest step on record, at least 1: where the axis of steps ends. */
  readonly lastStep: number;
  /** The last measurement with a number. */
  readonly latest: EvaluationMetrics | undefined;
  /** The lowest evaluation; without any, the lowest final. */
  readonly best: EvaluationMetrics | undefined;
  /** The strongest counting model that `latest` beats, and the weakest that it does not. */
  readonly passed: Baseline | undefined;
  readonly ahead: Baseline | undefined;
  /** Where gradients are clipped; undefined if they are not. */
  readonly clip: number | undefined;
}

export function readRun(data: RunData): Run {
  const of = <K extends MetricsRecord['kind']>(...kinds: readonly K[]) =>
    data.records.filter((r): r is Extract<MetricsRecord, { kind: K }> =>
      (kinds as readonly string[]).includes(r.kind),
    );
  const measured = of('evaluation', 'final');
  const latest = measured.findLast((m) => Number.isFinite(m.nll));
  const baselines = perToken(data.baselines, latest).filter((b) => Number.isFinite(b.nll));
  const byStrength = [...baselines].sort((a, b) => b.nll - a.nll);
  const evaluations = measured.filter((m) => m.kind === 'evaluation');
  const finals = measured.filter((m) => m.kind === 'final');
  return {
    ...data,
    baselines,
    steps: of('step'),
    evaluations,
    finals,
    samples: of('sample'),
    layers: of('layers'),
    warnings: of('warning'),
    resumes: of('resume'),
    lastStep: data.records.reduce((last, { step }) => Math.max(last, step), 1),
    latest,
    best: lowest(evaluations) ?? lowest(finals),
    passed: latest && byStrength.findLast((b) => b.nll > latest.nll),
    ahead: latest && byStrength.find((b) => b.nll <= latest.nll),
    clip: clipLimit(data),
  };
}

/** The baselines are counted over characters; for longer tokens, what they come to over an average token. */
function perToken(
  baselines: readonly Baseline[],
  latest: EvaluationMetrics | undefined,
): readonly Baseline[] {
  if (latest?.natsPerChar === undefined) return baselines;
  const charactersPerToken = latest.nll / latest.natsPerChar;
  return baselines.map(({ order, nll }) => ({ order, nll: nll * charactersPerToken }));
}

function lowest(measured: readonly EvaluationMetrics[]): EvaluationMetrics | undefined {
  return measured
    .filter((m) => Number.isFinite(m.nll))
    .reduce<EvaluationMetrics | undefined>((a, b) => (a === undefined || b.nll < a.nll ? b : a), undefined);
}

/** The setting whose name says so: clip, clipNorm, grad-clip, "gradient clip". 0 means no limit. */
function clipLimit({ description }: RunData): number | undefined {
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

/** How many steps on each side a running mean takes: a thirtieth of the run altogether. */
export const reachFor = (steps: number): number => Math.max(5, Math.round(steps / 60));

/** The training loss and its running mean, with how many steps that takes on each side. */
export function trainingCurves({ steps }: Run): { raw: Point[]; mean: Point[]; reach: number } {
  const raw = steps.map(({ step, loss }) => ({ x: step, y: loss })).filter((p) => Number.isFinite(p.y));
  const reach = reachFor(raw.length);
  return { raw, mean: smooth(raw, reach), reach };
}
