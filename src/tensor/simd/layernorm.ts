/** LayerNorm forward and backward: the formulas of ../reference/layernorm.ts in float32.
 *
 * Outputs are rows for y and dx: lanes run over channels, and sums over a row are in the order of rows.ts. The
 * variance is a second pass over the row, as in the reference: the row is in the cache, and nothing cancels. Outputs
 * are channels for dgain and dshift: 16 of them, a cache line, in one pass down the rows in order.
 *
 * N = 768, C = 128: 0.045 ms forward, 0.05 ms dx, 0.024 ms parameters; the reference takes 1.1, 0.8 and 0.5 ms. */
import { dims } from '../dims.ts';
import { layernormEpsilon } from '../reference/layernorm.ts';
import type { Tensor } from '../tensor.ts';
import { type Expr, f32, f32x4, func, i32, loop, type Stmt, v128 } from '../wasm/assembler.ts';
import { element, fresh } from '../wasm/lanes.ts';
import { sideBySide } from './elementwise.ts';
import { family } from './machine/engine.ts';
import { madd, nmadd, type Target } from './machine/target.ts';
import { addTo, rowSums } from './rows.ts';

type Index = Expr<'i32'>;

const forward = (target: Target) =>
  func(
    'layernorm',
    { y: 'i32', stats: 'i32', x: 'i32', gain: 'i32', shift: 'i32', C: 'i32', from: 'i32', to: 'i32' },
    (p, local) => {
      const [n, i, x, y] = fresh(local, 'i32');
      const [count, mean, rstd, v] = fresh(local, 'v128');
      const { sums, code } = rowSums(target, local, 1);
      const sum = sums[0]!;
      const four = (base: Index, offset = 0) => v128.load(element(base, i), offset);
      const centred = (offset: number) => f32x4.sub(four(x, offset), mean);
      return [
        count.set(f32x4.splat(f32.convertI32(p.C))),
        loop(n, p.from, p.to, 1, [
          x.set(element(p.x, i32.mul(n, p.C))),
          y.set(element(p.y, i32.mul(n, p.C))),
          ...code(i, p.C, (offset) => ({ terms: [[four(x, offset)]] })),
          mean.set(f32x4.div(sum, count)),
          ...code(i, p.C, (offset) => ({ first: [v.set(centred(offset))], terms: [[v, v]] })),
          sum.set(f32x4.sqrt(f32x4.add(f32x4.div(sum, count), f32x4.const(layernormEpsilon)))),
          rstd.set(f32x4.div(f32x4.const(1), sum)),
          v128.store32Lane(element(p.stats, i32.shl(n, 1)), mean, 0),
          v128.store32Lane(element(p.stats, i32.shl(n, 1)), rstd, 0, 4),
          ...sideBySide(
            local,
            [0, p.C],
            { inputs: [x, p.gain, p.shift], outputs: [y] },
            ([a, gain, shift]) => {
              const result = local('v128');
              const scaled = f32x4.mul(f32x4.sub(a!, mean), rstd);
              return { steps: [result.set(madd(target)(scaled, gain!, shift!))], values: [result] };
            },
          ),
        ]),
      ];
    },
  );

const backward = (target: Target) =>
  func(
    'layernormBackward',
    { dx: 'i32', dy: 'i32', x: 'i32', gain: 'i32', stats: 'i32', C: 'i32', from: 'i32', to: 'i32' },
    (p, local) => {
      const [n, i, x, dy, dx] = fresh(local, 'i32');
      const [count, mean, rstd, g] = fresh(local, 'v128');
      const { sums, code } = rowSums(target, local, 2);
      const [sumG, sumGXhat] = [sums[0]!, sums[1]!];
      const four = (base: Index, offset = 0) => v128.load(element(base, i), offset);
      const gradient = (offset: number) => f32x4.mul(four(dy, offset), four(p.gain, offset));
      const xhat = (offset: number) => f32x4.mul(f32x4.sub(four(x, offset), mean), rstd);
      const row = i32.mul(n, p.C);
      return [
        count.set(f32x4.splat(f32.convertI32(p.C))),
        loop(n, p.from, p.to, 1, [
          x.set(element(p.x, row)),
          dy.set(element(p.dy, row)),
          dx.set(element(p.dx, row)),
          mean.set(v128.load32Splat(element(p.stats, i32.shl(n, 1)))),
          rstd.set(v128.load32Splat(element(p.stats, i32.shl(n, 1)), 4)),
          ...code(i, p.C, (offset) => ({
            first: [g.set(gradient(offset))],
            terms: [[g], [g, xhat(offset)]],
          })),
          sumG.set(f32x4.div(sumG, count)),
          sumGXhat.set(f32x4.div(sumGXhat, count)),
          ...sideBySide(local, [0, p.C], { inputs: [x, dy, p.gain], outputs: [dx] }, ([a, d, gain]) => {
            const v = local('v128');
            const own = f32x4.sub(f32x4.mul(d!, gain!), sumG);
            const steps = [
              v.set(nmadd(target)(f32x4.mul(f32x4.sub(a!, mean), rstd), sumGXhat, own)),
              v.set(f32x4.mul(rstd, v)),
            ];
            return { steps, values: [v] };
          }),
        ]),
      ];
    },
  );

const parameters = (target: Target) =>
  func(
    'layernormParametersBackward',
    {
      dgain: 'i32',
      dshift: 'i32',
      dy: 'i32',
      x: 'i32',
      stats: 'i32',
      N: 'i32',
      C: 'i32',
      from: 'i32',
      to: 'i32',
    },
    (p, local) => {
      const [c, n, x, dy, stats] = fresh(local, 'i32');
      const [mean, rstd, d] = fresh(local, 'v128');
      const sums = Array.from({ length: 4 }, () => ({ gain: local('v128'), shift: local('v128') }));
      const strip = (vectors: number, left?: Index): Stmt[] => {
        const used = sums.slice(0, vectors);
        const [gains, shifts] = [used.map(({ gain }) => gain), used.map(({ shift }) => shift)];
        return [
          ...used.flatMap(({ gain, shift }) => [gain.set(f32x4.const(0)), shift.set(f32x4.const(0))]),
          x.set(element(p.x, c)),
          dy.set(element(p.dy, c)),
          stats.set(p.stats),
          loop(n, 0, p.N, 1, [
            mean.set(v128.load32Splat(stats)),
            rstd.set(v128.load32Splat(stats, 4)),
            ...used.flatMap(({ gain, shift }, v) => [
              d.set(v128.load(dy, 16 * v)),
              shift.set(f32x4.add(shift, d)),
              gain.set(madd(target)(d, f32x4.mul(f32x4.sub(v128.load(x, 16 * v), mean), rstd), gain)),
            ]),
            x.set(element(x, p.C)),
            dy.set(element(dy, p.C)),
            stats.set(i32.add(stats, 8)),
          ]),
          x.set(element(p.dgain, c)),
          ...addTo(x, gains, left),
          x.set(element(p.dshift, c)),
          ...addTo(x, shifts, left),
        ];
      };
      return [
        loop(c, p.from, i32.sub(p.to, 15), 16, strip(4)),
        loop(c, c, p.to, 4, strip(1, i32.sub(p.to, c))),
      ];
    },
  );

export const layernorm = family(
  (target) => ({ y: forward(target), dx: backward(target), dparameters: parameters(target) }),
  ({ y, dx, dparameters }, engine) => {
    const at = (t: Tensor) => engine.pointer(t);
    return {
      layernorm(out, stats, x, gain, shift) {
        const { N, C } = dims('layernorm', {
          x: [x, 'N C'],
          gain: [gain, 'C'],
          shift: [shift, 'C'],
          y: [out, 'N C'],
          stats: [stats, 'N 2'],
        });
        y({ outputs: N, cost: 0.45 * C }, at(out), at(stats), at(x), at(gain), at(shift), C);
      },
      layernormBackward(out, dy, x, gain, stats) {
        const { N, C } = dims('layernormBackward', {
          dy: [dy, 'N C'],
          x: [x, 'N C'],
          gain: [gain, 'C'],
          stats: [stats, 'N 2'],
          dx: [out, 'N C'],
        });
        dx({ outputs: N, cost: 0.5 * C }, at(out), at(dy), at(x), at(gain), at(stats), C);
      },
      layernormParametersBackward(dgain, dshift, dy, x, stats) {
        const { N, C } = dims('layernormParametersBackward', {
          dy: [dy, 'N C'],
          x: [x, 'N C'],
          stats: [stats, 'N 2'],
          dgain: [dgain, 'C'],
          dshift: [dshift, 'C'],
        });
        const work = { outputs: C, unit: 16, cost: 0.25 * N };
        dparameters(work, at(dgain), at(dshift), at(dy), at(x), at(stats), N, C);
      },
    };
  },
);
