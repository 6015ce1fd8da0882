/** The report of a run as a page: its losses, its curves, its samples and its settings.
 *
 * One file that opens anywhere: no network, nothing that needs JavaScript, light and dark, on paper too. Long runs are
 * thinned, so that the page stays below 300 kB. */
import type { Baseline, EvaluationMetrics } from '../train/metrics.ts';
import { chartFigure } from './chart.ts';
import { closerLossChart, gradNormChart, learningRateChart, lossChart, speedChart } from './figures.ts';
import { beginning, clip, folded, html, type Markup, type Part, table } from './html.ts';
import { layerFigures } from './layers.ts';
import { baselineName, type Run, type RunData, readRun } from './run.ts';
import { value, whole } from './scale.ts';
import { evenly } from './series.ts';
import { page } from './style.ts';

const shown = {
  samples: 24,
  sampleLength: 1200,
  events: 40,
  eventLength: 300,
  nameLength: 100,
  valueLength: 300,
};

/** Seconds after which the report of a run at work reloads itself. */
const reloadEvery = 5;

/** A self-contained HTML page about one run. With `live` the page reloads itself every few seconds. */
export function renderReport(data: RunData, { live = false } = {}): string {
  const run = readRun(data);
  const { history } = run;
  const closer = closerLossChart(run);
  return page(
    `${run.name} \u2013 training report`,
    html`<header>
<p class="kicker">Training report</p>
<h1>${run.name}</h1>
${headline(run)}
</header>
<main>
${(history.stepCount > 0 || history.latest !== undefined) && html`${chartFigure(lossChart(run))}${closer && chartFigure(closer)}`}
${events(run)}
${history.stepCount > 0 && html`<section><h2>Each step</h2>${chartFigure(gradNormChart(run))}<div class="pair">${[learningRateChart(run), speedChart(run)].map(chartFigure)}</div></section>`}
${history.layers.length > 0 && html`<section><h2>Layer by layer</h2><div class="pair">${layerFigures(run)}</div></section>`}
${samples(run)}
${descriptionTables(run)}
</main>
<footer>Losses are in nats: divide by 0.693 for bits. Perplexity is e to that power. A whisker is one standard error over the
held-out windows; neighbouring windows are related, so take it as a lower estimate.</footer>
`,
    live ? { reloadEvery } : {},
  );
}

function headline(run: Run): Markup {
  const { history, best } = run;
  const { latest, lastLoss } = history;
  const steps = counted(history.lastStep);
  if (latest === undefined) {
    return html`<p class="lead">${steps}${
      lastLoss !== undefined && html`, last training loss ${value(lastLoss)} nats`
    }. Nothing has been evaluated yet.</p>`;
  }
  const figures: [string, Part][] = [
    ['nats per token', [value(latest.nll), error(latest.standardError)]],
    ['perplexity', value(latest.perplexity)],
    ['bits per character', value(latest.bitsPerChar)],
  ];
  // Of one step there are not two numbers, one over everything and one over a sample, to wonder about.
  if (best !== undefined && best.step !== latest.step) {
    const sample = best.tokensScored === latest.tokensScored ? '' : ` on ${whole(best.tokensScored)} tokens`;
    figures.push([`best held-out loss${sample}, step ${whole(best.step)}`, value(best.nll)]);
  }
  return html`<dl class="figures">${figures.map(([name, figure]) => html`<div><dt>${name}</dt><dd>${figure}</dd></div>`)}</dl>
<p class="lead">${steps}. Measured on ${
    latest.kind === 'final' ? 'the whole held-out part' : 'a sample of the held-out part'
  }, ${whole(latest.tokensScored)} tokens, at step ${whole(latest.step)}. ${ngramSentence(latest, run)}</p>`;
}

const counted = (steps: number): string => `${whole(steps)} step${steps === 1 ? '' : 's'}`;

const error = (x: number | null): Part =>
  x !== null && Number.isFinite(x) && html` <small>\u00b1 ${value(x, 2)}</small>`;

/** Which n-gram model has been passed, and how far it is to the next. */
function ngramSentence(latest: EvaluationMetrics, { passed, ahead }: Run): Markup | undefined {
  if (passed === undefined && ahead === undefined) return undefined;
  const done =
    passed === undefined
      ? html`It has not passed any counting model yet`
      : html`It has passed the ${titled(passed)}`;
  if (ahead === undefined) return html`${done}, the strongest counting model there is here.`;
  return html`${done}; the ${titled(ahead)} is ${value(latest.nll - ahead.nll, 2)} nats ahead.`;
}

const titled = (baseline: Baseline): Markup =>
  html`<b>${baseline.order === 0 ? 'uniform guess' : baselineName(baseline)}</b> (${value(baseline.nll)})`;

function events({ history: { warnings, resumes } }: Run): Markup | undefined {
  const all = [
    ...warnings.first.map(({ step, message }) => ({ step, text: message })),
    ...resumes.first.map(({ step }) => ({ step, text: 'Resumed here after a stop.' })),
  ].sort((a, b) => a.step - b.step);
  if (all.length === 0) return undefined;
  const more = warnings.count + resumes.count - shown.events;
  return html`<section><h2>Along the way</h2><ul class="events">
${all.slice(0, shown.events).map(({ step, text }) => html`<li><b>step ${whole(step)}</b><span>${clip(text, shown.eventLength)}</span></li>\n`)}</ul>
${more > 0 && html`<p class="note">and ${whole(more)} more</p>`}</section>`;
}

function samples({ history }: Run): Markup | undefined {
  const { kept, count } = history.samples;
  if (count === 0) return undefined;
  const picked = evenly(kept.length, shown.samples).map((i) => kept[i]!);
  return html`<section class="samples"><h2>What it wrote</h2>
${picked.length < count && html`<p class="note">${picked.length} of ${whole(count)} samples, evenly spaced.</p>`}
${picked.map(({ step, text }, i) =>
  folded(
    html`Step ${whole(step)}<span>${beginning(text, 120).replace(/\s+/g, ' ')}</span>`,
    // HTML drops a line break right after <pre>: this one, so that the text keeps its own.
    html`<pre>\n${clip(text, shown.sampleLength)}</pre>\n`,
    { open: i === picked.length - 1 },
  ),
)}</section>`;
}

function descriptionTables({ description }: Run): Markup | undefined {
  const groups = Object.entries(description).filter(([, group]) => Object.keys(group).length > 0);
  if (groups.length === 0) return undefined;
  return html`<section><h2>What it was made of</h2><div class="tables">${groups.map(([caption, group]) =>
    table({
      caption: clip(caption, shown.nameLength),
      head: [],
      rows: Object.entries(group).map(([name, x]) => [
        clip(name, shown.nameLength),
        clip(String(x), shown.valueLength),
      ]),
      style: 'words',
    }),
  )}</div></section>`;
}
