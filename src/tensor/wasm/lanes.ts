/** Small pieces that several kernels share. */
import {
  type Expr,
  f64x2,
  func,
  i32,
  i32x4,
  type Local,
  type NewLocal,
  type Type,
  v128,
  when,
} from './assembler.ts';

/** Stores the first n of four lanes, all for n >= 4. Loads may run past the end of a row, stores may not. */
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

/** n locals of one type. */
export const locals = <T extends Type>(local: NewLocal, type: T, n: number): Local<T>[] =>
  Array.from({ length: n }, () => local(type));
