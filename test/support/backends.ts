/** Every implementation of the kernels; each suite over operations runs on all of them. */
import type { Kernels } from '../../src/tensor/kernels.ts';
import { reference } from '../../src/tensor/reference/index.ts';

export interface Backend {
  readonly name: string;
  readonly kernels: Kernels;
}

/** Asynchronous because starting threads is: `describe.each(await backends())`. */
export async function backends(): Promise<Backend[]> {
  return [{ name: reference.name, kernels: reference }];
}
