/** Matrix products y (M N) = start + a b in three transpositions; for the formulas see reference/matmul.ts.
 *
 * All three are one product of rows of a and packed panels of b: b is brought into panels as wide as a tile whichever way
 * it lies, a transposed a into rows. Then, in blocks of several register tiles below each other,
 *
 *     for each block of rows            the block of a stays in the second-level cache,
 *       for each panel of b             the panel in the first-level cache,
 *         for each tile of the block    and the sums in registers: tile.ts
 *
 * Threads share the pairs of block and panel. Each element of y is one chain over k, from the start value up, with the
 * same multiply-add whatever tile, edge or path computes it: so a row does not depend on how many rows there are.
 *
 * With few rows packing weighs more: then each panel is packed and multiplied at once, while it is in the cache; and
 * with very few, b is read as it is: row.ts and row-transposed.ts. Where b is known not to change, it is packed once and
 * for all: frozen.ts, and row-panels.ts for very few rows. */
import { dims } from '../../dims.ts';
import type { Start } from '../../kernels.ts';
import type { Tensor } from '../../tensor.ts';
import { family, type Launcher, type Work } from '../machine/engine.ts';
import type { Target } from '../machine/target.ts';
import { Frozen } from './frozen.ts';
import { packing, packTogether, transpose, transposeStrip } from './pack.ts';
import { blockRows, productKernels } from './product.ts';
import { mostRows, type rowParameters, rowProduct, rowStrip } from './row.ts';
import { frozenColumns, mostRowsPanels, rowPanels } from './row-panels.ts';
import { mostRowsTransposed, rowProductTransposed } from './row-transposed.ts';
import { perMultiplyAdd, tileColumns } from './tile.ts';

/** Up to so many rows it is packed and multiplied panel by panel. */
const thinRows = 48;

/** Nanoseconds on one thread, for deciding how to split. */
const perPacked = 0.15;
const perFrozen = 0.04;
/** Up to so many rows are multiplied by frozen weights one or two at a time, and more by tiles. */
const rowPanelsUpTo = 4;

/** The addresses and lengths of a product; steps are bytes from one row to the next. */
interface Product {
  readonly M: number;
  readonly N: number;
  readonly K: number;
  readonly y: number;
  readonly from: YStart;
  readonly a: number;
  readonly aStep: number;
  readonly b: number;
}
/** Where y starts from; the column step is 0 where one number serves all. */
interface YStart {
  readonly start: number;
  readonly startStep: number;
  readonly startColumn: number;
}

/** How b lies, and the kernels for it. */
interface Order {
  /** For one row of a, for two, ..: b is read as it is. */
  readonly rows: readonly Launcher<typeof rowParameters>[];
  /** Up to so many rows that is faster than packing, several times over if need be. */
  readonly inPlaceRows: number;
  /** Nanoseconds of it for each number of b on one thread. */
  readonly perNumber: (rows: number) => number;
  readonly thin: Launcher<ReturnType<typeof productKernels>['thin']['params']>;
  readonly pack: Launcher<ReturnType<typeof packing>['pack']['params']>;
  /** Panels that one call of `pack` takes together. */
  readonly together: number;
  /** Copies of those b that are frozen. They are made on this thread, and not as part of a pass that is recorded. */
  readonly frozen: Frozen;
}

/** At address 0 there are zeros. */
const zeros: YStart = { start: 0, startStep: 0, startColumn: 0 };

const packFrozen = packing(frozenColumns);
const kernels = (target: Target) => ({
  ...productKernels(target),
  rows: Array.from({ length: mostRows }, (_, i) => rowProduct(target, i + 1)),
  rowsTransposed: Array.from({ length: mostRowsTransposed }, (_, i) => rowProductTransposed(target, i + 1)),
  rowPanels: Array.from({ length: mostRowsPanels }, (_, i) => rowPanels(target, i + 1)),
  pack: packing(tileColumns(target)).pack,
  packTransposed: packing(tileColumns(target)).packTransposed,
  packFrozen: packFrozen.pack,
  packFrozenTransposed: packFrozen.packTransposed,
  transpose,
});

export const matmul = family(kernels, (run, engine) => {
  const columns = tileColumns(engine.target);
  const copies = (pack: ReturnType<typeof packing>['pack']) => new Frozen(engine.direct(pack), engine);
  const plain: Order = {
    rows: run.rows,
    inPlaceRows: 2 * mostRows,
    perNumber: (rows) => 0.03 + 0.035 * rows,
    thin: run.thin,
    pack: run.pack,
    together: packTogether(columns),
    frozen: copies(packFrozen.pack),
  };
  const transposed: Order = {
    rows: run.rowsTransposed,
    inPlaceRows: mostRowsTransposed,
    perNumber: (rows) => 0.05 + 0.075 * rows,
    thin: run.thinTransposed,
    pack: run.packTransposed,
    together: 1,
    frozen: copies(packFrozen.packTransposed),
  };
  const rowsOfBlock = blockRows(engine.target);
  /** Bytes for the panels of b and for as many columns of y as a panel has. */
  const scratchBytes = ({ M, N, K }: Pick<Product, 'M' | 'N' | 'K'>): number =>
    (Math.ceil(N / columns) * K + M) * 4 * columns;

  /** A few rows of a at a time. @param launchers for one row, for two, .. @param b as these read it */
  const multiplyRows = (
    { M, N, K, y, from, a, aStep }: Product,
    launchers: readonly Launcher<typeof rowParameters>[],
    b: number,
    workOf: (rows: number) => Work,
  ): void => {
    const { startStep, startColumn } = from;
    const most = launchers.length;
    for (let row = 0; row < M; row += most) {
      const rows = Math.min(most, M - row);
      const [yRow, start, aRow] = [y + row * N * 4, from.start + row * startStep, a + row * aStep];
      launchers[rows - 1]!(workOf(rows), yRow, start, startStep, startColumn, aRow, aStep, b, N, K);
    }
  };

  const matricesOf = ({ M, N, K, y, from, a, aStep }: Product, edge: number) =>
    [y, from.start, from.startStep, from.startColumn, a, aStep, edge, M, N, K] as const;

  /** @param scratch the address of scratchBytes */
  const multiplyPanels = (p: Product, order: Order, scratch: number): void => {
    const { M, N, K, b } = p;
    const panels = Math.ceil(N / columns);
    const edge = scratch + panels * K * 4 * columns;
    const packing = K * columns * perPacked;
    const perRow = K * columns * perMultiplyAdd;
    if (M <= thinRows) {
      order.thin({ outputs: panels, cost: packing + M * perRow }, ...matricesOf(p, edge), scratch, b);
    } else {
      order.pack({ outputs: panels, unit: order.together, cost: packing }, scratch, b, N, K);
      multiplyPacked(p, scratch, columns, edge);
    }
  };

  /** @param packed the address of panels of so many columns @param edge that of 4 * columns * M bytes */
  const multiplyPacked = (p: Product, packed: number, panelColumns: number, edge: number): void => {
    const { M, N, K } = p;
    const tiles = Math.ceil(N / columns);
    const work = {
      outputs: Math.ceil(M / rowsOfBlock) * tiles,
      cost: Math.min(M, rowsOfBlock) * K * columns * perMultiplyAdd,
    };
    run.product(work, ...matricesOf(p, edge), packed, 4 * panelColumns, tiles);
  };

  const startOf = (operation: string, y: Tensor, start: Start): YStart => {
    if (start === 'set') return zeros;
    if (start === 'add') return { start: engine.pointer(y), startStep: y.shape[1]! * 4, startColumn: 4 };
    dims(operation, { y: [y, 'M N'], bias: [start, 'N'] });
    return { start: engine.pointer(start), startStep: 0, startColumn: 4 };
  };

  const multiply = (p: Product, order: Order): void => {
    const { M, N, K, b } = p;
    const packed = order.frozen.packed(p);
    if (packed !== undefined && M <= rowPanelsUpTo) {
      const work = { outputs: Math.ceil(N / frozenColumns), cost: K * frozenColumns * perFrozen };
      multiplyRows(p, run.rowPanels, packed, () => work);
    } else if (packed !== undefined) {
      multiplyPacked(p, packed, frozenColumns, engine.scratch(4 * columns * M));
    } else if (M <= order.inPlaceRows) {
      const work = (rows: number) => ({ outputs: N, unit: rowStrip, cost: K * order.perNumber(rows) });
      multiplyRows(p, order.rows, b, work);
    } else multiplyPanels(p, order, engine.scratch(scratchBytes(p)));
  };

  const at = (t: Tensor) => engine.pointer(t);
  return {
    freeze(weights) {
      const [from, bytes] = [at(weights), 4 * weights.size];
      // All or nothing: what is not copied may have to be packed into scratch, and then needs that memory.
      if (bytes > engine.roomForCopies()) return;
      for (const { frozen } of [plain, transposed]) frozen.freeze(from, from + bytes);
    },
    matmul(y, a, b, start) {
      const { M, N, K } = dims('matmul', { a: [a, 'M K'], b: [b, 'K N'], y: [y, 'M N'] });
      const from = startOf('matmul', y, start);
      multiply({ M, N, K, y: at(y), from, a: at(a), aStep: K * 4, b: at(b) }, plain);
    },
    matmulTransposedB(y, a, b, start) {
      const { M, N, K } = dims('matmulTransposedB', { a: [a, 'M K'], b: [b, 'N K'], y: [y, 'M N'] });
      const from = startOf('matmulTransposedB', y, start);
      multiply({ M, N, K, y: at(y), from, a: at(a), aStep: K * 4, b: at(b) }, transposed);
    },
    matmulTransposedA(y, a, b, start) {
      const { M, N, K } = dims('matmulTransposedA', { a: [a, 'K M'], b: [b, 'K N'], y: [y, 'M N'] });
      const from = startOf('matmulTransposedA', y, start);
      const strips = Math.ceil(M / transposeStrip);
      // Rows a cache line longer than they need to be, so that those of a tile do not fall on the same few lines.
      const aStep = (Math.ceil(K / 4) * 4 + 16) * 4;
      const rows = engine.scratch(strips * transposeStrip * aStep + scratchBytes({ M, N, K }));
      const scratch = rows + strips * transposeStrip * aStep;
      const work = { outputs: strips, cost: K * transposeStrip * perPacked };
      run.transpose(work, rows, aStep, at(a), M, K);
      multiplyPanels({ M, N, K, y: at(y), from, a: rows, aStep, b: at(b) }, plain, scratch);
    },
  };
});
