/** What the suites over kernels share: random numbers to cut tensors from, sizes, and plain float64 sums over rows. */
import { randomTensor, sizes } from '../../support/compare.ts';

const most = Math.max(...sizes) ** 2;

/** Four independent runs of normals, long enough for a matrix of the largest sizes. */
export const [xPool, dyPool, zPool, biasPool] = ['x', 'dy', 'z', 'bias'].map(
  (name) => randomTensor(name, [most], 1).data,
);

/** Every pair of sizes. */
export const pairs = sizes.flatMap((N) => sizes.map((C) => [N, C] as const));

export const range = (n: number): number[] => Array.from({ length: n }, (_, i) => i);
export const sum = (values: readonly number[]): number => values.reduce((total, v) => total + v, 0);
export const mean = (values: readonly number[]): number => sum(values) / values.length;
export const magnitudes = (values: readonly number[]): number[] => values.map(Math.abs);
/** The matrix of C columns that lies in `data`, as an array of rows. */
export const rowsOf = (data: ArrayLike<number>, C: number): number[][] =>
  range(data.length / C).map((n) => range(C).map((c) => data[n * C + c]));
