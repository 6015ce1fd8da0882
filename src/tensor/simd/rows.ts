/** What kernels over rows share: tails, and sums over a row.
 *
 * A sum runs in one order that depends on the length of the row only: element i goes to one of 16 partial sums, i mod
 * 16 while 16 are left and i mod 4 after that; a vector that reaches over the end is filled up with zeros. Sixteen,
 * because an addition takes four cycles and the machine can start more than one a cycle. */
import {
  call,
  type Expr,
  f32x4,
  i32,
  i32x4,
  type Local,
  loop,
  type NewLocal,
  type Stmt,
  v128,
  when,
} from '../wasm/assembler.ts';
import { locals, storeFirst } from '../wasm/lanes.ts';
import { madd, type Target } from './machine/target.ts';

type Vector = Expr<'v128'>;
type Combine = (a: Vector, b: Vector) => Vector;

/** All ones in the first n of four lanes, in all four for n >= 4. */
export const firstLanes = (n: Expr<'i32'>): Vector => i32x4.gt(i32x4.splat(n), i32x4.const(0, 1, 2, 3));

/** Stores the first n of four lanes, all for n >= 4; a full store costs one branch that is nearly always taken. */
export const storeUpTo = (n: Expr<'i32'>, p: Expr<'i32'>, v: Local<'v128'>): Stmt =>
  when(i32.ge(n, 4), [v128.store(p, v)], [call(storeFirst, { p, v, n })]);

/** Code for every four of the elements from .. to - 1. `body` stores by what it is given: the last vector, if it is
 * not whole, is stored in part. So full vectors cost no branch. */
export const overFours = (
  i: Local<'i32'>,
  from: Expr<'i32'> | number,
  to: Expr<'i32'>,
  body: (store: (p: Expr<'i32'>, v: Local<'v128'>) => Stmt) => readonly Stmt[],
): Stmt[] => [
  loop(i, from, i32.sub(to, 3), 4, body(v128.store)),
  when(
    i32.lt(i, to),
    body((p, v) => call(storeFirst, { p, v, n: i32.sub(to, i) })),
  ),
];

/** at[0 ..] += sums, of which the last has only `left` lanes that count, if given; a strip of several is whole. */
export const addTo = (at: Local<'i32'>, sums: readonly Local<'v128'>[], left?: Expr<'i32'>): Stmt[] => [
  ...sums.map((sum, v) => sum.set(f32x4.add(v128.load(at, 16 * v), sum))),
  ...sums.map((sum, v) => (left === undefined ? v128.store(at, sum, 16 * v) : storeUpTo(left, at, sum))),
];

/** Combines the four lanes of v, and puts the result in all of them. */
export const acrossLanes = (combine: Combine, v: Local<'v128'>): Stmt[] => [
  v.set(combine(v, i32x4.shuffle(v, v, [2, 3, 0, 1]))),
  v.set(combine(v, i32x4.shuffle(v, v, [1, 0, 3, 2]))),
];

/** Four values to add up, or four pairs to multiply and add up. */
export type Term = readonly [Vector] | readonly [Vector, Vector];
export interface RowSums {
  /** After `code`, each of the sums in all lanes. */
  readonly sums: readonly Local<'v128'>[];
  /** Sums over n elements. `terms` are for the four elements that begin `offset` bytes behind element i; the last may
   * reach over the end of the row. */
  code(
    i: Local<'i32'>,
    n: Expr<'i32'>,
    terms: (offset: number) => { readonly first?: readonly Stmt[]; readonly terms: readonly Term[] },
  ): Stmt[];
}

/** `count` sums at once over rows of one function. */
export function rowSums(target: Target, local: NewLocal, count: number): RowSums {
  const partial = Array.from({ length: count }, () => locals(local, 'v128', 4));
  const mask = local('v128');
  const added = ([a, b]: Term, sum: Vector): Vector =>
    b === undefined ? f32x4.add(sum, a) : madd(target)(a, b, sum);
  const masked = ([a, b]: Term): Term =>
    b === undefined ? [v128.and(a, mask)] : [v128.and(a, mask), v128.and(b, mask)];
  return {
    sums: partial.map(([sum]) => sum!),
    code(i, n, terms) {
      const step = (offset: number, to: number, change: (term: Term) => Term): Stmt[] => {
        const { first = [], terms: all } = terms(offset);
        return [
          ...first,
          ...all.map((term, k) => partial[k]![to]!.set(added(change(term), partial[k]![to]!))),
        ];
      };
      const same = (term: Term): Term => term;
      return [
        ...partial.flat().map((sum) => sum.set(f32x4.const(0))),
        loop(
          i,
          0,
          i32.sub(n, 15),
          16,
          [0, 1, 2, 3].flatMap((v) => step(16 * v, v, same)),
        ),
        loop(i, i, i32.sub(n, 3), 4, step(0, 0, same)),
        when(i32.lt(i, n), [mask.set(firstLanes(i32.sub(n, i))), ...step(0, 0, masked)]),
        ...partial.flatMap(([a, b, c, d]) => [
          a!.set(f32x4.add(f32x4.add(a!, b!), f32x4.add(c!, d!))),
          ...acrossLanes(f32x4.add, a!),
        ]),
      ];
    },
  };
}
