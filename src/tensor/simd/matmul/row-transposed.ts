/** The product for one or two rows with b lying transposed: y (rows N) = start + a (rows K) bᵀ, b (N K) as it is.
 *
 * Each y[n] is a dot product of two rows. Summing one in several lanes would be another order of its terms than all
 * other paths have, so four dot products share a vector instead, one in each lane: four rows of b are read side by side,
 * four numbers of each, and turned in registers into what the four sums want next.
 *
 *     for n in steps of 4
 *       for k in steps of 4
 *         the 4 x 4 block of b at (n, k), transposed:     b0 .. b3, one for each k
 *         y[n ..] = (((y[n ..] + a[k] b0) + a[k+1] b1) + ..) + ..
 *
 * A chain of sums waits four cycles for each term, so two blocks below each other take turns; with four, registers run
 * out. Numbers of a are read four at a time for the same reason: the compiler moves all loads to the front, and a vector
 * that has to wait on the stack may lie across two pages, in one process of 25, which made this 3 times as slow. Packing
 * would write a copy of b and read it again: this is 1.5 times as fast for one row, 1.15 times for two,
 * and slower for more, which the tile takes together. Measured on a whole sampled token of `nano`. */
import {
  type Expr,
  f32,
  f32x4,
  func,
  i32,
  i32x4,
  type Local,
  loop,
  type Stmt,
  v128,
  when,
  whileLoop,
} from '../../wasm/assembler.ts';
import { element, fresh, locals, transposeInPlace } from '../../wasm/lanes.ts';
import { madd, type Target } from '../machine/target.ts';
import { type RowKernel, rowParameters } from './row.ts';

/** Up to so many rows. */
export const mostRowsTransposed = 2;
/** Blocks of four columns that take turns. */
const together = 2;

/** A kernel over columns of y. */
export function rowProductTransposed(target: Target, rows: number): RowKernel {
  const multiplyAdd = madd(target);
  return func(`rowProductTransposed${rows}`, rowParameters, (p, local) => {
    const [n, end, rest] = fresh(local, 'i32');
    const [step, step2, step3] = fresh(local, 'i32');
    const as = locals(local, 'i32', rows);
    const x = locals(local, 'v128', rows);
    const v = locals(local, 'v128', 4);
    const free = locals(local, 'v128', 4);
    const blocks = locals(local, 'i32', together);
    const sums = Array.from({ length: rows }, () => locals(local, 'v128', together));
    const steps = [undefined, step, step2, step3];
    const startAt = (row: number, column: Expr<'i32'>): Expr<'i32'> =>
      i32.add(i32.add(p.start, i32.mul(p.startStep, row)), i32.mul(column, p.startColumn));
    const yAt = (row: number, column: Expr<'i32'>): Expr<'i32'> =>
      element(p.y, i32.add(i32.mul(p.N, row), column));
    const toRows: Stmt[] = as.map((pointer, r) => pointer.set(r === 0 ? p.a : i32.add(as[r - 1]!, p.aStep)));

    const readA: Stmt[] = x.map((four, r) => four.set(v128.load(as[r]!)));

    /** 4 * count columns from n on. */
    const strip = (count: number): Stmt[] => {
      const used = blocks.slice(0, count);
      const each = (f: (sum: Local<'v128'>, row: number, block: number) => Stmt): Stmt[] =>
        sums.flatMap((row, r) => row.slice(0, count).map((sum, g) => f(sum, r, g)));
      const turn = (block: Local<'i32'>): Stmt[] => [
        ...v.map((row, i) => row.set(v128.load(steps[i] ? i32.add(block, steps[i]) : block))),
        ...transposeInPlace(v, free),
      ];
      const term = (g: number, d: number): Stmt[] =>
        sums.map((row, r) =>
          row[g]!.set(multiplyAdd(i32x4.shuffle(x[r]!, x[r]!, [d, d, d, d]), v[d]!, row[g]!)),
        );
      return [
        ...used.map((block, g) => block.set(element(p.b, i32.mul(i32.add(n, 4 * g), p.K)))),
        ...each((sum, r, g) => sum.set(v128.load(startAt(r, i32.add(n, 4 * g))))),
        ...toRows,
        end.set(element(p.a, i32.and(p.K, -4))),
        whileLoop(i32.lt(as[0]!, end), [
          ...readA,
          ...used.flatMap((block, g) => [
            ...turn(block),
            ...[0, 1, 2, 3].flatMap((d) => term(g, d)),
            block.set(i32.add(block, 16)),
          ]),
          ...as.map((pointer) => pointer.set(i32.add(pointer, 16))),
        ]),
        // The last columns of b, fewer than four: what is read behind them is not used.
        when(i32.gt(rest, 0), [
          ...readA,
          ...used.flatMap((block, g) => [
            ...turn(block),
            ...term(g, 0),
            when(i32.gt(rest, 1), term(g, 1)),
            when(i32.gt(rest, 2), term(g, 2)),
          ]),
        ]),
        ...each((sum, r, g) => v128.store(yAt(r, i32.add(n, 4 * g)), sum)),
      ];
    };
    /** Column n alone, in all lanes alike. */
    const single = (row: number): Stmt[] => {
      const [sum, pointer, column] = [sums[row]![0]!, as[row]!, blocks[0]!];
      return [
        column.set(element(p.b, i32.mul(n, p.K))),
        end.set(element(column, p.K)),
        sum.set(v128.load32Splat(startAt(row, n))),
        whileLoop(i32.lt(column, end), [
          sum.set(multiplyAdd(v128.load32Splat(pointer), v128.load32Splat(column), sum)),
          pointer.set(i32.add(pointer, 4)),
          column.set(i32.add(column, 4)),
        ]),
        f32.store(yAt(row, n), f32x4.extractLane(sum, 0)),
      ];
    };
    return [
      step.set(i32.shl(p.K, 2)),
      step2.set(i32.shl(p.K, 3)),
      step3.set(i32.add(step, step2)),
      rest.set(i32.and(p.K, 3)),
      loop(n, p.from, i32.sub(p.to, 4 * together - 1), 4 * together, strip(together)),
      loop(n, n, i32.sub(p.to, 3), 4, strip(1)),
      loop(n, n, p.to, 1, [...toRows, ...sums.flatMap((_, row) => single(row))]),
    ];
  });
}
