/** The orthogonal part of a matrix: with x = U S Vᵀ, the matrix U Vᵀ, whose singular values are all 1.
 *
 * It needs no decomposition, for an odd polynomial of x acts on the singular values alone. Five times
 *     x = a x + b (x xᵀ) x + c (x xᵀ)² x            from x / |x|, |x| the root of the sum of squares
 * The slope a at 0 is as large as can be while values in (0, 1] stay bounded; so all but the smallest end between about
 * 0.7 and 1.2, which for an optimizer is as good as 1, and sooner there than coefficients that converge would be.
 *
 * (x xᵀ) x = x (xᵀ x): the square matrix may stand on either side, so it is taken on the shorter one.
 * a is added on its diagonal, which saves a pass: x = (a I + b g + c g²) x. Newton-Schulz, with the coefficients of
 * Jordan et al., kellerjordan.github.io/posts/muon (2024). */
import type { Kernels } from '../tensor/kernels.ts';
import type { Tensor } from '../tensor/tensor.ts';

const [a, b, c] = [3.4445, -4.775, 2.0315];
const iterations = 5;

/** Scratch for x (R C): y (R C), gram and square (S S), S the smaller of R and C. */
export interface Workspace {
  readonly y: Tensor;
  readonly gram: Tensor;
  readonly square: Tensor;
}

/** Returns the tensor that holds the result, x or y; the other one is scratch. */
export function orthogonalize(kernels: Kernels, x: Tensor, { y, gram, square }: Workspace): Tensor {
  const side = gram.shape[0]!;
  const wide = side === x.shape[0];
  kernels.combine(x, 1 / (Math.sqrt(kernels.sumOfSquares(x)) + 1e-7), x, 0, x);
  let [from, to] = [x, y];
  for (let i = 0; i < iterations; i++) {
    if (wide) kernels.matmulTransposedB(gram, from, from, 'set');
    else kernels.matmulTransposedA(gram, from, from, 'set');
    kernels.matmul(square, gram, gram, 'set');
    kernels.combine(square, b, gram, c, square);
    for (let d = 0; d < side; d++) square.data[d * side + d]! += a;
    if (wide) kernels.matmul(to, square, from, 'set');
    else kernels.matmul(to, from, square, 'set');
    [from, to] = [to, from];
  }
  return from;
}
