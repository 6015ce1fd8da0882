/** A WebAssembly assembler in which code is a value: expressions come from opcodes.ts, locals are expressions that can
 * be set, loops are functions, unrolling is an ordinary `for`, and a kernel is
 *
 *     func('scale', { y: 'i32', x: 'i32', factor: 'f32', from: 'i32', to: 'i32' }, (p, local) => {
 *       const i = local('i32');
 *       const at = (base: Expr<'i32'>) => i32.add(base, i32.shl(i, 2));
 *       return [loop(i, p.from, p.to, 1, [f32.store(at(p.y), f32.mul(f32.load(at(p.x)), p.factor))])];
 *     })
 *
 * `assemble` turns functions into the bytes of one module that works on an imported, shared memory. */
import {
  type Code,
  codeOf,
  constants,
  type Expr,
  type Result,
  type Stmt,
  type Type,
  uleb,
  type Value,
} from './expressions.ts';
import { i32 } from './opcodes.ts';

export { type Expr, type Result, type Stmt, sleb, type Type, uleb, type Value } from './expressions.ts';
export * from './opcodes.ts';

const typeCode: { readonly [T in Type]: number } = { i32: 0x7f, i64: 0x7e, f32: 0x7d, f64: 0x7c, v128: 0x7b };
const voidType = 0x40;
const end = 0x0b;

/** A variable of a function: an expression for its value, and a place to set. */
export class Local<T extends Type> implements Expr<T> {
  readonly type: T;
  readonly code: Code;
  readonly #index: Code;

  constructor(type: T, index: number) {
    this.type = type;
    this.#index = uleb(index);
    this.code = [0x20, ...this.#index];
  }

  set(value: Value<T>): Stmt {
    return { type: 'void', code: [codeOf(this.type, value), 0x21, this.#index] };
  }

  /** Sets the variable; its value is the value that was set. */
  tee(value: Value<T>): Expr<T> {
    return { type: this.type, code: [codeOf(this.type, value), 0x22, this.#index] };
  }
}

/** for (i = from; i < to; i += step) body, with signed comparison; `to` and `step` are evaluated in every round.
 * The test stands at the end of the loop, so that a round costs one branch. */
export function loop(
  i: Local<'i32'>,
  from: Value<'i32'>,
  to: Value<'i32'>,
  step: Value<'i32'>,
  body: readonly Stmt[],
): Stmt {
  const inside = i32.lt(i, to);
  return seq(i.set(from), when(inside, [doWhile([...body, i.set(i32.add(i, step))], inside)]));
}

/** do body while (condition). */
export function doWhile(body: readonly Stmt[], condition: Expr<'i32'>): Stmt {
  return { type: 'void', code: [0x03, voidType, codes(body), condition.code, 0x0d, 0, end] };
}

/** while (condition) body. */
export function whileLoop(condition: Expr<'i32'>, body: readonly Stmt[]): Stmt {
  return when(condition, [doWhile(body, condition)]);
}

/** if (condition) then else otherwise. */
export function when(condition: Expr<'i32'>, then: readonly Stmt[], otherwise: readonly Stmt[] = []): Stmt {
  const rest: Code = otherwise.length === 0 ? [] : [0x05, codes(otherwise)];
  return { type: 'void', code: [condition.code, 0x04, voidType, codes(then), rest, end] };
}

/** condition ? a : b; both are evaluated. */
export function select<T extends Type>(condition: Expr<'i32'>, a: Expr<T>, b: Expr<NoInfer<T>>): Expr<T> {
  return { type: a.type, code: [a.code, b.code, condition.code, 0x1b] };
}

/** Several statements as one. */
export function seq(...statements: readonly Stmt[]): Stmt {
  return { type: 'void', code: codes(statements) };
}

/** Runs the statements; its value is that of the expression after them. */
export function after<T extends Type>(statements: readonly Stmt[], value: Expr<T>): Expr<T> {
  return { type: value.type, code: [codes(statements), value.code] };
}

export type Params = Readonly<Record<string, Type>>;
type Locals<P extends Params> = { readonly [K in keyof P]: Local<P[K]> };
type Arguments<P extends Params> = { readonly [K in keyof P]: Value<P[K]> };
export type NewLocal = <T extends Type>(type: T) => Local<T>;

/** A function of a module; without a result R is 'void'. */
export interface Func<P extends Params = Params, R extends Type | 'void' = Type | 'void'> {
  readonly name: string;
  readonly params: P;
  readonly result: R;
  readonly locals: readonly Type[];
  readonly body: Code;
}
type Built<B> = B extends Expr<infer R> ? R : 'void';

/** Builds a function; what `build` returns says whether it has a result: statements for none, an expression for one. */
export function func<const P extends Params, B extends readonly Stmt[] | Expr<Type>>(
  name: string,
  params: P,
  build: (p: Locals<P>, local: NewLocal) => B,
): Func<P, Built<B>> {
  const types = Object.values(params);
  const named = Object.fromEntries(Object.keys(params).map((key, i) => [key, new Local(types[i]!, i)]));
  const locals: Type[] = [];
  const local: NewLocal = (type) => new Local(type, types.length + locals.push(type) - 1);
  const built: readonly Stmt[] | Expr<Type> = build(named as Locals<P>, local);
  const [result, body] = 'type' in built ? [built.type, built.code] : ['void', codes(built)];
  return { name, params, result: result as Built<B>, locals, body: body as Code };
}

/** Calls a function with its arguments by name. The function becomes part of the module without being listed. */
export function call<P extends Params, R extends Type | 'void'>(
  f: Func<P, R>,
  args: Arguments<P>,
): Result<R> {
  return { type: f.result, code: [...argumentsOf(f, args), 0x10, f] } as unknown as Result<R>;
}

/** Calls the function at `index` of the module's table, which has the parameters and the result of `like`. */
export function callIndirect<P extends Params, R extends Type | 'void'>(
  like: Func<P, R>,
  index: Expr<'i32'>,
  args: Arguments<P>,
): Result<R> {
  // Types are listed in the order of functions, so a function's index is that of its type.
  return {
    type: like.result,
    code: [...argumentsOf(like, args), index.code, 0x11, like, 0],
  } as unknown as Result<R>;
}

const argumentsOf = <P extends Params>({ params }: Func<P>, args: Arguments<P>): Code[] =>
  Object.keys(params).map((key) => codeOf(params[key]!, args[key] as Value<Type>));

/** The bytes of a module that imports `env.memory` (shared) and exports the given functions by name. Functions that
 * these call, and those of the table, are in the module as well, without an export. */
export function assemble(exported: readonly Func[], table: readonly Func[] = []): Uint8Array<ArrayBuffer> {
  const functions = [...exported, ...table];
  const indices = new Map<unknown, number>(functions.map((f, i) => [f, i]));
  const indexOf = (f: Func): number => {
    const known = indices.get(f);
    if (known !== undefined) return known;
    indices.set(f, functions.length);
    return functions.push(f) - 1;
  };
  // Writing a body may find functions that it calls: the list grows while it is walked.
  const bodies: number[][] = [];
  for (const f of functions) {
    const body: number[] = [];
    write(body, [uleb(f.locals.length), f.locals.map((type) => [1, typeCode[type]]), f.body, end], indexOf);
    bodies.push(body);
  }
  const signature = (f: Func): Code => {
    const params = Object.values(f.params);
    const results = f.result === 'void' ? [] : [typeCode[f.result]];
    return [0x60, uleb(params.length), params.map((type) => typeCode[type]), results.length, results];
  };
  const text = (s: string): Code => sized([...new TextEncoder().encode(s)]);
  const vector = (items: readonly Code[]): Code => [uleb(items.length), items];
  const section = (id: number, content: Code): Code => [id, sized(flat(content))];
  const limits = [3, 1, uleb(65536)]; // shared; memories of 1 to 65,536 pages of 64 KiB fit
  const places = uleb(table.length);
  return Uint8Array.from(
    flat([
      [0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
      section(1, vector(functions.map(signature))),
      section(2, vector([[text('env'), text('memory'), 2, limits]])),
      section(3, vector(functions.map((_, i) => uleb(i)))),
      section(4, vector([[0x70, 1, places, places]])),
      section(7, vector(exported.map((f, i) => [text(f.name), 0, uleb(i)]))),
      section(9, vector([[0, constants.i32(0), end, vector(table.map((f) => uleb(indices.get(f)!)))]])),
      section(10, vector(bodies.map(sized))),
    ]),
  );
}

const codes = (statements: readonly Stmt[]): Code => statements.map((s) => s.code);
const sized = (bytes: readonly number[]): Code => [uleb(bytes.length), bytes];

function flat(code: Code): number[] {
  const out: number[] = [];
  write(out, code, (f) => {
    throw new Error(`${f.name}: called outside of a function body`);
  });
  return out;
}

function write(out: number[], code: Code, indexOf: (f: Func) => number): void {
  for (const item of code) {
    if (typeof item === 'number') out.push(item);
    else if (Array.isArray(item)) write(out, item, indexOf);
    else write(out, uleb(indexOf(item as Func)), indexOf);
  }
}
