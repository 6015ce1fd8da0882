/** Kernels whose matrix products one can watch: what goes in, before, and what came out, after. */
import type { Kernels, Start } from '../../tensor/kernels.ts';
import type { Tensor } from '../../tensor/tensor.ts';

export interface MatrixProduct {
  readonly operation: 'matmul' | 'matmulTransposedA' | 'matmulTransposedB';
  readonly y: Tensor;
  readonly a: Tensor;
  readonly b: Tensor;
  readonly start: Start;
}
/** Is called in place of each product, and has to compute it. What else it computes is not watched. */
export type Watch = (product: MatrixProduct, compute: () => void) => void;

export interface Watched {
  readonly kernels: Kernels;
  /** Runs something, and has its products watched. */
  during(watch: Watch, run: () => void): void;
}

export function watched(k: Kernels): Watched {
  let watching: Watch | undefined;
  const product =
    (operation: MatrixProduct['operation']): Kernels['matmul'] =>
    (y, a, b, start) => {
      const watch = watching;
      const compute = () => k[operation](y, a, b, start);
      if (watch === undefined) return compute();
      watching = undefined;
      watch({ operation, y, a, b, start }, compute);
      watching = watch;
    };
  const products = {
    matmul: product('matmul'),
    matmulTransposedA: product('matmulTransposedA'),
    matmulTransposedB: product('matmulTransposedB'),
  };
  return {
    kernels: { ...k, ...products },
    during(watch, run) {
      watching = watch;
      try {
        run();
      } finally {
        watching = undefined;
      }
    },
  };
}

/** Where the factors of y[i, j] = start + sum over k of a[at(k)] b[bt(k)] lie, and how many there are. */
export function factorsAt({ operation, a, b }: MatrixProduct, i: number, j: number) {
  const [rows, columns] = a.shape as readonly [number, number];
  const width = b.shape[1];
  const K = operation === 'matmulTransposedA' ? rows : columns;
  return {
    K,
    inA: (k: number) => (operation === 'matmulTransposedA' ? k * columns + i : i * K + k),
    inB: (k: number) => (operation === 'matmulTransposedB' ? j * K + k : k * width + j),
  };
}
