/** The page a run leaves behind: what it reached, how it got there, what it wrote, and what it was made of.
 *
 * One file that opens anywhere: no network, nothing that needs JavaScript, light and dark, on paper too. Long runs are
 * thinned, so that the page stays below 300 kB. */
import type { Baseline, RunData } from '../train/metrics.ts';
import { chartFigure } from './chart.ts';
import { closerLossChart, gradNormChart, learningRateChart, lossChart, speedChart } from './figures.ts';
import { beginning, clip, folded, html, type Markup, type Part, table } from './html.ts';
import { layerFigures } from './layers.ts';
import { baselineName, type Run, readRun } from './run.ts';
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

/** A self-contained HTML page about one run. */
export function renderReport(data: RunData): string {
  const run = readRun(data);
  const closer = closerLossChart(run);
  return page(
    `${run.name} \u2013 training report`,
    html`<header>
<p class="kicker">Training report</p>
<h1>${run.name}</h1>
${headline(run)}
</header>
<main>
${run.steps.length + run.evaluations.length + run.finals.length > 0 && html`${chartFigure(lossChart(run))}${closer && chartFigure(closer)}`}
${events(run)}
${run.steps.length > 0 && html`<section><h2>Each step</h2>${chartFigure(gradNormChart(run))}<div class="pair">${[learningRateChart(run), speedChart(run)].map(chartFigure)}</div></section>`}
${run.layers.length > 0 && html`<section><h2>Layer by layer</h2><div class="pair">${layerFigures(run)}</div></section>`}
${samples(run)}
${descriptionTables(run)}
</main>
<footer>Losses are in nats: divide by 0.693 for bits. Perplexity is e to that power. A whisker is one standard error over the
held-out windows; neighbouring windows are related, so take it as a lower estimate.</footer>
`,
  );
}

function headline(run: Run): Markup {
  const { latest, best } = run;
  const steps = counted(run.records.length === 0 ? 0 : run.lastStep);
  if (latest === undefined) {
    const last = run.steps.at(-1);
    return html`<p class="lead">${steps}${
      last !== undefined && html`, last training loss ${value(last.loss)} nats`
    }. Nothing has been evaluated yet.</p>`;
  }
  const figures: [string, Part][] = [
    ['nats per token', [value(latest.nll), error(latest.standardError)]],
    ['perplexity', value(latest.perplexity)],
    ['bits per character', value(latest.bitsPerChar)],
  ];
  if (best !== undefined) figures.push([`best held-out loss, step ${whole(best.step)}`, value(best.nll)]);
  return html`<dl class="figures">${figures.map(([name, figure]) => html`<div><dt>${name}</dt><dd>${figure}</dd></div>`)}</dl>
<p class="lead">${steps}. Measured on ${
    latest.kind === 'final' ? 'the whole held-out part' : 'a sample of the held-out part'
  }, ${whole(latest.tokensScored)} tokens, at step ${whole(latest.step)}. ${ngramSentence(run)}</p>`;
}

const counted = (steps: number): string => `${whole(steps)} step${steps === 1 ? '' : 's'}`;

const error = (x: number | null): Part =>
  x !== null && Number.isFinite(x) && html` <small>\u00b1 ${value(x, 2)}</small>`;

/** Which counting model has been passed, and how far it is to the next. */
export function ngramSentence({ latest, passed, ahead }: Run): Markup | undefined {
  if (latest === undefined || (passed === undefined && ahead === undefined)) return undefined;
  const done =
    passed === undefined
      ? html`It has not passed any counting model yet`
      : html`It has passed the ${titled(passed)}`;
  if (ahead === undefined) return html`${done}, the strongest counting model there is here.`;
  return html`${done}; the ${titled(ahead)} is ${value(latest.nll - ahead.nll, 2)} nats ahead.`;
}

const titled = (baseline: Baseline): Markup =>
  html`<b>${baseline.order === 0 ? 'uniform guess' : baselineName(baseline)}</b> (${value(baseline.nll)})`;

function events(run: Run): Markup | undefined {
  const all = [
    ...run.warnings.map(({ step, message }) => ({ step, text: message })),
    ...run.resumes.map(({ step }) => ({ step, text: 'Resumed here after a stop.' })),
  ].sort((a, b) => a.step - b.step);
  if (all.length === 0) return undefined;
  const more = all.length - shown.events;
  return html`<section><h2>Along the way</h2><ul class="events">
${all.slice(0, shown.events).map(({ step, text }) => html`<li><b>step ${whole(step)}</b><span>${clip(text, shown.eventLength)}</span></li>\n`)}</ul>
${more > 0 && html`<p class="note">and ${whole(more)} more</p>`}</section>`;
}

function samples({ samples: all }: Run): Markup | undefined {
  if (all.length === 0) return undefined;
  const picked = evenly(all.length, shown.samples).map((i) => all[i]!);
  return html`<section class="samples"><h2>What it wrote</h2>
${picked.length < all.length && html`<p class="note">${picked.length} of ${whole(all.length)} samples, evenly spaced.</p>`}
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
