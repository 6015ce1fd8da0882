/** The one table of WebAssembly instructions, each a function from typed expressions to a typed expression.
 *
 * `f32x4.add(a, b)` is the code of a, the code of b, and one opcode; passing an i32 where a vector is wanted does not
 * compile. Wherever a scalar is wanted a plain number stands for its constant.
 *
 * Numbers: WebAssembly core specification 2.0, "Index of Instructions" (https://webassembly.github.io/spec/core/),
 * and for `relaxed...` the relaxed-SIMD proposal (https://github.com/WebAssembly/relaxed-simd). */
import {
  atomic,
  constants,
  expr,
  extract,
  floatBytes,
  fourOf,
  intBytes,
  load,
  loadLane,
  misc,
  op,
  replace,
  shuffle,
  simd,
  store,
  storeLane,
  type Vector,
} from './expressions.ts';

const unary = (n: number) => op('v128 -> v128', simd(n));
const binary = (n: number) => op('v128 v128 -> v128', simd(n));
const ternary = (n: number) => op('v128 v128 v128 -> v128', simd(n));
const shift = (n: number) => op('v128 i32 -> v128', simd(n));
const test = (n: number) => op('v128 -> i32', simd(n));

export const i32 = {
  const: (n: number) => expr('i32', constants.i32(n)),
  load: load('i32', [0x28], 2),
  store: store('i32', [0x36], 2),
  eqz: op('i32 -> i32', [0x45]),
  eq: op('i32 i32 -> i32', [0x46]),
  ne: op('i32 i32 -> i32', [0x47]),
  lt: op('i32 i32 -> i32', [0x48]),
  ltU: op('i32 i32 -> i32', [0x49]),
  gt: op('i32 i32 -> i32', [0x4a]),
  le: op('i32 i32 -> i32', [0x4c]),
  ge: op('i32 i32 -> i32', [0x4e]),
  add: op('i32 i32 -> i32', [0x6a]),
  sub: op('i32 i32 -> i32', [0x6b]),
  mul: op('i32 i32 -> i32', [0x6c]),
  div: op('i32 i32 -> i32', [0x6d]),
  rem: op('i32 i32 -> i32', [0x6f]),
  and: op('i32 i32 -> i32', [0x71]),
  or: op('i32 i32 -> i32', [0x72]),
  xor: op('i32 i32 -> i32', [0x73]),
  shl: op('i32 i32 -> i32', [0x74]),
  shr: op('i32 i32 -> i32', [0x75]),
  shrU: op('i32 i32 -> i32', [0x76]),
  truncSatF32: op('f32 -> i32', misc(0)),
  truncSatF64: op('f64 -> i32', misc(2)),
  fromBits: op('f32 -> i32', [0xbc]),
};

/** Of words that several threads use, in one order for all of them. `compareExchange` sets the word at an address to the
 * third if it is the second; its value is what was there. */
export const i32Atomic = {
  load: load('i32', atomic(0x10), 2),
  store: store('i32', atomic(0x17), 2),
  compareExchange: op('i32 i32 i32 -> i32', [atomic(0x48), 2, 0]),
};

export const i64 = {
  const: (n: number) => expr('i64', constants.i64(n)),
  add: op('i64 i64 -> i64', [0x7c]),
  mul: op('i64 i64 -> i64', [0x7e]),
  shrU: op('i64 i64 -> i64', [0x88]),
  extendI32U: op('i32 -> i64', [0xad]),
  wrap: op('i64 -> i32', [0xa7]),
};

export const f32 = {
  const: (n: number) => expr('f32', constants.f32(n)),
  load: load('f32', [0x2a], 2),
  store: store('f32', [0x38], 2),
  eq: op('f32 f32 -> i32', [0x5b]),
  lt: op('f32 f32 -> i32', [0x5d]),
  gt: op('f32 f32 -> i32', [0x5e]),
  le: op('f32 f32 -> i32', [0x5f]),
  ge: op('f32 f32 -> i32', [0x60]),
  abs: op('f32 -> f32', [0x8b]),
  neg: op('f32 -> f32', [0x8c]),
  floor: op('f32 -> f32', [0x8e]),
  nearest: op('f32 -> f32', [0x90]),
  sqrt: op('f32 -> f32', [0x91]),
  add: op('f32 f32 -> f32', [0x92]),
  sub: op('f32 f32 -> f32', [0x93]),
  mul: op('f32 f32 -> f32', [0x94]),
  div: op('f32 f32 -> f32', [0x95]),
  min: op('f32 f32 -> f32', [0x96]),
  max: op('f32 f32 -> f32', [0x97]),
  convertI32: op('i32 -> f32', [0xb2]),
  demote: op('f64 -> f32', [0xb6]),
  fromBits: op('i32 -> f32', [0xbe]),
};

export const f64 = {
  const: (n: number) => expr('f64', constants.f64(n)),
  load: load('f64', [0x2b], 2),
  store: store('f64', [0x39], 2),
  eq: op('f64 f64 -> i32', [0x61]),
  lt: op('f64 f64 -> i32', [0x63]),
  gt: op('f64 f64 -> i32', [0x64]),
  abs: op('f64 -> f64', [0x99]),
  neg: op('f64 -> f64', [0x9a]),
  floor: op('f64 -> f64', [0x9c]),
  nearest: op('f64 -> f64', [0x9e]),
  sqrt: op('f64 -> f64', [0x9f]),
  add: op('f64 f64 -> f64', [0xa0]),
  sub: op('f64 f64 -> f64', [0xa1]),
  mul: op('f64 f64 -> f64', [0xa2]),
  div: op('f64 f64 -> f64', [0xa3]),
  min: op('f64 f64 -> f64', [0xa4]),
  max: op('f64 f64 -> f64', [0xa5]),
  convertI32: op('i32 -> f64', [0xb7]),
  promote: op('f32 -> f64', [0xbb]),
};

/** memory.fill(address, byte, bytes) and memory.copy(to, from, bytes). */
export const memory = {
  fill: op('i32 i32 i32 -> void', [misc(11), 0]),
  copy: op('i32 i32 i32 -> void', [misc(10), 0, 0]),
};

export const v128 = {
  load: load('v128', simd(0x00), 2),
  store: store('v128', simd(0x0b), 2),
  load32Splat: load('v128', simd(0x09), 2),
  load64Splat: load('v128', simd(0x0a), 2),
  load32Zero: load('v128', simd(0x5c), 2),
  load64Zero: load('v128', simd(0x5d), 2),
  load32Lane: loadLane(simd(0x56), 2),
  load64Lane: loadLane(simd(0x57), 2),
  store32Lane: storeLane(simd(0x5a), 2),
  store64Lane: storeLane(simd(0x5b), 2),
  not: unary(0x4d),
  and: binary(0x4e),
  /** a and not b. */
  andnot: binary(0x4f),
  or: binary(0x50),
  xor: binary(0x51),
  /** Bits of the first where the third is 1, else of the second. */
  bitselect: ternary(0x52),
  anyTrue: test(0x53),
};

export const i32x4 = {
  /** One number for all four lanes, or four. */
  const: (...lanes: [number] | [number, number, number, number]): Vector =>
    expr('v128', [simd(0x0c), fourOf(lanes).flatMap(intBytes)]),
  shuffle: shuffle(4),
  splat: op('i32 -> v128', simd(0x11)),
  extractLane: extract('i32', simd(0x1b)),
  replaceLane: replace('i32', simd(0x1c)),
  eq: binary(0x37),
  ne: binary(0x38),
  lt: binary(0x39),
  ltU: binary(0x3a),
  gt: binary(0x3b),
  gtU: binary(0x3c),
  le: binary(0x3d),
  ge: binary(0x3f),
  abs: unary(0xa0),
  neg: unary(0xa1),
  allTrue: test(0xa3),
  bitmask: test(0xa4),
  shl: shift(0xab),
  shr: shift(0xac),
  shrU: shift(0xad),
  add: binary(0xae),
  sub: binary(0xb1),
  mul: binary(0xb5),
  min: binary(0xb6),
  max: binary(0xb8),
  truncSatF32x4: unary(0xf8),
  truncSatF32x4U: unary(0xf9),
  truncSatF64x2Zero: unary(0xfc),
};

export const i64x2 = {
  shuffle: shuffle(8),
  splat: op('i64 -> v128', simd(0x12)),
  extractLane: extract('i64', simd(0x1d)),
  shl: shift(0xcb),
  shrU: shift(0xcd),
  add: binary(0xce),
  sub: binary(0xd1),
  mul: binary(0xd5),
  /** 64-bit products of the two low (high) unsigned 32-bit lanes. */
  extmulLowI32x4U: binary(0xde),
  extmulHighI32x4U: binary(0xdf),
};

export const f32x4 = {
  /** One number for all four lanes, or four. */
  const: (...lanes: [number] | [number, number, number, number]): Vector =>
    expr('v128', [simd(0x0c), fourOf(lanes).flatMap((n) => floatBytes(n, 4))]),
  splat: op('f32 -> v128', simd(0x13)),
  extractLane: extract('f32', simd(0x1f)),
  replaceLane: replace('f32', simd(0x20)),
  eq: binary(0x41),
  ne: binary(0x42),
  lt: binary(0x43),
  gt: binary(0x44),
  le: binary(0x45),
  ge: binary(0x46),
  ceil: unary(0x67),
  floor: unary(0x68),
  trunc: unary(0x69),
  nearest: unary(0x6a),
  abs: unary(0xe0),
  neg: unary(0xe1),
  sqrt: unary(0xe3),
  add: binary(0xe4),
  sub: binary(0xe5),
  mul: binary(0xe6),
  div: binary(0xe7),
  min: binary(0xe8),
  max: binary(0xe9),
  /** b < a ? b : a, and a < b ? b : a: one machine instruction, where min and max take care of NaN and -0. */
  pmin: binary(0xea),
  pmax: binary(0xeb),
  convertI32x4: unary(0xfa),
  convertI32x4U: unary(0xfb),
  demoteF64x2Zero: unary(0x5e),
  /** a * b + c and -(a * b) + c, rounded once or twice, as the engine chooses: see target.ts. */
  relaxedMadd: ternary(0x105),
  relaxedNmadd: ternary(0x106),
};

export const f64x2 = {
  const: (n: number): Vector => expr('v128', [simd(0x0c), floatBytes(n, 8), floatBytes(n, 8)]),
  splat: op('f64 -> v128', simd(0x14)),
  extractLane: extract('f64', simd(0x21)),
  replaceLane: replace('f64', simd(0x22)),
  lt: binary(0x49),
  gt: binary(0x4a),
  floor: unary(0x75),
  nearest: unary(0x94),
  abs: unary(0xec),
  neg: unary(0xed),
  sqrt: unary(0xef),
  add: binary(0xf0),
  sub: binary(0xf1),
  mul: binary(0xf2),
  div: binary(0xf3),
  min: binary(0xf4),
  max: binary(0xf5),
  promoteLowF32x4: unary(0x5f),
  convertLowI32x4: unary(0xfe),
};
