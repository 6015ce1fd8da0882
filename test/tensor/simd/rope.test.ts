import { describe, test } from 'vitest';
import { reference } from '../../../src/tensor/reference/index.ts';
import { rope } from '../../../src/tensor/simd/rope.ts';
import { expectClose, expectSameBits, randomTensor, sizes, unit } from '../../support/compare.ts';
import { modeName, modes, sliced } from './sliced.ts';

const names = ['rope', 'ropeBackward'] as const;
/** Half a head has any size, so that tails reach into the other half. */
const cases = sizes.flatMap((half) => [1, 3].map((H) => [5, H, 2 * half] as const));

describe.each(modes.map((mode) => ({ mode, name: modeName(mode) })))('with $name', ({ mode }) => {
  const { kernels, memory } = sliced([rope], names, mode);

  function problem(N: number, H: number, D: number) {
    const [qkv, rotation] = [randomTensor('qkv', [N, 3 * H * D], 1), randomTensor('rotation', [N, D], 1)];
    const half = D / 2;
    // |a cos| + |b sin| <= |(a, b)| |(cos, sin)|
    const scale = qkv.data.map((v, i) => {
      const [n, c] = [Math.floor(i / (3 * H * D)), i % D];
      const other = qkv.data[i + (c < half ? half : -half)]!;
      const [cos, sin] = [rotation.data[n * D + (c % half)]!, rotation.data[n * D + half + (c % half)]!];
      return Math.hypot(v, other) * Math.hypot(cos, sin);
    });
    return { qkv, rotation, scale };
  }

  test.each(names)(
    '%s is within 4 units of the reference, v untouched, the same bits in any slices',
    (name) => {
      for (const [N, H, D] of cases) {
        const { qkv, rotation, scale } = problem(N, H, D);
        const [x, angles] = [memory.copy(qkv), memory.copy(rotation)];
        kernels(1)[name](x, angles);
        for (const slices of [2, 3]) {
          const again = memory.copy(qkv);
          kernels(slices)[name](again, angles);
          expectSameBits(again, x);
        }
        for (let n = 0; n < N; n++) {
          const v = 2 * H * D;
          expectSameBits(x.row(n).data.subarray(v), qkv.row(n).data.subarray(v));
          const one = memory.tensor('row', [1, 3 * H * D], qkv.row(n).data);
          kernels(1)[name](one, memory.tensor('rotation', [1, D], rotation.row(n).data));
          expectSameBits(one, x.row(n));
        }
        reference[name](qkv, rotation);
        expectClose(x, qkv, { relative: 4 * unit, scale });
        memory.reset();
      }
    },
  );

  test('NaN in the next head or half does not reach over a tail', () => {
    for (const half of [1, 3, 5, 6]) {
      const { qkv, rotation } = problem(1, 2, 2 * half);
      const [x, angles] = [memory.copy(qkv), memory.copy(rotation)];
      kernels(1).rope(x, angles);
      const spoilt = memory.copy(qkv);
      spoilt.data.fill(Number.NaN, 2 * half, 4 * half);
      kernels(1).rope(spoilt, angles);
      expectSameBits(spoilt.data.subarray(0, 2 * half), x.data.subarray(0, 2 * half));
      expectSameBits(spoilt.data.subarray(4 * half), x.data.subarray(4 * half));
      memory.reset();
    }
  });
});
