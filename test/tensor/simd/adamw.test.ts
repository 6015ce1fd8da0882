import { describe, expect, test } from 'vitest';
import type { AdamWSettings } from '../../../src/tensor/kernels.ts';
import { reference } from '../../../src/tensor/reference/index.ts';
import { adamw } from '../../../src/tensor/simd/adamw.ts';
import { type Tensor, tensor } from '../../../src/tensor/tensor.ts';
import { expectClose, expectSameBits, randomTensor, sizes, unit } from '../../support/compare.ts';
import { modeName, modes, sliced } from './sliced.ts';

const names = ['adamw', 'sumOfSquares'] as const;
const settings = (step: number): AdamWSettings => ({
  learningRate: 3e-3,
  beta1: 0.9,
  beta2: 0.99,
  epsilon: 1e-8,
  weightDecay: 0.1,
  gradientScale: 0.37,
  step,
});

describe.each(modes.map((mode) => ({ mode, name: modeName(mode) })))('with $name', ({ mode }) => {
  const { kernels, memory } = sliced([adamw], names, mode);
  const k = kernels(1);

  // Moments: a product each, their sum and the rounded constants. The parameter: one rounding of itself, and 12 of a
  // step of at most 0.003 * 10 (v is at least 1/100 of g^2).
  test('p, m and v are within 2, 6 and 8 units of the reference over ten steps, in any slices', () => {
    for (const n of sizes) {
      const make = (from: (t: Tensor) => Tensor) =>
        ['p', 'm', 'v'].map((name) => from(name === 'p' ? randomTensor(name, [n], 1) : tensor(name, [n])));
      const [p, m, v] = make((t) => memory.copy(t)) as [Tensor, Tensor, Tensor];
      const [P, M, V] = make((t) => t) as [Tensor, Tensor, Tensor];
      const others = [2, 3].map((slices) => ({
        slices,
        state: make((t) => memory.copy(t)) as [Tensor, Tensor, Tensor],
      }));
      for (let step = 1; step <= 10; step++) {
        const g = memory.copy(randomTensor('g', [n], step));
        // Both start every step from the same state.
        P.data.set(p.data);
        M.data.set(m.data);
        V.data.set(v.data);
        const [before, old] = [P.data.slice(), M.data.slice()];
        reference.adamw(P, M, V, g, [0, n], settings(step));
        k.adamw(p, m, v, g, [0, n], settings(step));
        expectClose(m, M, {
          relative: 6 * unit,
          scale: old.map((x, i) => Math.abs(0.9 * x) + Math.abs(0.037 * g.data[i]!)),
        });
        expectClose(v, V, { relative: 8 * unit });
        expectClose(p, P, { relative: 2 * unit, scale: before.map((x) => Math.abs(x) + 0.2) });
        for (const { slices, state } of others) {
          kernels(slices).adamw(...state, g, [0, n], settings(step));
          expectSameBits(state[0], p);
          expectSameBits(state[1], m);
          expectSameBits(state[2], v);
        }
      }
      memory.reset();
    }
  });

  test('a range changes its elements only, as the whole would', () => {
    const n = 37;
    const g = memory.copy(randomTensor('g', [n], 1));
    const fresh = () =>
      ['p', 'm', 'v'].map((name) => memory.tensor(name, [n], randomTensor(name, [n], 1).data.map(Math.abs)));
    const [whole, part] = [fresh(), fresh()] as [Tensor, Tensor, Tensor][];
    const start = part!.map((t) => t.data.slice());
    k.adamw(...whole!, g, [0, n], settings(3));
    k.adamw(...part!, g, [5, 18], settings(3));
    part!.forEach((t, j) => {
      const want = start[j]!.map((x, i) => (i >= 5 && i < 18 ? whole![j]!.data[i]! : x));
      expectSameBits(t, want);
    });
    const cut = () => k.adamw(...part!, g, [5, 38], settings(3));
    expect(cut).toThrow('adamw: expected p, m, v, g of one size and a range in it, got p = 37, g = 37');
    memory.reset();
  });

  test('the first step is the learning rate against the sign of the gradient, whatever its size', () => {
    const g = memory.tensor('g', [4], [1e-3, -1, 1e3, 0]);
    const [p, m, v] = ['p', 'm', 'v'].map((name) => memory.tensor(name, [4], [0, 0, 0, 0]));
    k.adamw(p!, m!, v!, g, [0, 4], { ...settings(1), gradientScale: 1 });
    expectClose(p!, [-3e-3, 3e-3, -3e-3, 0], { relative: 1e-4 });
    memory.reset();
  });

  test('sumOfSquares is within 70 units of the reference, the same for any slices, blocks in order', () => {
    for (const n of [...sizes, 1023, 1024, 1025, 5000, 50_001]) {
      const x = memory.copy(randomTensor('x', [n], 1));
      const sum = k.sumOfSquares(x);
      expect(Math.abs(sum / reference.sumOfSquares(x) - 1)).toBeLessThan(70 * unit);
      for (const slices of [2, 3]) expect(kernels(slices).sumOfSquares(x)).toBe(sum);
      memory.reset();
    }
    const huge = memory.tensor('x', [2048], Array(2048).fill(1e17));
    expect(k.sumOfSquares(huge) / 2048e34).toBeCloseTo(1, 5);
    memory.reset();
  });
});
