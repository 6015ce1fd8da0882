/** What the fast backend needs from Node and cannot have in pure code: a V8 flag, and threads. */
import v8 from 'node:v8';

/** Node 20 has relaxed SIMD behind a V8 flag, which must be set before the first module is compiled; on newer Nodes it
 * is on by default and the flag may be gone, so set it only after a probe has failed. Holds for all threads. */
export function enableRelaxedSimd(): void {
  v8.setFlagsFromString('--experimental-wasm-relaxed-simd');
}
