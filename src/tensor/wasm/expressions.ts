/** What code is made of before it is bytes: typed expressions, and how an instruction makes one from others.
 *
 * Code is a nested list, so composing costs nothing and the bytes are written once, by assembler.ts. */

export type Type = 'i32' | 'i64' | 'f32' | 'f64' | 'v128';
/** Bytes, nested lists of bytes, and functions, which become their index in the module. */
export type Code = readonly (number | Code | Callee)[];
export interface Callee {
  readonly name: string;
}
/** Code that leaves one value of type T. */
export interface Expr<T extends Type> {
  readonly type: T;
  readonly code: Code;
}
/** Code that leaves nothing. */
export interface Stmt {
  readonly type: 'void';
  readonly code: Code;
}
/** An operand: an expression, or for scalars also a number. */
export type Value<T extends Type> = Expr<T> | (T extends 'v128' ? never : number);

/** Unsigned LEB128: seven bits a byte, low ones first; the top bit says that more follow. */
export function uleb(n: number): number[] {
  const bytes: number[] = [];
  for (let rest = n; ; ) {
    const low = rest % 128;
    rest = (rest - low) / 128;
    if (rest === 0) return [...bytes, low];
    bytes.push(low | 0x80);
  }
}

/** Signed LEB128: it ends when the rest is only the sign, and the last byte already shows that sign. */
export function sleb(n: number): number[] {
  const bytes: number[] = [];
  for (let rest = n; ; ) {
    const low = ((rest % 128) + 128) % 128;
    rest = (rest - low) / 128;
    if ((rest === 0 && low < 64) || (rest === -1 && low >= 64)) return [...bytes, low];
    bytes.push(low | 0x80);
  }
}

export function floatBytes(n: number, width: 4 | 8): number[] {
  const view = new DataView(new ArrayBuffer(width));
  if (width === 4) view.setFloat32(0, n, true);
  else view.setFloat64(0, n, true);
  return [...new Uint8Array(view.buffer)];
}

export const intBytes = (n: number): number[] => [n & 255, (n >> 8) & 255, (n >> 16) & 255, (n >> 24) & 255];

export const constants: { readonly [T in Type]: (n: number) => Code } = {
  i32: (n) => [0x41, ...sleb(n | 0)],
  i64: (n) => [0x42, ...sleb(n)],
  f32: (n) => [0x43, ...floatBytes(n, 4)],
  f64: (n) => [0x44, ...floatBytes(n, 8)],
  v128: () => {
    throw new TypeError('v128: a number is not a vector; use f32x4.const or i32x4.const');
  },
};

export function codeOf<T extends Type>(type: T, value: Value<T>): Code {
  return typeof value === 'number' ? constants[type](value) : value.code;
}

export const expr = <T extends Type>(type: T, code: Code): Expr<T> => ({ type, code });
const stmt = (code: Code): Stmt => ({ type: 'void', code });

/** Result<'f32'> is Expr<'f32'>, Result<'void'> is Stmt. */
export type Result<R extends Type | 'void'> = R extends Type ? Expr<R> : Stmt;
type Types<S extends string> = S extends `${infer Head extends Type} ${infer Rest}`
  ? [Head, ...Types<Rest>]
  : S extends Type
    ? [S]
    : [];
type Values<L extends readonly Type[]> = { readonly [I in keyof L]: Value<L[I]> };
type Instruction<S extends string> = S extends `${infer Operands} -> ${infer R extends Type | 'void'}`
  ? (...operands: Values<Types<Operands>>) => Result<R>
  : never;

/** An instruction from its signature as the specification writes it: op('i32 i32 -> i32', [0x6a]). */
export function op<const S extends `${string} -> ${Type | 'void'}`>(
  signature: S,
  opcode: Code,
): Instruction<S> {
  const [operands, result] = signature.split(' -> ') as [string, Type | 'void'];
  const types = operands.split(' ') as Type[];
  const build = (...values: Value<Type>[]) => ({
    type: result,
    code: [...types.map((type, i) => codeOf(type, values[i]!)), opcode],
  });
  return build as unknown as Instruction<S>;
}

/** Two-byte opcodes: 0xfd for vectors, 0xfe for threads, 0xfc for the rest. */
export const simd = (n: number): Code => [0xfd, ...uleb(n)];
export const atomic = (n: number): Code => [0xfe, ...uleb(n)];
export const misc = (n: number): Code => [0xfc, ...uleb(n)];

export type Address = Value<'i32'>;
export type Vector = Expr<'v128'>;
/** `align` is log2 of the alignment that is promised: that of one element, because a row may start at any element. */
export const load =
  <T extends Type>(type: T, opcode: Code, align: number) =>
  (address: Address, offset = 0): Expr<T> =>
    expr(type, [codeOf('i32', address), opcode, align, uleb(offset)]);
export const store =
  <T extends Type>(type: T, opcode: Code, align: number) =>
  (address: Address, value: Value<T>, offset = 0): Stmt =>
    stmt([codeOf('i32', address), codeOf(type, value), opcode, align, uleb(offset)]);
export const loadLane =
  (opcode: Code, align: number) =>
  (address: Address, vector: Vector, lane: number, offset = 0): Vector =>
    expr('v128', [codeOf('i32', address), vector.code, opcode, align, uleb(offset), lane]);
export const storeLane =
  (opcode: Code, align: number) =>
  (address: Address, vector: Vector, lane: number, offset = 0): Stmt =>
    stmt([codeOf('i32', address), vector.code, opcode, align, uleb(offset), lane]);
export const extract =
  <T extends Type>(type: T, opcode: Code) =>
  (vector: Vector, lane: number): Expr<T> =>
    expr(type, [vector.code, opcode, lane]);
export const replace =
  <T extends Type>(type: T, opcode: Code) =>
  (vector: Vector, lane: number, value: Value<T>): Vector =>
    expr('v128', [vector.code, codeOf(type, value), opcode, lane]);
/** Lanes of `a` are 0, 1, ..; those of `b` follow. Lanes of 4 or 8 bytes are spelt out as bytes. */
export const shuffle =
  (width: number) =>
  (a: Vector, b: Vector, lanes: readonly number[]): Vector => {
    const bytes = lanes.flatMap((lane) => Array.from({ length: width }, (_, i) => lane * width + i));
    return expr('v128', [a.code, b.code, simd(0x0d), bytes]);
  };

export function fourOf(lanes: readonly number[]): readonly number[] {
  return lanes.length === 1 ? [lanes[0]!, lanes[0]!, lanes[0]!, lanes[0]!] : lanes;
}
