/** The assembler: every instruction is executed and compared with what JavaScript says it should be. */
import { describe, expect, test } from 'vitest';
import { nodeHost } from '../../../src/cli/host/simd-host.ts';
import { hasFusedMultiplyAdd, hasRelaxedSimd } from '../../../src/tensor/simd/machine/target.ts';
import {
  after,
  assemble,
  memory as bulk,
  call,
  callIndirect,
  doWhile,
  type Expr,
  type Func,
  f32,
  f32x4,
  f64,
  f64x2,
  func,
  i32,
  i32Atomic,
  i32x4,
  i64,
  i64x2,
  loop,
  type Params,
  select,
  seq,
  sleb,
  type Type,
  uleb,
  v128,
  when,
  whileLoop,
} from '../../../src/tensor/wasm/assembler.ts';

type Vector = Expr<'v128'>;
if (!hasRelaxedSimd()) nodeHost.enableRelaxedSimd();

/** A module of one or more functions on a fresh memory. */
function run(...functions: Func[]) {
  const memory = new WebAssembly.Memory({ initial: 1, maximum: 1, shared: true });
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(assemble(functions)), {
    env: { memory },
  });
  return { buffer: memory.buffer, exports: exports as Record<string, (...args: number[]) => number> };
}

/** What an expression without operands from outside evaluates to. */
function evaluate(result: Expr<'i32'> | Expr<'f32'> | Expr<'f64'>): number {
  return run(func('value', {}, () => result as Expr<'f32'>)).exports['value']!();
}

/** The four lanes of a vector, as floats, ints or doubles. */
function lanes<A>(
  vector: Vector,
  View: new (buffer: ArrayBufferLike, offset: number, length: number) => A,
): A {
  const { buffer, exports } = run(func('store', {}, () => [v128.store(64, vector)]));
  exports['store']!();
  return new View(buffer, 64, 16 / (View as unknown as { BYTES_PER_ELEMENT: number }).BYTES_PER_ELEMENT);
}
const floats = (v: Vector) => [...lanes(v, Float32Array)];
const ints = (v: Vector) => [...lanes(v, Int32Array)];
const doubles = (v: Vector) => [...lanes(v, Float64Array)];

const [nan, infinity] = [Number.NaN, Number.POSITIVE_INFINITY];
const round = Math.fround;
/** Rounds halfway cases to even, as IEEE 754 does. */
const nearest = (x: number) => {
  const floor = Math.floor(x);
  const up = x - floor > 0.5 || (x - floor === 0.5 && floor % 2 !== 0);
  return up ? floor + 1 : floor;
};

describe('LEB128', () => {
  test('unsigned: known encodings at the edges of seven bits', () => {
    expect([0, 1, 127, 128, 129, 16383, 16384, 624485, 2 ** 31, 2 ** 32 - 1].map(uleb)).toEqual([
      [0x00],
      [0x01],
      [0x7f],
      [0x80, 0x01],
      [0x81, 0x01],
      [0xff, 0x7f],
      [0x80, 0x80, 0x01],
      [0xe5, 0x8e, 0x26],
      [0x80, 0x80, 0x80, 0x80, 0x08],
      [0xff, 0xff, 0xff, 0xff, 0x0f],
    ]);
  });

  test('signed: known encodings at the edges of the sign bit', () => {
    expect(
      [0, 63, 64, -1, -64, -65, 127, 128, -128, -129, -123456, 2 ** 31 - 1, -(2 ** 31)].map(sleb),
    ).toEqual([
      [0x00],
      [0x3f],
      [0xc0, 0x00],
      [0x7f],
      [0x40],
      [0xbf, 0x7f],
      [0xff, 0x00],
      [0x80, 0x01],
      [0x80, 0x7f],
      [0xff, 0x7e],
      [0xc0, 0xbb, 0x78],
      [0xff, 0xff, 0xff, 0xff, 0x07],
      [0x80, 0x80, 0x80, 0x80, 0x78],
    ]);
  });

  test('constants survive the way through a module', () => {
    for (const n of [0, 63, 64, -1, -64, -65, 8191, 8192, -8192, -8193, 2 ** 31 - 1, -(2 ** 31)]) {
      expect(evaluate(i32.const(n))).toBe(n);
      expect(evaluate(i64.wrap(i64.const(n)))).toBe(n);
    }
    expect(evaluate(i32.const(0xffffffff))).toBe(-1);
    for (const x of [0, -0, 1.5, -1e-45, 3.4028234663852886e38, infinity, nan, 0.1]) {
      expect(evaluate(f32.const(x))).toBe(round(x));
      expect(evaluate(f64.const(x))).toBe(x);
    }
  });
});

describe('scalars', () => {
  test('i32 arithmetic, comparison and bits', () => {
    const pairs = [[7, 3], [-7, 3], [3, 3], [-1, 1], [2 ** 31 - 1, 2], [123456789, 987654321]] as const; // biome-ignore format: a table
    for (const [a, b] of pairs) {
      expect({
        add: evaluate(i32.add(a, b)),
        sub: evaluate(i32.sub(a, b)),
        mul: evaluate(i32.mul(a, b)),
        div: evaluate(i32.div(a, b)),
        rem: evaluate(i32.rem(a, b)),
        and: evaluate(i32.and(a, b)),
        or: evaluate(i32.or(a, b)),
        xor: evaluate(i32.xor(a, b)),
        shl: evaluate(i32.shl(a, b)),
        shr: evaluate(i32.shr(a, b)),
        shrU: evaluate(i32.shrU(a, b)),
        compare: [i32.eq, i32.ne, i32.lt, i32.ltU, i32.gt, i32.le, i32.ge].map((f) => evaluate(f(a, b))),
      }).toEqual({
        add: (a + b) | 0,
        sub: (a - b) | 0,
        mul: Math.imul(a, b),
        div: Math.trunc(a / b),
        rem: (a % b) | 0,
        and: a & b,
        or: a | b,
        xor: a ^ b,
        shl: a << b,
        shr: a >> b,
        shrU: (a >>> b) | 0,
        compare: [a === b, a !== b, a < b, a >>> 0 < b >>> 0, a > b, a <= b, a >= b].map(Number),
      });
    }
    expect([evaluate(i32.eqz(0)), evaluate(i32.eqz(5))]).toEqual([1, 0]);
  });

  test('f32 arithmetic rounds to single precision', () => {
    for (const [a, b] of [
      [2.5, 0.1],
      [-3.5, 7],
      [1e30, 1e10],
      [0.1, -0.3],
    ] as const) {
      // biome-ignore format: a table
      const [x, y] = [round(a), round(b)];
      expect([f32.add, f32.sub, f32.mul, f32.div, f32.min, f32.max].map((f) => evaluate(f(a, b)))).toEqual(
        [x + y, x - y, x * y, x / y, Math.min(x, y), Math.max(x, y)].map(round),
      );
      expect([f32.eq, f32.lt, f32.gt, f32.le, f32.ge].map((f) => evaluate(f(a, b)))).toEqual(
        [x === y, x < y, x > y, x <= y, x >= y].map(Number),
      );
      expect([f32.abs, f32.neg, f32.floor, f32.nearest].map((f) => evaluate(f(a)))).toEqual(
        [Math.abs(x), -x, Math.floor(x), nearest(x)].map(round),
      );
      expect(evaluate(f32.sqrt(Math.abs(a)))).toBe(round(Math.sqrt(Math.abs(x))));
    }
  });

  test('f64 arithmetic', () => {
    for (const [a, b] of [
      [2.5, 0.1],
      [-3.5, 7],
      [1e300, 1e10],
      [0.1, -0.3],
    ] as const) {
      // biome-ignore format: a table
      expect([f64.add, f64.sub, f64.mul, f64.div, f64.min, f64.max].map((f) => evaluate(f(a, b)))).toEqual([
        a + b,
        a - b,
        a * b,
        a / b,
        Math.min(a, b),
        Math.max(a, b),
      ]);
      expect([f64.eq, f64.lt, f64.gt].map((f) => evaluate(f(a, b)))).toEqual(
        [a === b, a < b, a > b].map(Number),
      );
      expect([f64.abs, f64.neg, f64.floor, f64.nearest].map((f) => evaluate(f(a)))).toEqual([
        Math.abs(a),
        -a,
        Math.floor(a),
        nearest(a),
      ]);
      expect(evaluate(f64.sqrt(Math.abs(a)))).toBe(Math.sqrt(Math.abs(a)));
    }
  });

  test('conversions', () => {
    expect(evaluate(f32.convertI32(16777217))).toBe(16777216);
    expect(evaluate(f64.convertI32(-16777217))).toBe(-16777217);
    expect(evaluate(f32.demote(f64.const(0.1)))).toBe(round(0.1));
    expect(evaluate(f64.promote(f32.const(0.1)))).toBe(round(0.1));
    expect([2.9, -2.9, 1e20, nan].map((x) => evaluate(i32.truncSatF32(x)))).toEqual([2, -2, 2147483647, 0]);
    expect([2.9, -2.9, -1e20].map((x) => evaluate(i32.truncSatF64(x)))).toEqual([2, -2, -2147483648]);
    expect(evaluate(i32.fromBits(f32.const(1)))).toBe(0x3f800000);
    expect(evaluate(f32.fromBits(0x40490fdb))).toBe(round(Math.PI));
    const product = i64.mul(i64.extendI32U(-1), i64.const(3)); // (2^32 - 1) * 3
    expect(evaluate(i64.wrap(i64.shrU(i64.add(product, i64.const(3)), i64.const(32))))).toBe(3);
  });
});

describe('vectors', () => {
  const a = [1.5, -2.25, 3e38, -0.1].map(round) as [number, number, number, number];
  const b = [0.5, -7.75, 2e38, 0.3].map(round) as [number, number, number, number];
  const [va, vb] = [f32x4.const(...a), f32x4.const(...b)];
  const i = [7, -3, 2 ** 31 - 1, -(2 ** 31)] as [number, number, number, number];
  const j = [2, -3, 5, 100] as [number, number, number, number];
  const [vi, vj] = [i32x4.const(...i), i32x4.const(...j)];
  const each = (f: (x: number, y: number) => number) => a.map((x, l) => round(f(x, b[l]!)));
  const mask = (f: (x: number, y: number) => boolean, x: number[] = a, y: number[] = b) =>
    x.map((v, l) => (f(v, y[l]!) ? -1 : 0));

  test('f32x4 arithmetic', () => {
    expect(floats(f32x4.add(va, vb))).toEqual(each((x, y) => x + y));
    expect(floats(f32x4.sub(va, vb))).toEqual(each((x, y) => x - y));
    expect(floats(f32x4.mul(va, vb))).toEqual(each((x, y) => x * y));
    expect(floats(f32x4.div(va, vb))).toEqual(each((x, y) => x / y));
    expect(floats(f32x4.min(va, vb))).toEqual(each(Math.min));
    expect(floats(f32x4.max(va, vb))).toEqual(each(Math.max));
    expect(floats(f32x4.pmin(va, vb))).toEqual(each(Math.min));
    expect(floats(f32x4.pmax(va, vb))).toEqual(each(Math.max));
    expect(floats(f32x4.abs(va))).toEqual(each((x) => Math.abs(x)));
    expect(floats(f32x4.neg(va))).toEqual(each((x) => -x));
    expect(floats(f32x4.sqrt(f32x4.abs(va)))).toEqual(each((x) => Math.sqrt(Math.abs(x))));
    const halves = f32x4.const(2.5, -2.5, 3.5, -0.75);
    expect(floats(f32x4.ceil(halves))).toEqual([3, -2, 4, -0]);
    expect(floats(f32x4.floor(halves))).toEqual([2, -3, 3, -1]);
    expect(floats(f32x4.trunc(halves))).toEqual([2, -2, 3, -0]);
    expect(floats(f32x4.nearest(halves))).toEqual([2, -2, 4, -1]);
  });

  test('min and pmin differ where a NaN comes in', () => {
    const one = f32x4.const(1);
    const bad = f32x4.const(nan);
    expect([floats(f32x4.min(one, bad))[0], floats(f32x4.max(one, bad))[0]]).toEqual([nan, nan]);
    expect([floats(f32x4.pmin(one, bad))[0], floats(f32x4.pmax(one, bad))[0]]).toEqual([1, 1]);
    expect([floats(f32x4.pmin(bad, one))[0], floats(f32x4.pmax(bad, one))[0]]).toEqual([nan, nan]);
  });

  test('f32x4 and i32x4 comparisons give masks', () => {
    const ties: [number, number, number, number] = [a[0], b[1], a[2], a[3]];
    const vt = f32x4.const(...ties);
    expect(ints(f32x4.eq(va, vt))).toEqual(mask((x, y) => x === y, a, ties));
    expect(ints(f32x4.ne(va, vt))).toEqual(mask((x, y) => x !== y, a, ties));
    expect(ints(f32x4.lt(va, vt))).toEqual(mask((x, y) => x < y, a, ties));
    expect(ints(f32x4.gt(va, vt))).toEqual(mask((x, y) => x > y, a, ties));
    expect(ints(f32x4.le(va, vt))).toEqual(mask((x, y) => x <= y, a, ties));
    expect(ints(f32x4.ge(va, vt))).toEqual(mask((x, y) => x >= y, a, ties));
    expect(ints(i32x4.eq(vi, vj))).toEqual(mask((x, y) => x === y, i, j));
    expect(ints(i32x4.ne(vi, vj))).toEqual(mask((x, y) => x !== y, i, j));
    expect(ints(i32x4.lt(vi, vj))).toEqual(mask((x, y) => x < y, i, j));
    expect(ints(i32x4.ltU(vi, vj))).toEqual(mask((x, y) => x >>> 0 < y >>> 0, i, j));
    expect(ints(i32x4.gt(vi, vj))).toEqual(mask((x, y) => x > y, i, j));
    expect(ints(i32x4.gtU(vi, vj))).toEqual(mask((x, y) => x >>> 0 > y >>> 0, i, j));
    expect(ints(i32x4.le(vi, vj))).toEqual(mask((x, y) => x <= y, i, j));
    expect(ints(i32x4.ge(vi, vj))).toEqual(mask((x, y) => x >= y, i, j));
  });

  test('i32x4 arithmetic and shifts', () => {
    const of = (f: (x: number, y: number) => number) => i.map((x, l) => f(x, j[l]!) | 0);
    expect(ints(i32x4.add(vi, vj))).toEqual(of((x, y) => x + y));
    expect(ints(i32x4.sub(vi, vj))).toEqual(of((x, y) => x - y));
    expect(ints(i32x4.mul(vi, vj))).toEqual(of(Math.imul));
    expect(ints(i32x4.min(vi, vj))).toEqual(of(Math.min));
    expect(ints(i32x4.max(vi, vj))).toEqual(of(Math.max));
    expect(ints(i32x4.abs(vi))).toEqual(of(Math.abs));
    expect(ints(i32x4.neg(vi))).toEqual(of((x) => -x));
    expect(ints(i32x4.shl(vi, 3))).toEqual(of((x) => x << 3));
    expect(ints(i32x4.shr(vi, 3))).toEqual(of((x) => x >> 3));
    expect(ints(i32x4.shrU(vi, 3))).toEqual(of((x) => x >>> 3));
    expect(evaluate(i32x4.bitmask(vi))).toBe(0b1010);
    expect([evaluate(i32x4.allTrue(vi)), evaluate(i32x4.allTrue(i32x4.const(1, 0, 1, 1)))]).toEqual([1, 0]);
  });

  test('bits', () => {
    const bits = (f: (x: number, y: number) => number) => i.map((x, l) => f(x, j[l]!) | 0);
    expect(ints(v128.and(vi, vj))).toEqual(bits((x, y) => x & y));
    expect(ints(v128.or(vi, vj))).toEqual(bits((x, y) => x | y));
    expect(ints(v128.xor(vi, vj))).toEqual(bits((x, y) => x ^ y));
    expect(ints(v128.andnot(vi, vj))).toEqual(bits((x, y) => x & ~y));
    expect(ints(v128.not(vi))).toEqual(bits((x) => ~x));
    const m = 0x0ff0f00f;
    expect(ints(v128.bitselect(vi, vj, i32x4.const(m)))).toEqual(bits((x, y) => (x & m) | (y & ~m)));
    expect([evaluate(v128.anyTrue(vi)), evaluate(v128.anyTrue(i32x4.const(0)))]).toEqual([1, 0]);
  });

  test('conversions saturate and round', () => {
    const wild = f32x4.const(2.9, -2.9, 1e20, nan);
    expect(ints(i32x4.truncSatF32x4(wild))).toEqual([2, -2, 2147483647, 0]);
    expect(ints(i32x4.truncSatF32x4U(wild))).toEqual([2, 0, -1, 0]);
    expect(ints(i32x4.truncSatF64x2Zero(f64x2.const(-7.9)))).toEqual([-7, -7, 0, 0]);
    expect(floats(f32x4.convertI32x4(i32x4.const(16777217, -5, 0, 7)))).toEqual([16777216, -5, 0, 7]);
    expect(floats(f32x4.convertI32x4U(i32x4.const(-1, 1, 2, 3)))).toEqual([4294967296, 1, 2, 3]);
    expect(doubles(f64x2.promoteLowF32x4(va))).toEqual([a[0], a[1]]);
    expect(floats(f32x4.demoteF64x2Zero(f64x2.const(0.1)))).toEqual([round(0.1), round(0.1), 0, 0]);
    expect(doubles(f64x2.convertLowI32x4(vi))).toEqual([7, -3]);
  });

  test('lanes: splat, extract, replace, shuffle', () => {
    expect(floats(f32x4.splat(0.1))).toEqual([0.1, 0.1, 0.1, 0.1].map(round));
    expect(ints(i32x4.splat(-9))).toEqual([-9, -9, -9, -9]);
    expect(ints(i64x2.splat(i64.const(-2)))).toEqual([-2, -1, -2, -1]);
    expect(doubles(f64x2.splat(0.1))).toEqual([0.1, 0.1]);
    expect(a.map((_, l) => evaluate(f32x4.extractLane(va, l)))).toEqual(a);
    expect(i.map((_, l) => evaluate(i32x4.extractLane(vi, l)))).toEqual(i);
    expect(evaluate(i64.wrap(i64x2.extractLane(vi, 1)))).toBe(i[2]);
    expect(evaluate(f64x2.extractLane(f64x2.replaceLane(f64x2.const(1), 1, 2.5), 1))).toBe(2.5);
    expect(floats(f32x4.replaceLane(va, 2, 9))).toEqual([a[0], a[1], 9, a[3]]);
    expect(ints(i32x4.replaceLane(vi, 3, 9))).toEqual([i[0], i[1], i[2], 9]);
    expect(floats(i32x4.shuffle(va, vb, [0, 4, 3, 7]))).toEqual([a[0], b[0], a[3], b[3]]);
    expect(floats(i64x2.shuffle(va, vb, [1, 2]))).toEqual([a[2], a[3], b[0], b[1]]);
  });

  test('i64x2: unsigned 32 by 32 products, sums and shifts', () => {
    const words = (v: Vector) => [...lanes(v, BigInt64Array)].map((w) => BigInt.asUintN(64, w));
    const [x, y] = [i32x4.const(-1, 3, 0x12345678, -2), i32x4.const(-1, 5, 0x7fffffff, -3)];
    const low = [0xffffffffn * 0xffffffffn, 15n];
    const high = [0x12345678n * 0x7fffffffn, 0xfffffffen * 0xfffffffdn];
    expect(words(i64x2.extmulLowI32x4U(x, y))).toEqual(low);
    expect(words(i64x2.extmulHighI32x4U(x, y))).toEqual(high);
    expect(words(i64x2.shrU(i64x2.extmulHighI32x4U(x, y), 32))).toEqual(high.map((w) => w >> 32n));
    expect(words(i64x2.shl(i64x2.extmulHighI32x4U(x, y), 8))).toEqual(
      high.map((w) => BigInt.asUintN(64, w << 8n)),
    );
    const [p, q] = [i64x2.splat(i64.const(2 ** 40)), i64x2.splat(i64.const(3))];
    expect(words(i64x2.add(p, q))[0]).toBe(2n ** 40n + 3n);
    expect(words(i64x2.sub(p, q))[1]).toBe(2n ** 40n - 3n);
    expect(words(i64x2.mul(p, q))[1]).toBe(3n * 2n ** 40n);
  });

  test('f64x2 arithmetic', () => {
    const [p, q] = [-2.5, 0.1];
    const [vp, vq] = [f64x2.const(p), f64x2.const(q)];
    const all = [f64x2.add, f64x2.sub, f64x2.mul, f64x2.div, f64x2.min, f64x2.max];
    expect(all.map((f) => doubles(f(vp, vq))[1])).toEqual([p + q, p - q, p * q, p / q, p, q]);
    const some = [f64x2.abs, f64x2.neg, f64x2.floor, f64x2.nearest].map((f) => doubles(f(vp))[0]);
    expect(some).toEqual([2.5, 2.5, -3, -2]);
    expect(doubles(f64x2.sqrt(vq))).toEqual([Math.sqrt(q), Math.sqrt(q)]);
    expect([ints(f64x2.lt(vp, vq))[0], ints(f64x2.gt(vp, vq))[0]]).toEqual([-1, 0]);
  });

  test.runIf(hasFusedMultiplyAdd())('relaxed multiply-add rounds once and has its signs right', () => {
    const e = 2 ** -13;
    const [x, y] = [f32x4.const(1 + e), f32x4.const(1 - e)];
    expect(floats(f32x4.relaxedMadd(x, y, f32x4.const(-1)))[0]).toBe(-e * e);
    expect(floats(f32x4.relaxedNmadd(x, y, f32x4.const(1)))[3]).toBe(e * e);
    expect(floats(f32x4.relaxedNmadd(f32x4.const(2), f32x4.const(3), f32x4.const(10)))[1]).toBe(4);
  });
});

describe('memory', () => {
  test('loads and stores of every width, with offsets', () => {
    const { buffer, exports } = run(
      func('go', {}, () => [
        f32.store(128, f32.add(f32.load(0, 4), f32.load(8))),
        f64.store(132, f64.load(24), 4),
        i32.store(128, i32.add(i32.load(32), 1), 16),
        v128.store(160, v128.load(0)),
        v128.store(176, v128.load32Splat(4)),
        v128.store(192, v128.load64Splat(8)),
        v128.store(208, v128.load32Zero(4)),
        v128.store(224, v128.load64Zero(4)),
        v128.store(240, v128.load32Lane(8, v128.load(0), 3)),
        v128.store(256, v128.load64Lane(8, v128.load(0), 0)),
        v128.store32Lane(272, v128.load(0), 2),
        v128.store64Lane(276, v128.load(0), 1, 4),
      ]),
    );
    const view = new Float32Array(buffer);
    view.set([1, 2, 3, 4]);
    new Float64Array(buffer)[3] = 0.1;
    new Int32Array(buffer)[8] = 41;
    exports['go']!();
    expect([view[32], new Float64Array(buffer)[17], new Int32Array(buffer)[36]]).toEqual([5, 0.1, 42]);
    expect([...view.subarray(40, 72)]).toEqual(
      [[1, 2, 3, 4], [2, 2, 2, 2], [3, 4, 3, 4], [2, 0, 0, 0], [2, 3, 0, 0], [1, 2, 3, 3], [3, 4, 3, 4], [3, 0, 3, 4]].flat(), // biome-ignore format: a table
    );
  });

  test('atomic loads, stores and exchanges', () => {
    const { buffer, exports } = run(
      func('store', {}, () => [i32Atomic.store(8, -5, 4)]),
      func('load', {}, () => i32Atomic.load(8, 4)),
      func('exchange', { expected: 'i32' }, ({ expected }) => i32Atomic.compareExchange(12, expected, 9)),
    );
    exports['store']!();
    expect(new Int32Array(buffer)[3]).toBe(-5);
    expect(exports['load']!()).toBe(-5);
    expect([exports['exchange']!(4), exports['load']!()]).toEqual([-5, -5]);
    expect([exports['exchange']!(-5), exports['load']!()]).toEqual([-5, 9]);
  });

  test('fill and copy', () => {
    const { buffer, exports } = run(func('go', {}, () => [bulk.fill(8, 7, 4), bulk.copy(20, 8, 3)]));
    exports['go']!();
    expect([...new Uint8Array(buffer, 7, 17)]).toEqual([0, 7, 7, 7, 7, 0, 0, 0, 0, 0, 0, 0, 0, 7, 7, 7, 0]);
  });
});

describe('functions and control', () => {
  test('loop counts from `from` up to, not including, `to` in steps, and not at all when empty', () => {
    const count = func('count', { from: 'i32', to: 'i32', step: 'i32' }, (p, local) => {
      const [i, seen] = [local('i32'), local('i32')];
      return after([loop(i, p.from, p.to, p.step, [seen.set(i32.add(i32.mul(seen, 10), i))])], seen);
    });
    const { exports } = run(count);
    expect(
      [
        [1, 4, 1],
        [1, 8, 3],
        [5, 5, 1],
        [5, 4, 1],
        [-1, 2, 2],
      ].map((c) => exports['count']!(...c)),
    ).toEqual(
      // biome-ignore format: a table
      [123, 147, 0, 0, -9],
    );
  });

  test('while, do-while, if and select', () => {
    const collatz = func('collatz', { n: 'i32' }, ({ n }, local) => {
      const steps = local('i32');
      const odd = i32.and(n, 1);
      const next = [when(odd, [n.set(i32.add(i32.mul(n, 3), 1))], [n.set(i32.shr(n, 1))])];
      return after([whileLoop(i32.gt(n, 1), [...next, steps.set(i32.add(steps, 1))])], steps);
    });
    const once = func('once', {}, (_, local) => {
      const n = local('i32');
      return after([doWhile([n.set(i32.add(n, 1))], i32.lt(n, 0))], n);
    });
    const larger = func('larger', { a: 'f32', b: 'f32' }, ({ a, b }) => select(f32.gt(a, b), a, b));
    const tee = func('tee', {}, (_, local) => {
      const n = local('i32');
      return i32.add(n.tee(20), n);
    });
    const { exports } = run(collatz, once, larger, tee);
    expect([1, 6, 27].map((n) => exports['collatz']!(n))).toEqual([0, 8, 111]);
    expect([exports['once']!(), exports['larger']!(2, 3), exports['larger']!(3, 2)]).toEqual([1, 3, 3]);
    expect(exports['tee']!()).toBe(40);
  });

  test('functions call functions, with every parameter type, and only the named ones are exported', () => {
    const scaled = func('scaled', { v: 'v128', s: 'f64', n: 'i32' }, ({ v, s, n }) =>
      f32x4.mul(v, f32x4.splat(f32.mul(f32.demote(s), f32.convertI32(n)))),
    );
    const store = func('store', { p: 'i32', v: 'v128' }, ({ p, v }) => [v128.store(p, v)]);
    const main = func('main', { p: 'i32' }, ({ p }) => [
      call(store, { v: call(scaled, { s: 0.5, n: 6, v: f32x4.const(1, 2, 3, 4) }), p }),
      seq(),
    ]);
    const { buffer, exports } = run(main);
    exports['main']!(32);
    expect([...new Float32Array(buffer, 32, 4)]).toEqual([3, 6, 9, 12]);
    expect(Object.keys(exports)).toEqual(['main']);
  });

  test('functions are called by their place in the table, of which none needs an export', () => {
    const two = { a: 'i32', b: 'i32' } as const;
    const table = [
      func('sub', two, ({ a, b }) => i32.sub(a, b)),
      func('other', {}, () => [i32.store(0, 1)]),
      func('mul', two, ({ a, b }) => i32.mul(a, b)),
    ];
    const like = func('like', two, ({ a }) => a);
    const choose = func('choose', { index: 'i32', ...two }, ({ index, a, b }) =>
      callIndirect(like, index, { a, b }),
    );
    const memory = new WebAssembly.Memory({ initial: 1, maximum: 1, shared: true });
    const module = new WebAssembly.Module(assemble([choose], table));
    const { exports } = new WebAssembly.Instance(module, { env: { memory } });
    expect(Object.keys(exports)).toEqual(['choose']);
    const call = exports['choose'] as (index: number, a: number, b: number) => number;
    expect([call(0, 7, 3), call(2, 7, 3)]).toEqual([4, 21]);
    expect(() => call(1, 7, 3)).toThrow(WebAssembly.RuntimeError); // of another type
    expect(() => call(3, 7, 3)).toThrow(WebAssembly.RuntimeError); // not there
  });

  test('hundreds of locals and long bodies keep their indices and lengths right', () => {
    const sum = func('sum', {}, (_, local) => {
      const all = Array.from({ length: 300 }, (_unused, n) => ({ n, v: local(n % 2 === 0 ? 'i32' : 'i32') }));
      const total = local('i32');
      return after(
        [...all.map(({ n, v }) => v.set(n)), ...all.map(({ v }) => total.set(i32.add(total, v)))],
        total,
      );
    });
    expect(run(sum).exports['sum']!()).toBe((299 * 300) / 2);
  });
});

test('mixing types does not compile', () => {
  // Each line is wrong only in its types; tsc fails if one of them is accepted.
  const vector = f32x4.const(1);
  const number = i32.const(1);
  const takesVector = func('takesVector', { v: 'v128' }, ({ v }) => [v128.store(0, v)]);
  const wrong: (() => unknown)[] = [
    // @ts-expect-error an i32 is not a vector
    () => f32x4.add(number, vector),
    // @ts-expect-error a number is not a vector
    () => f32x4.add(1, vector),
    // @ts-expect-error a vector is not an address
    () => v128.load(vector),
    // @ts-expect-error f32 and i32 do not mix
    () => i32.add(f32.const(1), 1),
    // @ts-expect-error f64 and f32 do not mix
    () => f64.mul(f64.const(1), f32.const(1)),
    // @ts-expect-error an expression is not a statement
    () => when(number, [i32.add(1, 2)]),
    // @ts-expect-error arguments have the types of the parameters
    () => call(takesVector, { v: number }),
    // @ts-expect-error every parameter needs an argument
    () => call(takesVector, {}),
    // @ts-expect-error a function without result is not a value
    () => i32.add(call(takesVector, { v: vector }), 1),
    // @ts-expect-error a local takes its own type only
    () => func('f', { n: 'i32' }, ({ n }) => [n.set(vector)]),
    // @ts-expect-error there is no parameter of this name
    () => func('f', { n: 'i32' }, (p) => [i32.store(0, p.m)]),
    // @ts-expect-error both sides of a select are of one type
    () => select(number, vector, number),
  ];
  expect(wrong).toHaveLength(12);
  const typed: Func<{ v: 'v128' }, 'void'> = takesVector;
  const general: Func<Params, Type | 'void'> = typed;
  expect(general.params).toEqual({ v: 'v128' });
});
