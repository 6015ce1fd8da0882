/** RMSNorm forward and backward: the formulas of ../reference/rmsnorm.ts in float32.
 *
 * Outputs are rows for y and dx: lanes run over channels, and the one sum over a row is in the order of rows.ts. The
 * code for a row is a function of its addresses, because a head of q or k is such a row too: see qk-norm.ts, whose
 * bits are these. Outputs are channels for dgain: 16 of them, a cache line, in one pass down the rows in order.
 *
 * N = 768, C = 128: 0.027 ms forward, 0.036 ms dx, 0.017 ms parameters; the reference takes 0.3, 0.4 and 0.46 ms. */
import { dims } from '../dims.ts';
import type { Tensor } from '../tensor.ts';
import { type Expr, f32, f32x4, func, i32, loop, type NewLocal, type Stmt, v128 } from '../wasm/assembler.ts';
import { element, fresh, locals } from '../wasm/lanes.ts';
import { sideBySide } from './elementwise.ts';
import { family, type Launcher } from './machine/engine.ts';
import { madd, nmadd, type Target } from './machine/target.ts';
import { addTo, rowSums } from './rows.ts';

type Index = Expr<'i32'>;
/** Code for rows of C channels: `begin` stands before the rows, `row` is for one of them. */
interface RowCode<Addresses> {
  readonly begin: readonly Stmt[];
  row(at: Addresses): Stmt[];
}

/** y = x * s * gain; s, 1 / root mean square, is stored at `r`. */
export function normalize(
  target: Target,
  local: NewLocal,
  { C, epsilon }: { readonly C: Index; readonly epsilon: Expr<'f32'> },
): RowCode<Readonly<Record<'y' | 'r' | 'x' | 'gain', Index>>> {
  const i = local('i32');
  const [count, floor, v] = fresh(local, 'v128');
  const { sums, code } = rowSums(target, local, 1);
  const s = sums[0]!;
  return {
    begin: [count.set(f32x4.splat(f32.convertI32(C))), floor.set(f32x4.splat(epsilon))],
    row({ y, r, x, gain }) {
      const four = (base: Index, offset = 0) => v128.load(element(base, i), offset);
      return [
        ...code(i, C, (offset) => ({ first: [v.set(four(x, offset))], terms: [[v, v]] })),
        s.set(f32x4.sqrt(f32x4.add(f32x4.div(s, count), floor))),
        s.set(f32x4.div(f32x4.const(1), s)),
        v128.store32Lane(r, s, 0),
        ...sideBySide(local, [0, C], { inputs: [x, gain], outputs: [y] }, ([a, factor]) => {
          const result = local('v128');
          return { steps: [result.set(f32x4.mul(f32x4.mul(a!, s), factor!))], values: [result] };
        }),
      ];
    },
  };
}

/** dx of one row; dx may be dy. */
export function normalizeBackward(
  target: Target,
  local: NewLocal,
  { C }: { readonly C: Index },
): RowCode<Readonly<Record<'dx' | 'dy' | 'x' | 'gain' | 'r', Index>>> {
  const i = local('i32');
  const [count, s] = fresh(local, 'v128');
  const { sums, code } = rowSums(target, local, 1);
  const share = sums[0]!;
  return {
    begin: [count.set(f32x4.splat(f32.convertI32(C)))],
    row({ dx, dy, x, gain, r }) {
      const four = (base: Index, offset = 0) => v128.load(element(base, i), offset);
      const gradient = (offset: number) => f32x4.mul(four(dy, offset), four(gain, offset));
      return [
        s.set(v128.load32Splat(r)),
        ...code(i, C, (offset) => ({ terms: [[gradient(offset), four(x, offset)]] })),
        share.set(f32x4.mul(f32x4.mul(f32x4.div(share, count), s), s)),
        ...sideBySide(local, [0, C], { inputs: [x, dy, gain], outputs: [dx] }, ([a, d, factor]) => {
          const v = local('v128');
          const value = f32x4.mul(s, nmadd(target)(a!, share, f32x4.mul(d!, factor!)));
          return { steps: [v.set(value)], values: [v] };
        }),
      ];
    },
  };
}

const forward = (target: Target) =>
  func(
    'rmsnorm',
    { y: 'i32', r: 'i32', x: 'i32', gain: 'i32', C: 'i32', epsilon: 'f32', from: 'i32', to: 'i32' },
    (p, local) => {
      const [n, x, y] = fresh(local, 'i32');
      const { begin, row } = normalize(target, local, p);
      return [
        ...begin,
        loop(n, p.from, p.to, 1, [
          x.set(element(p.x, i32.mul(n, p.C))),
          y.set(element(p.y, i32.mul(n, p.C))),
          ...row({ y, r: element(p.r, n), x, gain: p.gain }),
        ]),
      ];
    },
  );

const backward = (target: Target) =>
  func(
    'rmsnormBackward',
    { dx: 'i32', dy: 'i32', x: 'i32', gain: 'i32', r: 'i32', C: 'i32', from: 'i32', to: 'i32' },
    (p, local) => {
      const [n, x, dy, dx] = fresh(local, 'i32');
      const { begin, row } = normalizeBackward(target, local, p);
      return [
        ...begin,
        loop(n, p.from, p.to, 1, [
          x.set(element(p.x, i32.mul(n, p.C))),
          dy.set(element(p.dy, i32.mul(n, p.C))),
          dx.set(element(p.dx, i32.mul(n, p.C))),
          ...row({ dx, dy, x, gain: p.gain, r: element(p.r, n) }),
        ]),
      ];
    },
  );

/** N rows that each hold `runs` runs of C channels with one gain, one after the other. Rows of dy and x begin `stride`
 * floats apart, those of r `strideR`. */
const gainParameters = {
  dgain: 'i32',
  dy: 'i32',
  x: 'i32',
  r: 'i32',
  N: 'i32',
  runs: 'i32',
  C: 'i32',
  stride: 'i32',
  strideR: 'i32',
  from: 'i32',
  to: 'i32',
} as const;
export const gainKernel = (name: string, target: Target) =>
  func(name, gainParameters, (p, local) => {
    const [c, n, run] = fresh(local, 'i32');
    const [x, dy, r, rest, restR] = fresh(local, 'i32');
    const s = local('v128');
    const sums = locals(local, 'v128', 4);
    const strip = (vectors: number, left?: Index): Stmt[] => {
      const used = sums.slice(0, vectors);
      return [
        ...used.map((sum) => sum.set(f32x4.const(0))),
        x.set(element(p.x, c)),
        dy.set(element(p.dy, c)),
        r.set(p.r),
        loop(n, 0, p.N, 1, [
          loop(run, 0, p.runs, 1, [
            s.set(v128.load32Splat(r)),
            ...used.map((sum, v) =>
              sum.set(madd(target)(v128.load(dy, 16 * v), f32x4.mul(v128.load(x, 16 * v), s), sum)),
            ),
            x.set(element(x, p.C)),
            dy.set(element(dy, p.C)),
            r.set(element(r, 1)),
          ]),
          x.set(element(x, rest)),
          dy.set(element(dy, rest)),
          r.set(element(r, restR)),
        ]),
        x.set(element(p.dgain, c)),
        ...addTo(x, used, left),
      ];
    };
    return [
      rest.set(i32.sub(p.stride, i32.mul(p.runs, p.C))),
      restR.set(i32.sub(p.strideR, p.runs)),
      loop(c, p.from, i32.sub(p.to, 15), 16, strip(4)),
      loop(c, c, p.to, 4, strip(1, i32.sub(p.to, c))),
    ];
  });

/** dgain (C), at an address, from runs of C channels in rows: all by address. */
export function gainBackward(kernel: Launcher<typeof gainParameters>) {
  return (
    at: Readonly<Record<'dgain' | 'dy' | 'x' | 'r', number>>,
    size: Readonly<Record<'N' | 'runs' | 'C' | 'stride' | 'strideR', number>>,
  ): void => {
    const { N, runs, C, stride, strideR } = size;
    const work = { outputs: C, unit: 16, cost: 0.15 * N * runs };
    kernel(work, at.dgain, at.dy, at.x, at.r, N, runs, C, stride, strideR);
  };
}

export const rmsnorm = family(
  (target) => ({
    y: forward(target),
    dx: backward(target),
    gains: gainKernel('rmsnormParametersBackward', target),
  }),
  ({ y, dx, gains }, engine) => {
    const at = (t: Tensor) => engine.pointer(t);
    const dgain = gainBackward(gains);
    return {
      rmsnorm(out, r, x, gain, epsilon) {
        const { N, C } = dims('rmsnorm', { x: [x, 'N C'], gain: [gain, 'C'], y: [out, 'N C'], r: [r, 'N'] });
        y({ outputs: N, cost: 0.3 * C }, at(out), at(r), at(x), at(gain), C, epsilon);
      },
      rmsnormBackward(out, dy, x, gain, r) {
        const { N, C } = dims('rmsnormBackward', {
          dy: [dy, 'N C'],
          x: [x, 'N C'],
          gain: [gain, 'C'],
          r: [r, 'N'],
          dx: [out, 'N C'],
        });
        dx({ outputs: N, cost: 0.4 * C }, at(out), at(dy), at(x), at(gain), at(r), C);
      },
      rmsnormParametersBackward(out, dy, x, r) {
        const { N, C } = dims('rmsnormParametersBackward', {
          dy: [dy, 'N C'],
          x: [x, 'N C'],
          r: [r, 'N'],
          dgain: [out, 'C'],
        });
        const size = { N, runs: 1, C, stride: C, strideR: 1 };
        dgain({ dgain: at(out), dy: at(dy), x: at(x), r: at(r) }, size);
      },
    };
  },
);
