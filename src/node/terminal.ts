/** Standard output: plain lines when piped; on a terminal also a bar with a small live curve, rewritten in place. */
import { styleText } from 'node:util';
import type { StepRecord } from '../train/trainer.ts';
import { write } from './output.ts';
import { forStream } from './printable.ts';

const blocks = '▁▂▃▄▅▆▇█';

export class Terminal {
  readonly interactive = process.stdout.isTTY === true;
  readonly #quiet: boolean;
  readonly #losses: number[] = [];
  #transient = false;

  /** @param options.quiet leaves out all but `line` and `warning`. */
  constructor(options: { quiet?: boolean } = {}) {
    this.#quiet = options.quiet ?? false;
  }

  /** Always shown; to be awaited in loops that do not pause otherwise, see output.ts. @param mark may be coloured */
  line(text: string, mark = ''): void | Promise<void> {
    this.#clear();
    return write(`${mark}${forStream(text, process.stdout)}\n`);
  }

  /** Shown unless quiet. */
  detail(text: string): void {
    if (!this.#quiet) this.line(text);
  }

  warning(text: string): void {
    this.line(text, `${this.#style('yellow', 'warning:')} `);
  }

  /** Shown until the next line, on a terminal only, cut to its width. */
  progress(text: string): void {
    if (!this.interactive || this.#quiet) return;
    this.#clear();
    process.stdout.write(text.slice(0, (process.stdout.columns || 80) - 1));
    this.#transient = true;
  }

  /** A bar, the numbers of the step, and the losses so far as a curve. */
  status({ step, loss }: StepRecord, steps: number, text: string): void {
    this.#losses.push(loss);
    if (!this.interactive || this.#quiet) return;
    const done = Math.round((16 * step) / steps);
    const bar = `${'━'.repeat(done)}${'╌'.repeat(16 - done)}`;
    const room = (process.stdout.columns || 80) - bar.length - text.length - 4;
    this.progress(`${bar} ${text}${room >= 8 ? `  ${sparkline(this.#losses, Math.min(room - 2, 40))}` : ''}`);
  }

  #style(style: 'yellow', text: string): string {
    return this.interactive && !process.env['NO_COLOR'] ? styleText(style, text) : text;
  }

  #clear(): void {
    if (this.#transient) process.stdout.write('\r\x1b[K');
    this.#transient = false;
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
