/** The register tile: the inside of every matrix product.
 *
 *                   8 columns of b: 2 vectors
 *                  [ b0 ][ b1 ]
 *     a0 broadcast [ .. ][ .. ]      For each k: 2 loads of b, one broadcast load of a a row, and 2 multiply-adds a
 *     a1 broadcast [ .. ][ .. ]      row. The sums never leave their registers until k is through; so 6 rows do 12
 *     ..           [ .. ][ .. ]      multiply-adds for 8 loads, where the naive loop needs 2 loads for each.
 *     a5 broadcast [ .. ][ .. ]
 *
 * With wide vectors (machine/wide.ts) there are 16 columns, 4 vectors that the engine merges into 2 of 256 bits.
 *
 * There are 16 vector registers. With fused multiply-add 6 rows fill them (12 sums, 2 of b, 1 of a); without it the
 * product needs one more, so 5 rows. One k a round is on purpose: unrolled by two or more, the compiler of Node 20
 * moves all loads to the front, runs out of registers and halves the speed (28 instead of 54 GFLOP/s); on Node 24
 * unrolling gains 0 to 15 %.
 *
 * Measured on one core at 3.7 GHz, where the multiply-add peak is 59 GFLOP/s fused and 47 in two steps: fused 6 x 8
 * reaches 54 to 57, two steps 5 x 8 reach 38 to 42, on Node 20 and 24 alike. Of a wide peak of 118, 6 x 16 reaches 114,
 * 6 x 8 would reach 85. */
import { type Func, func, i32, type Stmt, v128, whileLoop } from '../../wasm/assembler.ts';
import { locals } from '../../wasm/lanes.ts';
import { madd, type Target } from '../machine/target.ts';

export const tileColumns = ({ wide }: Target): number => (wide ? 16 : 8);
export const tileRows = (target: Target): number => (target.fma ? 6 : 5);

/** Nanoseconds on one thread, for deciding how to split. */
export const perMultiplyAdd = 0.05;

const parameters = {
  /** First element of the tile in y, and bytes from one row to the next; likewise below. */
  y: 'i32',
  yStep: 'i32',
  /** What the sums start from. */
  start: 'i32',
  startStep: 'i32',
  a: 'i32',
  aStep: 'i32',
  /** A packed panel: its columns for k = 0, its columns for k = 1, .., so many bytes apart; or a tile's columns of a wider one. */
  b: 'i32',
  bStep: 'i32',
  K: 'i32',
} as const;
export type Tile = Func<typeof parameters, 'void'>;

/** y = start + a (rows K) b (K tileColumns), each element one chain over k in ascending order. */
export function tile(target: Target, rows: number): Tile {
  const multiplyAdd = madd(target);
  const columns = tileColumns(target);
  const vectors = columns / 4;
  return func(`tile${rows}x${columns}`, parameters, (p, local) => {
    const sums = Array.from({ length: rows }, () => locals(local, 'v128', vectors));
    const a = locals(local, 'i32', rows);
    const b = locals(local, 'v128', vectors);
    const [x, end] = [local('v128'), local('i32')];
    const perRow = (f: (row: number) => Stmt[]): Stmt[] => sums.flatMap((_, row) => f(row));
    const perVector = (row: number, f: (sum: (typeof b)[0], vector: number) => Stmt): Stmt[] =>
      sums[row]!.map(f);
    return [
      ...perRow((r) => [
        ...perVector(r, (sum, v) => sum.set(v128.load(p.start, 16 * v))),
        p.start.set(i32.add(p.start, p.startStep)),
        a[r]!.set(r === 0 ? p.a : i32.add(a[r - 1]!, p.aStep)),
      ]),
      end.set(i32.add(p.b, i32.mul(p.K, p.bStep))),
      whileLoop(i32.lt(p.b, end), [
        ...b.map((vector, v) => vector.set(v128.load(p.b, 16 * v))),
        ...perRow((r) => [
          x.set(v128.load32Splat(a[r]!)),
          ...perVector(r, (sum, v) => sum.set(multiplyAdd(x, b[v]!, sum))),
        ]),
        p.b.set(i32.add(p.b, p.bStep)),
        ...a.map((pointer) => pointer.set(i32.add(pointer, 4))),
      ]),
      ...perRow((r) => [
        ...perVector(r, (sum, v) => v128.store(p.y, sum, 16 * v)),
        p.y.set(i32.add(p.y, p.yStep)),
      ]),
    ];
  });
}
