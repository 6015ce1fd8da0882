/** Softmax cross-entropy and its gradient: the formulas of ../reference/cross-entropy.ts in float32.
 *
 * Outputs are rows. Lanes run over the vocabulary; the last vector of a row is filled up with -Infinity, whose e^x is
 * 0. A row without a target gets zeros. The sum goes to four partial sums, i mod 4. The gradient overwrites its row as it is read, so dlogits may be
 * logits; the target's element is set last, from p - 1, which a product by scale before the difference would blur.
 *
 * N = 768, V = 65: 0.085 ms forward, 0.10 ms backward; the reference takes 0.6 and 1.4 ms. */
import { dims } from '../dims.ts';
import { checked } from '../reference/embedding.ts';
import type { Ids } from '../tensor.ts';
import {
  f32,
  f32x4,
  func,
  i32,
  type Local,
  loop,
  type NewLocal,
  type Stmt,
  v128,
  when,
} from '../wasm/assembler.ts';
import { Constants } from '../wasm/constants.ts';
import { element, fresh } from '../wasm/lanes.ts';
import { family } from './machine/engine.ts';
import type { Target } from './machine/target.ts';
import { inOrder, vectorMath } from './math.ts';
import { acrossLanes, firstLanes, storeUpTo } from './rows.ts';

/** Code that leaves the largest of V logits from z in `max`, and the sum of e^(z - max) in `sum`, in all lanes. */
export function sumOfExponentials(target: Target, local: NewLocal) {
  const [i, max, sum, e] = [local('i32'), local('v128'), local('v128'), local('v128')];
  const constants = new Constants(local);
  const math = vectorMath(target, local, constants);
  const code = (z: Local<'i32'>, V: Local<'i32'>, each: readonly Stmt[]): Stmt[] => {
    const least = constants.float(Number.NEGATIVE_INFINITY);
    const four = v128.bitselect(v128.load(element(z, i)), least, firstLanes(i32.sub(V, i)));
    return [
      max.set(least),
      loop(i, 0, V, 4, [max.set(f32x4.pmax(max, four))]),
      ...acrossLanes(f32x4.pmax, max),
      sum.set(f32x4.const(0)),
      loop(i, 0, V, 4, [e.set(inOrder(math.exp(f32x4.sub(four, max)))), sum.set(f32x4.add(sum, e)), ...each]),
      ...acrossLanes(f32x4.add, sum),
    ];
  };
  return { i, max, sum, e, math, setConstants: constants.set, code };
}

const forward = (target: Target) =>
  func(
    'crossEntropy',
    { losses: 'i32', logits: 'i32', targets: 'i32', V: 'i32', from: 'i32', to: 'i32' },
    (p, local) => {
      const [n, z, targetId] = fresh(local, 'i32');
      const { max, sum, math, setConstants, code } = sumOfExponentials(target, local);
      const chosen = v128.load32Splat(element(z, targetId));
      return [
        setConstants,
        loop(n, p.from, p.to, 1, [
          targetId.set(i32.load(element(p.targets, n))),
          when(
            i32.lt(targetId, 0),
            [f32.store(element(p.losses, n), 0)],
            [
              z.set(element(p.logits, i32.mul(n, p.V))),
              ...code(z, p.V, []),
              sum.set(f32x4.sub(inOrder(math.log(sum)), f32x4.sub(chosen, max))),
              v128.store32Lane(element(p.losses, n), sum, 0),
            ],
          ),
        ]),
      ];
    },
  );

const backward = (target: Target) =>
  func(
    'crossEntropyBackward',
    { dlogits: 'i32', logits: 'i32', targets: 'i32', scale: 'f32', V: 'i32', from: 'i32', to: 'i32' },
    (p, local) => {
      const [n, z, dz, targetId, chosen] = fresh(local, 'i32');
      const [scale, atTarget] = [local('v128'), local('f32')];
      const { i, sum, e, setConstants, code } = sumOfExponentials(target, local);
      const left = i32.sub(p.V, i);
      return [
        setConstants,
        scale.set(f32x4.splat(p.scale)),
        loop(n, p.from, p.to, 1, [
          z.set(element(p.logits, i32.mul(n, p.V))),
          dz.set(element(p.dlogits, i32.mul(n, p.V))),
          targetId.set(i32.load(element(p.targets, n))),
          when(
            i32.lt(targetId, 0),
            [e.set(f32x4.const(0)), loop(i, 0, p.V, 4, [storeUpTo(left, element(dz, i), e)])],
            [
              chosen.set(element(dz, targetId)),
              ...code(z, p.V, [storeUpTo(left, element(dz, i), e)]),
              atTarget.set(f32.div(f32.load(chosen), f32x4.extractLane(sum, 0))),
              loop(i, 0, p.V, 4, [
                e.set(f32x4.mul(f32x4.div(v128.load(element(dz, i)), sum), scale)),
                storeUpTo(left, element(dz, i), e),
              ]),
              f32.store(chosen, f32.mul(f32.sub(atTarget, 1), p.scale)),
            ],
          ),
        ]),
      ];
    },
  );

export const crossEntropy = family(
  (target) => ({ losses: forward(target), dlogits: backward(target) }),
  ({ losses, dlogits }, engine) => {
    const checkAll = (operation: string, targets: Ids, V: number) => {
      for (let n = 0; n < targets.size; n++) if (!(targets.data[n] < 0)) checked(operation, targets, n, V);
    };
    return {
      crossEntropy(out, logits, targets) {
        const { N, V } = dims('crossEntropy', {
          logits: [logits, 'N V'],
          targets: [targets, 'N'],
          losses: [out, 'N'],
        });
        checkAll('crossEntropy', targets, V);
        const work = { outputs: N, cost: 1.7 * V };
        losses(work, engine.pointer(out), engine.pointer(logits), engine.pointer(targets), V);
      },
      crossEntropyBackward(out, logits, targets, scale) {
        const { N, V } = dims('crossEntropyBackward', {
          logits: [logits, 'N V'],
          targets: [targets, 'N'],
          dlogits: [out, 'N V'],
        });
        checkAll('crossEntropyBackward', targets, V);
        const work = { outputs: N, cost: 2 * V };
        dlogits(work, engine.pointer(out), engine.pointer(logits), engine.pointer(targets), scale, V);
      },
    };
  },
);
