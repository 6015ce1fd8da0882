/** The cached step: attention of new rows over the keys and values of all earlier positions.
 *
 * First every row's key and value go to the cache, then outputs are (row, head): scores, softmax and y by the very
 * functions that attention.ts uses for its left-over rows, so each sum runs in the same order and the bits are those of
 * the full forward pass. The cache keeps keys transposed (D T), as causalScores wants them: nothing is rearranged.
 *
 * One row at position 63 of 64, H = 4, D = 32: 3 microseconds, a vector of 8 or 32 channels at a time. */
import { check, dims } from '../../dims.ts';
import { checked } from '../../reference/embedding.ts';
import type { Tensor } from '../../tensor.ts';
import { call, f32x4, func, i32, loop, v128 } from '../../wasm/assembler.ts';
import { element } from '../../wasm/lanes.ts';
import { family } from '../machine/engine.ts';
import type { Target } from '../machine/target.ts';
import { f32Scale, headsPerUnit, paddedRow } from './attention.ts';
import { causalRows, causalScores, headParameters } from './causal-products.ts';
import { softmaxTerms } from './softmax.ts';

/** Rows of qkv to their places in the cache; outputs are rows. */
const remember = func(
  'remember',
  {
    keys: 'i32',
    values: 'i32',
    qkv: 'i32',
    slots: 'i32',
    positions: 'i32',
    H: 'i32',
    T: 'i32',
    D: 'i32',
    from: 'i32',
    to: 'i32',
  },
  (p, local) => {
    const i = () => local('i32');
    const [n, h, d, t, source, key, value, C] = [i(), i(), i(), i(), i(), i(), i(), i()];
    return [
      C.set(i32.mul(p.H, p.D)),
      loop(n, p.from, p.to, 1, [
        t.set(i32.load(element(p.positions, n))),
        source.set(element(p.qkv, i32.mul(i32.add(i32.mul(n, 3), 1), C))),
        h.set(i32.mul(i32.load(element(p.slots, n)), p.H)), // the head among all heads of the cache
        key.set(element(element(p.keys, i32.mul(h, i32.mul(p.D, p.T))), t)),
        value.set(element(p.values, i32.mul(i32.add(i32.mul(h, p.T), t), p.D))),
        loop(h, 0, p.H, 1, [
          loop(d, 0, p.D, 1, [
            i32.store(key, i32.load(source)),
            i32.store(element(value, d), i32.load(element(source, C))),
            source.set(i32.add(source, 4)),
            key.set(element(key, p.T)),
          ]),
          value.set(element(value, i32.mul(p.T, p.D))),
        ]),
      ]),
    ];
  },
);

/** Outputs are rows times heads. */
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
      ...headParameters,
    },
    (p, local) => {
      const i = () => local('i32');
      const [output, n, t, s, channel, cached, row, C, size] = [i(), i(), i(), i(), i(), i(), i(), i(), i()];
      const sum = local('v128');
      return [
        C.set(i32.mul(p.H, p.D)),
        size.set(i32.mul(p.D, p.T)),
        row.set(i32.add(p.scratch, i32.mul(i32.div(p.from, p.unit), p.scratchBytes))),
        loop(output, p.from, p.to, 1, [
          n.set(i32.div(output, p.H)),
          t.set(i32.load(element(p.positions, n))),
          channel.set(i32.mul(i32.rem(output, p.H), p.D)),
          cached.set(i32.mul(i32.load(element(p.slots, n)), p.H)),
          cached.set(i32.mul(i32.add(cached, i32.rem(output, p.H)), size)),
          call(scores, {
            p: row,
            pStride: 0,
            aT: element(p.qkv, i32.add(i32.mul(i32.mul(n, 3), C), channel)),
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
            y: element(p.y, i32.add(i32.mul(n, C), channel)),
            yStride: 0,
            p: row,
            pStride: 0,
            x: element(p.values, cached),
            xStride: i32.shl(p.D, 2),
            t,
            D: p.D,
          }),
        ]),
      ];
    },
  );
};

export const attentionCached = family(
  (target) => ({ store: remember, run: attend(target) }),
  ({ store, run }, engine) => {
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
        const ids = [engine.pointer(slots), engine.pointer(positions)] as const;
        let most = 0;
        for (let n = 0; n < N; n++) {
          checked('attentionCached', slots, n, S);
          most = Math.max(most, 1 + checked('attentionCached', positions, n, T));
        }
        store({ outputs: N, cost: 2 * C }, at(keys), at(values), at(qkv), ...ids, H, T, D);
        const outputs = N * H;
        const unit = headsPerUnit(engine, outputs);
        const bytes = 4 * paddedRow(T);
        const scratch = engine.scratch(bytes * Math.ceil(outputs / unit));
        const work = { outputs, unit, cost: 0.4 * most * D };
        run(work, at(y), at(qkv), at(keys), at(values), ...ids, scratch, bytes, unit, f32Scale(D), H, T, D);
      },
    };
  },
);
