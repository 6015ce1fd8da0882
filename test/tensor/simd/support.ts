/** Tensors in a backend's own memory, with guard words around them; and the backends to test. */
import { expect } from 'vitest';
import { nodeHost } from '../../../src/cli/host/simd-host.ts';
import type { Kernels } from '../../../src/tensor/kernels.ts';
import { RandomStream } from '../../../src/tensor/random.ts';
import { createSimdKernels, type SimdKernels } from '../../../src/tensor/simd/index.ts';
import { type Floats, type Numbers, Tensor } from '../../../src/tensor/tensor.ts';

/** Both ways to multiply and add, each on 1, 2 and 3 threads; close them with `closeAll`. */
export async function allBackends(): Promise<SimdKernels[]> {
  const kinds = (['auto', 'portable'] as const).flatMap((math) =>
    [1, 2, 3].map((threads) => ({ math, threads })),
  );
  return Promise.all(kinds.map((kind) => createSimdKernels(nodeHost, kind)));
}

export function closeAll(backends: readonly SimdKernels[]): void {
  for (const backend of backends) backend.close();
}

export const label = (k: SimdKernels): string =>
  `${k.target.fma ? 'fused' : 'portable'} multiply-add, ${k.threads} thread${k.threads > 1 ? 's' : ''}`;

const guard = 16;
const guardWord = 1234.5; // neither a NaN nor huge: those survive being added to

/** A tensor in the memory of `kernels`, between guard words; of zeros without `values`. */
export function place(
  kernels: Kernels,
  name: string,
  shape: readonly number[],
  values?: ArrayLike<number>,
): Tensor {
  const size = shape.reduce((product, length) => product * length, 1);
  const { buffer, byteOffset } = kernels.memory.reserve((size + 2 * guard) * 4);
  new Float32Array(buffer as ArrayBuffer, byteOffset, size + 2 * guard).fill(guardWord);
  const data = new Float32Array(buffer as ArrayBuffer, byteOffset + guard * 4, size).fill(0);
  if (values !== undefined) data.set(values);
  return new Tensor<Floats>(name, shape, data);
}

/** Nothing was written outside of these tensors. */
export function expectGuarded(...tensors: readonly Tensor<Numbers>[]): void {
  for (const { data, name, size } of tensors) {
    const before = new Float32Array(data.buffer as ArrayBuffer, data.byteOffset - guard * 4, guard);
    const behind = new Float32Array(data.buffer as ArrayBuffer, data.byteOffset + size * 4, guard);
    expect([...before, ...behind], `guard words of ${name}`).toEqual(Array(2 * guard).fill(guardWord));
  }
}

/** Bit for bit: -0 is not 0, NaN is NaN. */
export function expectSame(got: ArrayLike<number>, want: ArrayLike<number>, what: string): void {
  expect(got.length, what).toBe(want.length);
  for (let i = 0; i < got.length; i++) {
    if (!Object.is(got[i], want[i])) expect.fail(`${what}: element ${i} is ${got[i]}, expected ${want[i]}`);
  }
}

/** Standard normals; each `stream` is another set. */
export function normals(length: number, stream: number): Float32Array {
  const values = new Float32Array(length);
  new RandomStream(7, 'init').normals(values, 1, stream);
  return values;
}
