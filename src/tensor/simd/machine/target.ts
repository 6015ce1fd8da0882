/** What the machine can do, and the one operation that depends on it: a * b + c.
 *
 * WebAssembly SIMD of 2021 has no fused multiply-add. Relaxed SIMD has one, which engines may round once (fused) or
 * twice; it counts as present only where it is fused, because "sometimes" would make results depend on the machine in
 * a way that nothing records. Fused doubles the speed of a matrix product and changes its last bits. */
import { assemble, type Expr, f32x4, func, v128 } from '../../wasm/assembler.ts';

export interface Target {
  /** Multiply-add is one instruction that rounds once. */
  readonly fma: boolean;
  /** The engine merges pairs of neighbouring vectors into one of 256 bits: kernels are generated with more of them. */
  readonly wide: boolean;
}

type Vector = Expr<'v128'>;

/** a * b + c: rounded once with fma, else twice, and then the same on every machine. */
export const madd =
  (target: Target) =>
  (a: Vector, b: Vector, c: Vector): Vector =>
    target.fma ? f32x4.relaxedMadd(a, b, c) : f32x4.add(f32x4.mul(a, b), c);

/** c - a * b, rounded likewise. */
export const nmadd =
  (target: Target) =>
  (a: Vector, b: Vector, c: Vector): Vector =>
    target.fma ? f32x4.relaxedNmadd(a, b, c) : f32x4.sub(c, f32x4.mul(a, b));

/** Whether this engine runs SIMD on shared memory at all. A page without cross-origin isolation, such as one opened from a
 * disk, does: it has the memory, which never moves when it grows, and only may not send it to another thread. */
export function hasSimd(): boolean {
  const probe = func('probe', { p: 'i32' }, (p) => [
    v128.store(p.p, f32x4.add(v128.load(p.p), v128.load(p.p))),
  ]);
  try {
    new WebAssembly.Memory({ initial: 1, maximum: 1, shared: true });
    return WebAssembly.validate(assemble([probe]));
  } catch {
    return false; // no WebAssembly, or only memory that moves
  }
}

/** Whether threads can share memory here. */
export const hasThreads = (): boolean => typeof SharedArrayBuffer === 'function';

const fusedProbe = func('probe', { a: 'f32', b: 'f32', c: 'f32' }, ({ a, b, c }) =>
  f32x4.extractLane(f32x4.relaxedMadd(f32x4.splat(a), f32x4.splat(b), f32x4.splat(c)), 0),
);

/** Whether this engine knows relaxed SIMD, fused or not. */
export function hasRelaxedSimd(): boolean {
  return WebAssembly.validate(assemble([fusedProbe]));
}

/** Whether multiply-add is fused here, by running it: (1 + e)(1 - e) - 1 is -e * e in one step, and 0 in two. */
export function hasFusedMultiplyAdd(): boolean {
  if (!hasRelaxedSimd()) return false;
  const memory = new WebAssembly.Memory({ initial: 1, maximum: 1, shared: true });
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(assemble([fusedProbe])), {
    env: { memory },
  });
  const e = 2 ** -13;
  return (exports['probe'] as (...abc: number[]) => number)(1 + e, 1 - e, -1) === -e * e;
}
