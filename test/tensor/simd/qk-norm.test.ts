import { describe, test } from 'vitest';
import { reference } from '../../../src/tensor/reference/index.ts';
import { qkNorm } from '../../../src/tensor/simd/qk-norm.ts';
import { rmsnorm } from '../../../src/tensor/simd/rmsnorm.ts';
import { tensor } from '../../../src/tensor/tensor.ts';
import { expectClose, expectSameBits, randomTensor, sizes, unit } from '../../support/compare.ts';
import { modeName, modes, sliced } from './sliced.ts';

const names = ['qkNorm', 'qkNormBackward', 'qkNormParametersBackward', 'rmsnorm', 'rmsnormBackward'] as const;
const epsilon = 1e-6;
const cases = sizes.flatMap((D) => [1, 3].map((H) => [3, H, D] as const));

function problem(N: number, H: number, D: number) {
  const [qkv, dy] = [randomTensor('qkv', [N, 3 * H * D], 1), randomTensor('dy', [N, 3 * H * D], 1)];
  const gains = randomTensor('gains', [2, D], 1);
  const [y, r] = [tensor('y', [N, 3 * H * D]), tensor('r', [N, 2 * H])];
  reference.qkNorm(y, r, qkv, gains, epsilon);
  return { qkv, dy, gains, y, r };
}

describe.each(modes.map((mode) => ({ mode, name: modeName(mode) })))('with $name', ({ mode }) => {
  const { kernels, memory } = sliced([rmsnorm, qkNorm], names, mode);
  const k = kernels(1);

  test('y and r are within D / 32 + 8 units of the reference, and v is copied, in any slices', () => {
    for (const [N, H, D] of cases) {
      const want = problem(N, H, D);
      const [qkv, gains] = [memory.copy(want.qkv), memory.copy(want.gains)];
      for (const slices of [1, 2, 3]) {
        const [y, r] = [memory.tensor('y', want.y.shape), memory.tensor('r', want.r.shape)];
        kernels(slices).qkNorm(y, r, qkv, gains, epsilon);
        const relative = (D / 32 + 8) * unit;
        expectClose(y, want.y, { relative, scale: 0 });
        expectClose(r, want.r, { relative, scale: 0 });
        for (let n = 0; n < N; n++) {
          expectSameBits(y.row(n).data.subarray(2 * H * D), qkv.row(n).data.subarray(2 * H * D));
        }
      }
      memory.reset();
    }
  });

  test('every head, forward and backward, has the bits of rmsnorm with its gain; in place and in any slices', () => {
    for (const [N, H, D] of cases) {
      const { qkv, dy, gains, r } = problem(N, H, D);
      const [X, DY, GAINS, R] = [memory.copy(qkv), memory.copy(dy), memory.copy(gains), memory.copy(r)];
      const [y, rOut] = [memory.tensor('y', X.shape), memory.tensor('r', R.shape)];
      const dx = memory.tensor('dqkv', X.shape);
      kernels(2).qkNorm(y, rOut, X, GAINS, epsilon);
      kernels(3).qkNormBackward(dx, DY, X, GAINS, R);
      k.qkNormBackward(DY, DY, X, GAINS, R);
      expectSameBits(DY, dx);
      const [head, out, one] = [
        memory.tensor('x', [1, D]),
        memory.tensor('y', [1, D]),
        memory.tensor('r', [1]),
      ];
      for (let n = 0; n < N; n++) {
        for (let h = 0; h < 2 * H; h++) {
          const gain = GAINS.row(h < H ? 0 : 1);
          const at = n * 3 * H * D + h * D;
          head.data.set(qkv.data.subarray(at, at + D));
          k.rmsnorm(out, one, head, gain, epsilon);
          expectSameBits(y.data.subarray(at, at + D), out);
          expectSameBits([rOut.data[n * 2 * H + h]!], one);
          out.data.set(dy.data.subarray(at, at + D));
          one.data[0] = r.data[n * 2 * H + h]!;
          k.rmsnormBackward(out, out, head, gain, one);
          expectSameBits(dx.data.subarray(at, at + D), out);
        }
        const v = 2 * H * D;
        expectSameBits(dx.row(n).data.subarray(v), dy.row(n).data.subarray(v));
      }
      memory.reset();
    }
  });

  test('dgains are added to, within N H + 4 units of the reference; any slices have the bits of one', () => {
    for (const [N, H, D] of cases) {
      const { qkv, dy, r } = problem(N, H, D);
      const start = randomTensor('start', [2, D], 1);
      const want = tensor('dgains', [2, D], start.data);
      reference.qkNormParametersBackward(want, dy, qkv, r);
      const inputs = [memory.copy(dy), memory.copy(qkv), memory.copy(r)] as const;
      const dgains = memory.copy(start);
      k.qkNormParametersBackward(dgains, ...inputs);
      const scale = start.data.map((s, i) => {
        let sum = Math.abs(s);
        for (let n = 0; n < N; n++) {
          for (let h = i < D ? 0 : H; h < (i < D ? H : 2 * H); h++) {
            const at = n * 3 * H * D + h * D + (i % D);
            sum += Math.abs(dy.data[at]! * qkv.data[at]! * r.data[n * 2 * H + h]!);
          }
        }
        return sum;
      });
      expectClose(dgains, want, { relative: (N * H + 4) * unit, scale });
      for (const slices of [2, 3, 5]) {
        const again = memory.copy(start);
        kernels(slices).qkNormParametersBackward(again, ...inputs);
        expectSameBits(again, dgains);
      }
      memory.reset();
    }
  });
});
