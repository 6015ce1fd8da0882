/** y[i] = f(a[i], b[i]): what needs no neighbour. Four elements at a time; outputs are elements, and since each lane is
 * computed alone, it does not matter where a thread's share starts or ends.
 *
 * add, multiply and weightedSum wait for memory: 98,304 elements (N = 768, C = 128) take 15 microseconds, the reference 340. */
import { check, dims } from '../dims.ts';
import {
  type Expr,
  f32x4,
  func,
  i32,
  type Local,
  loop,
  type NewLocal,
  type Stmt,
  v128,
} from '../wasm/assembler.ts';
import { Constants } from '../wasm/constants.ts';
import { element, locals } from '../wasm/lanes.ts';
import { family } from './machine/engine.ts';
import { madd, type Target } from './machine/target.ts';
import type { Steps } from './math.ts';
import { overFours } from './rows.ts';

type Vector = Expr<'v128'>;

/** How many vectors are worked on side by side: four hide most of the time that each step waits for its last. For
 * GELU that is 0.34 ms instead of 0.43. */
const wide = 4;

/** What is done with four elements of each input: once the steps have run, a value for each output. */
export interface Lanes {
  readonly steps: readonly Stmt[];
  readonly values: readonly Local<'v128'>[];
}

/** Code for the elements from .. to - 1 of runs of floats that begin at `inputs` and `outputs`: vectors of four side by side,
 * one step of each at a time, then one vector at a time. `vector` gets the four elements of every input.
 *
 * Neighbours share the local that holds their address and differ in the offset only: that is how V8 knows them as
 * neighbours when it merges (machine/wide.ts). */
export function sideBySide(
  local: NewLocal,
  [from, to]: readonly [Expr<'i32'> | number, Expr<'i32'>],
  { inputs, outputs }: { readonly inputs: readonly Expr<'i32'>[]; readonly outputs: readonly Expr<'i32'>[] },
  vector: (inputs: readonly Vector[]) => Lanes,
): Stmt[] {
  const i = local('i32');
  const reads = locals(local, 'i32', inputs.length);
  const writes = locals(local, 'i32', outputs.length);
  const place = [
    ...reads.map((at, n) => at.set(element(inputs[n]!, i))),
    ...writes.map((at, n) => at.set(element(outputs[n]!, i))),
  ];
  const vectors = Array.from({ length: wide }, (_, v) => vector(reads.map((at) => v128.load(at, 16 * v))));
  const first = vectors[0]!;
  return [
    loop(i, from, i32.sub(to, 4 * wide - 1), 4 * wide, [
      ...place,
      ...first.steps.flatMap((_, step) => vectors.map(({ steps }) => steps[step]!)),
      ...writes.flatMap((at, n) => vectors.map(({ values }, v) => v128.store(at, values[n]!, 16 * v))),
    ]),
    ...overFours(i, i, to, (store) => [
      ...place,
      ...first.steps,
      ...writes.map((at, n) => store(at, first.values[n]!)),
    ]),
  ];
}

/** A kernel (y, a, b, from, to) that stores f of four elements of a and b. A kernel of one input ignores b. */
export function elementwise(
  name: string,
  f: (local: NewLocal, constants: Constants) => (a: Vector, b: Vector) => Steps,
) {
  return func(name, { y: 'i32', a: 'i32', b: 'i32', from: 'i32', to: 'i32' }, (p, local) => {
    const constants = new Constants(local);
    return [
      constants.set,
      ...sideBySide(local, [p.from, p.to], { inputs: [p.a, p.b], outputs: [p.y] }, ([a, b]) => {
        const result = local('v128');
        const { steps, value } = f(local, constants)(a!, b!);
        return { steps: [...steps, result.set(value)], values: [result] };
      }),
    ];
  });
}

/** y = a x + b z. */
const weightedSum = (target: Target) =>
  func(
    'weightedSum',
    { y: 'i32', x: 'i32', z: 'i32', a: 'f32', b: 'f32', from: 'i32', to: 'i32' },
    (p, local) => {
      const [a, b] = [local('v128'), local('v128')];
      return [
        a.set(f32x4.splat(p.a)),
        b.set(f32x4.splat(p.b)),
        ...sideBySide(local, [p.from, p.to], { inputs: [p.x, p.z], outputs: [p.y] }, ([x, z]) => {
          const y = local('v128');
          return { steps: [y.set(madd(target)(a, x!, f32x4.mul(b, z!)))], values: [y] };
        }),
      ];
    },
  );

const cost = 0.15;

export const elements = family(
  (target) => ({
    sum: elementwise('add', () => (a, b) => ({ steps: [], value: f32x4.add(a, b) })),
    product: elementwise('multiply', () => (a, b) => ({ steps: [], value: f32x4.mul(a, b) })),
    multiples: weightedSum(target),
  }),
  ({ sum, product, multiples }, engine) => ({
    weightedSum(y, a, x, b, z) {
      const fits = x.size === y.size && z.size === y.size;
      check('weightedSum', fits, 'y, x and z of one size', { y: y.size, x: x.size, z: z.size });
      const work = { outputs: y.size, unit: 64, cost };
      multiples(work, engine.pointer(y), engine.pointer(x), engine.pointer(z), a, b);
    },
    add(y, a, b) {
      dims('add', { a: [a, 'N C'], b: [b, 'N C'], y: [y, 'N C'] });
      sum({ outputs: y.size, unit: 64, cost }, engine.pointer(y), engine.pointer(a), engine.pointer(b));
    },
    multiply(y, a, b) {
      dims('multiply', { a: [a, 'N C'], b: [b, 'N C'], y: [y, 'N C'] });
      product({ outputs: y.size, unit: 64, cost }, engine.pointer(y), engine.pointer(a), engine.pointer(b));
    },
  }),
);
