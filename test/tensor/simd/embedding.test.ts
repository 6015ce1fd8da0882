import { describe, expect, test } from 'vitest';
import { reference } from '../../../src/tensor/reference/index.ts';
import { embedding } from '../../../src/tensor/simd/embedding.ts';
import { tensor } from '../../../src/tensor/tensor.ts';
import { expectClose, expectSameBits, randomTensor, sizes, unit } from '../../support/compare.ts';
import { modeName, modes, sliced } from './sliced.ts';

const [N, V] = [23, 5];
const idsOf = (n: number) => Array.from({ length: n }, (_, i) => (i * i + 3) % V);

describe.each(modes.map((mode) => ({ mode, name: modeName(mode) })))('with $name', ({ mode }) => {
  const { kernels, memory } = sliced([embedding], ['embedding', 'embeddingBackward'], mode);

  test.each(['set', 'add'] as const)(
    'embedding, %s, has the bits of the reference for any size and slices',
    (start) => {
      for (const C of sizes) {
        const table = memory.copy(randomTensor('table', [V, C], 1));
        const before = randomTensor('y', [N, C], 1).data;
        if (start === 'set') before.fill(Number.NaN);
        const want = tensor('y', [N, C], before);
        const ids = memory.ids('ids', idsOf(N));
        reference.embedding(want, table, ids, start);
        for (const slices of [1, 2, 3]) {
          const y = memory.tensor('y', [N, C], before);
          kernels(slices).embedding(y, table, ids, start);
          expectSameBits(y, want);
        }
        memory.reset();
      }
    },
  );

  test('embeddingBackward adds rows in order of n: the bits of the reference for any size and slices', () => {
    for (const C of sizes) {
      const dy = memory.copy(randomTensor('dy', [N, C], 1));
      const before = randomTensor('dtable', [V, C], 1).data;
      const want = tensor('dtable', [V, C], before);
      const ids = memory.ids('ids', idsOf(N));
      reference.embeddingBackward(want, dy, ids);
      for (const slices of [1, 2, 3]) {
        const dtable = memory.tensor('dtable', [V, C], before);
        kernels(slices).embeddingBackward(dtable, dy, ids);
        expectSameBits(dtable, want);
      }
      memory.reset();
    }
  });

  test('many equal ids add up within their number of units', () => {
    const n = 700;
    const [dy, dtable] = [memory.tensor('dy', [n, 3]), memory.tensor('dtable', [V, 3], Array(3 * V).fill(0))];
    dy.data.fill(0.1);
    kernels(1).embeddingBackward(dtable, dy, memory.ids('ids', Array(n).fill(2)));
    expectClose(dtable.data.slice(6, 9), [70, 70, 70], { relative: n * unit });
    expect([...dtable.data.slice(0, 6), ...dtable.data.slice(9)].every((x) => x === 0)).toBe(true);
    memory.reset();
  });

  test('an id outside of the table is a RangeError before anything is written', () => {
    const [table, y] = [memory.tensor('table', [V, 2]), memory.tensor('y', [2, 2], [1, 2, 3, 4])];
    const ids = memory.ids('ids', [0, V]);
    const message = 'embedding: expected ids[1] in 0 .. 4, got ids = 5';
    expect(() => kernels(1).embedding(y, table, ids, 'set')).toThrow(message);
    expect(() => kernels(1).embeddingBackward(table, y, ids)).toThrow('embeddingBackward: expected ids[1]');
    expect([...y.data]).toEqual([1, 2, 3, 4]);
    memory.reset();
  });
});
