/** exp, log, tanh, cos and sin from + - * / and bit operations only, in float64.
 *
 * ECMAScript lets the engine choose how it computes Math.exp and its family, so their last bit may differ between engines and
 * versions. Weights and sampled tokens must not differ; these functions give the same bits on every IEEE-754 machine.
 * Errors, measured against Math.* over the whole range: exp within 1 unit in the last place, log 2, tanh 4; cosSinTurns
 * below 2^-50 absolute. */

const ln2High = 0.6931471803691238; // the leading 33 bits of ln 2, so that k * ln2High is exact
const ln2Low = 1.9082149292705877e-10;
const float = new Float64Array(1);
const bits = new Int32Array(float.buffer); // little-endian: word 1 holds sign and exponent

/** powersOfTwo[k + 1022] = 2^k for -1022 <= k <= 1023. */
const powersOfTwo = Float64Array.from({ length: 2046 }, (_, i) => {
  bits[0] = 0;
  bits[1] = (i + 1) << 20;
  return float[0]!;
});
const powerOfTwo = (k: number): number => powersOfTwo[k + 1022]!;

/** e^r - 1 for |r| <= ln(2)/2: the Taylor series to r^13, whose remainder is below 2^-57. Estrin's order, four terms at a
 * time: these are short chains of dependent operations, and a processor computes several chains at once. */
function expm1Small(r: number): number {
  const r2 = r * r;
  const r4 = r2 * r2;
  const low = 1 / 2 + r * (1 / 6) + r2 * (1 / 24 + r * (1 / 120));
  const middle = 1 / 720 + r * (1 / 5040) + r2 * (1 / 40320 + r * (1 / 362880));
  const high = 1 / 3628800 + r * (1 / 39916800) + r2 * (1 / 479001600 + r * (1 / 6227020800));
  return r + r2 * (low + r4 * (middle + r4 * high));
}

/** e^x: x = k ln2 + r with |r| <= ln(2)/2, so e^x = 2^k e^r. 2^k comes in two factors, as it may be too large or too
 * small for one number; a result below the normal numbers is rounded once, by the second. Below -746 and above 710
 * the result no longer changes, so x is held there. An early `return` would slow down every loop that this is inlined in. */
export function exp(x: number): number {
  const near = Math.max(-746, Math.min(710, x));
  const k = Math.floor(near * Math.LOG2E + 0.5) | 0; // 0 for NaN, which comes through in r
  const half = k >> 1;
  return (1 + expm1Small(near - k * ln2High - k * ln2Low)) * powerOfTwo(half) * powerOfTwo(k - half);
}

/** ln x: x = 2^k m with m in [sqrt(1/2), sqrt(2)); ln m = 2 atanh(s), s = (m - 1) / (m + 1), as a series in s^2. */
export function log(x: number): number {
  if (!(x > 0)) return x === 0 ? Number.NEGATIVE_INFINITY : Number.NaN;
  if (x === Number.POSITIVE_INFINITY) return x;
  let k = 0;
  let m = x;
  if (x < 2.2250738585072014e-308) {
    m = x * 18014398509481984; // 2^54 lifts a subnormal number into the normal range
    k = -54;
  }
  float[0] = m;
  const exponent = (bits[1]! >>> 20) - 1023;
  m = exponent === 1023 ? (m * 0.5) / powerOfTwo(1022) : m * powerOfTwo(-exponent);
  k += exponent;
  if (m > Math.SQRT2) {
    m *= 0.5;
    k += 1;
  }
  const s = (m - 1) / (m + 1);
  const s2 = s * s;
  let sum = 1 / 23;
  for (let n = 21; n >= 3; n -= 2) sum = sum * s2 + 1 / n;
  return k * ln2High + (2 * s + (2 * s * s2 * sum + k * ln2Low));
}

/** tanh x = t / (t + 2) with t = e^(2|x|) - 1, and the sign of x. */
export function tanh(x: number): number {
  const a = Math.abs(x);
  if (a > 20) return x > 0 ? 1 : -1;
  const t = a < 0.17 ? expm1Small(2 * a) : exp(2 * a) - 1;
  const y = t / (t + 2);
  if (x === 0) return x; // keeps the sign of -0
  return x < 0 ? -y : y;
}

/** [cos, sin] of a full turn times u. The nearest quarter turn is taken off exactly; Taylor series do the rest. */
export function cosSinTurns(u: number): readonly [number, number] {
  const quarter = Math.floor(u * 4 + 0.5);
  const angle = (u - quarter / 4) * 6.283185307179586; // |angle| <= pi/4
  const square = angle * angle;
  let cos = 0;
  let sin = 0;
  for (let n = 18; n >= 2; n -= 2) {
    cos = (square / ((n - 1) * n)) * (1 - cos);
    sin = (square / (n * (n + 1))) * (1 - sin);
  }
  cos = 1 - cos;
  sin = angle * (1 - sin);
  switch (((quarter % 4) + 4) % 4) {
    case 0:
      return [cos, sin];
    case 1:
      return [-sin, cos];
    case 2:
      return [-cos, -sin];
    default:
      return [sin, -cos];
  }
}

/** base^n for an integer n >= 0, by repeated squaring. */
export function power(base: number, n: number): number {
  let result = 1;
  for (let square = base, rest = n; rest > 0; rest = Math.floor(rest / 2), square *= square) {
    if (rest % 2 === 1) result *= square;
  }
  return result;
}
