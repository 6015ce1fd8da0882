/** Kernels for several numbers of threads, to compare. */
import type { Values } from '../src/cli/command/command.ts';
import { type ChosenKernels, type kernelFlags, openKernels } from '../src/cli/host/kernels.ts';

export interface OpenedKernels extends ChosenKernels {
  close(): void;
}

/** As openKernels; call `close` when they are no longer needed. */
export async function open(given: Values<typeof kernelFlags>): Promise<OpenedKernels> {
  const chosen = await openKernels(given);
  const { kernels } = chosen;
  const close = 'close' in kernels ? (kernels.close as () => void) : () => {};
  return { ...chosen, close };
}

/** 1, 2, 4, .. and the most. */
export function threadCounts(most: number): number[] {
  const counts: number[] = [];
  for (let n = 1; n < most; n *= 2) counts.push(n);
  return [...counts, most];
}
