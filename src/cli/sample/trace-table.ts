/** The trace of a sampler as a table, one line a token: what each stage kept, and how likely the token was.
 *
 * raw is the log-probability the model gave the token; drawn the one it was drawn with, after temperature and cuts. */
import type { Tokenizer } from '../../model/text/tokenizer.ts';
import type { Trace } from '../../sample/trace.ts';
import { bar, type Paint, styled, visible } from '../host/paint.ts';

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
  /** What a bar behind it shows, if there is one. */
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
