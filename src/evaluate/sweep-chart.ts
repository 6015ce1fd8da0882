/** A sweep as an SVG picture: five measures over temperature, with one curve for each top-p, and quality over diversity. The
 * true text is a dotted line, or a ring where both axes are measures. Without scripts; light or dark as the reader prefers. */
import { exp, log } from '../tensor/math.ts';
import { describeSizes } from './generate-report.ts';
import type { TextMeasures } from './measures.ts';
import type { Sweep } from './sweep.ts';

const [panelWidth, panelHeight] = [260, 190];
const [gapX, gapY] = [64, 84];
const [left, top] = [56, 138];
const width = left + 3 * panelWidth + 2 * gapX + 24;
const height = top + 2 * panelHeight + gapY + 56;

interface Axis {
  readonly name: keyof TextMeasures | 'temperature';
  readonly logarithmic?: true;
  /** A share, written in percent. */
  readonly share?: true;
}
interface Panel {
  readonly title: string;
  readonly note: string;
  readonly x: Axis;
  readonly y: Axis;
}

const axisNames: Partial<Record<Axis['name'], string>> = { distinct2: 'distinct-2' };
const temperature: Axis = { name: 'temperature' };
const spelling: Axis = { name: 'knownWords', share: true };
const panels: readonly Panel[] = [
  {
    title: 'Perplexity',
    note: 'of the text, for the model itself',
    x: temperature,
    y: { name: 'perplexity', logarithmic: true },
  },
  {
    title: 'Diversity',
    note: '% (1 - rep-2) (1 - rep-3) (1 - rep-4)',
    x: temperature,
    y: { name: 'diversity', share: true },
  },
  {
    title: 'Repetition',
    note: '% of word pairs had before (rep-2)',
    x: temperature,
    y: { name: 'rep2', share: true },
  },
  {
    title: 'Memorisation',
    note: 'characters copied in one piece, on average',
    x: temperature,
    y: { name: 'meanOverlap' },
  },
  { title: 'Spelling', note: '% of words that the training text has', x: temperature, y: spelling },
  {
    title: 'The trade-off',
    note: '% known words over % different word pairs',
    x: { name: 'distinct2', share: true },
    y: spelling,
  },
];

// Okabe and Ito's colours, which all kinds of colour vision tell apart, darker on light and lighter on dark. Strokes differ, too.
const light = ['#1f66b0', '#c4460a', '#0b7d5c', '#94417f', '#876500', '#1d2433'];
const dark = ['#76b4f0', '#ff9459', '#53cfa6', '#e198cf', '#dcbc4d', '#e8e4db'];
const dashes = ['none', '7 3', '2 3', '9 3 2 3', '4 2', '1 3'];
const kinds = light.length;

const style = `
svg{--paper:#fdfcf9;--ink:#1d2433;--soft:#5a6170;--rule:#dedacf;background:var(--paper)}
${rules(light)}
@media (prefers-color-scheme:dark){svg{--paper:#15181e;--ink:#e8e4db;--soft:#a5a9b2;--rule:#2f343d}
${rules(dark)}}
text{font:12px system-ui,-apple-system,'Segoe UI',Roboto,'Liberation Sans',Arial,sans-serif;fill:var(--soft);font-variant-numeric:tabular-nums}
.head{font-size:20px;font-weight:600;fill:var(--ink)}.title{font-size:14px;font-weight:600;fill:var(--ink)}
.end{text-anchor:end}.middle{text-anchor:middle}
.paper{fill:var(--paper)}.rule{stroke:var(--rule)}.axis{stroke:var(--soft)}
.curve{fill:none;stroke-width:2;stroke-linejoin:round}.dot{stroke:none}
.true{fill:none;stroke:var(--ink);stroke-width:1.5;stroke-dasharray:1 4;stroke-linecap:round}.ring{fill:none;stroke:var(--ink);stroke-width:2}
${dashes.map((dash, i) => `.curve.k${i}{stroke-dasharray:${dash}}`).join('')}`;

function rules(colours: readonly string[]): string {
  return colours.map((c, i) => `.k${i}{stroke:${c}}.dot.k${i}{fill:${c}}`).join('');
}

export function sweepChart(sweep: Sweep): string {
  const { topPs } = sweep.settings;
  const about = describeSizes(sweep.settings);
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-labelledby="title about">
<title id="title">Quality and diversity by temperature and top-p</title>
<desc id="about">${about}. The dotted line and the ring are the true text.</desc>
<style>${style}</style>
<rect class="paper" width="${width}" height="${height}"/>
<text class="head" x="${left - 36}" y="36">Quality and diversity by temperature and top-p</text>
<text x="${left - 36}" y="57">${about}</text>
${legend(topPs)}
${panels.map((panel, i) => drawPanel(panel, sweep, left + (i % 3) * (panelWidth + gapX), top + Math.floor(i / 3) * (panelHeight + gapY))).join('\n')}
</svg>
`;
}

function legend(topPs: readonly number[]): string {
  const entries = topPs.map((topP, i) => {
    const x = left - 36 + 108 * i;
    const kind = `k${i % kinds}`;
    return `<path class="curve ${kind}" d="M${x} 78h26"/><circle class="dot ${kind}" cx="${x + 13}" cy="78" r="3.5"/><text x="${x + 33}" y="82">top-p ${topP}</text>`;
  });
  const x = left - 36 + 108 * topPs.length;
  return `${entries.join('')}<path class="true" d="M${x} 78h26"/><text x="${x + 33}" y="82">true text</text>`;
}

interface Scale {
  readonly place: (x: number) => number;
  readonly ticks: readonly number[];
  readonly label: (x: number) => string;
}

function drawPanel(panel: Panel, sweep: Sweep, atX: number, atY: number): string {
  const { cells, truth, settings } = sweep;
  const read = (axis: Axis, m: TextMeasures, t: number) =>
    axis.name === 'temperature' ? t : m[axis.name] === null ? null : (axis.share ? 100 : 1) * m[axis.name]!;
  const points = cells.map((cell) => ({
    topP: cell.topP,
    x: read(panel.x, cell.measures, cell.temperature),
    y: read(panel.y, cell.measures, cell.temperature),
  }));
  const overTemperature = panel.x.name === 'temperature';
  const real = { x: overTemperature ? null : read(panel.x, truth, 0), y: read(panel.y, truth, 0) };
  const x = scale(
    panel.x,
    [...points, real].map((p) => p.x),
    panelWidth,
  );
  const y = scale(
    panel.y,
    [...points, real].map((p) => p.y),
    panelHeight,
  );
  const up = (value: number) => panelHeight - y.place(value);
  const curves = settings.topPs.map((topP, i) => {
    const kind = `k${i % kinds}`;
    const own = points.filter((p) => p.topP === topP && p.x !== null && p.y !== null);
    const at = own.map((p) => `${round(x.place(p.x!))} ${round(up(p.y!))}`);
    const dots = own.map(
      (p) => `<circle class="dot ${kind}" cx="${round(x.place(p.x!))}" cy="${round(up(p.y!))}" r="3.5"/>`,
    );
    return at.length === 0 ? '' : `<path class="curve ${kind}" d="M${at.join('L')}"/>${dots.join('')}`;
  });
  const grid = y.ticks.map(
    (t) =>
      `<path class="rule" d="M0 ${round(up(t))}h${panelWidth}"/><text class="end" x="-8" y="${round(up(t)) + 4}">${y.label(t)}</text>`,
  );
  const bottom = x.ticks.map(
    (t) =>
      `<path class="axis" d="M${round(x.place(t))} ${panelHeight}v4"/><text class="middle" x="${round(x.place(t))}" y="${panelHeight + 18}">${x.label(t)}</text>`,
  );
  return `<g transform="translate(${atX} ${atY})"><text class="title" x="0" y="-22">${panel.title}</text><text x="0" y="-7">${panel.note}</text>
${grid.join('')}<path class="axis" d="M0 ${panelHeight}h${panelWidth}"/>${bottom.join('')}
<text class="middle" x="${panelWidth / 2}" y="${panelHeight + 36}">${axisNames[panel.x.name] ?? panel.x.name}</text>
${curves.join('\n')}${trueText(real, x, up)}</g>`;
}

function trueText(
  { x, y }: { readonly x: number | null; readonly y: number | null },
  horizontal: Scale,
  up: (y: number) => number,
): string {
  if (y === null) return '';
  if (x === null) return `<path class="true" d="M0 ${round(up(y))}h${panelWidth}"/>`;
  return `<circle class="ring" cx="${round(horizontal.place(x))}" cy="${round(up(y))}" r="6"/><text class="end" x="${round(horizontal.place(x)) - 10}" y="${round(up(y)) + 4}">true text</text>`;
}

function scale(axis: Axis, values: readonly (number | null)[], size: number): Scale {
  const known = values.filter((v) => v !== null && (v > 0 || axis.logarithmic !== true)) as number[];
  const turn = axis.logarithmic ? (x: number) => log(x) : (x: number) => x;
  const back = axis.logarithmic ? (x: number) => exp(x) : (x: number) => x;
  const [low, high] = readableRange(axis, known);
  const margin = 0.08 * (turn(high) - turn(low));
  const [from, to] = [turn(low) - margin, turn(high) + margin];
  const label = (x: number) => String(x);
  const place = (x: number) => ((turn(x) - from) / (to - from)) * size;
  if (axis.name === 'temperature') return { place, label, ticks: [...new Set(known)] };
  const [first, last] = axis.share ? [Math.max(0, from), Math.min(100, to)] : [back(from), back(to)];
  const decades = axis.logarithmic && last / first > 8;
  return { place, label, ticks: decades ? logTicks(first, last) : linearTicks(first, last) };
}

/** From the smallest value to the largest, or wider: a difference of one percent must not fill the panel. Shares stay within 0
 *  and 100. */
function readableRange(axis: Axis, known: readonly number[]): [low: number, high: number] {
  const [low, high] = known.length === 0 ? [1, 2] : [Math.min(...known), Math.max(...known)];
  const least = axis.share ? 10 : 0.2 * high || 1;
  const missing = Math.max(0, least - (high - low));
  const start = low - missing / 2;
  const end = high + missing / 2;
  if (!axis.share) return [start, end];
  const shift = Math.max(0, -start) - Math.max(0, end - 100);
  return [start + shift, end + shift];
}

/** Three to eight multiples of 1, 2 or 5 times a power of ten. */
function linearTicks(low: number, high: number): number[] {
  const most = (high - low) / 3;
  const power = Math.floor(log(most) / Math.LN10) - 1; // one less, should the logarithm round up
  const step = [1, 2, 5, 10, 20, 50, 100].map((m) => Number(`${m}e${power}`)).findLast((s) => s <= most)!;
  const first = Math.ceil(low / step);
  return Array.from({ length: Math.floor(high / step) - first + 1 }, (_, i) =>
    Number(((first + i) * step).toPrecision(12)),
  );
}

/** 1, 2 and 5 times powers of ten. */
function logTicks(low: number, high: number): number[] {
  const first = Math.floor(log(low) / Math.LN10) - 1;
  const last = Math.ceil(log(high) / Math.LN10);
  return Array.from({ length: last - first + 1 }, (_, i) => [1, 2, 5].map((m) => Number(`${m}e${first + i}`)))
    .flat()
    .filter((tick) => tick >= low && tick <= high);
}

const round = (x: number): number => Math.round(x * 100) / 100;
