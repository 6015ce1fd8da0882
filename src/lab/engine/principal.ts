/** Principal components: the directions in which points differ the most (Pearson 1901; Hotelling 1933), in float64.
 *
 * Power iteration on the covariance matrix: a vector that is multiplied by it again and again turns towards the direction of
 * the largest variance. That direction is taken out, and the next one is found in the same way. All of it is deterministic. */
import type { Floats } from '../../tensor/tensor.ts';

/** Where two variances are nearly equal, any direction between theirs will do, so there is no need to wait for one. */
const mostTurns = 500;
const settled = 1e-13;

export interface Principal {
  /** (N count): where each point lies on each component. */
  readonly places: Float64Array;
  /** Of all variance, by component. */
  readonly shares: readonly number[];
}

/** The first components of N points of C numbers each, row by row. Each points to where its farthest point lies, so that the
 * same points have the same places. */
export function principal(points: Floats, N: number, C: number, count: number): Principal {
  const centred = centre(points, N, C);
  const covariance = new Float64Array(C * C);
  for (let n = 0; n < N; n++) {
    const row = centred.subarray(n * C, (n + 1) * C);
    for (let i = 0; i < C; i++) for (let j = 0; j < C; j++) covariance[i * C + j]! += row[i]! * row[j]!;
  }
  let total = 0;
  for (let i = 0; i < C; i++) total += covariance[i * C + i]!;
  const places = new Float64Array(N * count);
  const shares = Array.from({ length: count }, (_, k) => {
    const { axis, variance } = strongest(covariance, C);
    for (let i = 0; i < C; i++)
      for (let j = 0; j < C; j++) covariance[i * C + j]! -= variance * axis[i]! * axis[j]!;
    const along = multiply(centred, axis);
    const farthest = along.reduce((a, b) => (Math.abs(b) > Math.abs(a) ? b : a), 0);
    for (const [n, place] of along.entries()) places[n * count + k] = farthest < 0 ? -place : place;
    return total > 0 ? variance / total : 0;
  });
  return { places, shares };
}

function centre(points: Floats, N: number, C: number): Float64Array {
  const centred = Float64Array.from(points);
  for (let c = 0; c < C; c++) {
    let sum = 0;
    for (let n = 0; n < N; n++) sum += centred[n * C + c]!;
    for (let n = 0; n < N; n++) centred[n * C + c]! -= sum / N;
  }
  return centred;
}

/** The unit vector that a symmetric matrix (C C) stretches the most, and how much. */
function strongest(
  matrix: Float64Array,
  C: number,
): { readonly axis: Float64Array; readonly variance: number } {
  // Uneven, so that no direction that data are likely to have stands at a right angle to it.
  let axis = unit(Float64Array.from({ length: C }, (_, i) => 1 + ((i * 0.618) % 1)));
  for (let turn = 0; turn < mostTurns; turn++) {
    const next = unit(multiply(matrix, axis));
    const moved = next.reduce((most, x, i) => Math.max(most, Math.abs(x - axis[i]!)), 0);
    axis = next;
    if (moved < settled) break;
  }
  const variance = multiply(matrix, axis).reduce((sum, x, i) => sum + x * axis[i]!, 0);
  return { axis, variance };
}

/** Each row of a matrix (N C) times a vector (C). */
function multiply(matrix: Float64Array, vector: Float64Array): Float64Array {
  const C = vector.length;
  return Float64Array.from({ length: matrix.length / C }, (_, n) => {
    let sum = 0;
    for (let c = 0; c < C; c++) sum += matrix[n * C + c]! * vector[c]!;
    return sum;
  });
}

function unit(vector: Float64Array): Float64Array {
  const length = Math.sqrt(vector.reduce((sum, x) => sum + x * x, 0));
  return length > 0 ? vector.map((x) => x / length) : vector;
}
