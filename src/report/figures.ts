/** The charts of one run. */
import type { Chart, Level, Mark } from './chart.ts';
import { clip } from './html.ts';
import { baselineName, curveOf, type Run, validationPoints } from './run.ts';
import { extent, value, whole } from './scale.ts';
import { type Point, quantile } from './series.ts';

/** Training and held-out loss over the whole run. */
export function lossChart(run: Run): Chart {
  const { raw, mean, steps } = curveOf(run, 'loss');
  const validation = validationPoints(run.history.evaluations);
  const final = validationPoints(run.history.finals);
  const goal = run.ahead === undefined ? [] : [run.ahead.nll];
  // A brief spike may leave the plot; it must not flatten everything else. One that stays is shown.
  const losses = raw.map((p) => p.y);
  const drawn = [...reachOf(mean), ...reachOf(validation), ...reachOf(final), ...goal];
  const y = extent('linear', [...drawn, ...losses.slice(0, 1), quantile(losses, 0.99)], { margin: 0.03 });
  return {
    id: 'loss',
    title: 'Loss',
    description: [
      `Training loss: each step pale; strong, the mean over the ${whole(steps)} around it, of which the nearest count most.`,
      'Held-out loss: dots, with whiskers of one standard error.',
      ...(run.baselines.length > 0
        ? ['Dotted lines: what counting n-grams reaches on the same held-out text.']
        : []),
    ].join(' '),
    height: 360,
    x: { kind: 'linear', domain: [0, run.lastStep] },
    y: { kind: 'linear', domain: y, unit: 'nats per token' },
    curves: [
      { name: 'each step', style: 'train faint', points: raw, quiet: true },
      { name: 'training', style: 'train', points: mean },
      { name: 'held out', style: 'held-out', points: validation, dots: true },
      ...(final.length > 0 ? [{ name: 'held out, whole', style: 'whole', points: final, dots: true }] : []),
    ],
    levels: baselineLevels(run),
    marks: [...resumeMarks(run), ...warningMarks(run)],
  };
}

/** The second half of the run with an axis of its own, which shows where the curves separate and n-grams are passed. */
export function closerLossChart(run: Run): Chart | undefined {
  const full = lossChart(run);
  const start = Math.floor(run.lastStep / 2);
  const later = full.curves
    .filter((curve) => !curve.quiet)
    .map((curve) => ({ ...curve, points: curve.points.filter((p) => p.x >= start) }));
  const named = later.flatMap((curve) => curve.points);
  if (named.length < 20) return undefined;
  const domain = extent('linear', [...reachOf(named), ...(run.ahead === undefined ? [] : [run.ahead.nll])], {
    margin: 0.06,
  });
  return {
    ...full,
    id: 'closer',
    title: 'The second half, closer',
    description:
      'The same means on an axis of their own. Training below held-out loss that no longer falls is overfitting.',
    height: 240,
    x: { kind: 'linear', domain: [start, run.lastStep] },
    y: { ...full.y, domain },
    curves: later,
    marks: (full.marks ?? []).filter((mark) => mark.x >= start),
  };
}

export function learningRateChart(run: Run): Chart {
  return small(run, run.history.points('learningRate'), {
    id: 'learning-rate',
    title: 'Learning rate',
    description: 'Up during the warm-up, then down along the schedule.',
    unit: 'per step',
    style: 'ink',
  });
}

export function speedChart(run: Run): Chart {
  return small(run, run.history.points('tokensPerSecond'), {
    id: 'speed',
    title: 'Speed',
    description: 'A running average in which the last dozen steps count most.',
    unit: 'tokens per second',
    style: 'ink',
  });
}

/** Gradient norms, on a logarithmic axis because their ratio to the clip limit is what matters. */
export function gradNormChart(run: Run): Chart {
  const { raw: points, mean } = curveOf(run, 'gradNorm');
  const { clip: limit, clipped, stepCount } = run.history;
  const share = ((100 * clipped.count) / Math.max(1, stepCount)).toFixed(1);
  const events = `Clipped to ${limit} at ${whole(clipped.count)} of ${whole(stepCount)} steps (${share} %): ticks at the lower edge.`;
  return {
    id: 'gradient-norm',
    title: 'Gradient norm',
    description:
      limit === undefined
        ? 'Each step pale, the running mean strong. Logarithmic.'
        : `Before clipping: each step pale, the running mean strong. Logarithmic. ${events}`,
    height: 170,
    x: { kind: 'linear', domain: [0, run.lastStep] },
    y: {
      kind: 'log',
      domain: extent('log', [...points.map((p) => p.y), limit ?? Number.NaN], { margin: 0.1 }),
      unit: 'norm',
    },
    curves: [
      { name: 'each step', style: 'ink faint', points, quiet: true },
      { name: 'running mean', style: 'ink', points: mean },
    ],
    levels: limit === undefined ? [] : [{ label: 'clip', detail: String(limit), y: limit, style: 'limit' }],
    rug: clipped.at,
  };
}

interface Small {
  readonly id: string;
  readonly title: string;
  readonly description: string;
  readonly unit: string;
  readonly style: string;
}

function small(run: Run, points: readonly Point[], { unit, style, ...words }: Small): Chart {
  const [, high] = extent('linear', [0, ...points.map((p) => p.y)], { margin: 0.05 });
  return {
    ...words,
    height: 170,
    x: { kind: 'linear', domain: [0, run.lastStep] },
    y: { kind: 'linear', domain: [0, high], unit },
    curves: [{ name: words.title.toLowerCase(), style, points }],
  };
}

/** @param per what losses are divided by */
export const baselineLevels = (run: Run, per = 1): Level[] =>
  run.baselines.map((b) => ({
    label: baselineName(b),
    detail: value(b.nll / per),
    y: b.nll / per,
    style: 'level',
  }));

const resumeMarks = (run: Run): Mark[] =>
  run.history.resumes.first.map(({ step }) => ({ x: step, text: 'resumed', kind: 'line' }));

/** Only the first 40, so that they can be told apart; the list below the chart has more. */
const warningMarks = (run: Run): Mark[] =>
  run.history.warnings.first
    .slice(0, 40)
    .map(({ step, message }) => ({ x: step, text: clip(`step ${step}: ${message}`, 120), kind: 'flag' }));

/** All values that a curve takes, including the ends of its whiskers. */
export const reachOf = (points: readonly Point[]): number[] =>
  points.flatMap(({ y, error }) =>
    error !== undefined && Number.isFinite(error) ? [y - error, y + error] : [y],
  );
