/** The angles of rotary positions: row n turns channel pair d of every head by positions[n] * theta^(-2d/D).
 *
 * They are computed once a pass, for all blocks, as cosines and sines in float64 that are rounded once. A table keeps those of
 * positions 0 .. T - 1; later positions, which only a cache that has dropped tokens has, are computed when they come. Angles
 * are counted in turns of the circle: whole turns can be left out exactly, and only the angle itself is rounded. */
import type { Arena } from '../tensor/arena.ts';
import { cosSinTurns, exp, log } from '../tensor/math.ts';
import type { Floats, Ids, Tensor } from '../tensor/tensor.ts';

interface Size {
  /** Positions in the table. */
  readonly T: number;
  readonly D: number;
  readonly theta: number;
}
interface Angles {
  /** Turns that pair d makes from one position to the next. */
  readonly turns: Float64Array;
  readonly table: Float64Array;
}

export class Rotation {
  readonly #size: Size;
  readonly #rows: Tensor;
  /** Made by the first pass: a model that is only planned takes no memory. */
  #angles: Angles | undefined;

  constructor(arena: Arena, rows: number, size: Size) {
    this.#size = size;
    this.#rows = arena.cache('rotation', [rows, size.D]);
  }

  /** (N D): the cosines of each row's D/2 angles, then their sines. Valid until the next call. */
  at(positions: Ids): Tensor {
    this.#angles ??= anglesOf(this.#size);
    const { turns, table } = this.#angles;
    const [N, D] = [positions.shape[0]!, this.#size.D];
    const rotation = this.#rows.rows(N);
    for (let n = 0; n < N; n++) {
      const from = positions.data[n]! * D;
      if (from >= table.length) write(rotation.data, n * D, turns, positions.data[n]!);
      else for (let d = 0; d < D; d++) rotation.data[n * D + d] = table[from + d]!;
    }
    return rotation;
  }
}

function anglesOf({ T, D, theta }: Size): Angles {
  const turns = Float64Array.from(
    { length: D / 2 },
    (_, d) => exp((-2 * d * log(theta)) / D) / (2 * Math.PI),
  );
  const table = new Float64Array(T * D);
  for (let position = 0; position < T; position++) write(table, position * D, turns, position);
  return { turns, table };
}

function write(to: Floats, at: number, turns: Float64Array, position: number): void {
  const half = turns.length;
  for (let d = 0; d < half; d++) {
    const [cos, sin] = cosSinTurns(position * turns[d]!);
    to[at + d] = cos;
    to[at + half + d] = sin;
  }
}
