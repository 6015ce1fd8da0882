/** Makes matrices nearly orthogonal: Newton-Schulz rounds, whose formulas are in tensor/reference/newton-schulz.ts.
 *
 * An exactly orthogonal matrix has singular values of 1. These coefficients do not converge to 1: they are chosen so
 * that small singular values grow as fast as possible while those in (0, 1] stay bounded. After five rounds all but the
 * smallest lie between about 0.7 and 1.2, which is good enough for an optimizer, and takes fewer rounds. Jordan et al.,
 * kellerjordan.github.io/posts/muon (2024). */
import type { Kernels, NewtonSchulzSettings } from '../tensor/kernels.ts';
import type { Tensor } from '../tensor/tensor.ts';

const settings: NewtonSchulzSettings = { coefficients: [3.4445, -4.775, 2.0315], rounds: 5 };

/** A matrix x (R C) and where its orthogonal part y (R C) goes. */
export interface Part {
  readonly x: Tensor;
  readonly y: Tensor;
}
/** Scratch for G matrices whose shorter side is S, each (G S S). */
export interface Workspace {
  readonly g: Tensor;
  readonly p: Tensor;
  readonly q: Tensor;
  readonly t: Tensor;
}

/** Sets every y; x is scaled to size 1. The workspace has as many matrices as there are parts. */
export function orthogonalize(kernels: Kernels, parts: readonly Part[], { g, p, q, t }: Workspace): void {
  const wide = ({ shape }: Tensor) => shape[0] === g.shape[1];
  for (const [i, { x }] of parts.entries()) {
    kernels.weightedSum(x, 1 / (Math.sqrt(kernels.sumOfSquares(x)) + 1e-7), x, 0, x);
    if (wide(x)) kernels.matmulTransposedB(g.row(i), x, x, 'set');
    else kernels.matmulTransposedA(g.row(i), x, x, 'set');
  }
  kernels.newtonSchulz(q, p, t, g, settings);
  for (const [i, { x, y }] of parts.entries()) {
    if (wide(x)) kernels.matmul(y, q.row(i), x, 'set');
    else kernels.matmul(y, x, q.row(i), 'set');
  }
}

/** Floating-point operations for a matrix (R C): the products g and y, and those of the rounds (four in each, one less
 * in the first, two less in the last), of which only half is computed because they are symmetric. */
export function orthogonalizeFlops(R: number, C: number): number {
  const S = Math.min(R, C);
  return 4 * R * C * S + (4 * settings.rounds - 3) * S ** 3;
}
