/** Numbers as people read them. */
import { textTable } from '../src/evaluate/table.ts';

/** Rows under a header, the first column to the left and the others to the right. */
export function table(header: readonly string[], rows: readonly (readonly string[])[]): string {
  return textTable([header, ...rows], { indent: '  ', gap: '   ' });
}

/** 12,345  123  12.3  1.23  0.012: about three digits. */
export function number(x: number): string {
  if (Math.abs(x) >= 100) return Math.round(x).toLocaleString('en-US');
  return x.toFixed(Math.abs(x) >= 10 ? 1 : Math.abs(x) >= 0.1 ? 2 : 3);
}

/** 0.815 -> 82 %, 0.0042 -> 0.42 % */
export const percent = (x: number): string =>
  x < 0.095 ? `${(100 * x).toFixed(x < 0.0095 ? 2 : 1)} %` : `${Math.round(100 * x)} %`;
