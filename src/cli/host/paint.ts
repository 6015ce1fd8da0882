/** What output may use where it is printed: bars on a terminal, colours unless NO_COLOR is set, neither in a pipe. */
import { styleText } from 'node:util';

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

export function styled(
  style: 'dim' | 'cyan' | 'bold' | 'yellow' | 'red',
  text: string,
  { colors }: Paint,
): string {
  return colors && text !== '' ? styleText(style, text, { validateStream: false }) : text;
}
