/** dbias (N) += column sums of dy (M N).
 *
 * Lanes run over columns, 16 of them (a cache line of dy) in one pass down the rows. Sums are kept in double, as in
 * the reference, with the same bits: the kernel waits for memory anyway. Threads share the columns. */
import { dims } from '../dims.ts';
import { call, type Expr, f32x4, f64x2, func, i32, i64x2, loop, type Stmt, v128 } from '../wasm/assembler.ts';
import { element, fresh, locals, promoteHigh, storeFirst } from '../wasm/lanes.ts';
import { family } from './machine/engine.ts';

const strip = 16;

const columnSums = func(
  'columnSums',
  { sums: 'i32', x: 'i32', rows: 'i32', columns: 'i32', from: 'i32', to: 'i32' },
  (p, local) => {
    const [n, m, at, rest] = fresh(local, 'i32');
    const sums = locals(local, 'v128', strip / 2);
    const x = local('v128');
    // Sums `vectors` times 4 columns from column n on; of the last four only those below `to` are written.
    const pass = (vectors: number, write: (result: Expr<'v128'>, v: number) => Stmt): Stmt[] => [
      ...sums.slice(0, 2 * vectors).map((sum) => sum.set(f64x2.const(0))),
      at.set(element(p.x, n)),
      loop(m, 0, p.rows, 1, [
        ...Array.from({ length: vectors }, (_, v) => [
          x.set(v128.load(at, 16 * v)),
          sums[2 * v]!.set(f64x2.add(sums[2 * v]!, f64x2.promoteLowF32x4(x))),
          sums[2 * v + 1]!.set(f64x2.add(sums[2 * v + 1]!, promoteHigh(x))),
        ]).flat(),
        at.set(element(at, p.columns)),
      ]),
      at.set(element(p.sums, n)),
      ...Array.from({ length: vectors }, (_, v) => {
        const low = f32x4.demoteF64x2Zero(f64x2.add(sums[2 * v]!, f64x2.promoteLowF32x4(x)));
        const high = f32x4.demoteF64x2Zero(f64x2.add(sums[2 * v + 1]!, promoteHigh(x)));
        return [x.set(v128.load(at, 16 * v)), write(i64x2.shuffle(low, high, [0, 2]), v)];
      }).flat(),
    ];
    const whole = pass(strip / 4, (result, v) => v128.store(at, result, 16 * v));
    const some = pass(1, (result) => call(storeFirst, { p: at, v: result, n: rest }));
    return [
      loop(n, p.from, i32.sub(p.to, strip - 1), strip, whole),
      loop(n, n, p.to, 4, [rest.set(i32.sub(p.to, n)), ...some]),
    ];
  },
);

export const bias = family(
  () => ({ columnSums }),
  ({ columnSums }, engine) => ({
    biasBackward(dbias, dy) {
      const { M, N } = dims('biasBackward', { dy: [dy, 'M N'], dbias: [dbias, 'N'] });
      const work = { outputs: N, unit: strip, cost: 0.2 * M };
      columnSums(work, engine.pointer(dbias), engine.pointer(dy), M, N);
    },
  }),
);
