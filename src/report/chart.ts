/** Line charts as static SVG that fits any width without scaling its letters.
 *
 * Two coordinate systems lie over each other. Curves live in an inner <svg> that is 1000 units wide and as many units
 * high as it has pixels; the page stretches it sideways (preserveAspectRatio none, strokes keep their width). Text and
 * ticks live in the outer one: across in percent, down in pixels. So a phone gets the same sharp 12-pixel labels as a
 * wide screen, closer together, with no script. Dots are strokes of length 0 with round ends, which stretching leaves
 * round. */
import { html, type Markup, type Part, table } from './html.ts';
import { place, type Scale, tickLabels, ticks, value } from './scale.ts';
import { evenly, type Point, thin } from './series.ts';

/** Units across the inner drawing. */
export const width = 1000;
/** More dots than this would overlap on a phone. */
const mostDots = 80;

export interface Curve {
  readonly name: string;
  /** Classes of the style sheet: a colour and a stroke. */
  readonly style: string;
  /** All points; the drawing leaves some out where there are too many. */
  readonly points: readonly Point[];
  /** A dot at each point, if they are few enough to tell apart. */
  readonly dots?: boolean;
  /** Left out of the legend and the table: it only accompanies another curve. */
  readonly quiet?: boolean;
}
/** A horizontal line with its label in the right margin. */
export interface Level {
  readonly label: string;
  /** Follows the label where there is room. */
  readonly detail: string;
  readonly y: number;
  readonly style: string;
}
/** A moment in the run. */
export interface Mark {
  readonly x: number;
  readonly text: string;
  /** 'line': from top to bottom, with its text beside it. 'flag': a triangle at the top, whose text appears when one
   * points at it. */
  readonly kind: 'line' | 'flag';
}
export interface Chart {
  /** Unique on the page. */
  readonly id: string;
  readonly title: string;
  /** One or two sentences, shown under the title and read out to people who cannot see the chart. */
  readonly description: string;
  readonly height: number;
  /** Absent name: the axis counts steps. */
  readonly x: Pick<Scale, 'kind' | 'domain'> & { readonly name?: string };
  readonly y: Pick<Scale, 'kind' | 'domain'> & { readonly unit: string };
  readonly curves: readonly Curve[];
  readonly levels?: readonly Level[];
  readonly marks?: readonly Mark[];
  /** Steps that get a tick at the lower edge. */
  readonly rug?: readonly number[];
}

/** A chart with its title, its legend, and its numbers as a table that can be opened. */
export function chartFigure(chart: Chart): Markup {
  const shown = chart.curves.filter((curve) => !curve.quiet);
  const flagged = chart.marks?.some(({ kind }) => kind === 'flag') ?? false;
  return html`<figure id="${chart.id}">
<figcaption><h3>${chart.title}</h3><output aria-hidden="true"></output><p>${chart.description}</p></figcaption>
${(shown.length > 1 || flagged) && html`<div class="legend" aria-hidden="true">${shown.map(legendEntry)}${flagged && flagEntry}</div>`}
${drawing(chart)}
<details><summary>Numbers</summary>${numbers(chart.title, shown, chart.x.name)}</details>
</figure>\n`;
}

const legendEntry = ({ name, style, dots }: Curve) =>
  html`<span><svg width="26" height="10"><path class="${style}" d="M1 5H25"/>${
    dots && html`<path class="dot ${style}" d="M13 5h0"/>`
  }</svg>${name}</span>\n`;

const flagEntry = html`<span><svg class="flag" width="10" height="9"><path d="M5 9L0 0H10Z"/></svg>warning</span>`;

function drawing(chart: Chart): Markup {
  const { id, height } = chart;
  const x: Scale = { ...chart.x, range: [0, width] };
  const y: Scale = { ...chart.y, range: [height, 0] };
  const levels = (chart.levels ?? []).filter((l) => l.y >= y.domain[0] && l.y <= y.domain[1]);
  return html`<svg class="plot${levels.length > 0 && ' labelled'}" height="${height}" role="img" aria-labelledby="${id}-title ${id}-text"${chart.x.name === undefined && attributes(x, y)}>
<title id="${id}-title">${chart.title}</title><desc id="${id}-text">${chart.description}</desc>
${horizontalGrid(y, chart.y.unit)}${stepAxis(x, height, chart.x.name)}
${stretched(
  height,
  html`${levels.map((level) => html`<path class="${level.style}" d="M0 ${round(place(y, level.y))}H${width}"/>`)}
${(chart.marks ?? []).map(({ kind, x: step }) => kind === 'line' && html`<path class="moment" d="M${round(place(x, step))} 0V${height}"/>`)}
${rug(chart.rug ?? [], x, height)}
${chart.curves.map((curve) => line(curve, x, y))}`,
)}
${stretched(
  height,
  chart.curves.map((curve) => dots(curve, x, y)),
  { open: true },
)}
${levels.length > 0 && levelLabels(levels, y)}${(chart.marks ?? []).map((mark) => markText(mark, x))}
</svg>`;
}

/** What the script needs to compute numbers from places; it knows axes of steps only. */
const attributes = (x: Scale, y: Scale) =>
  html` data-x="${x.domain.join(' ')}" data-y="${y.domain.join(' ')}" data-kind="${y.kind}"`;

/** The inner drawing. It cuts off what is outside the plot, unless `open`: then dots on the edge stay whole. */
export function stretched(height: number, content: Part, { open = false } = {}): Markup {
  return html`<svg class="${open ? 'open' : 'inner'}" width="100%" height="${height}" viewBox="0 0 ${width} ${height}" preserveAspectRatio="none">${content}</svg>`;
}

function horizontalGrid(y: Scale, unit: string): Markup {
  const at = ticks(y);
  const labels = tickLabels(at);
  return html`<g class="grid">${at.map((v) => html`<line x2="100%" y1="${round(place(y, v))}" y2="${round(place(y, v))}"/>`)}</g>
<g class="y-axis">${at.map((v, i) => html`<text x="-8" y="${round(place(y, v) + 4)}">${labels[i]}</text>`)}
<text class="unit" x="-8" y="-14">${unit}</text></g>`;
}

/** The horizontal axis, of steps unless it has another name. */
export function stepAxis(x: Scale, height: number, name = 'step'): Markup {
  const at = ticks(x, 4).filter((at) => name !== 'step' || Number.isInteger(at));
  const labels = tickLabels(at);
  return html`<g class="x-axis"><line x2="100%" y1="${height}" y2="${height}"/>${at.map(
    (step, i) =>
      html`<text x="${percent(place(x, step))}" y="${height + 18}">${i === 0 && `${name} `}${labels[i]}</text>`,
  )}</g>`;
}

/** The points of a curve that can be drawn, and where. */
const placed = (points: readonly Point[], x: Scale, y: Scale) =>
  thin(points)
    .map((p) => ({ ...p, px: place(x, p.x), py: place(y, p.y) }))
    .filter((p) => Number.isFinite(p.px) && Number.isFinite(p.py));

function line({ name, style, points, quiet }: Curve, x: Scale, y: Scale): Markup | undefined {
  const at = placed(points, x, y).map((p) => `${round(p.px)} ${round(p.py)}`);
  if (at.length === 0) return undefined;
  const label = quiet ? undefined : html` data-name="${name}"`;
  return html`<path class="${style}"${label} d="M${at.join('L')}"/>\n`;
}

/** Dots and whiskers. A curve with a single point always gets its dot, because a line through one point is
 * invisible. */
function dots({ style, points, dots }: Curve, x: Scale, y: Scale): Markup | undefined {
  const all = placed(points, x, y);
  if (all.length > (dots ? mostDots : 1)) return undefined;
  const at = all.filter((p) => p.py >= 0 && p.py <= y.range[0]);
  const whiskers = at
    .filter((p) => p.error !== undefined && Number.isFinite(p.error))
    .map((p) => `M${round(p.px)} ${round(place(y, p.y + p.error!))}V${round(place(y, p.y - p.error!))}`);
  const spots = at.map((p) => `M${round(p.px)} ${round(p.py)}h0`);
  return html`${whiskers.length > 0 && html`<path class="whisker ${style}" d="${whiskers.join('')}"/>`}${
    spots.length > 0 && html`<path class="dot ${style}" d="${spots.join('')}"/>`
  }\n`;
}

/** Labels at the ends of their lines, moved apart where they would overlap, with a thin stroke to the line. */
function levelLabels(levels: readonly Level[], y: Scale): Markup {
  const shown = levels.map((level) => ({ ...level, at: place(y, level.y) })).sort((a, b) => a.at - b.at);
  const moved = apart(
    shown.map(({ at }) => at),
    { gap: 14, low: 0, high: y.range[0] },
  );
  return html`<svg class="levels" x="100%">${shown.map(
    ({ label, detail, style, at }, i) =>
      html`<path class="${style}" d="M2 ${round(at)}L12 ${round(moved[i]!)}"/><text x="16" y="${round(moved[i]! + 4)}">${label}<tspan class="wide" dx="5">${detail}</tspan></text>`,
  )}</svg>`;
}

/** Sorted places, pushed apart until neighbours are `gap` from each other: down first, then up from the lower edge. */
export function apart(
  places: readonly number[],
  { gap, low, high }: { readonly gap: number; readonly low: number; readonly high: number },
): number[] {
  const moved = [...places];
  for (let i = 0; i < moved.length; i++) moved[i] = Math.max(moved[i]!, i === 0 ? low : moved[i - 1]! + gap);
  for (let i = moved.length - 1; i >= 0; i--) {
    moved[i] = Math.min(moved[i]!, i === moved.length - 1 ? high : moved[i + 1]! - gap);
  }
  return moved;
}

/** Ticks at the lower edge, at most one for each unit of width: thousands of clipped steps must not be thousands of
 * strokes. */
function rug(steps: readonly number[], x: Scale, height: number): Markup | false {
  const at = new Set(steps.map((step) => Math.round(place(x, step))));
  return at.size > 0 && html`<path class="rug" d="${[...at].map((px) => `M${px} ${height}v-8`).join('')}"/>`;
}

function markText({ kind, x: step, text }: Mark, x: Scale): Markup {
  const at = percent(place(x, step));
  if (kind === 'line') {
    const side = place(x, step) > width / 2 ? 'before' : 'after';
    return html`<text class="moment ${side}" x="${at}" y="12">${text}</text>`;
  }
  return html`<svg class="flag" x="${at}"><path d="M0 0L-5 -9H5Z"><title>${text}</title></path></svg>`;
}

/** The curves' values in up to 25 rows: at the dots if there are any, else evenly spaced along the first curve. */
function numbers(label: string, curves: readonly Curve[], name = 'step'): Markup {
  const dotted = curves.filter((curve) => curve.dots).flatMap((curve) => curve.points.map((p) => p.x));
  const all =
    dotted.length > 0 ? [...new Set(dotted)].sort((a, b) => a - b) : curves[0]?.points.map((p) => p.x);
  const steps = evenly(all?.length ?? 0, 25).map((i) => all![i]!);
  return table({
    label,
    head: [name, ...curves.map((curve) => curve.name)],
    rows: steps.map((step) => [
      name === 'step' ? step : value(step),
      ...curves.map((curve) => cell(curve, step)),
    ]),
    style: 'numbers',
  });
}

/** The value of a curve at a step. Dots have one only at that very step; lines have that of the last point up to it,
 * until the line ends. */
function cell({ points, dots }: Curve, step: number): string {
  const point = points.findLast((p) => p.x <= step);
  const there = point !== undefined && (dots ? point.x === step : step <= points.at(-1)!.x);
  if (!there) return '\u2013';
  const { error } = point;
  return error !== undefined && Number.isFinite(error)
    ? `${value(point.y)} \u00b1 ${value(error, 2)}`
    : value(point.y);
}

/** To hundredths of a unit, which is finer than any screen. */
export const round = (x: number): number => Math.round(x * 100) / 100;
const percent = (x: number): string => `${round((100 * x) / width)}%`;
