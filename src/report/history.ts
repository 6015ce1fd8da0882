/** Collects the records of a run for its report, one by one, in constant memory however long the run is.
 *
 * Runs of a few thousand steps are kept whole. Of longer ones each stretch of steps keeps, for every curve, its mean
 * and its lowest and highest point, so that no spike is lost. After a resume the steps since the checkpoint come a
 * second time: the later record counts. */
import type {
  EvaluationMetrics,
  LayerMetrics,
  MetricsRecord,
  ResumeMetrics,
  SampleMetrics,
  StepMetrics,
  WarningMetrics,
} from '../train/metrics.ts';
import type { Point } from './series.ts';
import { Stretches } from './stretches.ts';

const limits = { steps: 4096, evaluations: 1024, finals: 64, samples: 96, layers: 256, notes: 100 };
export type CurveName = 'loss' | 'learningRate' | 'gradNorm' | 'tokensPerSecond';

/** One curve over a stretch of steps. */
interface Range {
  /** Undefined while nothing was finite. */
  readonly low: Point | undefined;
  readonly high: Point | undefined;
  /** Of the finite values. */
  readonly sum: number;
  readonly finite: number;
}
interface StepStretch {
  readonly first: StepMetrics;
  readonly last: StepMetrics;
  readonly ranges: Readonly<Record<CurveName, Range>>;
  /** The first step that was clipped, and how many. */
  readonly clippedAt: number | undefined;
  readonly clipped: number;
}
interface Extremes {
  readonly low: EvaluationMetrics;
  readonly high: EvaluationMetrics;
}

/** The first records of a kind, and how many there were in all. */
export interface Noted<T> {
  readonly first: T[];
  count: number;
}

export class RunHistory {
  /** The norm to which gradients are clipped; undefined if they are not. */
  readonly clip: number | undefined;
  readonly #steps = new Stretches<StepStretch>(limits.steps, mergeSteps);
  readonly #evaluations = new Stretches<Extremes>(limits.evaluations, mergeExtremes);
  readonly #finals = new Stretches<EvaluationMetrics>(limits.finals, later);
  readonly #samples = new Stretches<SampleMetrics>(limits.samples, later);
  readonly #layers = new Stretches<LayerMetrics>(limits.layers, later);
  readonly warnings: Noted<WarningMetrics> = { first: [], count: 0 };
  readonly resumes: Noted<ResumeMetrics> = { first: [], count: 0 };
  #latest: EvaluationMetrics | undefined;

  constructor(clip?: number) {
    this.clip = clip;
  }

  add(record: MetricsRecord): void {
    const { kind, step } = record;
    if (kind === 'step') this.#steps.add(step, stretchOf(record, this.clip));
    else if (kind === 'evaluation') this.#evaluations.add(step, { low: record, high: record });
    else if (kind === 'final') this.#finals.add(step, record);
    else if (kind === 'sample') this.#samples.add(step, record);
    else if (kind === 'layers') this.#layers.add(step, record);
    else if (kind === 'warning') note(this.warnings, record, ({ message }) => message === record.message);
    else {
      this.#forgetAfter(step);
      note(this.resumes, record, () => true);
    }
    if ((kind === 'evaluation' || kind === 'final') && Number.isFinite(record.nll)) this.#latest = record;
  }

  /** The highest step on record. */
  get lastStep(): number {
    const { warnings, resumes } = this;
    const noted = [...warnings.first, ...resumes.first].map(({ step }) => step);
    const parts = [this.#steps, this.#evaluations, this.#finals, this.#samples, this.#layers];
    return Math.max(0, ...parts.map((part) => part.lastStep), ...noted);
  }
  get stepCount(): number {
    return this.#steps.count;
  }
  get lastLoss(): number | undefined {
    return this.#steps.values.at(-1)?.last.loss;
  }
  /** How many steps were clipped, and the first clipped step of each stretch. */
  get clipped(): { readonly count: number; readonly at: readonly number[] } {
    const stretches = this.#steps.values;
    return {
      count: stretches.reduce((sum, { clipped }) => sum + clipped, 0),
      at: stretches.flatMap(({ clippedAt }) => clippedAt ?? []),
    };
  }
  /** Over the same windows each time. */
  get evaluations(): readonly EvaluationMetrics[] {
    return this.#evaluations.values.flatMap(({ low, high }) => inOrder(low, high, (m) => m.step));
  }
  /** Over the whole held-out part. */
  get finals(): readonly EvaluationMetrics[] {
    return this.#finals.values;
  }
  /** The evaluation that was made last, of those whose loss is a number. */
  get latest(): EvaluationMetrics | undefined {
    return this.#latest;
  }
  get samples(): { readonly kept: readonly SampleMetrics[]; readonly count: number } {
    return { kept: this.#samples.values, count: this.#samples.count };
  }
  get layers(): readonly LayerMetrics[] {
    return this.#layers.values;
  }
  /** How many steps one mean of a curve stands for. */
  get stepsPerMean(): number {
    return this.#steps.length;
  }

  /** A curve with its extremes: the lowest and highest point of each stretch, and the first and last of all. */
  points(curve: CurveName): Point[] {
    const stretches = this.#steps.values;
    const inner = stretches.flatMap(({ ranges }) => {
      const { low, high } = ranges[curve];
      return low === undefined || high === undefined ? [] : inOrder(low, high, (p) => p.x);
    });
    const ends = [stretches[0]?.first, stretches.at(-1)?.last].map((m) => m && { x: m.step, y: m[curve] });
    const missing = (p: Point | undefined, there: Point | undefined) =>
      p !== undefined && Number.isFinite(p.y) && p.x !== there?.x ? [p] : [];
    return [...missing(ends[0], inner[0]), ...inner, ...missing(ends[1], inner.at(-1))];
  }

  /** The mean of each stretch. */
  means(curve: CurveName): Point[] {
    return this.#steps.values.flatMap(({ first, last, ranges }) => {
      const { sum, finite } = ranges[curve];
      return finite === 0 ? [] : [{ x: (first.step + last.step) / 2, y: sum / finite }];
    });
  }

  #forgetAfter(step: number): void {
    for (const part of [this.#steps, this.#evaluations, this.#finals, this.#samples, this.#layers]) {
      part.dropAfter(step);
    }
    if (this.#latest === undefined || this.#latest.step <= step) return;
    const left = [...this.evaluations, ...this.finals].filter((m) => Number.isFinite(m.nll));
    this.#latest = left.reduce<EvaluationMetrics | undefined>(
      (a, b) => (a === undefined || b.step >= a.step ? b : a),
      undefined,
    );
  }
}

function stretchOf(record: StepMetrics, clip: number | undefined): StepStretch {
  const range = (y: number): Range => {
    const finite = Number.isFinite(y);
    const point = finite ? { x: record.step, y } : undefined;
    return { low: point, high: point, sum: finite ? y : 0, finite: Number(finite) };
  };
  const clipped = clip !== undefined && record.gradNorm > clip;
  return {
    first: record,
    last: record,
    ranges: rangesOf((curve) => range(record[curve])),
    clippedAt: clipped ? record.step : undefined,
    clipped: Number(clipped),
  };
}

function mergeSteps(a: StepStretch, b: StepStretch): StepStretch {
  return {
    first: a.first,
    last: b.last,
    ranges: rangesOf((curve) => mergeRanges(a.ranges[curve], b.ranges[curve])),
    clippedAt: a.clippedAt ?? b.clippedAt,
    clipped: a.clipped + b.clipped,
  };
}

function rangesOf(range: (curve: CurveName) => Range): StepStretch['ranges'] {
  const [loss, learningRate] = [range('loss'), range('learningRate')];
  return { loss, learningRate, gradNorm: range('gradNorm'), tokensPerSecond: range('tokensPerSecond') };
}

function mergeRanges(a: Range, b: Range): Range {
  const low = b.low === undefined || (a.low !== undefined && a.low.y <= b.low.y) ? a.low : b.low;
  const high = b.high === undefined || (a.high !== undefined && a.high.y >= b.high.y) ? a.high : b.high;
  return { low, high, sum: a.sum + b.sum, finite: a.finite + b.finite };
}

/** An evaluation whose loss is NaN is kept only if all are. As the lowest counts, first of all, one that was the
 * best. */
function mergeExtremes(a: Extremes, b: Extremes): Extremes {
  if (Number.isNaN(a.low.nll)) return b;
  const lower = a.low.best === b.low.best ? b.low.nll < a.low.nll : b.low.best;
  return {
    low: lower ? b.low : a.low,
    high: b.high.nll > a.high.nll ? b.high : a.high,
  };
}

const later = <T>(_: T, b: T): T => b;

/** Two items in their order, or one if both are the same. */
function inOrder<T>(a: T, b: T, at: (item: T) => number): readonly T[] {
  return at(a) === at(b) ? [a] : at(a) < at(b) ? [a, b] : [b, a];
}

function note<T extends { readonly step: number }>(
  noted: Noted<T>,
  record: T,
  same: (other: T) => boolean,
): void {
  if (noted.first.some((other) => other.step === record.step && same(other))) return;
  noted.count += 1;
  if (noted.first.length < limits.notes) noted.first.push(record);
}
