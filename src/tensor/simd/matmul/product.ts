/** The kernels that multiply by packed panels of b, tile after tile: `product` when b is packed as a whole, `thin` when
 * there are few rows and each panel is packed right before it is used. */
import { call, type Expr, f32, func, i32, loop, type Stmt, select, when } from '../../wasm/assembler.ts';
import { element, fresh, smaller } from '../../wasm/lanes.ts';
import type { Target } from '../machine/target.ts';
import { type PackPanel, packing } from './pack.ts';
import { tile, tileColumns, tileRows } from './tile.ts';

/** Rows of a block: several tiles below each other, which share a panel of b while it is in the cache. */
export const blockRows = (target: Target): number => 8 * tileRows(target);

const matrices = {
  y: 'i32',
  /** What y starts from, in bytes per row and per column: a start of nothing is the zeros at address 0, with steps of 0. */
  start: 'i32',
  startStep: 'i32',
  startColumn: 'i32',
  a: 'i32',
  aStep: 'i32',
  /** (M tileColumns): where the tiles of the last panel are written first if y ends within it. */
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
export function panelProduct(target: Target) {
  const most = tileRows(target);
  const columns = tileColumns(target);
  const tiles = Array.from({ length: most }, (_, i) => tile(target, i + 1));
  const range = { panel: 'i32', panelStep: 'i32', column: 'i32', from: 'i32', to: 'i32' } as const;
  return func('panelProduct', { ...matrices, ...range }, (p, local) => {
    const [row, out, outStep] = fresh(local, 'i32');
    const [width, c] = fresh(local, 'i32');
    const edgeStep = 4 * columns;
    const inY = (i: Expr<'i32'>): Expr<'i32'> => element(p.y, i32.add(i32.mul(i, p.N), p.column));
    const inEdge = (i: Expr<'i32'>): Expr<'i32'> => i32.add(p.edge, i32.mul(i, edgeStep));
    const whole = i32.ge(width, columns);
    const run = (rows: number): Stmt =>
      call(tiles[rows - 1]!, {
        y: out,
        yStep: outStep,
        start: i32.add(i32.add(p.start, i32.mul(row, p.startStep)), i32.mul(p.column, p.startColumn)),
        startStep: p.startStep,
        a: i32.add(p.a, i32.mul(row, p.aStep)),
        aStep: p.aStep,
        b: p.panel,
        bStep: p.panelStep,
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
      when(i32.lt(width, columns), [
        loop(row, p.from, p.to, 1, [
          loop(c, 0, width, 1, [f32.store(element(inY(row), c), f32.load(element(inEdge(row), c)))]),
        ]),
      ]),
    ];
  });
}

export function productKernels(target: Target) {
  const panelRows = panelProduct(target);
  const rows = blockRows(target);
  const columns = tileColumns(target);
  const { packPanel, packPanelTransposed } = packing(columns);
  const part = { from: 'i32', to: 'i32' } as const;
  const tileBytes = 4 * columns;
  const panelBytes = (p: { readonly K: Expr<'i32'> }) => i32.mul(p.K, tileBytes);
  /** Over pairs of a block of rows and a panel, panels first. Panels of `packed` may be as wide as several tiles. */
  const packed = { packed: 'i32', packedStep: 'i32', panels: 'i32' } as const;
  const product = func('product', { ...matrices, ...packed, ...part }, (p, local) => {
    const [pair, panel, row, byte, inPanel] = fresh(local, 'i32');
    return [
      loop(pair, p.from, p.to, 1, [
        panel.set(i32.rem(pair, p.panels)),
        row.set(i32.mul(i32.div(pair, p.panels), rows)),
        byte.set(i32.mul(panel, tileBytes)),
        inPanel.set(i32.rem(byte, p.packedStep)),
        call(panelRows, {
          ...pass(p),
          panel: i32.add(i32.add(p.packed, i32.mul(i32.sub(byte, inPanel), p.K)), inPanel),
          panelStep: p.packedStep,
          column: i32.mul(panel, columns),
          from: row,
          to: smaller(p.M, i32.add(row, rows)),
        }),
      ]),
    ];
  });
  /** Over panels; every slice has one panel's room of its own. */
  const thin = (name: string, packOne: PackPanel) =>
    func(name, { ...matrices, packed: 'i32', b: 'i32', ...part }, (p, local) => {
      const [n, column, panel] = fresh(local, 'i32');
      return [
        panel.set(i32.add(p.packed, i32.mul(p.from, panelBytes(p)))),
        loop(n, p.from, p.to, 1, [
          column.set(i32.mul(n, columns)),
          call(packOne, { packed: panel, b: p.b, N: p.N, K: p.K, column }),
          call(panelRows, { ...pass(p), panel, panelStep: tileBytes, column, from: 0, to: p.M }),
        ]),
      ];
    });
  return {
    product,
    thin: thin('thin', packPanel),
    thinTransposed: thin('thinTransposed', packPanelTransposed),
  };
}
