import { describe, expect, it } from 'vitest';
import { orthogonalize } from '../../src/train/orthogonal.ts';
import { backends } from '../support/backends.ts';
import { expectClose, expectSameBits, randomTensor } from '../support/compare.ts';
import { GuardedMemory } from '../support/guarded.ts';

/** Singular values, largest first: roots of the eigenvalues of the smaller Gram matrix, by Jacobi's rotations. */
function singularValues(x: ArrayLike<number>, R: number, C: number): number[] {
  const at = (r: number, c: number) => (R <= C ? x[r * C + c]! : x[c * C + r]!);
  const [n, m] = [Math.min(R, C), Math.max(R, C)];
  const g = Array.from({ length: n }, (_, i) =>
    Array.from({ length: n }, (_, j) => {
      let sum = 0;
      for (let k = 0; k < m; k++) sum += at(i, k) * at(j, k);
      return sum;
    }),
  );
  for (let sweep = 0; sweep < 30; sweep++) {
    for (let p = 0; p < n; p++) {
      for (let q = p + 1; q < n; q++) {
        if (Math.abs(g[p]![q]!) < 1e-300) continue;
        const angle = Math.atan2(2 * g[p]![q]!, g[q]![q]! - g[p]![p]!) / 2;
        const [cos, sin] = [Math.cos(angle), Math.sin(angle)];
        for (const row of g)
          [row[p], row[q]] = [cos * row[p]! - sin * row[q]!, sin * row[p]! + cos * row[q]!];
        for (let k = 0; k < n; k++) {
          [g[p]![k], g[q]![k]] = [cos * g[p]![k]! - sin * g[q]![k]!, sin * g[p]![k]! + cos * g[q]![k]!];
        }
      }
    }
  }
  return g.map((row, i) => Math.sqrt(Math.max(0, row[i]!))).sort((a, b) => b - a);
}

const shapes = [
  [1, 1],
  [1, 7],
  [7, 1],
  [8, 24],
  [24, 8],
  [16, 33],
  [40, 17],
  [64, 160],
] as const;

describe.each(await backends())('orthogonalize on $name', ({ kernels }) => {
  const memory = new GuardedMemory(kernels.memory);
  function run(R: number, C: number, values: ArrayLike<number>): Float32Array {
    memory.reset();
    const S = Math.min(R, C);
    const x = memory.tensor('x', [R, C], values);
    const y = memory.tensor('y', [R, C]);
    const square = (name: string) => memory.tensor(name, [1, S, S]);
    const workspace = { g: square('g'), p: square('p'), q: square('q'), t: square('t') };
    orthogonalize(kernels, [{ x, y }], workspace);
    memory.expectGuardsIntact();
    return y.data.slice() as Float32Array;
  }
  const normals = (R: number, C: number) => randomTensor(`${R} x ${C}`, [R, C], 3).data;

  it.each(shapes)(
    'brings all singular values of a random matrix of %i x %i to between 0.68 and 1.2',
    (R, C) => {
      const values = singularValues(run(R, C, normals(R, C)), R, C);
      expect(values).toHaveLength(Math.min(R, C));
      expect(values[0]).toBeLessThan(1.2);
      expect(values.at(-1)).toBeGreaterThan(0.68);
    },
  );

  it('lifts singular values as small as 0.01 of the whole to above 0.68, and keeps the directions', () => {
    // Columns 2, 1, 0.5, ... times an orthonormal set: rows of a Hadamard matrix.
    const n = 8;
    const sizes = Array.from({ length: n }, (_, i) => 2 ** (1 - i));
    const sign = (i: number, j: number) =>
      i
        .toString(2)
        .split('')
        .filter((bit, k) => bit === '1' && (j >> (i.toString(2).length - 1 - k)) & 1).length % 2
        ? -1
        : 1;
    const x = sizes.flatMap((size, i) =>
      Array.from({ length: n }, (_, j) => (size * sign(i, j)) / Math.sqrt(n)),
    );
    const result = run(n, n, x);
    for (let i = 0; i < n; i++) {
      for (let k = 0; k < n; k++) {
        let dot = 0;
        for (let j = 0; j < n; j++) dot += (result[i * n + j]! * sign(k, j)) / Math.sqrt(n);
        if (i !== k) expect(Math.abs(dot)).toBeLessThan(1e-3);
        else {
          expect(dot).toBeGreaterThan(0.68);
          expect(dot).toBeLessThan(1.21);
        }
      }
    }
  });

  it('does not depend on the size of the matrix, commutes with transposing, and leaves 0 at 0', () => {
    const [R, C] = [12, 20];
    const x = normals(R, C);
    const result = run(R, C, x);
    expectClose(
      run(
        R,
        C,
        x.map((v) => v * 1e-3),
      ),
      result,
      { relative: 2e-3 },
    ); // 1e-7 beside the norm
    const transposed = x.map((_, i) => x[(i % R) * C + Math.floor(i / R)]!);
    const back = run(C, R, transposed);
    expectClose(
      back.map((_, i) => back[(i % C) * R + Math.floor(i / C)]!),
      result,
      { relative: 1e-3 },
    );
    expectSameBits(run(R, C, new Float32Array(R * C)), new Float32Array(R * C));
  });
});
