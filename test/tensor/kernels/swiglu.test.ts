import { afterEach, describe, expect, it } from 'vitest';
import { tensor } from '../../../src/tensor/tensor.ts';
import { backends } from '../../support/backends.ts';
import { expectClose, expectSameBits, unit } from '../../support/compare.ts';
import { GuardedMemory } from '../../support/guarded.ts';
import { dyPool, pairs, range, xPool } from './support.ts';

const sigmoid = (g: number) => 1 / (1 + Math.exp(-g));

describe.each(await backends())('swiglu on $name', ({ kernels }) => {
  const memory = new GuardedMemory(kernels.memory);
  afterEach(() => memory.reset());

  /** Forward of one gate for each element, all with the same up. */
  function gates(values: readonly number[], up: number) {
    const F = values.length;
    const x = memory.tensor('x', [1, 2 * F], [...values, ...values.map(() => up)]);
    const y = memory.tensor('y', [1, F]);
    kernels.swiglu(y, x);
    return { x, y };
  }

  it('a gate of 0 lets nothing through, a gate of 20 lets 20 times as much: (0, 20 | 5, 3) is (0, 60)', () => {
    const y = memory.tensor('y', [1, 2]);
    kernels.swiglu(y, memory.tensor('x', [1, 4], [0, 20, 5, 3]));
    expectClose(y, [0, 60], { relative: 1e-7 });
  });

  it('is silu(gate) * up within 8 roundings of float64, for every size', () => {
    for (const [N, F] of pairs.filter(([n, f]) => n * f <= xPool.length / 2)) {
      memory.reset();
      const x = memory.tensor('x', [N, 2 * F], xPool.subarray(0, 2 * N * F));
      const y = memory.tensor('y', [N, F]);
      kernels.swiglu(y, x);
      const exact = range(N * F).map((i) => {
        const at = Math.floor(i / F) * 2 * F + (i % F);
        return x.data[at] * sigmoid(x.data[at]) * x.data[at + F];
      });
      expectClose(y, exact, { relative: 8 * unit, scale: 0 });
    }
  });

  it('has dgate and dup within 12 roundings of float64, for every size', () => {
    for (const [N, F] of pairs.filter(([n, f]) => n * f <= xPool.length / 2)) {
      memory.reset();
      const x = memory.tensor('x', [N, 2 * F], xPool.subarray(0, 2 * N * F));
      const dy = memory.tensor('dy', [N, F], dyPool.subarray(0, N * F));
      const dx = memory.tensor('dx', [N, 2 * F]);
      kernels.swigluBackward(dx, dy, x);
      const exact = new Array<number>(2 * N * F);
      const scale = new Array<number>(2 * N * F);
      for (let i = 0; i < N * F; i++) {
        const at = Math.floor(i / F) * 2 * F + (i % F);
        const [g, up, s] = [x.data[at], x.data[at + F], sigmoid(x.data[at])];
        exact[at] = dy.data[i] * up * (s + g * s * (1 - s));
        scale[at] = Math.abs(dy.data[i] * up) * (s + Math.abs(g) * s * (1 - s));
        exact[at + F] = dy.data[i] * g * s;
        scale[at + F] = Math.abs(exact[at + F]);
      }
      expectClose(dx, exact, { relative: 12 * unit, scale });
    }
  });

  it('is exactly 0 for gate 0, the gate itself for a large gate, and 0 for one far below; never NaN', () => {
    const { x, y } = gates([0, 30, 1e4, 3e38, -1e4, -3e38], 0.5);
    expectClose(y, [0, 15, 5e3, 1.5e38, 0, 0], { relative: 4 * unit, scale: 0 });
    const dx = memory.tensor('dx', [1, 12]);
    kernels.swigluBackward(dx, memory.tensor('dy', [1, 6], new Array(6).fill(2)), x);
    expectClose(dx, [0.5, 1, 1, 1, 0, 0, 0, 60, 2e4, 6e38, 0, 0].map(Math.fround), {
      relative: 4 * unit,
      scale: 0,
    });
  });

  it('follows the exponential down to where the gate closes, within 8 roundings', () => {
    const values = range(800).map((i) => (i - 700) / 10);
    const { y } = gates(values, 1);
    const exact = values.map((g) => Math.fround(g) * sigmoid(Math.fround(g)));
    expectClose(y, exact, { relative: 8 * unit, scale: 0 });
  });

  it('gives a row the same bits alone as among others', () => {
    const [N, F] = [7, 19];
    const x = memory.tensor('x', [N, 2 * F], xPool.subarray(0, 2 * N * F));
    const dy = memory.tensor('dy', [N, F], dyPool.subarray(0, N * F));
    const [y, dx] = [memory.tensor('y', [N, F]), memory.tensor('dx', [N, 2 * F])];
    kernels.swiglu(y, x);
    kernels.swigluBackward(dx, dy, x);
    for (let n = 0; n < N; n++) {
      const one = memory.tensor('x', [1, 2 * F], x.row(n).data);
      const [yOne, dxOne] = [memory.tensor('y', [1, F]), memory.tensor('dx', [1, 2 * F])];
      kernels.swiglu(yOne, one);
      kernels.swigluBackward(dxOne, memory.tensor('dy', [1, F], dy.row(n).data), one);
      expectSameBits(yOne, y.row(n));
      expectSameBits(dxOne, dx.row(n));
    }
  });

  it('refuses anything but gate and up of the width of y', () => {
    expect(() => kernels.swiglu(tensor('y', [2, 3]), tensor('x', [2, 9]))).toThrow(
      'swiglu: expected gate and up side by side, got x = 9, F = 3',
    );
  });
});
