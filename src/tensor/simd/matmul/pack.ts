/** Bringing matrices into the order in which the register tile reads them.
 *
 *     pack, packTransposed   b (K N) or (N K) into panels as wide as the tile, each (K 8) or (K 16), or wider: frozen.ts
 *     transpose              a (K M) into rows (M K)
 *
 * Without packing, the columns that a tile reads are N floats apart: for N a power of two they fall on the same few
 * lines of the cache. Packing costs K N copies and serves M rows, so it pays from a few rows on.
 *
 * The last panel may be wider than b: its surplus columns hold whatever lies behind, which ends in sums that nobody
 * stores. */
import {
  call,
  type Expr,
  type Func,
  func,
  i32,
  type Local,
  loop,
  type Stmt,
  select,
  v128,
} from '../../wasm/assembler.ts';
import { element, fresh, locals, transposeInPlace } from '../../wasm/lanes.ts';

const panel = { packed: 'i32', b: 'i32', N: 'i32', K: 'i32', column: 'i32' } as const;
export type PackPanel = Func<typeof panel, 'void'>;

/** Neighbouring panels of b (K N), from the given column on. Several at a time read whole cache lines: four of 8 columns
 * are 1.1 to 2.4 times as fast as one after the other. */
const packNeighbours = (columns: number, panels: number): PackPanel =>
  func(`pack${panels}x${columns}`, panel, ({ packed, b, N, K, column }, local) => {
    const end = local('i32');
    const to = [packed, ...locals(local, 'i32', panels - 1)];
    const vectors = columns / 4;
    const v = locals(local, 'v128', vectors * panels);
    const bytes = i32.mul(K, 4 * columns);
    return [
      b.set(element(b, column)),
      end.set(i32.add(packed, bytes)),
      ...to.slice(1).map((pointer, n) => pointer.set(i32.add(to[n]!, bytes))),
      loop(packed, packed, end, 4 * columns, [
        ...v.map((x, n) => x.set(v128.load(b, 16 * n))),
        ...v.map((x, n) => v128.store(to[Math.floor(n / vectors)]!, x, 16 * (n % vectors))),
        ...to.slice(1).map((pointer) => pointer.set(i32.add(pointer, 4 * columns))),
        b.set(element(b, N)),
      ]),
    ];
  });

/** One panel of b (N K), from the given row on, 8 rows at a time; rows beyond the last are the last again. */
const packRows = (columns: number): PackPanel =>
  func(`packPanelTransposed${columns}`, panel, ({ packed, b, N, K, column }, local) => {
    const rows = locals(local, 'i32', 8);
    const v = locals(local, 'v128', 4);
    const free = locals(local, 'v128', 4);
    const [k, row, out, first] = fresh(local, 'i32');
    const half = (h: number): Stmt[] => [
      ...v.map((x, r) => x.set(v128.load(rows[4 * h + r]!))),
      ...transposeInPlace(v, free),
      ...v.map((x, r) => v128.store(out, x, 4 * columns * r + 16 * h)),
    ];
    const advance = (n: number): Stmt[] => [
      out.set(i32.add(out, 4 * columns * n)),
      ...rows.map((r) => r.set(i32.add(r, 4 * n))),
    ];
    return [
      loop(first, 0, columns, 8, [
        out.set(element(packed, first)),
        ...rows.flatMap((pointer, r) => [
          row.set(i32.add(i32.add(column, first), r)),
          row.set(select(i32.lt(row, N), row, i32.sub(N, 1))),
          pointer.set(element(b, i32.mul(row, K))),
        ]),
        loop(k, 0, i32.sub(K, 3), 4, [...half(0), ...half(1), ...advance(4)]),
        loop(k, k, K, 1, [...rows.map((r, c) => i32.store(out, i32.load(r), 4 * c)), ...advance(1)]),
      ]),
    ];
  });

const kernel = { packed: 'i32', b: 'i32', N: 'i32', K: 'i32', from: 'i32', to: 'i32' } as const;

/** Panels are handed out to threads in multiples of this: two cache lines. */
export const packTogether = (columns: number): number => 32 / columns;

/** Kernels over panels of 8, 16 or 32 columns, and what packs one of them. */
export function packing(columns: number) {
  const together = packTogether(columns);
  const packPanel = packNeighbours(columns, 1);
  const packSeveral = together === 1 ? packPanel : packNeighbours(columns, together);
  const packPanelTransposed = packRows(columns);
  type Names = 'packed' | 'b' | 'N' | 'K';
  const panelOf = (p: { readonly [name in Names]: Expr<'i32'> }, n: Expr<'i32'>) => ({
    packed: i32.add(p.packed, i32.mul(i32.mul(n, p.K), 4 * columns)),
    b: p.b,
    N: p.N,
    K: p.K,
    column: i32.mul(n, columns),
  });
  const pack = func(`pack${columns}`, kernel, (p, local) => {
    const n = local('i32');
    return [
      loop(n, p.from, i32.sub(p.to, together - 1), together, [call(packSeveral, panelOf(p, n))]),
      loop(n, n, p.to, 1, [call(packPanel, panelOf(p, n))]),
    ];
  });
  const packTransposed = func(`packTransposed${columns}`, kernel, (p, local) => {
    const n = local('i32');
    return [loop(n, p.from, p.to, 1, [call(packPanelTransposed, panelOf(p, n))])];
  });
  return { packPanel, packPanelTransposed, pack, packTransposed };
}

/** A kernel over blocks of 16 columns of a (K M), a cache line each: they become rows of `at`, `step` bytes apart.
 * Rows past M are filled with what lies behind, so `at` has room for a multiple of 16. */
export const transposeStrip = 16;
export const transpose = func(
  'transpose',
  { at: 'i32', step: 'i32', a: 'i32', M: 'i32', K: 'i32', from: 'i32', to: 'i32' },
  ({ at, step, a, M, K, from, to }, local) => {
    const v = locals(local, 'v128', 4);
    const free = locals(local, 'v128', 4);
    const [block, k, source, row, out] = fresh(local, 'i32');
    const quarters = (f: (quarter: number) => Stmt[]): Stmt[] => [
      out.set(element(i32.add(at, i32.mul(i32.shl(block, 4), step)), k)),
      ...[0, 1, 2, 3].flatMap(f),
    ];
    /** Writes to four rows of `at`, one after the other. */
    const toRows = (write: (row: number) => Stmt): Stmt[] =>
      [0, 1, 2, 3].flatMap((r) => [write(r), out.set(i32.add(out, step))]);
    const next = (p: Local<'i32'>): Expr<'i32'> => element(p, M);
    return [
      loop(block, from, to, 1, [
        source.set(element(a, i32.shl(block, 4))),
        loop(k, 0, i32.sub(K, 3), 4, [
          ...quarters((q) => [
            row.set(source),
            ...v.flatMap((x) => [x.set(v128.load(row, 16 * q)), row.set(next(row))]),
            ...transposeInPlace(v, free),
            ...toRows((r) => v128.store(out, v[r]!)),
          ]),
          source.set(row),
        ]),
        loop(k, k, K, 1, [
          ...quarters((q) => [
            v[0]!.set(v128.load(source, 16 * q)),
            ...toRows((r) => v128.store32Lane(out, v[0]!, r)),
          ]),
          source.set(next(source)),
        ]),
      ]),
    ];
  },
);
