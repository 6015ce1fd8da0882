/** Column sums: kept in double and added in the same order as in the reference, so every bit is equal. */
import { afterAll, describe, test } from 'vitest';
import { reference } from '../../../src/tensor/reference/index.ts';
import { tensor } from '../../../src/tensor/tensor.ts';
import { allBackends, closeAll, expectGuarded, expectSame, label, normals, place } from './support.ts';

const backends = await allBackends();
afterAll(() => closeAll(backends));

const sizes = [1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 33, 64, 65, 384];

describe.each(backends.map((k) => ({ k, name: label(k) })))('biasBackward, $name', ({ k }) => {
  test('has the bits of the reference, for all sizes, and writes nothing else', () => {
    for (const N of sizes) {
      for (const M of [1, 2, 3, 64, 769]) {
        const [dy, before] = [normals(M * N, 1), normals(N, 2)];
        const want = tensor('dbias', [N], before);
        reference.biasBackward(want, tensor('dy', [M, N], dy));
        const got = place(k, 'dbias', [N], before);
        k.biasBackward(got, place(k, 'dy', [M, N], dy));
        expectGuarded(got);
        expectSame(got.data, want.data, `M ${M}, N ${N}`);
      }
    }
  });

  test('gives the bits of one thread', () => {
    const [M, N] = [768, 1003];
    const dy = normals(M * N, 3);
    const sums = [backends[0]!, k].map((kernels) => {
      const dbias = place(kernels, 'dbias', [N]);
      kernels.biasBackward(dbias, place(kernels, 'dy', [M, N], dy));
      return dbias.data;
    });
    expectSame(sums[1]!, sums[0]!, 'dbias');
  });
});
