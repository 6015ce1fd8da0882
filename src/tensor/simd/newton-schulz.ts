/** Newton-Schulz rounds on symmetric matrices; for the formulas see reference/newton-schulz.ts.
 *
 * An output is a whole matrix, from its first round to its last, by one thread: so there is one job for all matrices,
 * and what a matrix needs stays in the second-level cache. All of its products are symmetric, so half is enough:
 *
 *     [ x . . ]      blocks of rows, each up to the panel that crosses the diagonal (x), then 4 x 4 blocks below the
 *     [ x x . ]      diagonal are copied to above it: at S = 128 that saves 0.4 of the multiplications
 *     [ x x x ]
 *
 * 28 matrices of S = 128 and 5 rounds: 26 ms on one thread. */
import { dims } from '../dims.ts';
import type { Tensor } from '../tensor.ts';
import { call, type Expr, f32, f32x4, func, i32, loop, v128, when } from '../wasm/assembler.ts';
import { element, fresh, locals, smaller, transposeInPlace } from '../wasm/lanes.ts';
import { sideBySide } from './elementwise.ts';
import { family } from './machine/engine.ts';
import { madd, type Target } from './machine/target.ts';
import { packing } from './matmul/pack.ts';
import { panelProduct } from './matmul/product.ts';
import { perMultiplyAdd, tileColumns, tileRows } from './matmul/tile.ts';

/** Copies what is below the diagonal of y (S S) to above it; 4 x 4 blocks on the diagonal stay as they are. */
const mirror = func('mirror', { y: 'i32', S: 'i32' }, ({ y, S }, local) => {
  const v = locals(local, 'v128', 4);
  const free = locals(local, 'v128', 4);
  const [row, column, whole, step] = fresh(local, 'i32');
  const [from, to] = fresh(local, 'i32');
  const at = (r: Expr<'i32'>, c: Expr<'i32'>) => element(y, i32.add(i32.mul(r, S), c));
  return [
    step.set(i32.shl(S, 2)),
    whole.set(i32.and(S, -4)),
    loop(row, 4, whole, 4, [
      loop(column, 0, row, 4, [
        from.set(at(row, column)),
        to.set(at(column, row)),
        ...v.flatMap((x) => [x.set(v128.load(from)), from.set(i32.add(from, step))]),
        ...transposeInPlace(v, free),
        ...v.flatMap((x) => [v128.store(to, x), to.set(i32.add(to, step))]),
      ]),
    ]),
    loop(row, whole, S, 1, [
      loop(column, 0, whole, 1, [f32.store(at(column, row), f32.load(at(row, column)))]),
    ]),
  ];
});

/** Bytes for the panels of a matrix, and for the edge of a product. */
const panelBytes = (S: number, columns: number): number => (Math.ceil(S / columns) + 1) * S * columns * 4;

/** y = a b, all (S S) and symmetric. */
function symmetricProduct(target: Target) {
  const rows = 4 * tileRows(target);
  const panelRows = panelProduct(target);
  const columns = tileColumns(target);
  const { pack } = packing(columns);
  const parameters = { y: 'i32', a: 'i32', b: 'i32', S: 'i32', panels: 'i32' } as const;
  return func('symmetricProduct', parameters, ({ y, a, b, S, panels }, local) => {
    const [row, end, column, count] = fresh(local, 'i32');
    const rowBytes = i32.shl(S, 2);
    const matrices = {
      y,
      start: i32.const(0), // the zeros at address 0
      startStep: i32.const(0),
      startColumn: i32.const(0),
      a,
      aStep: rowBytes,
      edge: i32.add(panels, i32.mul(i32.mul(count, columns), rowBytes)),
      M: S,
      N: S,
      K: S,
    };
    return [
      count.set(i32.div(i32.add(S, columns - 1), columns)),
      call(pack, { packed: panels, b, N: S, K: S, from: 0, to: count }),
      loop(row, 0, S, rows, [
        end.set(smaller(S, i32.add(row, rows))),
        loop(column, 0, end, columns, [
          call(panelRows, {
            ...matrices,
            panel: i32.add(panels, i32.mul(column, rowBytes)),
            panelStep: 4 * columns,
            column,
            from: row,
            to: end,
          }),
        ]),
      ]),
      call(mirror, { y, S }),
    ];
  });
}

/** p = a I + b g + c t, all (S S). */
const polynomial = (target: Target) =>
  func('polynomial', { p: 'i32', g: 'i32', t: 'i32', S: 'i32', a: 'f32', b: 'f32', c: 'f32' }, (m, local) => {
    const [i, at, b, c] = [local('i32'), local('i32'), local('v128'), local('v128')];
    return [
      b.set(f32x4.splat(m.b)),
      c.set(f32x4.splat(m.c)),
      ...sideBySide(local, [0, i32.mul(m.S, m.S)], { inputs: [m.g, m.t], outputs: [m.p] }, ([g, t]) => {
        const sum = local('v128');
        return { steps: [sum.set(madd(target)(b, g!, f32x4.mul(c, t!)))], values: [sum] };
      }),
      loop(i, 0, m.S, 1, [
        at.set(element(m.p, i32.mul(i, i32.add(m.S, 1)))),
        f32.store(at, f32.add(f32.load(at), m.a)),
      ]),
    ];
  });

const copy = func('copy', { y: 'i32', x: 'i32', size: 'i32' }, ({ y, x, size }, local) => {
  return sideBySide(local, [0, size], { inputs: [x], outputs: [y] }, ([four]) => {
    const value = local('v128');
    return { steps: [value.set(four!)], values: [value] };
  });
});

/** A kernel over matrices; every slice has panels of its own. */
function factors(target: Target) {
  const product = symmetricProduct(target);
  const terms = polynomial(target);
  const parameters = {
    q: 'i32',
    p: 'i32',
    t: 'i32',
    g: 'i32',
    S: 'i32',
    a: 'f32',
    b: 'f32',
    c: 'f32',
    rounds: 'i32',
    panels: 'i32',
    panelBytes: 'i32',
    from: 'i32',
    to: 'i32',
  } as const;
  return func('newtonSchulz', parameters, (m, local) => {
    const [n, round, size, panels] = fresh(local, 'i32');
    const [q, p, t, g] = fresh(local, 'i32');
    const { S, a, b, c } = m;
    const multiply = (y: Expr<'i32'>, x: Expr<'i32'>, z: Expr<'i32'>) =>
      call(product, { y, a: x, b: z, S, panels });
    return [
      size.set(i32.mul(S, S)),
      panels.set(i32.add(m.panels, i32.mul(m.from, m.panelBytes))),
      loop(n, m.from, m.to, 1, [
        ...(
          [
            [q, m.q],
            [p, m.p],
            [t, m.t],
            [g, m.g],
          ] as const
        ).map(
          (
            [matrix, first], // biome-ignore format: pairs
          ) => matrix.set(element(first, i32.mul(n, size))),
        ),
        loop(round, 0, m.rounds, 1, [
          multiply(t, g, g),
          call(terms, { p, g, t, S, a, b, c }),
          when(
            i32.eq(round, 0),
            [call(copy, { y: q, x: p, size })],
            [multiply(t, p, q), call(copy, { y: q, x: t, size })],
          ),
          when(i32.lt(round, i32.sub(m.rounds, 1)), [multiply(t, p, g), multiply(g, t, p)]),
        ]),
      ]),
    ];
  });
}

export const newtonSchulz = family(
  (target) => ({ factors: factors(target) }),
  ({ factors }, engine) => ({
    newtonSchulz(q, p, t, g, { coefficients, rounds }) {
      const shapes = { g: [g, 'G S S'], q: [q, 'G S S'], p: [p, 'G S S'], t: [t, 'G S S'] } as const;
      const { G, S } = dims('newtonSchulz', shapes);
      const step = panelBytes(S, tileColumns(engine.target));
      const panels = engine.scratch(G * step);
      const at = (t: Tensor) => engine.pointer(t);
      const work = { outputs: G, cost: rounds * 2 * S ** 3 * perMultiplyAdd };
      factors(work, at(q), at(p), at(t), at(g), S, ...coefficients, rounds, panels, step);
    },
  }),
);
