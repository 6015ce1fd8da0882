/** The product for one to four rows, as in cached sampling: y (rows N) = start + a (rows K) b (K N), b as it is.
 *
 * Each number of b serves only a few multiplications, so the time is that of reading b once, in the order in which it
 * lies in memory. Four rows of b are read side by side, each times its number of a, and what becomes of y is kept in
 * y, which stays in the first-level cache:
 *
 *     for k in steps of 4
 *       for n                y[n] = (((y[n] + a[k] b[k][n]) + a[k+1] b[k+1][n]) + ..) + ..
 *
 * Measured with the 3.2 MB of weights of a 4-layer model of 128 channels, one row: 47 to 50 microseconds, 65 GB/s.
 * (32 sums in registers and one row of b after the other, as in a tile: 70 to 85.) */
import {
  call,
  type Expr,
  type Func,
  func,
  i32,
  loop,
  type Stmt,
  v128,
  whileLoop,
} from '../../wasm/assembler.ts';
import { element, fresh, locals, storeFirst } from '../../wasm/lanes.ts';
import { madd, type Target } from '../machine/target.ts';

export const mostRows = 4;
/** Columns are handed out to threads in multiples of this: two cache lines. */
export const rowStrip = 32;

/** Of the products for few rows; see product.ts for what y starts from. */
export const rowParameters = {
  y: 'i32',
  start: 'i32',
  startStep: 'i32',
  startColumn: 'i32',
  a: 'i32',
  aStep: 'i32',
  b: 'i32',
  N: 'i32',
  K: 'i32',
  from: 'i32',
  to: 'i32',
} as const;

export type RowKernel = Func<typeof rowParameters, 'void'>;

/** A kernel over columns of y. */
export function rowProduct(target: Target, rows: number): RowKernel {
  const multiplyAdd = madd(target);
  const vectors = rows === 1 ? 2 : 1; // more rows would need more registers than there are
  const name = `rowProduct${rows}`;
  return func(name, rowParameters, (p, local) => {
    const x = Array.from({ length: rows }, () => locals(local, 'v128', 4));
    const sums = Array.from({ length: rows }, () => locals(local, 'v128', vectors));
    const ys = locals(local, 'i32', rows);
    const bs = locals(local, 'i32', 4);
    const b = local('v128');
    const [k, n, at, end, step] = fresh(local, 'i32');
    const [whole, rest] = fresh(local, 'i32');

    const toStarts: Stmt[] = [
      at.set(i32.add(p.start, i32.mul(n, p.startColumn))),
      ...ys.map((y, r) => y.set(r === 0 ? element(p.y, n) : i32.add(ys[r - 1]!, step))),
    ];
    /** y += a[k ..] b[k ..] for `depth` rows of b, over the whole vectors of the slice. */
    const accumulate = (depth: number): Stmt[] => [
      at.set(element(p.a, k)),
      ...x.flatMap((numbers) => [
        ...numbers.slice(0, depth).map((number, d) => number.set(v128.load32Splat(at, 4 * d))),
        at.set(i32.add(at, p.aStep)),
      ]),
      ...bs
        .slice(0, depth)
        .map((pointer, d) =>
          pointer.set(d === 0 ? element(p.b, i32.add(i32.mul(k, p.N), p.from)) : i32.add(bs[d - 1]!, step)),
        ),
      ...ys.map((y, r) => y.set(r === 0 ? element(p.y, p.from) : i32.add(ys[r - 1]!, step))),
      end.set(element(p.y, whole)),
      whileLoop(i32.lt(ys[0]!, end), [
        ...sums.flatMap((row, r) => row.map((sum, v) => sum.set(v128.load(ys[r]!, 16 * v)))),
        ...bs
          .slice(0, depth)
          .flatMap((pointer, d) =>
            Array.from({ length: vectors }, (_, v) => [
              b.set(v128.load(pointer, 16 * v)),
              ...sums.map((row, r) => row[v]!.set(multiplyAdd(x[r]![d]!, b, row[v]!))),
            ]).flat(),
          ),
        ...sums.flatMap((row, r) => row.map((sum, v) => v128.store(ys[r]!, sum, 16 * v))),
        ...[...ys, ...bs.slice(0, depth)].map((pointer) => pointer.set(i32.add(pointer, 16 * vectors))),
      ]),
    ];
    /** The last columns, fewer than `vectors` vectors: a sum in a register for each row, one after the other. */
    const edge = (row: number): Stmt[] => {
      const sum = sums[row]![0]!;
      const store = (y: Expr<'i32'>): Stmt => call(storeFirst, { p: y, v: sum, n: rest });
      return [
        sum.set(v128.load(at)),
        at.set(i32.add(at, p.startStep)),
        end.set(i32.add(p.a, row === 0 ? 0 : i32.mul(p.aStep, row))),
        bs[0]!.set(element(p.b, n)),
        loop(k, 0, p.K, 1, [
          b.set(v128.load(bs[0]!)),
          sum.set(multiplyAdd(v128.load32Splat(element(end, k)), b, sum)),
          bs[0]!.set(i32.add(bs[0]!, step)),
        ]),
        store(ys[row]!),
      ];
    };
    return [
      step.set(i32.shl(p.N, 2)),
      whole.set(i32.add(p.from, i32.and(i32.sub(p.to, p.from), -4 * vectors))),
      loop(n, p.from, whole, 4, [
        ...toStarts,
        ...ys.flatMap((y) => [v128.store(y, v128.load(at)), at.set(i32.add(at, p.startStep))]),
      ]),
      loop(k, 0, i32.sub(p.K, 3), 4, accumulate(4)),
      loop(k, k, p.K, 1, accumulate(1)),
      loop(n, whole, p.to, 4, [
        rest.set(i32.sub(p.to, n)),
        ...toStarts,
        ...Array.from({ length: rows }, (_, row) => edge(row)).flat(),
      ]),
    ];
  });
}
