/** Shows a run on standard output: plain lines in a pipe; on a terminal also a bar with a small live curve, which is
 * rewritten in place. */
import { wrappedLines } from '../../evaluate/table.ts';
import { type StepMetrics, stepParts } from '../../train/metrics.ts';
import { write } from './output.ts';
import { paintOf, styled } from './paint.ts';
import { forStream } from './printable.ts';

/** Fewest and most cells of the bar, and the fewest of the curve. */
const bars = [4, 16] as const;
const leastCurve = 6;
const blocks = '▁▂▃▄▅▆▇█';

export class Terminal {
  readonly interactive = process.stdout.isTTY === true;
  readonly #quiet: boolean;
  readonly #curve = new Curve();
  #transient = false;

  /** @param options.quiet leaves out all but `line` and `warning`. */
  constructor(options: { quiet?: boolean } = {}) {
    this.#quiet = options.quiet ?? false;
  }

  /** Always shown. In a loop that awaits nothing else it must be awaited: see output.ts. @param mark may be coloured */
  line(text: string, mark = ''): void | Promise<void> {
    this.#clear();
    return write(`${mark}${forStream(text, process.stdout)}\n`);
  }

  /** Shown unless quiet; on a terminal long lines break between words. */
  detail(text: string): void {
    if (!this.#quiet) this.line(this.#fit(text));
  }

  warning(text: string): void {
    const label = styled('yellow', 'warning:', paintOf(process.stdout));
    this.line(this.#fit(`warning: ${text}`).slice('warning:'.length), label);
  }

  /** Shown until the next line, on a terminal only, cut to its width. */
  progress(text: string): void {
    if (!this.interactive || this.#quiet) return;
    this.#clear();
    process.stdout.write(text.slice(0, this.#room));
    this.#transient = true;
  }

  /** Begins the curve with the losses from before a resume. */
  remember(losses: readonly number[]): void {
    for (const loss of losses) this.#curve.add(loss);
  }

  /** A bar, the numbers of the step, and the losses so far as a curve. Where room is short, the least important numbers
   * are left out. */
  status(metrics: StepMetrics, steps: number): void {
    this.#curve.add(metrics.loss);
    if (!this.interactive || this.#quiet) return;
    const parts: Partial<ReturnType<typeof stepParts>> = stepParts(metrics, steps);
    const text = () => Object.values(parts).join('  ');
    for (const part of ['norm', 'lr', 'speed'] as const) {
      if (text().length + bars[1] + 1 > this.#room) delete parts[part];
    }
    const cells = Math.max(bars[0], Math.min(bars[1], this.#room - text().length - 1));
    const done = Math.round((cells * metrics.step) / steps);
    const line = `${'━'.repeat(done)}${'╌'.repeat(cells - done)} ${text()}`;
    const rest = Math.min(this.#room - line.length - 2, 40);
    this.progress(rest < leastCurve ? line : `${line}  ${sparkline(this.#curve.means, rest)}`);
  }

  /** Columns for a line that is rewritten: room is left for the ^C that a terminal shows. */
  get #room(): number {
    return (process.stdout.columns || 80) - 3;
  }

  #fit(text: string): string {
    return this.interactive ? wrappedLines(text, process.stdout.columns || 80) : text;
  }

  #clear(): void {
    if (this.#transient) process.stdout.write('\r\x1b[K');
    this.#transient = false;
  }
}

/** Keeps a long series of values in little memory: means over stretches of equal length, which grow with the series. */
export class Curve {
  static readonly #most = 512;
  #stretch = 1;
  #sum = 0;
  #count = 0;
  means: number[] = [];

  add(value: number): void {
    this.#sum += value;
    this.#count += 1;
    if (this.#count < this.#stretch) return;
    this.means.push(this.#sum / this.#count);
    [this.#sum, this.#count] = [0, 0];
    if (this.means.length < Curve.#most) return;
    this.means = Array.from(
      { length: Curve.#most / 2 },
      (_, i) => (this.means[2 * i]! + this.means[2 * i + 1]!) / 2,
    );
    this.#stretch *= 2;
  }
}

/** Values as block characters, averaged down to `width` of them. */
export function sparkline(values: readonly number[], width: number): string {
  const count = Math.min(width, values.length);
  const means = Array.from({ length: count }, (_, i) => {
    const part = values.slice(
      Math.floor((i * values.length) / count),
      Math.floor(((i + 1) * values.length) / count),
    );
    return part.reduce((sum, x) => sum + x, 0) / part.length;
  });
  const [low, high] = [Math.min(...means), Math.max(...means)];
  return means.map((x) => blocks[Math.round(high > low ? (7 * (x - low)) / (high - low) : 0)]).join('');
}
