/** e^(scale x - max) over a row in place, and its sum: the part of softmax that attention and cross-entropy share.
 *
 * The row is filled up with -Infinity to a whole vector first, whose e^x is 0: so there is no tail. Sums go to four
 * partial sums, i mod 4: the order depends on the length of the row only. 1.1 ns an element. */
import { after, f32x4, func, i32, loop, type Stmt, v128 } from '../../wasm/assembler.ts';
import { Constants } from '../../wasm/constants.ts';
import { element, fresh, locals } from '../../wasm/lanes.ts';
import type { Target } from '../machine/target.ts';
import { vectorMath } from '../math.ts';
import { acrossLanes, firstLanes } from '../rows.ts';

/** Vectors side by side: see ../elementwise.ts. */
const together = 2;

/** softmaxTerms(row, n, scale) is the sum, as a number: V8 of Node 26 breaks off where it merges pairs that use a vector which
 * came as an argument. The row has room for whole vectors; lanes past n become 0. */
export const softmaxTerms = (target: Target) =>
  func('softmaxTerms', { row: 'i32', n: 'i32', scale: 'f32' }, (p, local) => {
    const [i, at, last] = fresh(local, 'i32');
    const [scale, max, sum] = fresh(local, 'v128');
    const constants = new Constants(local);
    const scaled = (v: number) => f32x4.mul(v128.load(at, 16 * v), scale);
    const terms = locals(local, 'v128', together).map((term, v) => {
      const { steps, value } = vectorMath(target, local, constants).exp(f32x4.sub(scaled(v), max));
      return { term, steps: [...steps, term.set(value)] };
    });
    /** So many vectors from element i on, side by side; their sum in order. */
    const next = (vectors: number): Stmt[] => {
      const used = terms.slice(0, vectors);
      return [
        at.set(element(p.row, i)),
        ...used[0]!.steps.flatMap((_, step) => used.map(({ steps }) => steps[step]!)),
        ...used.map(({ term }) => sum.set(f32x4.add(sum, term))),
        ...used.map(({ term }, v) => v128.store(at, term, 16 * v)),
      ];
    };
    return after(
      [
        constants.set,
        scale.set(f32x4.splat(p.scale)),
        last.set(element(p.row, i32.and(i32.sub(p.n, 1), -4))),
        v128.store(
          last,
          v128.bitselect(
            v128.load(last),
            f32x4.const(Number.NEGATIVE_INFINITY),
            firstLanes(i32.add(i32.and(i32.sub(p.n, 1), 3), 1)),
          ),
        ),
        max.set(f32x4.const(Number.NEGATIVE_INFINITY)),
        loop(i, 0, p.n, 4, [at.set(element(p.row, i)), max.set(f32x4.pmax(max, scaled(0)))]),
        ...acrossLanes(f32x4.pmax, max),
        sum.set(f32x4.const(0)),
        loop(i, 0, i32.sub(p.n, 4 * (together - 1)), 4 * together, next(together)),
        loop(i, i, p.n, 4, next(1)),
        ...acrossLanes(f32x4.add, sum),
      ],
      f32x4.extractLane(sum, 0),
    );
  });
