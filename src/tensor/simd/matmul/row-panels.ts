/** The product for one or two rows with weights that are frozen: y (rows N) = start + a (rows K) b, b in panels of 32
 * columns.
 *
 *     for each panel
 *       for k                sums of 32 columns, in registers, += a[k] panel[k]
 *
 * The copy is read from its first byte to its last, as fast as anything can be read; and half of the columns are half of
 * the bytes, one after the other, so that no thread's core fetches what only another needs. Measured with the 3.2 MB of
 * weights of a 4-layer model of 128 channels, on Node 24: 30 microseconds, half of the columns 14. In the same loop row.ts
 * took 33 and 19, row-transposed.ts 88. */
import { call, func, i32, loop, type Stmt, v128, when, whileLoop } from '../../wasm/assembler.ts';
import { element, fresh, locals, smaller, storeFirst } from '../../wasm/lanes.ts';
import { madd, type Target } from '../machine/target.ts';
import { type RowKernel, rowParameters } from './row.ts';

/** Of a panel of frozen weights. */
export const frozenColumns = 32;
const stepBytes = 4 * frozenColumns;
/** Up to so many rows at once. */
export const mostRowsPanels = 2;

/** A kernel over panels; b is the first of them. */
export function rowPanels(target: Target, rows: number): RowKernel {
  const multiplyAdd = madd(target);
  // A chain of sums waits four cycles for each term, so eight or more take turns.
  const vectors = target.wide || rows === 1 ? 8 : 4;
  return func(`rowPanels${rows}`, rowParameters, (p, local) => {
    const sums = Array.from({ length: rows }, () => locals(local, 'v128', vectors));
    const ones = Array.from({ length: rows }, () => locals(local, 'v128', 1));
    const as = locals(local, 'i32', rows);
    const b = local('v128');
    const xs = locals(local, 'v128', rows);
    const [n, start, y, panel, end] = fresh(local, 'i32');
    const [whole, last] = fresh(local, 'i32');
    /** The sums of the columns from n on. */
    const accumulate = (block: typeof sums): Stmt[] => [
      start.set(i32.add(p.start, i32.mul(n, p.startColumn))),
      ...block.flatMap((row) => [
        ...row.map((sum, v) => sum.set(v128.load(start, 16 * v))),
        start.set(i32.add(start, p.startStep)),
      ]),
      panel.set(
        element(element(p.b, i32.mul(i32.and(n, -frozenColumns), p.K)), i32.and(n, frozenColumns - 1)),
      ),
      ...as.map((a, r) => a.set(r === 0 ? p.a : i32.add(as[r - 1]!, p.aStep))),
      end.set(element(p.a, p.K)),
      whileLoop(i32.lt(as[0]!, end), [
        ...xs.map((x, r) => x.set(v128.load32Splat(as[r]!))),
        ...block[0]!.flatMap((_, v) => [
          b.set(v128.load(panel, 16 * v)),
          ...block.map((row, r) => row[v]!.set(multiplyAdd(xs[r]!, b, row[v]!))),
          ...(!target.wide && rows === 1 && v === 3 ? [finish] : []),
        ]),
        ...as.map((a) => a.set(i32.add(a, 4))),
        panel.set(i32.add(panel, stepBytes)),
      ]),
    ];
    // The address is never 0. But as these sums would be stored if it were, they are finished here: otherwise the compiler
    // of Node 20 moves all loads to the front, runs out of registers and takes twice as long.
    const finish = when(
      i32.eqz(as[0]!),
      sums[0]!.slice(0, 4).map((sum) => v128.store(as[0]!, sum)),
    );
    const toY: Stmt = y.set(element(p.y, n));
    return [
      last.set(smaller(p.N, i32.mul(p.to, frozenColumns))),
      whole.set(i32.and(last, -4 * vectors)),
      loop(n, i32.mul(p.from, frozenColumns), whole, 4 * vectors, [
        ...accumulate(sums),
        toY,
        ...sums.flatMap((row) => [
          ...row.map((sum, v) => v128.store(y, sum, 16 * v)),
          y.set(element(y, p.N)),
        ]),
      ]),
      // Where y ends within a panel: a vector after the other.
      loop(n, n, last, 4, [
        ...accumulate(ones),
        toY,
        ...ones.flatMap(([one]) => [
          call(storeFirst, { p: y, v: one!, n: i32.sub(last, n) }),
          y.set(element(y, p.N)),
        ]),
      ]),
    ];
  });
}
