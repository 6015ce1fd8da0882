/** What computes: the fast kernels on some threads, or the reference where the engine has no SIMD. */
import type { Kernels } from '../tensor/kernels.ts';
import { reference } from '../tensor/reference/index.ts';
import { createSimdKernels } from '../tensor/simd/index.ts';
import type { SimdHost } from '../tensor/simd/machine/pool.ts';
import { hasSimd, hasThreads } from '../tensor/simd/machine/target.ts';

export interface MachineOptions {
  /** How many threads compute, 1 if absent; any number gives the same bits. One where threads cannot share memory. */
  readonly threads?: number | undefined;
  /** 'portable' gives the same bits on every machine, 'auto' (if absent) fuses multiply-add where the machine can. */
  readonly math?: 'auto' | 'portable' | undefined;
}

export interface Machine {
  readonly kernels: Kernels;
  readonly threads: number;
  /** What decides the last bit of a result: 'simd fma', 'simd portable' or 'reference'. */
  readonly arithmetic: string;
  /** What run.json tells of it. */
  readonly environment: object;
  /** Ends its threads; it computes nothing afterwards. */
  close(): void;
}

/** Starts the kernels. Rejects where a thread does not start. */
export async function openMachine(host: SimdHost, options: MachineOptions): Promise<Machine> {
  const threads = hasThreads() ? (options.threads ?? 1) : 1;
  const environment = { engine: globalThis.navigator?.userAgent ?? 'unknown', threads };
  if (!hasSimd()) {
    return { kernels: reference, arithmetic: 'reference', environment, threads: 1, close: () => {} };
  }
  const kernels = await createSimdKernels(host, { threads, math: options.math ?? 'auto' });
  const arithmetic = kernels.target.fma ? 'simd fma' : 'simd portable';
  return { kernels, arithmetic, environment, threads, close: () => kernels.close() };
}
