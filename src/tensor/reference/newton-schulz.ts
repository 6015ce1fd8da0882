/** The orthogonal part of matrices: with x = U S Vᵀ, the matrix U Vᵀ, whose singular values are all 1.
 *
 * No decomposition is needed, because an odd polynomial of x changes only the singular values. A few rounds of
 *     x = p x,   p = a I + b g + c g²,   g = x xᵀ       from an x of norm 1
 * make them nearly equal. Only the first g and the last product need x; all else is done with g and q = p p .. p, whose side
 * is the shorter one of x, S: the next g is (p x)(p x)ᵀ = p g p, and in the end x = q x. For a tall x, g = xᵀ x and x = x q.
 * g, p and q are polynomials of one symmetric matrix, so the order of their products does not matter, and half of each
 * product would be enough.
 *
 * The cost: g squares the singular values, so small ones lose digits. In float32 the error is 2e-5 of the result's size
 * for a normal 64 x 64 matrix, 6e-5 to 2e-4 where the singular values span two to six decades and 6.5e-4 at rank 4; the
 * same rounds on x itself have errors of 1e-6 to 6e-6. Muon's original, in bfloat16, has 4e-2. */
import { dims } from '../dims.ts';
import type { NewtonSchulzSettings } from '../kernels.ts';
import type { Floats, Tensor } from '../tensor.ts';
import { multiply } from './matmul.ts';

export function newtonSchulz(q: Tensor, p: Tensor, t: Tensor, g: Tensor, s: NewtonSchulzSettings): void {
  const shapes = { g: [g, 'G S S'], q: [q, 'G S S'], p: [p, 'G S S'], t: [t, 'G S S'] } as const;
  const { G, S } = dims('newtonSchulz', shapes);
  for (let n = 0; n < G; n++) factor(q.row(n).data, p.row(n).data, t.row(n).data, g.row(n).data, S, s);
}

function factor(q: Floats, p: Floats, t: Floats, g: Floats, S: number, settings: NewtonSchulzSettings): void {
  const [a, b, c] = settings.coefficients;
  for (let round = 1; round <= settings.rounds; round++) {
    product(t, g, g, S);
    for (let i = 0; i < S * S; i++) p[i] = b * g[i] + c * t[i] + (i % (S + 1) === 0 ? a : 0);
    if (round === 1) q.set(p);
    else {
      product(t, p, q, S);
      q.set(t);
    }
    product(t, p, g, S);
    product(g, t, p, S);
  }
}

/** y = x z, all (S S). */
function product(y: Floats, x: Floats, z: Floats, S: number): void {
  y.fill(0);
  multiply(y, { data: x, row: S, column: 1 }, { data: z, row: S, column: 1 }, S, S, S);
}
