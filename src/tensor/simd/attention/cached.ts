/** The cached step: attention of new rows over the keys and values of all earlier positions.
 *
 * Outputs are heads. First the keys and values of all rows go to the cache, then follows row after row: scores, softmax and
 * y by the very functions that attention.ts uses for its left-over rows, so each sum runs in the same order and the bits
 * are those of the full forward pass. The cache keeps keys transposed (D T), as causalScores wants them: nothing is
 * rearranged. Both are one output, so that a head's part of the cache stays in the cache of one core.
 *
 * One row at position 63 of 64, H = 4, D = 32: 0.8 microseconds, 1.5 on Node 20. */
import { check, dims } from '../../dims.ts';
import { checked } from '../../reference/embedding.ts';
import type { Tensor } from '../../tensor.ts';
import { call, f32x4, func, i32, loop, type Stmt, v128 } from '../../wasm/assembler.ts';
import { element, fresh } from '../../wasm/lanes.ts';
import { family } from '../machine/engine.ts';
import type { Target } from '../machine/target.ts';
import { f32Scale, headsPerUnit, paddedRow } from './attention.ts';
import { causalRows, causalScores, headParameters } from './causal-products.ts';
import { softmaxTerms } from './softmax.ts';

const attend = (target: Target) => {
  const [scores, rows, softmax] = [causalScores(target, 1), causalRows(target, 1), softmaxTerms(target)];
  return func(
    'attentionCached',
    {
      y: 'i32',
      qkv: 'i32',
      keys: 'i32',
      values: 'i32',
      slots: 'i32',
      positions: 'i32',
      N: 'i32',
      ...headParameters,
    },
    (p, local) => {
      const [h, n, t, cached, query, C] = fresh(local, 'i32');
      const [d, s, source, key, value, row, size] = fresh(local, 'i32');
      const sum = local('v128');
      /** Where row n is, and where its head is in the cache. */
      const find: Stmt[] = [
        t.set(i32.load(element(p.positions, n))),
        cached.set(i32.mul(i32.add(i32.mul(i32.load(element(p.slots, n)), p.H), h), size)),
        query.set(element(p.qkv, i32.add(i32.mul(i32.mul(n, 3), C), i32.mul(h, p.D)))),
      ];
      const remember: Stmt[] = [
        source.set(element(query, C)),
        key.set(element(element(p.keys, cached), t)),
        value.set(element(element(p.values, cached), i32.mul(t, p.D))),
        loop(d, 0, p.D, 1, [
          i32.store(key, i32.load(source)),
          i32.store(element(value, d), i32.load(element(source, C))),
          source.set(i32.add(source, 4)),
          key.set(element(key, p.T)),
        ]),
      ];
      const attend: Stmt[] = [
        call(scores, {
          p: row,
          pStride: 0,
          aT: query,
          aStride: 4,
          bT: element(p.keys, cached),
          bStride: i32.shl(p.T, 2),
          D: p.D,
          t,
        }),
        sum.set(f32x4.splat(call(softmax, { row, n: i32.add(t, 1), scale: p.scale }))),
        loop(s, 0, i32.add(t, 1), 4, [
          v128.store(element(row, s), f32x4.div(v128.load(element(row, s)), sum)),
        ]),
        call(rows, {
          y: element(p.y, i32.add(i32.mul(n, C), i32.mul(h, p.D))),
          yStride: 0,
          p: row,
          pStride: 0,
          x: element(p.values, cached),
          xStride: i32.shl(p.D, 2),
          t,
          D: p.D,
        }),
      ];
      return [
        C.set(i32.mul(p.H, p.D)),
        size.set(i32.mul(p.D, p.T)),
        row.set(i32.add(p.scratch, i32.mul(i32.div(p.from, p.unit), p.scratchBytes))),
        loop(h, p.from, p.to, 1, [
          loop(n, 0, p.N, 1, [...find, ...remember]),
          loop(n, 0, p.N, 1, [...find, ...attend]),
        ]),
      ];
    },
  );
};

export const attentionCached = family(
  (target) => ({ run: attend(target) }),
  ({ run }, engine) => {
    const at = (t: Tensor) => engine.pointer(t);
    return {
      attentionCached(y, qkv, cache, slots, positions) {
        const { keys, values } = cache;
        const { N, C, C3, S, H, D, T } = dims('attentionCached', {
          y: [y, 'N C'],
          qkv: [qkv, 'N C3'],
          slots: [slots, 'N'],
          positions: [positions, 'N'],
          keys: [keys, 'S H D T'],
          values: [values, 'S H T D'],
        });
        check('attentionCached', C3 === 3 * C && H * D === C, 'qkv of 3 * H * D channels', {
          qkv: C3,
          C,
          H,
          D,
        });
        for (let n = 0; n < N; n++) {
          checked('attentionCached', slots, n, S);
          checked('attentionCached', positions, n, T);
        }
        const ids = [engine.pointer(slots), engine.pointer(positions)] as const;
        const unit = headsPerUnit(engine, H);
        const bytes = 4 * paddedRow(T);
        const scratch = engine.scratch(bytes * Math.ceil(H / unit));
        // Of half the positions there are: a recorded pass is run at any.
        const work = { outputs: H, unit, cost: N * D * (2 + 0.2 * T) };
        const tensors = [at(y), at(qkv), at(keys), at(values), ...ids] as const;
        run(work, ...tensors, N, scratch, bytes, unit, f32Scale(D), H, T, D);
      },
    };
  },
);
