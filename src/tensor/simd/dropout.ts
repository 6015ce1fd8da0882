/** Dropout's mask, from Philox4x32-10: the same bits as ../random.ts gives word by word.
 *
 * Lanes are four consecutive draws, so each of the ten rounds is two 32 by 32 to 64 bit products of four lanes, and
 * what comes out, four vectors of words j, is transposed to the words of four draws one after the other. Outputs are
 * draws: four elements each.
 *
 * 98,304 elements take 0.15 ms, the reference 2.7 ms. */
import { check } from '../dims.ts';
import { purposes, RandomStream } from '../random.ts';
import {
  f32x4,
  func,
  i32,
  i32x4,
  i64x2,
  type Local,
  loop,
  type Stmt,
  select,
  v128,
} from '../wasm/assembler.ts';
import { Constants } from '../wasm/constants.ts';
import { fresh, locals, transpose4x4 } from '../wasm/lanes.ts';
import { family } from './machine/engine.ts';
import { storeUpTo } from './rows.ts';

type Vector = Local<'v128'>;
const rounds = 10;
const multipliers = [0xd2511f53, 0xcd9e8d57];
const weyl = [0x9e3779b9, 0xbb67ae85];

const mask = func(
  'dropoutMask',
  {
    mask: 'i32',
    size: 'i32',
    /** Words up to this one, unsigned, silence their element. */
    limit: 'i32',
    kept: 'f32',
    key0: 'i32',
    key1: 'i32',
    step: 'i32',
    site: 'i32',
    from: 'i32',
    to: 'i32',
  },
  (p, local) => {
    const [draw, left] = fresh(local, 'i32');
    const constants = new Constants(local);
    const counter = locals(local, 'v128', 4);
    const [c0, c1, c2, c3] = counter as [Vector, Vector, Vector, Vector];
    const products = locals(local, 'v128', 4);
    const [low0, high0, low1, high1] = products as [Vector, Vector, Vector, Vector];
    const keys = [0, 1].map(() => locals(local, 'v128', rounds));
    const [limit, kept, out] = fresh(local, 'v128');
    const words = transpose4x4(counter, products);

    const round = (r: number): Stmt[] => [
      ...[c0, c2].flatMap((c, i) => [
        products[2 * i]!.set(i64x2.extmulLowI32x4U(c, constants.int(multipliers[i]!))),
        products[2 * i + 1]!.set(i64x2.extmulHighI32x4U(c, constants.int(multipliers[i]!))),
      ]),
      c0.set(v128.xor(v128.xor(i32x4.shuffle(low1, high1, [1, 3, 5, 7]), c1), keys[0]![r]!)),
      c1.set(i32x4.shuffle(low1, high1, [0, 2, 4, 6])),
      c2.set(v128.xor(v128.xor(i32x4.shuffle(low0, high0, [1, 3, 5, 7]), c3), keys[1]![r]!)),
      c3.set(i32x4.shuffle(low0, high0, [0, 2, 4, 6])),
    ];
    return [
      constants.set,
      limit.set(i32x4.splat(p.limit)),
      kept.set(f32x4.splat(p.kept)),
      ...keys.flatMap((key, i) =>
        key.map((k, r) => k.set(i32x4.splat(i32.add(i === 0 ? p.key0 : p.key1, Math.imul(r, weyl[i]!))))),
      ),
      loop(draw, p.from, p.to, 4, [
        c0.set(i32x4.splat(p.step)),
        c1.set(i32x4.splat(p.site)),
        c2.set(i32x4.add(i32x4.splat(draw), i32x4.const(0, 1, 2, 3))),
        c3.set(constants.int(purposes.dropout)),
        ...Array.from({ length: rounds }, (_, r) => round(r)).flat(),
        // Elements up to the end of this share, or of the mask.
        left.set(
          i32.sub(select(i32.lt(i32.shl(p.to, 2), p.size), i32.shl(p.to, 2), p.size), i32.shl(draw, 2)),
        ),
        ...words.pairs,
        ...words.columns.flatMap((column, j) => [
          out.set(v128.and(i32x4.gtU(column, limit), kept)),
          storeUpTo(i32.sub(left, 4 * j), i32.add(p.mask, i32.shl(i32.add(draw, j), 4)), out),
        ]),
      ]),
    ];
  },
);

export const dropout = family(
  () => ({ mask }),
  ({ mask }, engine) => ({
    dropoutMask(out, rate, { seed, step, site }) {
      check('dropoutMask', rate >= 0 && rate < 1, 'a rate in 0 <= rate < 1', { rate });
      const [key0, key1] = new RandomStream(seed, 'dropout').key;
      if (rate === 0) return void out.data.fill(1);
      // word < rate * 2^32, for whole words.
      const limit = Math.ceil(rate * 0x100000000) - 1;
      const work = { outputs: Math.ceil(out.size / 4), unit: 16, cost: 6 };
      mask(work, engine.pointer(out), out.size, limit, 1 / (1 - rate), key0, key1, step, site);
    },
  }),
);
