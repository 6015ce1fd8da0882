/** The product for one to four rows, as in cached sampling: y (rows N) = start + a (rows K) b (K N), b as it is.
 *
 * Each number of b serves only a few multiplications, so the time is that of reading b, and packing would double it.
 * One row takes 32 columns at a time (8 sums hide the latency of the multiply-add), several rows take 8. */
import {
  call,
  type Expr,
  type Func,
  func,
  i32,
  type Local,
  loop,
  type Stmt,
  v128,
  whileLoop,
} from './assembler.ts';
import { element, locals, storeFirst } from './lanes.ts';
import { madd, type Target } from './target.ts';

export const mostRows = 4;
/** Columns are handed out to threads in multiples of this. */
export const rowStrip = 32;

/** A kernel over columns. */
export function rowProduct(target: Target, rows: number): Func {
  const multiplyAdd = madd(target);
  return func(
    `rowProduct${rows}`,
    {
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
    },
    (p, local) => {
      const wide = rows === 1 ? 8 : 2;
      const sums = Array.from({ length: rows }, () => locals(local, 'v128', wide));
      const b = locals(local, 'v128', rows === 1 ? 1 : wide);
      const a = locals(local, 'i32', rows);
      const [n, rowB, end, at, step] = [local('i32'), local('i32'), local('i32'), local('i32'), local('i32')];
      const x = local('v128');
      /** 4 * vectors columns from n on. */
      const columns = (
        vectors: number,
        write: (to: Expr<'i32'>, sum: Local<'v128'>, v: number) => Stmt,
      ): Stmt[] => [
        at.set(i32.add(p.start, i32.mul(n, p.startColumn))),
        ...sums.flatMap((row) => [
          ...row.slice(0, vectors).map((sum, v) => sum.set(v128.load(at, 16 * v))),
          at.set(i32.add(at, p.startStep)),
        ]),
        ...a.map((pointer, r) => pointer.set(r === 0 ? p.a : i32.add(a[r - 1]!, p.aStep))),
        rowB.set(element(p.b, n)),
        end.set(element(p.a, p.K)),
        whileLoop(i32.lt(a[0]!, end), [
          ...(rows === 1 ? [] : b.slice(0, vectors).map((vector, v) => vector.set(v128.load(rowB, 16 * v)))),
          ...sums.flatMap((row, r) => [
            x.set(v128.load32Splat(a[r]!)),
            ...row
              .slice(0, vectors)
              .map((sum, v) => sum.set(multiplyAdd(x, rows === 1 ? v128.load(rowB, 16 * v) : b[v]!, sum))),
          ]),
          rowB.set(i32.add(rowB, step)),
          ...a.map((pointer) => pointer.set(i32.add(pointer, 4))),
        ]),
        at.set(element(p.y, n)),
        ...sums.flatMap((row) => [
          ...row.slice(0, vectors).map((sum, v) => write(at, sum, v)),
          at.set(i32.add(at, step)),
        ]),
      ];
      const whole = (to: Expr<'i32'>, sum: Local<'v128'>, v: number) => v128.store(to, sum, 16 * v);
      return [
        step.set(i32.shl(p.N, 2)),
        loop(n, p.from, i32.sub(p.to, 4 * wide - 1), 4 * wide, columns(wide, whole)),
        loop(
          n,
          n,
          p.to,
          4,
          columns(1, (to, sum) => call(storeFirst, { p: to, v: sum, n: i32.sub(p.to, n) })),
        ),
      ];
    },
  );
}
