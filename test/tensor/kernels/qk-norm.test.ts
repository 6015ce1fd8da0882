import { afterEach, describe, expect, it } from 'vitest';
import { tensor } from '../../../src/tensor/tensor.ts';
import { backends } from '../../support/backends.ts';
import { expectClose, expectSameBits, unit } from '../../support/compare.ts';
import { GuardedMemory } from '../../support/guarded.ts';
import { dyPool, magnitudes, range, sum, xPool, zPool } from './support.ts';

const epsilon = 1e-6;
/** N rows, H heads, D channels a head. */
const cases = [1, 2, 3, 5].flatMap((N) =>
  [1, 2, 3, 4].flatMap((H) => [1, 2, 3, 4, 6, 7, 8, 16, 17, 32].map((D) => [N, H, D] as const)),
);

describe.each(await backends())('qkNorm on $name', ({ kernels }) => {
  const memory = new GuardedMemory(kernels.memory);
  afterEach(() => memory.reset());
  const cut = (name: string, shape: number[], pool: typeof xPool) =>
    memory.tensor(name, shape, pool.subarray(0, shape[0] * shape[1]));

  it('q (2, -2) and k (3, 3) become (1, -1) and (1, 1) times their gains 1 and 10; v (7, 8) stays', () => {
    const [y, r] = [memory.tensor('y', [1, 6]), memory.tensor('r', [1, 2])];
    const gains = memory.tensor('gains', [2, 2], [1, 1, 10, 10]);
    kernels.qkNorm(y, r, memory.tensor('qkv', [1, 6], [2, -2, 3, 3, 7, 8]), gains, epsilon);
    expectClose(y, [1, -1, 10, 10, 7, 8], { relative: epsilon });
  });

  it('is rmsnorm, bit for bit, over every head of q and of k with its gain, and leaves v as it is', () => {
    for (const [N, H, D] of cases) {
      memory.reset();
      const C = H * D;
      const [qkv, gains] = [cut('qkv', [N, 3 * C], xPool), cut('gains', [2, D], zPool)];
      const [y, r] = [memory.tensor('y', [N, 3 * C]), memory.tensor('r', [N, 2 * H])];
      kernels.qkNorm(y, r, qkv, gains, epsilon);
      const [head, out, one] = ['x', 'y', 'r'].map((name) => memory.tensor(name, [1, name === 'r' ? 1 : D]));
      for (let n = 0; n < N; n++) {
        for (let h = 0; h < 2 * H; h++) {
          const at = n * 3 * C + h * D;
          head.data.set(qkv.data.subarray(at, at + D));
          kernels.rmsnorm(out, one.row(0), head, gains.row(h < H ? 0 : 1), epsilon);
          expectSameBits(y.data.subarray(at, at + D), out.data);
          expectSameBits([r.data[n * 2 * H + h]], one.data);
        }
        const v = n * 3 * C + 2 * C;
        expectSameBits(y.data.subarray(v, v + C), qkv.data.subarray(v, v + C));
      }
    }
  });

  it('its backward is that of rmsnorm, bit for bit, also in place', () => {
    for (const [N, H, D] of cases) {
      memory.reset();
      const C = H * D;
      const [qkv, dy] = [cut('qkv', [N, 3 * C], xPool), cut('dy', [N, 3 * C], dyPool)];
      const [gains, r] = [cut('gains', [2, D], zPool), cut('r', [N, 2 * H], xPool)];
      const dqkv = memory.tensor('dqkv', [N, 3 * C]);
      kernels.qkNormBackward(dqkv, dy, qkv, gains, r);
      const [head, dhead, out] = ['x', 'dy', 'dx'].map((name) => memory.tensor(name, [1, D]));
      const one = memory.tensor('r', [1]);
      for (let n = 0; n < N; n++) {
        for (let h = 0; h < 2 * H; h++) {
          const at = n * 3 * C + h * D;
          head.data.set(qkv.data.subarray(at, at + D));
          dhead.data.set(dy.data.subarray(at, at + D));
          one.data[0] = r.data[n * 2 * H + h];
          kernels.rmsnormBackward(out, dhead, head, gains.row(h < H ? 0 : 1), one);
          expectSameBits(dqkv.data.subarray(at, at + D), out.data);
        }
        const v = n * 3 * C + 2 * C;
        expectSameBits(dqkv.data.subarray(v, v + C), dy.data.subarray(v, v + C));
      }
      kernels.qkNormBackward(dy, dy, qkv, gains, r);
      expectSameBits(dy, dqkv);
    }
  });

  it('adds to the gains of q and of k within N H + 4 roundings of float64', () => {
    for (const [N, H, D] of cases) {
      memory.reset();
      const C = H * D;
      const [qkv, dy] = [cut('qkv', [N, 3 * C], xPool), cut('dy', [N, 3 * C], dyPool)];
      const [dgains, r] = [cut('dgains', [2, D], zPool), cut('r', [N, 2 * H], xPool)];
      kernels.qkNormParametersBackward(dgains, dy, qkv, r);
      const terms = range(2 * D).map((i) => [
        zPool[i],
        ...range(N * H).map((j) => {
          const [n, h] = [Math.floor(j / H), (j % H) + (i < D ? 0 : H)];
          const at = n * 3 * C + h * D + (i % D);
          return dy.data[at] * qkv.data[at] * r.data[n * 2 * H + h];
        }),
      ]);
      expectClose(dgains, terms.map(sum), {
        relative: (N * H + 4) * unit,
        scale: terms.map((v) => sum(magnitudes(v))),
      });
    }
  });

  it('refuses gains and statistics for other heads', () => {
    const [qkv, gains] = [tensor('qkv', [2, 24]), tensor('gains', [2, 4])];
    expect(() => kernels.qkNorm(qkv, tensor('r', [2, 6]), qkv, gains, epsilon)).toThrow(
      'qkNorm: expected q, k and v of H * D channels and r for 2 H heads, got qkv = 24, r = 6, D = 4',
    );
  });
});
