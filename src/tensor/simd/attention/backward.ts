/** Causal attention, backward: the formulas of ../reference/attention.ts.
 *
 * Outputs are heads, as forward. Per head, with dy and v transposed into scratch:
 *     dp[t, s] = dy[t] . v[s], and from it in place, while its rows are in the nearest cache,
 *     dscore[t, s] = p (dp keep - dy[t] . y[t]) / sqrt(D)
 *     dq[t] = sum over s of dscore k[s]      dk[s] = sum over t of dscore q[t]      dv[s] = sum over t of p keep dy[t]
 * Each is one of causal-products.ts; every element of dqkv is written once.
 *
 * B = 12, H = 4, T = 64, D = 32: 0.62 ms on Node 20, 0.58 on Node 24, 0.48 with wide vectors; the reference takes 50 ms. */
import { dims } from '../../dims.ts';
import type { Tensor } from '../../tensor.ts';
import { call, type Expr, f32x4, func, i32, loop, type Stmt, v128, when } from '../../wasm/assembler.ts';
import { element } from '../../wasm/lanes.ts';
import { sideBySide } from '../elementwise.ts';
import { family } from '../machine/engine.ts';
import type { Target } from '../machine/target.ts';
import { rowSums } from '../rows.ts';
import { attentionSizes, headBytes, headsPerUnit, overRows } from './attention.ts';
import {
  causalColumns,
  causalRows,
  causalScores,
  headParameters,
  type Rows,
  transposed,
} from './causal-products.ts';

type Vector = Expr<'v128'>;

/** dp of row t, n columns of it, becomes dscore; if there is a mask, p keep goes to `kept`. */
const rowGradient = (target: Target) =>
  func(
    'rowGradient',
    {
      dp: 'i32',
      kept: 'i32',
      p: 'i32',
      keep: 'i32',
      dy: 'i32',
      y: 'i32',
      D: 'i32',
      n: 'i32',
      scale: 'f32',
    },
    (p, local) => {
      const i = local('i32');
      const scale = local('v128');
      const { sums, code } = rowSums(target, local, 1);
      const average = sums[0]!;
      const four = (base: typeof i, offset = 0) => v128.load(element(base, i), offset);
      const dscore = (probs: Vector, dp: Vector) =>
        f32x4.mul(f32x4.mul(probs, f32x4.sub(dp, average)), scale);
      const masked = { inputs: [p.dp, p.p, p.keep], outputs: [p.dp, p.kept] };
      const plain = { inputs: [p.dp, p.p], outputs: [p.dp] };
      return [
        scale.set(f32x4.splat(p.scale)),
        ...code(i, p.D, (offset) => ({ terms: [[four(p.dy, offset), four(p.y, offset)]] })),
        when(
          p.keep,
          sideBySide(local, [0, p.n], masked, ([dp, probs, mask]) => {
            const [gradient, kept] = [local('v128'), local('v128')];
            const steps = [
              gradient.set(dscore(probs!, f32x4.mul(dp!, mask!))),
              kept.set(f32x4.mul(probs!, mask!)),
            ];
            return { steps, values: [gradient, kept] };
          }),
          sideBySide(local, [0, p.n], plain, ([dp, probs]) => {
            const gradient = local('v128');
            return { steps: [gradient.set(dscore(probs!, dp!))], values: [gradient] };
          }),
        ),
      ];
    },
  );

const backward = (target: Target) => {
  const scores = { 1: causalScores(target, 1), 4: causalScores(target, 4) };
  const rows = { 1: causalRows(target, 1), 4: causalRows(target, 4) };
  const columns = { 1: causalColumns(target, 1), 4: causalColumns(target, 4) };
  const gradient = rowGradient(target);
  return func(
    'attentionBackward',
    {
      dqkv: 'i32',
      dy: 'i32',
      y: 'i32',
      qkv: 'i32',
      probs: 'i32',
      keep: 'i32',
      ...headParameters,
    },
    (p, local) => {
      const i = () => local('i32');
      const [head, t, r, q, dq, y, dy, probs, keep] = [i(), i(), i(), i(), i(), i(), i(), i(), i()];
      const [dyT, vT, dscore, kept, factors, factorStride, row] = [i(), i(), i(), i(), i(), i(), i()];
      const [stride, probStride, C4, qkvStride] = [i(), i(), i(), i()];
      const rowsOf = (base: typeof q, n: typeof t) => i32.add(base, i32.mul(n, qkvStride));
      const k = i32.add(q, C4);
      const v = i32.add(q, i32.shl(C4, 1));

      const queryTile = (R: Rows): Stmt[] => [
        row.set(i32.add(dscore, i32.mul(t, stride))),
        call(scores[R], {
          p: row,
          pStride: stride,
          aT: element(dyT, t),
          aStride: stride,
          bT: vT,
          bStride: stride,
          D: p.D,
          t,
        }),
        loop(r, t, i32.add(t, R), 1, [
          call(gradient, {
            dp: i32.add(dscore, i32.mul(r, stride)),
            kept: i32.add(kept, i32.mul(r, stride)),
            p: i32.add(probs, i32.mul(r, probStride)),
            keep,
            dy: i32.add(dy, i32.mul(r, C4)),
            y: i32.add(y, i32.mul(r, C4)),
            D: p.D,
            n: i32.add(r, 1),
            scale: p.scale,
          }),
          when(keep, [keep.set(i32.add(keep, probStride))]),
        ]),
        call(rows[R], {
          y: rowsOf(dq, t),
          yStride: qkvStride,
          p: row,
          pStride: stride,
          x: k,
          xStride: qkvStride,
          t,
          D: p.D,
        }),
      ];
      const keyTile = (R: Rows): Stmt[] => [
        call(columns[R], {
          y: i32.add(rowsOf(dq, t), C4),
          yStride: qkvStride,
          p: element(i32.add(dscore, i32.mul(t, stride)), t),
          pStride: stride,
          x: rowsOf(q, t),
          xStride: qkvStride,
          s: t,
          T: p.T,
          D: p.D,
        }),
        call(columns[R], {
          y: i32.add(rowsOf(dq, t), i32.shl(C4, 1)),
          yStride: qkvStride,
          p: element(i32.add(factors, i32.mul(t, factorStride)), t),
          pStride: factorStride,
          x: i32.add(dy, i32.mul(t, C4)),
          xStride: C4,
          s: t,
          T: p.T,
          D: p.D,
        }),
      ];
      const firstRow = i32.mul(i32.div(head, p.H), p.T);
      const channel = i32.mul(i32.rem(head, p.H), p.D);
      const square = i32.mul(head, i32.mul(p.T, p.T));
      return [
        stride.set(i32.shl(i32.and(i32.add(p.T, 15), -16), 2)),
        probStride.set(i32.shl(p.T, 2)),
        C4.set(i32.shl(i32.mul(p.H, p.D), 2)),
        qkvStride.set(i32.mul(C4, 3)),
        dyT.set(i32.add(p.scratch, i32.mul(i32.div(p.from, p.unit), p.scratchBytes))),
        vT.set(i32.add(dyT, i32.mul(stride, i32.and(i32.add(p.D, 3), -4)))),
        dscore.set(i32.add(vT, i32.sub(vT, dyT))),
        kept.set(i32.add(dscore, i32.mul(p.T, stride))),
        loop(head, p.from, p.to, 1, [
          q.set(element(i32.add(p.qkv, i32.mul(firstRow, qkvStride)), channel)),
          dq.set(i32.add(p.dqkv, i32.sub(q, p.qkv))),
          y.set(element(i32.add(p.y, i32.mul(firstRow, C4)), channel)),
          dy.set(i32.add(p.dy, i32.sub(y, p.y))),
          probs.set(element(p.probs, square)),
          keep.set(p.keep),
          factors.set(probs),
          factorStride.set(probStride),
          when(keep, [keep.set(element(keep, square)), factors.set(kept), factorStride.set(stride)]),
          call(transposed, { to: dyT, toStride: stride, x: dy, xStride: C4, rows: p.T, columns: p.D }),
          call(transposed, { to: vT, toStride: stride, x: v, xStride: qkvStride, rows: p.T, columns: p.D }),
          ...overRows(t, p.T, queryTile),
          ...overRows(t, p.T, keyTile),
        ]),
      ];
    },
  );
};

export const attentionBackward = family(
  (target) => ({ run: backward(target) }),
  ({ run }, engine) => {
    const at = (t: Tensor | null) => (t === null ? 0 : engine.pointer(t));
    return {
      attentionBackward(dqkv, dy, y, qkv, probs, keep) {
        const { heads, H, T, D, scale } = attentionSizes('attentionBackward', y, probs, qkv, keep);
        dims('attentionBackward', {
          y: [y, 'N C'],
          dy: [dy, 'N C'],
          qkv: [qkv, 'N C3'],
          dqkv: [dqkv, 'N C3'],
        });
        const unit = headsPerUnit(engine, heads);
        const bytes = headBytes(T, D, keep === null ? T : 2 * T);
        const scratch = engine.scratch(bytes * Math.ceil(heads / unit));
        const work = { outputs: heads, unit, cost: 0.12 * T * T * D };
        const tensors = [at(dqkv), at(dy), at(y), at(qkv), at(probs), at(keep)] as const;
        run(work, ...tensors, scratch, bytes, unit, scale, H, T, D);
      },
    };
  },
);
