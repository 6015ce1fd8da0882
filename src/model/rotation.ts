/** The angles of rotary positions: row n turns channel pair d of every head by positions[n] * theta^(-2d/D).
 *
 * Computed once a pass, for all blocks, as cosines and sines in float64 rounded once. Those of 0 .. T - 1 are kept in a
 * table; later positions, which only a rolled cache has, are computed when they come. Positions are counted in turns of
 * the circle, so the reduction to one turn is exact and nothing but the angle itself is rounded. */
import type { Arena } from '../tensor/arena.ts';
import { cosSinTurns, exp, log } from '../tensor/math.ts';
import type { Floats, Ids, Tensor } from '../tensor/tensor.ts';

export class Rotation {
  /** Turns that pair d makes from one position to the next. */
  readonly #turns: Float64Array;
  readonly #table: Float64Array;
  readonly #rows: Tensor;

  constructor(arena: Arena, size: { rows: number; T: number; D: number; theta: number }) {
    const { rows, T, D, theta } = size;
    this.#turns = Float64Array.from(
      { length: D / 2 },
      (_, d) => exp((-2 * d * log(theta)) / D) / (2 * Math.PI),
    );
    this.#table = new Float64Array(T * D);
    for (let position = 0; position < T; position++) this.#write(this.#table, position * D, position);
    this.#rows = arena.cache('rotation', [rows, D]);
  }

  /** (N D): the cosines of each row's D/2 angles, then their sines. Valid until the next call. */
  at(positions: Ids): Tensor {
    const [N, D] = [positions.shape[0]!, 2 * this.#turns.length];
    const rotation = this.#rows.rows(N);
    for (let n = 0; n < N; n++) {
      const from = positions.data[n]! * D;
      if (from >= this.#table.length) this.#write(rotation.data, n * D, positions.data[n]!);
      else for (let d = 0; d < D; d++) rotation.data[n * D + d] = this.#table[from + d]!;
    }
    return rotation;
  }

  #write(to: Floats, at: number, position: number): void {
    const half = this.#turns.length;
    for (let d = 0; d < half; d++) {
      const [cos, sin] = cosSinTurns(position * this.#turns[d]!);
      to[at + d] = cos;
      to[at + half + d] = sin;
    }
  }
}
