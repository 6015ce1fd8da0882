/** The three products that attention is made of, for one head, over the causal half only (s <= t):
 *
 *     causalScores    p[t, s] = sum over d of a[t, d] b[s, d]      a = q, b = k;   backward: a = dy, b = v
 *     causalRows      y[t]    = sum over s <= t of p[t, s] x[s]    p, v;           backward: dq from dscore, k
 *     causalColumns   y[s]    = sum over t >= s of p[t, s] x[t]    backward: dk from dscore, q; dv from p, dy
 *
 * Register tile: 4 rows by 8 columns, so eight sums (by 16 and sixteen with wide vectors); a step loads two vectors of
 * columns and four splats for eight multiply-adds. Lanes run over s in the first and over channels in the others, and
 * every sum runs in order of what it is over, from the first to the last: the same bits for any tile, whether a row comes
 * alone or in a batch. A tile that the diagonal cuts does its triangle row by row; nothing is multiplied by a masked zero,
 * so what stands in later positions, be it NaN, cannot reach earlier ones. Rows that are left over go one by one.
 *
 * The scores want neighbouring t and s to be neighbours in memory: transposed makes them so.
 *
 * T = 64, D = 32, all in the nearest cache: 50 GFLOP/s each with fused multiply-add, causalRows 42 on Node 20; a
 * transposition takes 0.24 microseconds. */
import {
  type Expr,
  f32x4,
  func,
  i32,
  type Local,
  loop,
  type NewLocal,
  type Stmt,
  select,
  v128,
} from '../../wasm/assembler.ts';
import { fresh, locals, transpose4x4 } from '../../wasm/lanes.ts';
import { madd, type Target } from '../machine/target.ts';
import { storeUpTo } from '../rows.ts';

type Index = Expr<'i32'>;
/** How many rows of a tile: 4, or 1 for those left over. */
export type Rows = 1 | 4;

/** What every kernel of attention ends with: room to work in, for each piece of `unit` outputs; the factor of the scores; the
 * model's sizes; and the outputs to compute. */
export const headParameters = {
  scratch: 'i32',
  scratchBytes: 'i32',
  unit: 'i32',
  scale: 'f32',
  H: 'i32',
  T: 'i32',
  D: 'i32',
  from: 'i32',
  to: 'i32',
} as const;

/** to[d, t] = x[t, d] for rows t and columns d, in blocks of 4 by 4. Strides are in bytes. `to` has room for whole
 * blocks; beyond the last row its contents repeat that row, so that nothing is read past the end. */
export const transposed = func(
  'transposed',
  { to: 'i32', toStride: 'i32', x: 'i32', xStride: 'i32', rows: 'i32', columns: 'i32' },
  (p, local) => {
    const [t, d, out] = fresh(local, 'i32');
    const from = locals(local, 'i32', 4);
    const row = locals(local, 'v128', 4);
    const block = transpose4x4(row, locals(local, 'v128', 4));
    const last = i32.sub(p.rows, 1);
    const clamped = (n: Index) => select(i32.lt(n, last), n, last);
    return [
      loop(t, 0, p.rows, 4, [
        ...from.map((at, r) => at.set(i32.add(p.x, i32.mul(clamped(i32.add(t, r)), p.xStride)))),
        out.set(i32.add(p.to, i32.shl(t, 2))),
        loop(d, 0, p.columns, 4, [
          ...row.map((v, r) => v.set(v128.load(i32.add(from[r]!, i32.shl(d, 2))))),
          ...block.pairs,
          ...block.columns.flatMap((v) => [v128.store(out, v), out.set(i32.add(out, p.toStride))]),
        ]),
      ]),
    ];
  },
);

/** Sums of a tile of R rows by V vectors, and the code of one step: columns from `x`, factors of rows that take part. */
function tile(target: Target, local: NewLocal, R: number, V: number) {
  const sums = Array.from({ length: R }, () => locals(local, 'v128', V));
  const column = locals(local, 'v128', V);
  const factor = local('v128');
  return {
    clear: sums.flat().map((sum) => sum.set(f32x4.const(0))),
    step: (x: Index, rows: readonly number[], factorOf: (r: number) => Expr<'v128'>): Stmt[] => [
      ...column.map((v, i) => v.set(v128.load(x, 16 * i))),
      ...rows.flatMap((r) => [
        factor.set(factorOf(r)),
        ...sums[r]!.map((sum, i) => sum.set(madd(target)(factor, column[i]!, sum))),
      ]),
    ],
    /** Stores every row, at `y` and `stride` bytes further each; of its columns only the first n. */
    store: (y: Local<'i32'>, stride: Index, n?: Index): Stmt[] =>
      sums.flatMap((row) => [
        ...row.map((sum, i) => (n === undefined ? v128.store(y, sum, 16 * i) : storeUpTo(n, y, sum))),
        y.set(i32.add(y, stride)),
      ]),
  };
}

const range = (from: number, to: number): number[] => Array.from({ length: to - from }, (_, i) => from + i);

/** R rows of scores from row t on: p is where they go, aT the column t of a transposed, bT the first column of b
 * transposed. Writes whole tiles: up to 16 columns more than t + R, whose contents mean nothing. */
export function causalScores(target: Target, R: Rows) {
  const V = R === 1 || target.wide ? 4 : 2;
  return func(
    `causalScores${R}`,
    { p: 'i32', pStride: 'i32', aT: 'i32', aStride: 'i32', bT: 'i32', bStride: 'i32', D: 'i32', t: 'i32' },
    (p, local) => {
      const [s, a, b, y, end] = fresh(local, 'i32');
      const { clear, step, store } = tile(target, local, R, V);
      return [
        loop(s, 0, i32.add(p.t, R), 4 * V, [
          ...clear,
          a.set(p.aT),
          end.set(i32.add(i32.add(p.bT, i32.shl(s, 2)), i32.mul(p.D, p.bStride))),
          loop(b, i32.add(p.bT, i32.shl(s, 2)), end, p.bStride, [
            ...step(b, range(0, R), (r) => v128.load32Splat(a, 4 * r)),
            a.set(i32.add(a, p.aStride)),
          ]),
          y.set(i32.add(p.p, i32.shl(s, 2))),
          ...store(y, p.pStride),
        ]),
      ];
    },
  );
}

/** The columns d of D in passes as wide as they fit: `pass` is the code for V vectors from column d on. */
function overColumns(
  d: Local<'i32'>,
  D: Index,
  widths: readonly number[],
  pass: (V: number, left?: Index) => readonly Stmt[],
): Stmt[] {
  const full = widths.map((V, i) => loop(d, i === 0 ? 0 : d, i32.sub(D, 4 * V - 1), 4 * V, pass(V)));
  return [...full, loop(d, d, D, 4, pass(1, i32.sub(D, d)))];
}

/** Vectors side by side: a single row needs more sums to keep the adders busy, as do wide vectors. */
const widths = ({ wide }: Target, R: Rows): readonly number[] => (R === 1 ? [8, 2] : wide ? [4, 2] : [2]);

/** R rows of y from row t on: y and p are those of row t, x that of row 0. */
export function causalRows(target: Target, R: Rows) {
  return func(
    `causalRows${R}`,
    {
      y: 'i32',
      yStride: 'i32',
      p: 'i32',
      pStride: 'i32',
      x: 'i32',
      xStride: 'i32',
      t: 'i32',
      D: 'i32',
    },
    (p, local) => {
      const [d, s, x, y] = fresh(local, 'i32');
      const row = locals(local, 'i32', R);
      const pass = (V: number, left?: Index): Stmt[] => {
        const { clear, step, store } = tile(target, local, R, V);
        // The next position, u elements on in the rows of p: of the rows from the first that sees it.
        const at = (u: number, first: number): Stmt[] => [
          ...step(x, range(first, R), (r) => v128.load32Splat(row[r]!, 4 * u)),
          x.set(i32.add(x, p.xStride)),
        ];
        return [
          ...clear,
          x.set(i32.add(p.x, i32.shl(d, 2))),
          ...row.map((q, r) => q.set(i32.add(p.p, i32.mul(p.pStride, r)))),
          loop(s, 0, p.t, 1, [...at(0, 0), ...row.map((q) => q.set(i32.add(q, 4)))]),
          ...range(0, R).flatMap((u) => at(u, u)), // the triangle
          y.set(i32.add(p.y, i32.shl(d, 2))),
          ...store(y, p.yStride, left),
        ];
      };
      return overColumns(d, p.D, widths(target, R), pass);
    },
  );
}

/** R rows of y from row s on: y and x are those of row s, p the element (s, s). */
export function causalColumns(target: Target, R: Rows) {
  return func(
    `causalColumns${R}`,
    {
      y: 'i32',
      yStride: 'i32',
      p: 'i32',
      pStride: 'i32',
      x: 'i32',
      xStride: 'i32',
      s: 'i32',
      T: 'i32',
      D: 'i32',
    },
    (p, local) => {
      const [d, t, x, y, q] = fresh(local, 'i32');
      const pass = (V: number, left?: Index): Stmt[] => {
        const { clear, step, store } = tile(target, local, R, V);
        // The next position t: of the first `count` rows.
        const next = (count: number): Stmt[] => [
          ...step(x, range(0, count), (r) => v128.load32Splat(q, 4 * r)),
          x.set(i32.add(x, p.xStride)),
          q.set(i32.add(q, p.pStride)),
        ];
        return [
          ...clear,
          x.set(i32.add(p.x, i32.shl(d, 2))),
          q.set(p.p),
          ...range(1, R).flatMap(next), // the triangle
          loop(t, i32.add(p.s, R - 1), p.T, 1, next(R)),
          y.set(i32.add(p.y, i32.shl(d, 2))),
          ...store(y, p.yStride, left),
        ];
      };
      return overColumns(d, p.D, widths(target, R), pass);
    },
  );
}
