/** Converts numbers to places on a linear or logarithmic axis, and chooses the round numbers that label it. */
import { log } from '../tensor/math.ts';

export interface Scale {
  readonly kind: 'linear' | 'log';
  /** The numbers at both ends, low to high; above 0 if logarithmic. */
  readonly domain: readonly [number, number];
  /** Their places. A vertical axis runs downward: its range is [height, 0]. */
  readonly range: readonly [number, number];
}

/** The place of x. Numbers outside the domain are outside the range; 0 on a logarithmic axis is infinitely far away. */
export function place({ kind, domain: [low, high], range: [from, to] }: Scale, x: number): number {
  // Differences of logarithms: the quotient of a huge and a tiny number would be infinite.
  const share = kind === 'log' ? (log(x) - log(low)) / (log(high) - log(low)) : (x - low) / (high - low);
  return from + share * (to - from);
}

/** The lowest and highest of the finite values (of those above 0 for a logarithm), with `margin` of the span added at
 * both ends. Without values it is 0 to 1 (1 to 10); a single value gets room around it. */
export function extent(
  kind: Scale['kind'],
  values: readonly number[],
  { margin = 0 } = {},
): readonly [number, number] {
  let low = Number.POSITIVE_INFINITY;
  let high = Number.NEGATIVE_INFINITY;
  for (const x of values) {
    if (!Number.isFinite(x) || (kind === 'log' && x <= 0)) continue;
    low = Math.min(low, x);
    high = Math.max(high, x);
  }
  if (low > high) return kind === 'log' ? [1, 10] : [0, 1];
  if (kind === 'log') return low === high ? [low / 2, high * 2] : [low * (1 - margin), high * (1 + margin)];
  const room = low === high ? Math.abs(low) * 0.1 || 1 : (high - low) * margin;
  return [low - room, high + room];
}

/** About `count` round numbers within the domain: multiples of 1, 2 or 5 times a power of ten, or, on a logarithmic
 * axis over more than a decade or two, powers of ten. Each is the double nearest its decimal form. */
export function ticks({ kind, domain }: Pick<Scale, 'kind' | 'domain'>, count = 5): number[] {
  const [low, high] = domain;
  if (kind === 'linear') return linearTicks(low, high, count);
  const first = Math.ceil(log10(low) - 1e-9);
  const last = Math.floor(log10(high) + 1e-9);
  const decades = last - first + 1;
  if (decades > 2) {
    const every = Math.ceil(decades / count);
    return range(first, last).flatMap((k) => (k % every === 0 ? [decimal(1, k)] : []));
  }
  const steps = [1, 2, 5];
  const fine = range(first - 1, last).flatMap((k) => steps.map((m) => decimal(m, k)));
  const inside = fine.filter((x) => x >= low && x <= high);
  return inside.length >= 3 ? inside : linearTicks(low, high, count);
}

function linearTicks(low: number, high: number, count: number): number[] {
  const rough = (high - low) / count;
  if (!(rough > 0) || !Number.isFinite(rough)) return [low];
  let power = Math.floor(log10(rough) + 1e-9);
  let multiple = [1, 2, 5].find((m) => decimal(m, power) >= rough * (1 - 1e-9));
  if (multiple === undefined) [multiple, power] = [1, power + 1];
  const step = decimal(multiple, power);
  const slack = 1e-9 * (high - low);
  return range(Math.ceil((low - slack) / step), Math.floor((high + slack) / step)).map((i) =>
    decimal(i * multiple, power),
  );
}

/** Labels of one axis: the same decimals throughout, or exponents if the numbers are tiny, or k and M if they are
 * large. */
export function tickLabels(at: readonly number[]): string[] {
  const sizes = at.filter((x) => x !== 0).map(Math.abs);
  const largest = Math.max(0, ...sizes);
  const smallest = Math.min(largest, ...sizes);
  const decimals = Math.max(...at.map((x) => String(x).split('.')[1]?.length ?? 0));
  const label = (x: number): string => {
    if (largest >= 1e9 || smallest < 1e-3) return x.toExponential().replace('e+', 'e');
    if (largest >= 1e6) return `${x / 1e6}M`;
    if (largest >= 1e4) return `${x / 1e3}k`;
    if (largest >= 1e3) return whole(x);
    return largest / smallest >= 100 ? String(x) : x.toFixed(decimals);
  };
  return at.map((x) => (x === 0 ? '0' : label(x)));
}

/** A number with four significant digits, or as many as `digits`; a dash if it is not finite. */
export function value(x: number | null, digits = 4): string {
  if (x === null || Number.isNaN(x)) return '\u2013';
  if (!Number.isFinite(x)) return x > 0 ? 'infinite' : '-infinite';
  const size = Math.abs(x);
  if (x !== 0 && (size < 1e-3 || size >= 1e7)) return x.toExponential(digits - 1);
  return size >= 1000 ? whole(x) : x.toPrecision(digits);
}

/** 1,234,567 */
export const whole = (x: number): string => Math.round(x).toLocaleString('en-US');
/** The power of ten of x > 0. */
export const log10 = (x: number): number => log(x) / Math.LN10;

/** m * 10^k, correctly rounded, which multiplying is not: 3 * 0.1 is 0.30000000000000004. */
const decimal = (m: number, k: number): number => Number(`${m}e${k}`);
const range = (first: number, last: number): number[] =>
  Array.from({ length: Math.max(0, last - first + 1) }, (_, i) => first + i);
