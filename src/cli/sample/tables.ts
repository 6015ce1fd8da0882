/** What --trace and --explain print, and the same as plain data for --json.
 *
 * --explain shows one distribution as lecture notes do: probabilities at several temperatures and nuclei. --trace prints a
 * line for each token: what each stage kept, and how likely the token was. raw is the log-probability that the model gave
 * it; drawn the one that it was drawn with, after temperature and cuts. */
import type { Tokenizer } from '../../model/text/tokenizer.ts';
import type { View } from '../../sample/explain.ts';
import type { Trace } from '../../sample/trace.ts';
import { type Paint, styled } from '../host/paint.ts';
import { oneLine } from '../host/printable.ts';

const shown = 10;
const cellWidth = 8;
const mostBarCells = 8;

/** All token ids, the likeliest in this view first; of equally likely ones the lower id. */
const ranking = ({ probabilities: p }: View): number[] =>
  [...p.keys()].sort((a, b) => p[b]! - p[a]! || a - b);

/** The view of the model's own probabilities, which decides the order of the tokens. */
const plainOf = (views: readonly View[]): View =>
  views.find(({ temperature, topP }) => temperature === 1 && topP === undefined) ?? views[0]!;

/** A table with a column for each view; the last view is that of the settings as they are. */
export function explainTable(views: readonly View[], tokenizer: Tokenizer, paint: Paint): string {
  const plain = plainOf(views);
  const order = ranking(plain);
  const best = order.slice(0, shown);
  const names = best.map((id) => visible(tokenizer.tokenText(id)));
  const left = Math.max(13, ...names.map(({ length }) => length + 2));
  const line = (name: string, cell: (view: View) => string) =>
    ` ${name.padEnd(left)}${views.map((view) => cell(view).padStart(cellWidth)).join('')}`;
  const dim = (name: string, cell: (view: View) => string) => styled('dim', line(name, cell), paint);
  const percent = (p: number) => (p === 0 ? '-' : `${(100 * p).toFixed(2)}%`);
  const room = paint.width - (left + 1) - views.length * cellWidth - 2;
  const barCells = Math.min(mostBarCells, room);
  const rows = best.map((id, i) => {
    const p = plain.probabilities[id]!;
    const drawn = paint.bars && barCells > 0 ? `  ${styled('cyan', bar(p, barCells), paint)}` : '';
    return line(names[i]!, ({ probabilities }) => percent(probabilities[id]!)) + drawn;
  });
  const others = order.slice(shown);
  const rest = ({ probabilities }: View) => percent(others.reduce((sum, id) => sum + probabilities[id]!, 0));
  return [
    dim('token', ({ temperature, topP }) =>
      topP !== undefined ? `p=${topP}` : temperature !== undefined ? `T=${temperature}` : 'as set',
    ),
    ...rows,
    ...(others.length > 0 ? [line(`${others.length} others`, rest)] : []),
    dim('tokens kept', ({ kept }) => String(kept)),
    dim('entropy, bits', ({ entropy }) => (entropy / Math.LN2).toFixed(2)),
    '',
  ].join('\n');
}

/** The views as plain data for JSON: the first 20 tokens, each with its probability in every view. */
export function explainRecord(views: readonly View[], tokenizer: Tokenizer) {
  const plain = plainOf(views);
  return {
    views: views.map(({ temperature, topP, kept, entropy }) => ({ temperature, topP, kept, entropy })),
    tokens: ranking(plain)
      .slice(0, 20)
      .map((token) => ({
        token,
        text: tokenizer.tokenText(token),
        probabilities: views.map(({ probabilities }) => probabilities[token]!),
      })),
  };
}

/** Where a heading is another name than the stage's. */
const headings: Readonly<Record<string, string>> = {
  topK: 'top-k',
  topP: 'top-p',
  minP: 'min-p',
  typicalP: 'typical',
};

interface Cell {
  readonly text: string;
  readonly width: number;
  /** The length of the bar behind it, from 0 to 1; NaN leaves its place empty. */
  readonly share?: number;
}

/** A step of the trace as plain data, for JSON. Undefined for a step without a candidate. */
export function traceRecord(trace: Trace, tokenizer: Tokenizer) {
  if (trace.token < 0) return undefined;
  const { token, rank, relaxed, entropy, rawLogProbability, logProbability, stages } = trace;
  const text = tokenizer.tokenText(token);
  return { token, text, rank, rawLogProbability, logProbability, entropy, relaxed, stages };
}

export class TraceTable {
  readonly #tokenizer: Tokenizer;
  readonly #paint: Paint;
  #step = 0;

  constructor(tokenizer: Tokenizer, paint: Paint) {
    this.#tokenizer = tokenizer;
    this.#paint = paint;
  }

  /** The next line of the table, before the first one its heading. */
  line(trace: Trace): string {
    this.#step += 1;
    if (trace.token < 0) return `${String(this.#step).padStart(5)}  no candidate left\n`;
    const cells = this.#cells(trace);
    const heading = this.#step === 1 ? `${styled('dim', this.#join(headingOf(trace)), this.#paint)}\n` : '';
    return `${heading}${this.#join(cells)}\n`;
  }

  #cells({ token, rank, entropy, rawLogProbability, logProbability, stages, relaxed }: Trace): Cell[] {
    const shown = [...visible(this.#tokenizer.tokenText(token))];
    const probability = (log: number): Cell => ({ text: log.toFixed(2), width: 7, share: Math.exp(log) });
    return [
      { text: String(this.#step), width: 5 },
      { text: `  ${shown.slice(0, 12).join('').padEnd(5)}`, width: 7 },
      { text: `${rank}${relaxed > 0 ? '!' : ''}`, width: 6 },
      { text: (entropy / Math.LN2).toFixed(2), width: 6 },
      probability(rawLogProbability),
      probability(logProbability),
      ...stages.map(({ kept, mass }) => ({
        text: `${kept} ${`${(100 * mass).toFixed(1)}%`.padStart(6)}`,
        width: 12,
        share: mass,
      })),
    ];
  }

  #join(cells: readonly Cell[]): string {
    const barred = cells.filter(({ share }) => share !== undefined).length;
    const used = cells.reduce((sum, { width }) => sum + width, 0) + barred;
    const room = Math.min(8, Math.floor((this.#paint.width - 1 - used) / barred));
    const size = this.#paint.bars ? Math.max(0, room) : 0;
    const line = cells.map(({ text, width, share }) => {
      const number = text.padStart(width);
      if (share === undefined || size === 0) return number;
      const drawn = Number.isNaN(share) ? '' : bar(share, size);
      return `${number} ${styled('cyan', drawn, this.#paint)}${' '.repeat(size - drawn.length)}`;
    });
    return line.join('').trimEnd();
  }
}

/** The heading: cells as wide as those below it, with empty bars. */
function headingOf({ stages }: Trace): Cell[] {
  const empty = Number.NaN;
  return [
    { text: 'step', width: 5 },
    { text: 'token', width: 7 },
    { text: 'rank', width: 6 },
    { text: 'bits', width: 6 },
    { text: 'raw', width: 7, share: empty },
    { text: 'drawn', width: 7, share: empty },
    ...stages.map(({ name }) => ({ text: headings[name] ?? name, width: 12, share: empty })),
  ];
}

/** `share`, from 0 to 1, as a bar of at most `cells` characters, to an eighth of one. */
export function bar(share: number, cells: number): string {
  const eighths = Math.round(Math.max(0, Math.min(1, share)) * cells * 8);
  return '█'.repeat(eighths >> 3) + ['', '▏', '▎', '▍', '▌', '▋', '▊', '▉'][eighths & 7]!;
}

/** A token as a table shows it: a space as ␣, so that it is seen, and nothing that would break the line. */
export function visible(tokenText: string): string {
  return oneLine(tokenText).replaceAll(' ', '␣');
}
