/** Bringing matrices into the order in which the register tile reads them.
 *
 *     pack, packTransposed   b (K N) or (N K) into panels of 8 columns, each (K 8): one stream for the tile
 *     transpose              a (K M) into rows (M K)
 *
 * Without packing, the 8 columns that a tile reads are N floats apart: for N a power of two they fall on the same few
 * lines of the cache. Packing costs K N copies and serves M rows, so it pays from a few rows on.
 *
 * The last panel may be wider than b: its surplus columns hold whatever lies behind, which ends in sums that nobody
 * stores. */
import {
  call,
  type Expr,
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

/** Neighbouring panels of b (K N), from the given column on. Several at a time read whole cache lines: four are 1.1 to
 * 2.4 times as fast as one after the other. */
const packNeighbours = (panels: number) =>
  func(`pack${panels}`, panel, ({ packed, b, N, K, column }, local) => {
    const end = local('i32');
    const to = [packed, ...locals(local, 'i32', panels - 1)];
    const v = locals(local, 'v128', 2 * panels);
    return [
      b.set(element(b, column)),
      end.set(i32.add(packed, i32.shl(K, 5))),
      ...to.slice(1).map((pointer, n) => pointer.set(i32.add(to[n]!, i32.shl(K, 5)))),
      loop(packed, packed, end, 32, [
        ...v.map((x, n) => x.set(v128.load(b, 16 * n))),
        ...v.map((x, n) => v128.store(to[n >> 1]!, x, 16 * (n % 2))),
        ...to.slice(1).map((pointer) => pointer.set(i32.add(pointer, 32))),
        b.set(element(b, N)),
      ]),
    ];
  });
export const packPanel = packNeighbours(1);
/** Panels are handed out to threads in multiples of this. */
export const packTogether = 4;
const packSeveral = packNeighbours(packTogether);

/** One panel of b (N K), from the given row on; rows beyond the last are the last again. */
export const packPanelTransposed = func(
  'packPanelTransposed',
  panel,
  ({ packed, b, N, K, column }, local) => {
    const rows = locals(local, 'i32', 8);
    const v = locals(local, 'v128', 4);
    const free = locals(local, 'v128', 4);
    const [k, row] = fresh(local, 'i32');
    const half = (h: number): Stmt[] => [
      ...v.map((x, r) => x.set(v128.load(rows[4 * h + r]!))),
      ...transposeInPlace(v, free),
      ...v.map((x, r) => v128.store(packed, x, 32 * r + 16 * h)),
    ];
    const advance = (n: number): Stmt[] => [
      packed.set(i32.add(packed, 32 * n)),
      ...rows.map((r) => r.set(i32.add(r, 4 * n))),
    ];
    return [
      ...rows.flatMap((pointer, r) => [
        row.set(i32.add(column, r)),
        row.set(select(i32.lt(row, N), row, i32.sub(N, 1))),
        pointer.set(element(b, i32.mul(row, K))),
      ]),
      loop(k, 0, i32.sub(K, 3), 4, [...half(0), ...half(1), ...advance(4)]),
      loop(k, k, K, 1, [...rows.map((r, c) => i32.store(packed, i32.load(r), 4 * c)), ...advance(1)]),
    ];
  },
);

const kernel = { packed: 'i32', b: 'i32', N: 'i32', K: 'i32', from: 'i32', to: 'i32' } as const;

/** Kernels over panels. */
export const pack = func('pack', kernel, ({ packed, b, N, K, from, to }, local) => {
  const n = local('i32');
  const args = { packed: i32.add(packed, i32.shl(i32.mul(n, K), 5)), b, N, K, column: i32.shl(n, 3) };
  return [
    loop(n, from, i32.sub(to, packTogether - 1), packTogether, [call(packSeveral, args)]),
    loop(n, n, to, 1, [call(packPanel, args)]),
  ];
});
export const packTransposed = func('packTransposed', kernel, ({ packed, b, N, K, from, to }, local) => {
  const n = local('i32');
  const args = { packed: i32.add(packed, i32.shl(i32.mul(n, K), 5)), b, N, K, column: i32.shl(n, 3) };
  return [loop(n, from, to, 1, [call(packPanelTransposed, args)])];
});

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
