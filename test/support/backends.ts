/** Every implementation of the kernels; each suite over operations runs on all of them. */
import { nodeHost } from '../../src/cli/host/simd-host.ts';
import type { Kernels } from '../../src/tensor/kernels.ts';
import { reference } from '../../src/tensor/reference/index.ts';
import { createSimdKernels } from '../../src/tensor/simd/index.ts';

export interface Backend {
  readonly name: string;
  readonly kernels: Kernels;
}

let started: Promise<Backend[]> | undefined;

/** Asynchronous because starting threads is: `describe.each(await backends())`. Started once for all suites of a worker. */
export function backends(): Promise<Backend[]> {
  started ??= start();
  return started;
}

async function start(): Promise<Backend[]> {
  const simd = async (math: 'auto' | 'portable', threads: number): Promise<Backend> => {
    const kernels = await createSimdKernels(nodeHost, { threads, math });
    const arithmetic = kernels.target.fma ? 'fused' : 'portable';
    return { name: `simd (${arithmetic}, ${threads} thread${threads === 1 ? '' : 's'})`, kernels };
  };
  return [
    { name: reference.name, kernels: reference },
    await simd('auto', 1),
    await simd('auto', 2),
    await simd('auto', 3),
    await simd('portable', 1),
    await simd('portable', 2),
  ];
}
