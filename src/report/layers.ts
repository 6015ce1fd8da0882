/** Heat maps over steps, one row a group of parameters: how large its gradient is, and how far a step moves it.
 *
 * The ratio of update to weight (root mean squares) is the learning rate that a group really feels. Around 1e-3 is the
 * usual guide (Karpathy's lectures on backpropagation: github.com/karpathy/nn-zero-to-hero): well below, a group hardly
 * learns; well above, it is thrown about. That is AdamW's guide. Muon moves all directions of a matrix alike, so the
 * same ratio does less harm: with its usual rate of 0.02 a healthy run is near 1e-2 until the schedule lowers it
 * (measured on the default preset: 1.5e-2). Colours are steps of half a decade, symmetric around the guide. */
import { exp } from '../tensor/math.ts';
import type { LayerMetrics } from '../train/metrics.ts';
import { round, stepAxis, stretched, width } from './chart.ts';
import { clip, html, type Markup, table } from './html.ts';
import type { Run } from './run.ts';
import { extent, log10, place, type Scale, value } from './scale.ts';
import { evenly } from './series.ts';

type Layer = LayerMetrics['layers'][number];

interface HeatMap {
  readonly id: string;
  readonly title: string;
  readonly description: string;
  /** Prefix of the nine colour classes. */
  readonly colours: 'seq' | 'div';
  readonly measure: (layer: Layer) => number;
  /** Powers of ten in the middle of the first and last colour. */
  readonly powers: readonly [number, number];
}

const colours = 9;

export function layerFigures(run: Run): Markup | undefined {
  const names = [...new Set(run.history.layers.flatMap(({ layers }) => layers.map(({ name }) => name)))];
  if (names.length === 0) return undefined;
  const gradient = (layer: Layer) => layer.gradient;
  const sizes = run.history.layers.flatMap(({ layers }) => layers.map(gradient));
  const [low, high] = extent('log', sizes);
  const muon = Object.values(run.description).some(({ optimizer }) => optimizer === 'muon');
  const guide = muon ? -2 : -3;
  const maps: HeatMap[] = [
    {
      id: 'gradients',
      title: 'Gradients',
      description:
        'Root mean square of each group\u2019s gradient. Rows that fade away are groups that stop learning.',
      colours: 'seq',
      measure: gradient,
      powers: [log10(low), log10(high)],
    },
    {
      id: 'updates',
      title: 'Update to weight',
      description: `How far one step moves a group, relative to its weights. The guide is ${
        muon ? '1e-2 with Muon (1e-3 with AdamW)' : '1e-3'
      }, the colour in the middle: blue learns slowly, orange is thrown about.`,
      colours: 'div',
      measure: ({ update, weight }) => update / weight,
      powers: [guide - 2, guide + 2],
    },
  ];
  return html`${maps.map((map) => figure(map, names, run))}`;
}

function figure(map: HeatMap, names: readonly string[], run: Run): Markup {
  const { id, title, description } = map;
  // About 4,000 cells are as many as a page should carry, and more than an eye takes in.
  const columns = evenly(
    run.history.layers.length,
    Math.max(12, Math.min(100, Math.floor(4000 / names.length))),
  );
  const records = columns.map((i) => run.history.layers[i]!);
  const cell = Math.max(4, Math.min(20, Math.floor(420 / names.length)));
  const height = cell * names.length;
  const x: Scale = { kind: 'linear', domain: [0, run.lastStep], range: [0, width] };
  const every = Math.ceil(13 / cell);
  const last = records.at(-1)!;
  const labels = names.flatMap((name, row) => {
    if (row % every !== 0) return [];
    const y = round((row + 0.5) * cell + 4);
    return html`<text class="name" x="-8" y="${y}">${clip(name, 14)}</text><svg class="levels" x="100%"><text x="8" y="${y}">${value(measured(map, last, name), 2)}</text></svg>`;
  });
  return html`<figure id="${id}">
<figcaption><h3>${title}</h3><p>${description}</p></figcaption>
${legend(map)}
<svg class="plot layers" height="${height}" role="img" aria-labelledby="${id}-title ${id}-text">
<title id="${id}-title">${title}</title><desc id="${id}-text">${description}</desc>
${stretched(height, cells(map, { names, records, cell, x }))}
${labels}${stepAxis(x, height)}
</svg>
<details><summary>Numbers</summary>${numbers(map, names, run)}</details>
</figure>\n`;
}

const measured = (map: HeatMap, record: LayerMetrics, name: string): number => {
  const layer = record.layers.find((l) => l.name === name);
  return layer === undefined ? Number.NaN : map.measure(layer);
};

/** Which of the nine colours a value gets; undefined if it has no logarithm, and then the cell stays empty. */
export function colourOf(x: number, [low, high]: readonly [number, number]): number | undefined {
  if (!(x > 0) || x === Number.POSITIVE_INFINITY) return undefined;
  const share = (log10(x) - low) / (high - low);
  return Math.min(colours - 1, Math.max(0, Math.round(share * (colours - 1))));
}

interface Grid {
  readonly names: readonly string[];
  readonly records: readonly LayerMetrics[];
  readonly cell: number;
  readonly x: Scale;
}

/** One path for each colour; neighbours of one colour are a single stroke, as thick as the row is high. */
function cells(map: HeatMap, { names, records, cell, x }: Grid): Markup {
  const paths = Array.from({ length: colours }, () => '');
  const edges = edgesOf(records.map(({ step }) => step)).map((step) => round(Math.max(0, place(x, step))));
  for (const [n, name] of names.entries()) {
    const row = records.map((record) => colourOf(measured(map, record, name), map.powers));
    for (let from = 0; from < row.length; ) {
      let to = from + 1;
      while (to < row.length && row[to] === row[from]) to++;
      const colour = row[from];
      if (colour !== undefined) paths[colour] += `M${edges[from]} ${round((n + 0.5) * cell)}H${edges[to]}`;
      from = to;
    }
  }
  return html`${paths.map((d, i) => d !== '' && html`<path class="cells ${map.colours}${i}" stroke-width="${cell - 1}" d="${d}"/>`)}`;
}

/** Each cell reaches half way to its neighbours; the outer ones reach as far outward as inward. */
function edgesOf(steps: readonly number[]): number[] {
  if (steps.length === 1) return [0, steps[0]!];
  const middles = steps.slice(1).map((step, i) => (step + steps[i]!) / 2);
  return [2 * steps[0]! - middles[0]!, ...middles, steps.at(-1)!];
}

function legend(map: HeatMap): Markup {
  const [low, high] = map.powers;
  return html`<div class="legend scale" aria-hidden="true"><span>${value(power(low), 2)}</span>${Array.from(
    { length: colours },
    (_, i) => html`<i class="${map.colours}${i}"></i>`,
  )}<span>${value(power(high), 2)}</span></div>`;
}

const power = (k: number): number => exp(k * Math.LN10);

function numbers(map: HeatMap, names: readonly string[], run: Run): Markup {
  const records = evenly(run.history.layers.length, 8).map((i) => run.history.layers[i]!);
  return table({
    label: map.title,
    head: ['group', ...records.map(({ step }) => `step ${step}`)],
    rows: names
      .slice(0, 100)
      .map((name) => [clip(name, 60), ...records.map((r) => value(measured(map, r, name), 3))]),
    style: 'numbers',
  });
}
