/** The page that compares runs: their curves in one chart, their final numbers, and in which settings they differ. */
import { type Chart, type Curve, chartFigure } from './chart.ts';
import { baselineLevels, reachOf } from './figures.ts';
import { clip, html, type Markup, type Part, table } from './html.ts';
import { baselineName, curveOf, type Run, type RunData, readRun, validationPoints } from './run.ts';
import { extent, value, whole } from './scale.ts';
import { type Point, quantile } from './series.ts';
import { page } from './style.ts';

/** A run, and the link from the page to its report. */
export interface Compared extends RunData {
  readonly report?: string;
}
/** Charts draw losses divided by `per`: the characters of a token where runs differ in that, else 1. */
type Side = Run & Compared & { readonly per: number };

/** The style sheet has so many styles for curves; the next run gets the first one again. */
const styles = 6;
const dash = '\u2013';
const lengths = { sample: 600, name: 100, value: 100 };

/** A self-contained HTML page about several runs. Names tell them apart, so they should differ. */
export function renderComparison(runs: readonly Compared[]): string {
  const read = runs.map((run) => ({ ...run, ...readRun(run) }));
  const sameTokens = new Set(read.map((run) => run.charactersPerToken)).size <= 1;
  const sameText = new Set(runs.map((run) => JSON.stringify(run.baselines))).size <= 1;
  const all: Side[] = read.map((run) => ({ ...run, per: sameTokens ? 1 : run.charactersPerToken }));
  const unit = sameTokens ? 'nats per token' : 'nats per character';
  const levels = sameText && all[0] !== undefined ? baselineLevels(all[0], all[0].per) : [];
  const names = all.map((run) => run.name);
  return page(
    `${names.join(', ')} \u2013 comparison`,
    html`<header>
<p class="kicker">Comparison</p>
<h1>${whole(all.length)} runs</h1>
${!sameText && html`<p class="lead">The n-gram baselines differ: these runs were measured on different texts, and their losses say little about each other.</p>`}
${!sameTokens && html`<p class="lead">The tokens of these runs differ in length: the charts are in nats per character, and in the table only bits per character can be compared.</p>`}
</header>
<main>
<section class="finals">${finals(all)}</section>
${chartFigure(heldOut(all, unit, levels))}
${costs(all, unit)}
${chartFigure(training(all, unit))}
${samples(all)}
<section><h2>What differs</h2>${differences(all)}</section>
</main>
`,
  );
}

function finals(runs: readonly Side[]): Markup {
  return table({
    label: 'Final numbers',
    head: [
      'run',
      'steps',
      'loss',
      '\u00b1',
      'perplexity',
      'bits/char',
      'measured on',
      'at step',
      'best on a sample',
      'at step',
      'passed',
      'tokens/s',
    ],
    rows: runs.map((run) => {
      const { history, passed } = run;
      const { latest } = history;
      // One number a step: that over everything, where there is one.
      const best = run.best?.step === latest?.step ? undefined : run.best;
      return [
        run.report === undefined ? run.name : html`<a href="${run.report}">${run.name}</a>`,
        whole(history.lastStep),
        value(latest?.nll ?? null),
        value(latest?.standardError ?? null, 2),
        value(latest?.perplexity ?? null),
        value(latest?.bitsPerChar ?? null),
        latest === undefined ? dash : latest.kind === 'final' ? 'all' : 'a sample',
        latest === undefined ? dash : whole(latest.step),
        value(best?.nll ?? null),
        best === undefined ? dash : whole(best.step),
        passed === undefined ? dash : baselineName(passed),
        value(
          quantile(
            history.means('tokensPerSecond').map((p) => p.y),
            0.5,
          ),
        ),
      ];
    }),
    style: 'numbers',
  });
}

const styleOf = (i: number): string => `run${i % styles}`;
const lastStep = (runs: readonly Run[]): number => Math.max(1, ...runs.map((run) => run.lastStep));

/** The losses of some curves that an axis shows, and a sentence where it cuts: the start is alike for all and high
 * above the rest, so it ends where nearly all points are. */
function lossRange(curves: readonly Curve[], unit: string): { readonly y: Chart['y']; readonly cut: string } {
  const drawn = curves.flatMap((curve) => reachOf(curve.points));
  const high = quantile(drawn, 0.98);
  const low = drawn.filter((loss) => loss <= high);
  const y: Chart['y'] = { kind: 'linear', domain: extent('linear', low, { margin: 0.04 }), unit };
  const cut = drawn.some((loss) => loss > y.domain[1])
    ? ` What lies above ${value(y.domain[1], 2)} nats, as the first steps may, is cut off.`
    : '';
  return { y, cut };
}

const scaled = (points: readonly Point[], { per }: Side): Point[] =>
  points.map((p) => ({ ...p, y: p.y / per, ...(p.error === undefined ? {} : { error: p.error / per }) }));
const measuredPoints = (run: Side): Point[] => {
  const { evaluations, finals } = run.history;
  return scaled(validationPoints(evaluations.length > 0 ? evaluations : finals), run);
};

function heldOut(runs: readonly Side[], unit: string, levels: NonNullable<Chart['levels']>): Chart {
  const curves = runs.map(
    (run, i): Curve => ({ name: run.name, style: styleOf(i), points: measuredPoints(run), dots: true }),
  );
  const { y, cut } = lossRange(curves, unit);
  return {
    id: 'held-out',
    title: 'Held-out loss',
    description: `Dots with whiskers of one standard error.${cut}`,
    height: 340,
    x: { kind: 'linear', domain: [0, lastStep(runs)] },
    y,
    curves,
    levels,
  };
}

function training(runs: readonly Side[], unit: string): Chart {
  const curves = runs.map(
    (run, i): Curve => ({
      name: run.name,
      style: styleOf(i),
      points: scaled(curveOf(run, 'loss').mean, run),
    }),
  );
  const { y, cut } = lossRange(curves, unit);
  return {
    id: 'training',
    title: 'Training loss',
    description: `Running means. The noise of single steps is left out.${cut}`,
    height: 260,
    x: { kind: 'linear', domain: [0, lastStep(runs)] },
    y,
    curves,
  };
}

/** The held-out loss over time and, where the steps of the runs have different sizes, over tokens. */
function costs(runs: readonly Side[], unit: string): Markup | undefined {
  const sizes = runs.map(tokensPerStep);
  if (sizes.some((size) => size === undefined)) return undefined;
  const clocks = runs.map((run, i) => clockOf(run, sizes[i]!));
  const longest = Math.max(0, ...runs.map(({ lastStep }, i) => clocks[i]!(lastStep)));
  const [clock, seconds] = (
    longest > 7200 ? ['hours', 3600] : longest > 180 ? ['minutes', 60] : ['seconds', 1]
  ) as [string, number];
  const over = (id: string, title: string, description: string, name: string, cost: Cost[]): Chart => {
    const curves = runs.map((run, i): Curve => {
      const points = measuredPoints(run).map(({ x, y }) => ({ x: cost[i]!(x), y }));
      return { name: run.name, style: styleOf(i), points };
    });
    const xs = curves.flatMap(({ points }) => points.map((p) => p.x));
    const { y } = lossRange(curves, unit);
    return {
      id,
      title,
      description,
      height: 260,
      x: { kind: 'linear', domain: extent('linear', [0, ...xs]), name },
      y,
      curves,
    };
  };
  const time = over(
    'time',
    'Held-out loss over time',
    'Time spent on training steps, reckoned from their speed.',
    clock,
    clocks.map((spent) => (step) => spent(step) / seconds),
  );
  if (new Set(sizes).size === 1) return chartFigure(time);
  const tokens = over(
    'tokens',
    'Held-out loss over tokens',
    'Tokens trained on: steps times the size of a batch.',
    'tokens',
    sizes.map((size) => (step) => step * size!),
  );
  return html`<div class="pair">${[time, tokens].map(chartFigure)}</div>`;
}
/** The cost of training up to a step. */
type Cost = (step: number) => number;

function tokensPerStep({ description: { training, model } }: Run): number | undefined {
  const tokens = Number(training?.batchSize) * Number(training?.accumulate) * Number(model?.contextLength);
  return tokens > 0 && Number.isFinite(tokens) ? tokens : undefined;
}

/** The seconds that training up to a step took. @param tokens in a step */
function clockOf({ history }: Run, tokens: number): Cost {
  let [seconds, before] = [0, 0];
  const clock = history.means('tokensPerSecond').flatMap(({ x, y }): Point[] => {
    if (!(y > 0)) return [];
    seconds += ((x - before) * tokens) / y;
    before = x;
    return [{ x, y: seconds }];
  });
  return (step) => clock.findLast((p) => p.x <= step)?.y ?? 0;
}

/** The last text of each run. */
function samples(runs: readonly Run[]): Markup | undefined {
  const last = runs.flatMap(({ name, history }) => {
    const sample = history.samples.kept.at(-1);
    return sample === undefined ? [] : [{ name, ...sample }];
  });
  if (last.length === 0) return undefined;
  return html`<section><h2>What they wrote</h2><div class="tables">${last.map(
    ({ name, step, text }) =>
      html`<div><h3>${clip(name, lengths.name)}, step ${whole(step)}</h3><pre>\n${clip(text, lengths.sample)}</pre></div>\n`,
  )}</div></section>`;
}

/** One row for each setting that is not the same in all runs. */
function differences(runs: readonly Run[]): Markup {
  const groups = keysOf(runs.map((run) => run.description));
  const rows = groups.flatMap((group) =>
    keysOf(runs.map((run) => run.description[group] ?? {})).flatMap((name): Part[][] => {
      const values = runs.map((run) => run.description[group]?.[name]);
      if (values.every((x) => Object.is(x, values[0]))) return [];
      return [
        [
          `${clip(group, lengths.name)}: ${clip(name, lengths.name)}`,
          ...values.map((x) => (x === undefined ? dash : clip(String(x), lengths.value))),
        ],
      ];
    }),
  );
  if (rows.length === 0) return html`<p>Nothing: the runs describe themselves in the same words.</p>`;
  return table({
    label: 'What differs',
    head: ['setting', ...runs.map((run) => run.name)],
    rows,
    style: 'settings',
  });
}

/** The keys of all, in the order they first appear. */
const keysOf = (objects: readonly object[]): string[] => [...new Set(objects.flatMap((o) => Object.keys(o)))];
