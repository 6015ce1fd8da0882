/** Which copies are made of frozen weights, and when: the products that read them are in matmul.test.ts. */
import { describe, expect, test } from 'vitest';
import { Frozen } from '../../../src/tensor/simd/matmul/frozen.ts';

/** Copies in memory of so many bytes, from address 10,000 on; `packed` are the addresses of the matrices packed, in order. */
function copies(bytes: number) {
  const packed: number[] = [];
  let end = 10_000;
  const frozen = new Frozen((_, b) => packed.push(b), {
    reserveCopy(wanted) {
      if (end + wanted > 10_000 + bytes) return undefined;
      end += wanted;
      return end - wanted;
    },
  });
  return { frozen, packed };
}
/** 40 columns of 8 numbers, so two panels: 2,048 bytes. */
const matrix = (b: number) => ({ b, N: 40, K: 8 });
const bytes = 4 * 40 * 8;

describe('copies of frozen weights', () => {
  test('are made once, when they are first wanted, and only of what is frozen as a whole', () => {
    const { frozen, packed } = copies(1e6);
    expect(frozen.packed(matrix(128))).toBeUndefined();
    frozen.freeze(128, 128 + bytes);
    expect(packed).toEqual([]);
    expect(frozen.packed(matrix(128))).toBe(10_000);
    expect(frozen.packed(matrix(128))).toBe(10_000);
    expect(packed).toEqual([128]);
    for (const b of [124, 132]) expect(frozen.packed(matrix(b))).toBeUndefined();
  });

  test('are apart for each shape that is read at an address', () => {
    const { frozen } = copies(1e6);
    frozen.freeze(0, bytes);
    const shapes = [matrix(0), { b: 0, N: 8, K: 40 }, { b: 0, N: 40, K: 4 }, { b: 0, N: 20, K: 8 }];
    expect(new Set(shapes.map((shape) => frozen.packed(shape))).size).toBe(shapes.length);
  });

  test.each([
    ['all of it', 1000, bytes],
    ['its beginning', 900, 104],
    ['a part', 1200, 8],
    ['its end', 1000 + bytes - 4, 100],
  ])('are made anew, at the same address, where %s is frozen again', (_, from, length) => {
    const { frozen, packed } = copies(1e6);
    frozen.freeze(0, 4000);
    const address = frozen.packed(matrix(1000));
    frozen.packed(matrix(1000 + bytes));
    frozen.freeze(from, from + length);
    expect(packed.slice(0, 3)).toEqual([1000, 1000 + bytes, 1000]);
    expect(frozen.packed(matrix(1000))).toBe(address);
  });

  test('are not touched by what lies beside them', () => {
    const { frozen, packed } = copies(1e6);
    frozen.freeze(0, 4000);
    frozen.packed(matrix(1000));
    frozen.freeze(0, 1000);
    frozen.freeze(1000 + bytes, 4000);
    expect(packed).toEqual([1000]);
  });

  test('are left out where there is no memory', () => {
    const { frozen, packed } = copies(2048);
    frozen.freeze(0, 4000);
    expect(frozen.packed(matrix(0))).toBe(10_000);
    expect(frozen.packed(matrix(bytes))).toBeUndefined();
    expect(packed).toEqual([0]);
  });
});
