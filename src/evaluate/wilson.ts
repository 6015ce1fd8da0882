/** The interval in which a true share p lies, given k of n, at 95 %.
 *
 *     centre = (k + z²/2) / (n + z²)        half = z sqrt(k (n - k) / n + z²/4) / (n + z²),  z = 1.96
 *
 * It is what remains of all p for which a share as far off as k / n would come in 95 % of all trials: |k/n - p| =
 * z sqrt(p (1 - p) / n), a quadratic equation in p, whose two solutions these are. Unlike the textbook's k/n ± z error it never
 * leaves 0 to 1 and holds for small n and for k = 0. Wilson, "Probable inference, the law of succession, and statistical
 * inference" (1927). */

/** 97.5 % of a normal distribution lie below it. */
const z = 1.959963984540054;

/** [low, high] for k successes in n trials; [0, 1] for none. */
export function wilsonInterval(k: number, n: number): readonly [low: number, high: number] {
  if (!(Number.isInteger(n) && n >= 0 && k >= 0 && k <= n)) {
    throw new RangeError(`wilsonInterval: expected k from 0 to a whole number n, got ${k} of ${n}`);
  }
  if (n === 0) return [0, 1];
  const centre = (k + (z * z) / 2) / (n + z * z);
  const half = (z * Math.sqrt((k * (n - k)) / n + (z * z) / 4)) / (n + z * z);
  return [Math.max(0, centre - half), Math.min(1, centre + half)];
}

/** How many trials it takes until 1/2 is outside of the interval, if k / n is `share` from first to last: with p = 1/2 above,
 * that is when |share - 1/2| > z / (2 sqrt n). Where `share` is the true one, about every second time it is so by then. */
export function trialsToTell(share: number): number {
  return share === 0.5 ? Infinity : Math.floor((z / (2 * share - 1)) ** 2) + 1;
}
