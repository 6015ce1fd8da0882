/** Small pieces that several kernels share. */
import {
  type Expr,
  f64x2,
  func,
  i32,
  i32x4,
  i64x2,
  type Local,
  type NewLocal,
  type Stmt,
  select,
  type Type,
  v128,
  when,
} from './assembler.ts';

/** Stores the first n of four lanes, or all if n >= 4. A load may reach past the end of a row, a store may not. */
export const storeFirst = func('storeFirst', { p: 'i32', v: 'v128', n: 'i32' }, ({ p, v, n }) => [
  when(
    i32.ge(n, 4),
    [v128.store(p, v)],
    [
      when(i32.ge(n, 2), [v128.store64Lane(p, v, 0)]),
      when(i32.eq(n, 1), [v128.store32Lane(p, v, 0)]),
      when(i32.eq(n, 3), [v128.store32Lane(p, v, 2, 8)]),
    ],
  ),
]);

/** The upper two floats as doubles; f64x2.promoteLowF32x4 gives the lower two. */
export const promoteHigh = (v: Expr<'v128'>): Expr<'v128'> =>
  f64x2.promoteLowF32x4(i32x4.shuffle(v, v, [2, 3, 2, 3]));

/** Address of element `index` of a run of floats or ints. */
export const element = (base: Expr<'i32'>, index: Expr<'i32'> | number): Expr<'i32'> =>
  i32.add(base, typeof index === 'number' ? index * 4 : i32.shl(index, 2));

export const smaller = (a: Expr<'i32'>, b: Expr<'i32'>): Expr<'i32'> => select(i32.lt(a, b), a, b);

/** Transposes four rows of four: `pairs` sets the four locals `pair`, after which `columns` are the result. */
export const transpose4x4 = (row: readonly Local<'v128'>[], pair: readonly Local<'v128'>[]) => {
  const [a, b, c, d] = [row[0]!, row[1]!, row[2]!, row[3]!];
  const halves = [
    i32x4.shuffle(a, b, [0, 4, 1, 5]),
    i32x4.shuffle(c, d, [0, 4, 1, 5]),
    i32x4.shuffle(a, b, [2, 6, 3, 7]),
    i32x4.shuffle(c, d, [2, 6, 3, 7]),
  ];
  const column = (j: number): Expr<'v128'> =>
    i64x2.shuffle(pair[j < 2 ? 0 : 2]!, pair[j < 2 ? 1 : 3]!, [j % 2, 2 + (j % 2)]);
  return { pairs: pair.map((v, i) => v.set(halves[i]!)), columns: [0, 1, 2, 3].map(column) };
};

/** The same in place. */
export function transposeInPlace(rows: readonly Local<'v128'>[], free: readonly Local<'v128'>[]): Stmt[] {
  const { pairs, columns } = transpose4x4(rows, free);
  return [...pairs, ...rows.map((row, i) => row.set(columns[i]!))];
}

/** n locals of one type. */
export const locals = <T extends Type>(local: NewLocal, type: T, n: number): Local<T>[] =>
  Array.from({ length: n }, () => local(type));

/** A new local for each name on the left: `const [x, y] = fresh(local, 'v128')`. Never ends. */
export const fresh = <T extends Type>(local: NewLocal, type: T): Iterable<Local<T>> => ({
  *[Symbol.iterator]() {
    for (;;) yield local(type);
  },
});
