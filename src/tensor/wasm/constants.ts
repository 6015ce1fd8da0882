/** Vector constants of a function, kept in locals.
 *
 * V8 of Node 24 builds a v128.const anew wherever it stands, inside loops too; from a local it comes in a register or
 * as a memory operand. For exp over a cached row that is 2.8 ns instead of 6.4 for four values there; Node 20
 * takes them out of loops itself. */
import { type Expr, f32x4, i32x4, type Local, type NewLocal, type Stmt } from './assembler.ts';

export class Constants {
  /** Stands first in the function's body. It may be placed before all constants are known: code is read when the
   * module is assembled. */
  readonly set: Stmt;
  readonly #code: Stmt['code'][number][] = [];
  readonly #known = new Map<string, Local<'v128'>>();
  readonly #local: NewLocal;

  constructor(local: NewLocal) {
    this.#local = local;
    this.set = { type: 'void', code: this.#code };
  }

  /** The float x in all four lanes. */
  float(x: number): Expr<'v128'> {
    return this.#keep(f32x4.const(x));
  }

  /** The 32-bit integer x in all four lanes. */
  int(x: number): Expr<'v128'> {
    return this.#keep(i32x4.const(x));
  }

  #keep(constant: Expr<'v128'>): Expr<'v128'> {
    const key = constant.code.flat().join();
    let known = this.#known.get(key);
    if (known === undefined) {
      known = this.#local('v128');
      this.#known.set(key, known);
      this.#code.push(known.set(constant).code);
    }
    return known;
  }
}
