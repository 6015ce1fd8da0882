/** The shared memory: what is handed out is zero, aligned, disjoint and stays valid. */
import { describe, expect, test } from 'vitest';
import { SharedMemory } from '../../../../src/tensor/simd/machine/memory.ts';
import { Tensor, tensor } from '../../../../src/tensor/tensor.ts';

const floats = (memory: SharedMemory, length: number) => {
  const { buffer, byteOffset } = memory.reserve(length * 4);
  return new Float32Array(buffer as ArrayBuffer, byteOffset, length);
};

describe('reserve', () => {
  test('gives zeros on 64-byte boundaries, apart from each other', () => {
    const memory = new SharedMemory();
    const views = [1, 15, 16, 17, 0, 100].map((length) => floats(memory, length));
    for (const [i, view] of views.entries()) {
      expect(view.byteOffset % 64).toBe(0);
      expect([...view].every((x) => Object.is(x, 0))).toBe(true);
      view.fill(i + 1);
    }
    for (const [i, view] of views.entries()) expect([...view].every((x) => x === i + 1)).toBe(true);
  });

  test('leaves the 128 bytes at address 0 zero, for sums that start from nothing', () => {
    const memory = new SharedMemory();
    floats(memory, 16).fill(1);
    expect([...new Uint8Array(memory.memory.buffer, 0, 128)]).toEqual(Array(128).fill(0));
  });

  test('always leaves 128 readable bytes behind the last tensor, for loads that run past a row', () => {
    const memory = new SharedMemory();
    for (let i = 0; i < 3; i++) {
      const left = memory.memory.buffer.byteLength - (floats(memory, 0).byteOffset % 65536);
      const last = floats(memory, (left % 65536) / 4); // ends with the page
      expect(memory.memory.buffer.byteLength - (last.byteOffset + last.byteLength)).toBeGreaterThanOrEqual(
        128,
      );
    }
  });

  test('views and addresses from before it grew stay valid', () => {
    const memory = new SharedMemory();
    const early = new Tensor('early', [3], floats(memory, 3));
    early.data.set([1, 2, 3]);
    const late = new Tensor('late', [500_000], floats(memory, 500_000));
    early.data[0] = 4;
    expect([...new Float32Array(memory.memory.buffer, memory.pointer(early), 3)]).toEqual([4, 2, 3]);
    expect(memory.pointer(late)).toBeGreaterThan(memory.pointer(early));
  });

  test('more than 2 GiB is refused before anything happens', () => {
    const memory = new SharedMemory();
    expect(() => memory.reserve(2 ** 31)).toThrow(
      'simd memory: too much is asked for; expected at most 2147 MB, got 2148 MB; use a smaller model or batch',
    );
    expect(memory.memory.buffer.byteLength).toBe(65536);
  });
});

test('copies are given memory for good, as long as a quarter of all is left', () => {
  const memory = new SharedMemory();
  const [first, second] = [memory.reserveCopy(100)!, memory.reserveCopy(100)!];
  expect(first % 64).toBe(0);
  expect(second).toBeGreaterThanOrEqual(first + 100);
  const quarter = 2 ** 29;
  expect(memory.reserveCopy(3 * quarter)).toBeUndefined();
  expect(floats(memory, 1).byteOffset).toBe(second + 128); // nothing was taken
});

test('pointer refuses a tensor in memory of its own', () => {
  expect(() => new SharedMemory().pointer(tensor('stray', [2]))).toThrow(/stray is in other memory/);
});

test('scratch is the same memory until more is asked for, and never that of a tensor', () => {
  const memory = new SharedMemory();
  const first = memory.scratch(100);
  expect(memory.scratch(1000)).toBe(first);
  const t = floats(memory, 1000);
  const second = memory.scratch(200_000);
  expect(second).toBeGreaterThanOrEqual(t.byteOffset + t.byteLength);
  const behind = floats(memory, 16);
  expect(behind.byteOffset).toBeGreaterThanOrEqual(second + 200_000);
  expect(memory.scratch(150_000)).toBe(second);
});
