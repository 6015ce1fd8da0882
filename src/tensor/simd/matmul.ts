/** Matrix products y (M N) = start + a b in three transpositions; for the formulas see reference/matmul.ts.
 *
 * All three are one product of rows of a and packed panels of b: b is brought into panels of 8 columns whichever way
 * it lies, a transposed a into rows. Then, in blocks of several register tiles below each other,
 *
 *     for each block of rows            the block of a stays in the second-level cache,
 *       for each panel of b             the panel in the first-level cache,
 *         for each tile of the block    and the sums in registers: matmul-tile.ts
 *
 * Threads share the pairs of block and panel. Each element of y is one chain over k, from the start value up, with the
 * same multiply-add whatever tile, edge or path computes it: so a row does not depend on how many rows there are.
 *
 * With few rows packing weighs more: `thin` packs and multiplies panel by panel while it is in the cache, and up to
 * four rows read b as it is: matmul-row.ts. */
import { dims } from '../dims.ts';
import type { Start } from '../kernels.ts';
import type { Tensor } from '../tensor.ts';
import { call, type Expr, type Func, f32, func, i32, loop, type Stmt, select, when } from './assembler.ts';
import type { Engine, Family } from './engine.ts';
import { element } from './lanes.ts';
import {
  pack,
  packPanel,
  packPanelTransposed,
  packTogether,
  packTransposed,
  transpose,
  transposeStrip,
} from './matmul-pack.ts';
import { mostRows, rowProduct, rowStrip } from './matmul-row.ts';
import { tile, tileColumns, tileRows } from './matmul-tile.ts';
import type { Target } from './target.ts';

const blockTiles = 8;
/** Up to so many rows b is read in place, four rows of y at a time. */
const inPlaceRows = 8;
/** Up to so many rows it is packed and multiplied panel by panel. */
const thinRows = 48;

const matrices = {
  y: 'i32',
  /** What y starts from, in bytes per row and per column: a start of nothing is the zeros at address 0, with steps of 0. */
  start: 'i32',
  startStep: 'i32',
  startColumn: 'i32',
  a: 'i32',
  aStep: 'i32',
  /** (M 8): where the tiles of the last panel are written first if y ends within it. */
  edge: 'i32',
  M: 'i32',
  N: 'i32',
  K: 'i32',
} as const;
const names = Object.keys(matrices) as (keyof typeof matrices)[];
/** Hands a kernel's own matrices on to the function it calls. */
const pass = <T>(p: { readonly [name in keyof typeof matrices]: T }) =>
  Object.fromEntries(names.map((name) => [name, p[name]])) as { readonly [name in keyof typeof matrices]: T };

/** Rows from .. to - 1 of one panel of y, tile after tile. */
function panelProduct(target: Target) {
  const most = tileRows(target);
  const tiles = Array.from({ length: most }, (_, i) => tile(target, i + 1));
  const range = { panel: 'i32', column: 'i32', from: 'i32', to: 'i32' } as const;
  return func('panelProduct', { ...matrices, ...range }, (p, local) => {
    const [row, out, outStep, width, c] = [
      local('i32'),
      local('i32'),
      local('i32'),
      local('i32'),
      local('i32'),
    ];
    const edgeStep = 4 * tileColumns;
    const inY = (i: Expr<'i32'>): Expr<'i32'> => element(p.y, i32.add(i32.mul(i, p.N), p.column));
    const inEdge = (i: Expr<'i32'>): Expr<'i32'> => i32.add(p.edge, i32.mul(i, edgeStep));
    const whole = i32.ge(width, tileColumns);
    const run = (rows: number): Stmt =>
      call(tiles[rows - 1]!, {
        y: out,
        yStep: outStep,
        start: i32.add(i32.add(p.start, i32.mul(row, p.startStep)), i32.mul(p.column, p.startColumn)),
        startStep: p.startStep,
        a: i32.add(p.a, i32.mul(row, p.aStep)),
        aStep: p.aStep,
        b: p.panel,
        K: p.K,
      });
    const left = i32.sub(p.to, row);
    const fewer = tiles.slice(0, -1).map((_, i) => when(i32.eq(left, i + 1), [run(i + 1)]));
    return [
      width.set(i32.sub(p.N, p.column)),
      outStep.set(select(whole, i32.shl(p.N, 2), i32.const(edgeStep))),
      loop(row, p.from, p.to, most, [
        out.set(select(whole, inY(row), inEdge(row))),
        when(i32.ge(left, most), [run(most)], fewer),
      ]),
      when(i32.lt(width, tileColumns), [
        loop(row, p.from, p.to, 1, [
          loop(c, 0, width, 1, [f32.store(element(inY(row), c), f32.load(element(inEdge(row), c)))]),
        ]),
      ]),
    ];
  });
}

function productKernels(target: Target): Func[] {
  const panelRows = panelProduct(target);
  const blockRows = blockTiles * tileRows(target);
  const part = { from: 'i32', to: 'i32' } as const;
  const panelBytes = (p: { readonly K: Expr<'i32'> }) => i32.shl(p.K, 5);
  const smaller = (a: Expr<'i32'>, b: Expr<'i32'>) => select(i32.lt(a, b), a, b);
  /** Over pairs of a block of rows and a panel, panels first. */
  const product = func('product', { ...matrices, packed: 'i32', panels: 'i32', ...part }, (p, local) => {
    const [pair, panel, row] = [local('i32'), local('i32'), local('i32')];
    return [
      loop(pair, p.from, p.to, 1, [
        panel.set(i32.rem(pair, p.panels)),
        row.set(i32.mul(i32.div(pair, p.panels), blockRows)),
        call(panelRows, {
          ...pass(p),
          panel: i32.add(p.packed, i32.mul(panel, panelBytes(p))),
          column: i32.mul(panel, tileColumns),
          from: row,
          to: smaller(p.M, i32.add(row, blockRows)),
        }),
      ]),
    ];
  });
  /** Over panels; every slice has one panel's room of its own. */
  const thin = (name: string, packOne: typeof packPanel) =>
    func(name, { ...matrices, packed: 'i32', b: 'i32', ...part }, (p, local) => {
      const [n, column, panel] = [local('i32'), local('i32'), local('i32')];
      return [
        panel.set(i32.add(p.packed, i32.mul(p.from, panelBytes(p)))),
        loop(n, p.from, p.to, 1, [
          column.set(i32.mul(n, tileColumns)),
          call(packOne, { packed: panel, b: p.b, N: p.N, K: p.K, column }),
          call(panelRows, { ...pass(p), panel, column, from: 0, to: p.M }),
        ]),
      ];
    });
  return [product, thin('thin', packPanel), thin('thinTransposed', packPanelTransposed)];
}

/** Nanoseconds on one thread, for deciding how to split. */
const perMultiplyAdd = 0.05;
const perPacked = 0.15;

/** The addresses and lengths of a product. */
interface Product {
  readonly M: number;
  readonly N: number;
  readonly K: number;
  readonly y: number;
  readonly start: readonly [pointer: number, step: number, column: number];
  readonly a: number;
  readonly aStep: number;
  readonly b: number;
  readonly transposedB: boolean;
}

function operations(engine: Engine): ReturnType<Family['operations']> {
  const kernel = (name: string) => engine.kernel(name);
  const [product, thin, thinTransposed] = [kernel('product'), kernel('thin'), kernel('thinTransposed')];
  const [packAll, packAllTransposed, transposeAll] = [
    kernel('pack'),
    kernel('packTransposed'),
    kernel('transpose'),
  ];
  const rowProducts = Array.from({ length: mostRows }, (_, i) => kernel(`rowProduct${i + 1}`));
  const blockRows = blockTiles * tileRows(engine.target);

  /** `scratch` is at least `scratchBytes` long. */
  const multiply = (p: Product, scratch: number): void => {
    const { M, N, K, y, start, a, aStep, b } = p;
    const panels = Math.ceil(N / tileColumns);
    const edge = scratch + panels * K * 32;
    const panelCost = K * tileColumns * perPacked;
    if (M <= inPlaceRows && !p.transposedB) {
      for (let row = 0; row < M; row += mostRows) {
        const rows = Math.min(mostRows, M - row);
        const work = { outputs: N, unit: rowStrip, cost: K * (0.03 + 0.035 * rows) };
        const [from, startStep, startColumn] = start;
        const launch = rowProducts[rows - 1]!;
        launch(
          work,
          y + row * N * 4,
          from + row * startStep,
          startStep,
          startColumn,
          a + row * aStep,
          aStep,
          b,
          N,
          K,
        );
      }
      return;
    }
    const matrices = [y, ...start, a, aStep, edge, M, N, K];
    if (M <= thinRows) {
      const work = { outputs: panels, cost: panelCost + M * K * tileColumns * perMultiplyAdd };
      (p.transposedB ? thinTransposed : thin)(work, ...matrices, scratch, b);
      return;
    }
    const packing = { outputs: panels, unit: p.transposedB ? 1 : packTogether, cost: panelCost };
    (p.transposedB ? packAllTransposed : packAll)(packing, scratch, b, N, K);
    const blocks = Math.ceil(M / blockRows);
    const work = { outputs: blocks * panels, cost: blockRows * K * tileColumns * perMultiplyAdd };
    product(work, ...matrices, scratch, panels);
  };
  const scratchBytes = (M: number, N: number, K: number): number =>
    Math.ceil(N / tileColumns) * K * 32 + M * 32;

  const beginning = (operation: string, y: Tensor, start: Start): Product['start'] => {
    if (start === 'set') return [0, 0, 0];
    const N = y.shape[1]!;
    if (start === 'add') return [engine.pointer(y), N * 4, 4];
    dims(operation, { y: [y, 'M N'], bias: [start, 'N'] });
    return [engine.pointer(start), 0, 4];
  };

  return {
    matmul(y, a, b, start) {
      const { M, N, K } = dims('matmul', { a: [a, 'M K'], b: [b, 'K N'], y: [y, 'M N'] });
      const from = beginning('matmul', y, start);
      const addresses = { y: engine.pointer(y), a: engine.pointer(a), aStep: K * 4, b: engine.pointer(b) };
      multiply(
        { M, N, K, ...addresses, start: from, transposedB: false },
        engine.scratch(scratchBytes(M, N, K)),
      );
    },
    matmulTransposedB(y, a, b, start) {
      const { M, N, K } = dims('matmulTransposedB', { a: [a, 'M K'], b: [b, 'N K'], y: [y, 'M N'] });
      const from = beginning('matmulTransposedB', y, start);
      const addresses = { y: engine.pointer(y), a: engine.pointer(a), aStep: K * 4, b: engine.pointer(b) };
      multiply(
        { M, N, K, ...addresses, start: from, transposedB: true },
        engine.scratch(scratchBytes(M, N, K)),
      );
    },
    matmulTransposedA(y, a, b, start) {
      const { M, N, K } = dims('matmulTransposedA', { a: [a, 'K M'], b: [b, 'K N'], y: [y, 'M N'] });
      const from = beginning('matmulTransposedA', y, start);
      const strips = Math.ceil(M / transposeStrip);
      // Rows a cache line longer than they need to be, so that those of a tile never fall on the same few lines.
      const aStep = (Math.ceil(K / 4) * 4 + 16) * 4;
      const rows = engine.scratch(strips * transposeStrip * aStep + scratchBytes(M, N, K));
      const work = { outputs: strips, cost: K * transposeStrip * perPacked };
      transposeAll(work, rows, aStep, engine.pointer(a), M, K);
      const addresses = { y: engine.pointer(y), a: rows, aStep, b: engine.pointer(b) };
      const rest = rows + strips * transposeStrip * aStep;
      multiply({ M, N, K, ...addresses, start: from, transposedB: false }, rest);
    },
  };
}

export const matmul: Family = {
  kernels: (target) => [
    ...productKernels(target),
    ...Array.from({ length: mostRows }, (_, i) => rowProduct(target, i + 1)),
    pack,
    packTransposed,
    transpose,
  ],
  operations,
};
