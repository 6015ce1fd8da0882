/** e^(scale x - max) over a row in place, and its sum: the part of softmax that attention and cross-entropy share.
 *
 * The row is filled up with -Infinity to a whole vector first, whose e^x is 0: so there is no tail. Sums go to four
 * partial sums, i mod 4: the order depends on the length of the row only. 1.1 ns an element. */
import { after, f32x4, func, i32, loop, v128 } from '../../wasm/assembler.ts';
import { Constants } from '../../wasm/constants.ts';
import { element, fresh } from '../../wasm/lanes.ts';
import type { Target } from '../machine/target.ts';
import { inOrder, vectorMath } from '../math.ts';
import { acrossLanes, firstLanes } from '../rows.ts';

/** softmaxTerms(row, n, scale) is the sum, in all lanes. The row has room for whole vectors; lanes past n become 0. */
export const softmaxTerms = (target: Target) =>
  func('softmaxTerms', { row: 'i32', n: 'i32', scale: 'f32' }, (p, local) => {
    const [i, last] = fresh(local, 'i32');
    const [scale, max, sum, v] = fresh(local, 'v128');
    const constants = new Constants(local);
    const { exp } = vectorMath(target, local, constants);
    const four = v128.load(element(p.row, i));
    const scaled = f32x4.mul(four, scale);
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
        loop(i, 0, p.n, 4, [max.set(f32x4.pmax(max, scaled))]),
        ...acrossLanes(f32x4.pmax, max),
        sum.set(f32x4.const(0)),
        loop(i, 0, p.n, 4, [
          v.set(inOrder(exp(f32x4.sub(scaled, max)))),
          sum.set(f32x4.add(sum, v)),
          v128.store(element(p.row, i), v),
        ]),
        ...acrossLanes(f32x4.add, sum),
      ],
      sum,
    );
  });
