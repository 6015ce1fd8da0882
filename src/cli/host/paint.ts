/** What tables may use where they are printed: bars on a terminal, colours unless NO_COLOR is set, neither in a
 * pipe. */
import { styleText } from 'node:util';
import { oneLine } from './printable.ts';

export interface Paint {
  readonly bars: boolean;
  readonly colors: boolean;
  /** Columns of the terminal. */
  readonly width: number;
}

export function paintOf(stream: NodeJS.WriteStream): Paint {
  const bars = stream.isTTY === true;
  return { bars, colors: bars && !process.env['NO_COLOR'], width: stream.columns || 80 };
}

/** `share`, from 0 to 1, as a bar of at most `cells` characters, to an eighth of one. */
export function bar(share: number, cells: number): string {
  const eighths = Math.round(Math.max(0, Math.min(1, share)) * cells * 8);
  return '█'.repeat(eighths >> 3) + ['', '▏', '▎', '▍', '▌', '▋', '▊', '▉'][eighths & 7]!;
}

export function styled(
  style: 'dim' | 'cyan' | 'bold' | 'yellow' | 'red',
  text: string,
  { colors }: Paint,
): string {
  return colors && text !== '' ? styleText(style, text, { validateStream: false }) : text;
}

/** A token for a table, where a space would be lost and a line break be one of the table's. */
export function visible(tokenText: string): string {
  return oneLine(tokenText).replaceAll(' ', '␣');
}
