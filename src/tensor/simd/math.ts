/** exp, tanh and log of four floats at once, from + - * / and bit operations only: no engine's Math is involved, so
 * without fused multiply-add the bits are the same everywhere. Each lane is computed alone; where an element stands in
 * a row does not matter.
 *
 *     e^x = 2^k e^r          k = the integer nearest x / ln 2, r = x - k ln 2, so |r| <= ln(2) / 2
 *     e^r = 1 + (r + r^2 P(r))     P of degree 4, fitted for the least relative error of the whole: 0.05 ulp
 *     tanh |x| = t / (t + 2)       t = e^(2|x|) - 1 = 2^k (e^r - 1) + (2^k - 1): nothing cancels near 0
 *     ln x = k ln 2 + ln m         x = 2^k m, m within a factor sqrt(2) of 1; a series in s = (m - 1) / (m + 1)
 *
 * Largest errors over the whole range, swept in the tests: exp and log 1 ulp, tanh 2.5 ulp. Results of exp below 2^-126
 * become 0. Four values take 2.7 ns for exp and 3.6 ns for tanh with fused multiply-add, 3.9 and 5.4 ns without
 * (Node 20; Node 24 is a little faster). */
import { after, type Expr, f32x4, i32x4, type NewLocal, type Stmt, v128 } from '../wasm/assembler.ts';
import type { Constants } from '../wasm/constants.ts';
import { fresh } from '../wasm/lanes.ts';
import { madd, nmadd, type Target } from './machine/target.ts';

type Vector = Expr<'v128'>;
/** A value, once the steps have run. Steps of several values can be interleaved: each waits for the one before it, and
 * while it waits the machine goes on with the others' (see elementwise.ts). */
export interface Steps {
  readonly steps: readonly Stmt[];
  readonly value: Vector;
}
export const inOrder = ({ steps, value }: Steps): Vector => after(steps, value);

export interface VectorMath {
  readonly exp: (x: Vector) => Steps;
  readonly tanh: (x: Vector) => Steps;
  readonly log: (x: Vector) => Steps;
}

/** ln 2 in two parts: the first has 9 bits, so that its product with an exponent is exact. */
const ln2High = 0.693359375;
const ln2Low = -2.1219444005469057e-4;
/** P, from the constant up. */
const expTerms = [
  0.4999999403953552, 0.1666651964187622, 0.04166840389370918, 0.00836889911442995, 0.001381422160193324,
];
/** Adding 1.5 * 2^23 leaves no bits for a fraction: the sum is rounded to an integer, which its low bits then hold. */
const toInteger = 1.5 * 2 ** 23;
/** e^x is below 2^-126 under the first and beyond the largest float over the second. */
const [expLeast, expMost] = [-87.33654022216797, 88.72283172607422];
/** tanh rounds to 1 from here on. */
const tanhMost = 9.02;
const infinity = Number.POSITIVE_INFINITY;

/** Code for one function: it brings its own locals, which every use in that function shares, and adds to its constants. */
export function vectorMath(target: Target, local: NewLocal, constants: Constants): VectorMath {
  const splat = (x: number): Vector => constants.float(x);
  const [multiplyAdd, negativeMultiplyAdd] = [madd(target), nmadd(target)];
  const [input, scaled, rest, value] = fresh(local, 'v128');
  const [high, low, sign] = fresh(local, 'v128');

  const [p0, p1, p2, p3, p4] = expTerms.map(splat) as [Vector, Vector, Vector, Vector, Vector];
  /** `input` as k, the low bits of `scaled`, and r; leaves e^r - 1 in `value`. P is summed up in pairs, which waits
   * less than one term after the other. */
  const expMinusOneOfRest: readonly Stmt[] = [
    scaled.set(multiplyAdd(input, splat(Math.LOG2E), splat(toInteger))),
    value.set(f32x4.sub(scaled, splat(toInteger))),
    rest.set(negativeMultiplyAdd(value, splat(ln2High), input)),
    rest.set(negativeMultiplyAdd(value, splat(ln2Low), rest)),
    value.set(f32x4.mul(rest, rest)),
    high.set(multiplyAdd(p3, rest, p2)),
    high.set(multiplyAdd(value, p4, high)),
    low.set(multiplyAdd(p1, rest, p0)),
    low.set(multiplyAdd(value, high, low)),
    value.set(multiplyAdd(value, low, rest)),
  ];
  /** k, as a number of exponent steps in a float's bits. */
  const exponentSteps = i32x4.shl(scaled, 23);

  const exp = (x: Vector): Steps => ({
    steps: [
      input.set(x),
      ...expMinusOneOfRest,
      value.set(i32x4.add(f32x4.add(value, splat(1)), exponentSteps)),
      value.set(v128.and(value, f32x4.ge(input, splat(expLeast)))),
    ],
    // x + Infinity is NaN for NaN, and else Infinity.
    value: v128.bitselect(value, f32x4.add(input, splat(infinity)), f32x4.le(input, splat(expMost))),
  });

  const tanh = (x: Vector): Steps => ({
    steps: [
      sign.set(x),
      input.set(f32x4.mul(f32x4.pmin(f32x4.abs(sign), splat(tanhMost)), splat(2))),
      sign.set(v128.and(sign, constants.int(0x80000000))),
      ...expMinusOneOfRest,
      scaled.set(i32x4.add(exponentSteps, splat(1))), // 2^k
      value.set(multiplyAdd(value, scaled, f32x4.sub(scaled, splat(1)))),
    ],
    value: v128.or(f32x4.div(value, f32x4.add(value, splat(2))), sign),
  });

  const log = (x: Vector): Steps => {
    const [k, s, square, mantissa] = [rest, scaled, value, high];
    const rootHalf = 0x3f3504f3; // bits of sqrt(1/2)
    const subnormal = f32x4.lt(input, splat(2 ** -126));
    const lifted = v128.bitselect(f32x4.mul(input, splat(2 ** 25)), input, subnormal);
    const half = f32x4.mul(f32x4.mul(mantissa, mantissa), splat(0.5));
    // ln(1 + f) = 2 s + s^3 (2/3 + 2/5 s^2 + ..) with s = f / (2 + f), arranged so that f itself is added last.
    const series = [2 / 3, 2 / 5, 2 / 7, 2 / 9]
      .map(splat)
      .reduceRight((sum, term) => multiplyAdd(sum, square, term));
    const finite = f32x4.gt(input, splat(0));
    const belowInfinity = f32x4.lt(input, splat(infinity));
    return {
      steps: [
        input.set(x),
        mantissa.set(lifted),
        // Steps of the exponent above sqrt(1/2): the shift rounds down.
        k.set(i32x4.shr(i32x4.sub(mantissa, constants.int(rootHalf)), 23)),
        mantissa.set(f32x4.sub(i32x4.sub(mantissa, i32x4.shl(k, 23)), splat(1))),
        k.set(f32x4.sub(f32x4.convertI32x4(k), v128.and(subnormal, splat(25)))),
        s.set(f32x4.div(mantissa, f32x4.add(mantissa, splat(2)))),
        square.set(f32x4.mul(s, s)),
        square.set(f32x4.mul(square, series)),
        square.set(multiplyAdd(s, f32x4.add(half, square), f32x4.mul(k, splat(ln2Low)))),
        square.set(f32x4.add(f32x4.sub(square, half), mantissa)),
        square.set(multiplyAdd(k, splat(ln2High), square)),
        // ln 0 = -Infinity; ln of less is NaN, as is 0 / 0; ln Infinity and ln NaN are x itself.
        mantissa.set(v128.bitselect(splat(-infinity), splat(Number.NaN), f32x4.eq(input, splat(0)))),
        square.set(v128.bitselect(square, mantissa, finite)),
      ],
      value: v128.bitselect(square, v128.bitselect(input, square, finite), belowInfinity),
    };
  };
  return { exp, tanh, log };
}
