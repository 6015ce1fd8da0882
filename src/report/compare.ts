/** Runs side by side: curves over each other, final numbers, and what differs in how they were made. */
import type { RunData } from '../train/metrics.ts';
import { type Chart, type Curve, chartFigure } from './chart.ts';
import { baselineLevels, reachOf } from './figures.ts';
import { clip, html, type Markup, type Part, table } from './html.ts';
import { baselineName, type Run, readRun, trainingCurves, validationPoints } from './run.ts';
import { extent, value, whole } from './scale.ts';
import { quantile } from './series.ts';
import { page } from './style.ts';

/** As many as the style sheet tells apart; later runs begin anew. */
const styles = 6;
const dash = '\u2013';

/** A self-contained HTML page about several runs. */
export function renderComparison(runs: readonly RunData[]): string {
  const all = runs.map(readRun);
  const same = (list: readonly RunData[]) =>
    new Set(list.map((run) => JSON.stringify(run.baselines))).size <= 1;
  const sameTokens = same(all);
  const sameText = sameTokens || same(runs);
  const names = all.map((run) => run.name);
  return page(
    `${names.join(', ')} \u2013 comparison`,
    html`<header>
<p class="kicker">Comparison</p>
<h1>${whole(all.length)} runs</h1>
${!sameText && html`<p class="lead">The n-gram baselines differ: these runs were measured on different texts, and their losses say little about each other.</p>`}
${sameText && !sameTokens && html`<p class="lead">The tokens of these runs differ in length, and so losses per token say little about each other: compare bits per character.</p>`}
</header>
<main>
<section class="finals">${finals(all)}</section>
${chartFigure(overlay(all, { which: 'held-out', sameText: sameTokens }))}
${chartFigure(overlay(all, { which: 'training', sameText: false }))}
<section><h2>What differs</h2>${differences(all)}</section>
</main>
`,
  );
}

function finals(runs: readonly Run[]): Markup {
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
      'best',
      'at step',
      'passed',
      'tokens/s',
    ],
    rows: runs.map((run) => {
      const { latest, best, passed } = run;
      const speeds = run.steps.map((s) => s.tokensPerSecond);
      return [
        run.name,
        whole(run.records.length === 0 ? 0 : run.lastStep),
        value(latest?.nll ?? null),
        value(latest?.standardError ?? null, 2),
        value(latest?.perplexity ?? null),
        value(latest?.bitsPerChar ?? null),
        latest === undefined ? dash : latest.kind === 'final' ? 'all' : 'a sample',
        value(best?.nll ?? null),
        best === undefined ? dash : whole(best.step),
        passed === undefined ? dash : baselineName(passed),
        value(quantile(speeds, 0.5)),
      ];
    }),
    style: 'numbers',
  });
}

function overlay(
  runs: readonly Run[],
  { which, sameText }: { readonly which: 'held-out' | 'training'; readonly sameText: boolean },
): Chart {
  const curves = runs.map((run, i): Curve => {
    const common = { name: run.name, style: `run${i % styles}` };
    return which === 'training'
      ? { ...common, points: trainingCurves(run).mean }
      : {
          ...common,
          points: validationPoints([...run.evaluations, ...(run.evaluations.length === 0 ? run.finals : [])]),
          dots: true,
        };
  });
  const drawn = curves.flatMap((curve) => reachOf(curve.points));
  // The start is the same for all and high above; the axis ends where nearly all points are.
  const high = quantile(drawn, 0.98);
  return {
    id: which,
    title: which === 'training' ? 'Training loss' : 'Held-out loss',
    description:
      which === 'training'
        ? 'Running means. The noise of single steps is left out.'
        : 'Dots with whiskers of one standard error.',
    height: which === 'training' ? 260 : 340,
    x: { kind: 'linear', domain: [0, Math.max(1, ...runs.map((run) => run.lastStep))] },
    y: {
      kind: 'linear',
      domain: extent(
        'linear',
        drawn.filter((y) => y <= high),
        { margin: 0.04 },
      ),
      unit: 'nats per token',
    },
    curves,
    ...(sameText && runs[0] !== undefined ? { levels: baselineLevels(runs[0]) } : {}),
  };
}

/** One row for each setting that is not the same in all runs. */
function differences(runs: readonly Run[]): Markup {
  const groups = keysOf(runs.map((run) => run.description));
  const rows = groups.flatMap((group) =>
    keysOf(runs.map((run) => run.description[group] ?? {})).flatMap((name): Part[][] => {
      const values = runs.map((run) => run.description[group]?.[name]);
      if (values.every((x) => Object.is(x, values[0]))) return [];
      return [
        [html`${group}: ${name}`, ...values.map((x) => (x === undefined ? dash : clip(String(x), 300)))],
      ];
    }),
  );
  if (rows.length === 0) return html`<p>Nothing: the runs describe themselves in the same words.</p>`;
  return table({
    label: 'What differs',
    head: ['setting', ...runs.map((run) => run.name)],
    rows,
    style: 'words',
  });
}

/** The keys of all, in the order they first appear. */
const keysOf = (objects: readonly object[]): string[] => [...new Set(objects.flatMap((o) => Object.keys(o)))];
