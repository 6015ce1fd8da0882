/** y[i] = f(a[i], b[i]): what needs no neighbour. Four elements at a time; outputs are elements, and since each lane is
 * computed alone, it does not matter where a thread's share starts or ends.
 *
 * add and multiply wait for memory: 98,304 elements (N = 768, C = 128) take 17 microseconds from the cache, 1/6 of
 * the reference. */
import { dims } from '../dims.ts';
import { call, type Expr, f32x4, func, i32, loop, type NewLocal, v128, when } from './assembler.ts';
import { Constants } from './constants.ts';
import type { Family } from './engine.ts';
import { element, storeFirst } from './lanes.ts';

type Vector = Expr<'v128'>;

/** A kernel (y, a, b, from, to) that stores f of four elements of a and b. A kernel of one input ignores b. */
export function elementwise(
  name: string,
  f: (local: NewLocal, constants: Constants) => (a: Vector, b: Vector) => Vector,
) {
  return func(name, { y: 'i32', a: 'i32', b: 'i32', from: 'i32', to: 'i32' }, (p, local) => {
    const [i, value] = [local('i32'), local('v128')];
    const constants = new Constants(local);
    const four = (base: Expr<'i32'>) => v128.load(element(base, i));
    const y = element(p.y, i);
    return [
      constants.set,
      loop(i, p.from, p.to, 4, [
        value.set(f(local, constants)(four(p.a), four(p.b))),
        when(
          i32.le(i, i32.sub(p.to, 4)),
          [v128.store(y, value)],
          [call(storeFirst, { p: y, v: value, n: i32.sub(p.to, i) })],
        ),
      ]),
    ];
  });
}

const cost = 0.15;

export const elements: Family = {
  kernels: () => [elementwise('add', () => f32x4.add), elementwise('multiply', () => f32x4.mul)],
  operations: (engine) => {
    const [sum, product] = [engine.kernel('add'), engine.kernel('multiply')];
    return {
      add(y, a, b) {
        dims('add', { a: [a, 'N C'], b: [b, 'N C'], y: [y, 'N C'] });
        sum({ outputs: y.size, unit: 64, cost }, engine.pointer(y), engine.pointer(a), engine.pointer(b));
      },
      multiply(y, a, b) {
        dims('multiply', { a: [a, 'N C'], b: [b, 'N C'], y: [y, 'N C'] });
        product({ outputs: y.size, unit: 64, cost }, engine.pointer(y), engine.pointer(a), engine.pointer(b));
      },
    };
  },
};
