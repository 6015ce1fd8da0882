import { afterEach, describe, expect, it } from 'vitest';
import { tensor } from '../../../src/tensor/tensor.ts';
import { backends } from '../../support/backends.ts';
import { expectClose, expectSameBits, unit } from '../../support/compare.ts';
import { GuardedMemory } from '../../support/guarded.ts';
import { range, xPool } from './support.ts';

/** N rows, H heads, D channels a head. */
const cases = [1, 2, 3, 5].flatMap((N) =>
  [1, 2, 3].flatMap((H) => [2, 4, 6, 8, 10, 16, 32, 34].map((D) => [N, H, D] as const)),
);
const angle = (n: number, d: number) => 0.3 * n + 1.7 * d - 2;

describe.each(await backends())('rope on $name', ({ kernels }) => {
  const memory = new GuardedMemory(kernels.memory);
  afterEach(() => memory.reset());

  it('by a quarter turn (1, 0) becomes (0, 1) and (0, 1) becomes (-1, 0); v stays', () => {
    const qkv = memory.tensor('qkv', [1, 6], [1, 0, 0, 1, 5, 6]);
    kernels.rope(qkv, memory.tensor('rotation', [1, 2], [0, 1])); // cosine 0, sine 1
    expect([...qkv.data].map((v) => v + 0)).toEqual([0, 1, -1, 0, 5, 6]);
  });

  function open(N: number, H: number, D: number) {
    const qkv = memory.tensor('qkv', [N, 3 * H * D], xPool.subarray(0, N * 3 * H * D));
    const angles = range(N).map((n) => range(D / 2).map((d) => angle(n, d)));
    const rotation = memory.tensor(
      'rotation',
      [N, D],
      angles.flatMap((row) => [...row.map(Math.cos), ...row.map(Math.sin)]),
    );
    return { qkv, rotation };
  }

  it('turns the point (x[d], x[d + D/2]) of every head of q and k by its angle, and leaves v', () => {
    for (const [N, H, D] of cases) {
      memory.reset();
      const { qkv, rotation } = open(N, H, D);
      const exact = Array.from(qkv.data);
      const scale = exact.map(() => 0);
      for (let n = 0; n < N; n++) {
        for (let h = 0; h < 2 * H; h++) {
          for (let d = 0; d < D / 2; d++) {
            const at = n * 3 * H * D + h * D + d;
            const [a, b] = [exact[at], exact[at + D / 2]];
            // e^(i angle) (a + i b)
            exact[at] = a * Math.cos(angle(n, d)) - b * Math.sin(angle(n, d));
            exact[at + D / 2] = a * Math.sin(angle(n, d)) + b * Math.cos(angle(n, d));
            scale[at] = scale[at + D / 2] = Math.hypot(a, b);
          }
        }
      }
      kernels.rope(qkv, rotation);
      expectClose(qkv, exact, { relative: 4 * unit, scale });
    }
  });

  it('backward turns back, bit for bit by the negated angles', () => {
    for (const [N, H, D] of cases) {
      memory.reset();
      const { qkv, rotation } = open(N, H, D);
      const original = qkv.data.slice();
      kernels.rope(qkv, rotation);
      const turned = qkv.data.slice();
      kernels.ropeBackward(qkv, rotation);
      expectClose(qkv, original, { relative: 8 * unit });
      const back = qkv.data.slice();
      qkv.data.set(turned);
      for (let n = 0; n < N; n++) for (let d = D / 2; d < D; d++) rotation.data[n * D + d] *= -1;
      kernels.rope(qkv, rotation);
      expectSameBits(qkv, back);
    }
  });

  it('gives a row the same bits alone as among others', () => {
    const [N, H, D] = [5, 3, 10];
    const { qkv, rotation } = open(N, H, D);
    const alone = range(N).map((n) => {
      const row = memory.tensor('row', [1, 3 * H * D], qkv.row(n).data);
      kernels.rope(row, memory.tensor('rotation', [1, D], rotation.row(n).data));
      return row.data;
    });
    kernels.rope(qkv, rotation);
    for (let n = 0; n < N; n++) expectSameBits(qkv.row(n), alone[n]);
  });

  it('refuses heads that do not fill the row, and an odd head', () => {
    const rule = 'rope: expected q, k and v of whole heads of an even size D, got';
    expect(() => kernels.rope(tensor('qkv', [2, 24]), tensor('rotation', [2, 6]))).toThrow(
      `${rule} qkv = 24, D = 6`,
    );
    expect(() => kernels.rope(tensor('qkv', [2, 9]), tensor('rotation', [2, 3]))).toThrow(
      `${rule} qkv = 9, D = 3`,
    );
  });
});
