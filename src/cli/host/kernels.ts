/** Chooses the kernels that compute, by the flags --backend, --threads, --math and --wide; without flags the fast ones
 * wherever the engine allows. */
import { availableParallelism } from 'node:os';
import type { Kernels } from '../../tensor/kernels.ts';
import { reference } from '../../tensor/reference/index.ts';
import { createSimdKernels } from '../../tensor/simd/index.ts';
import { hasSimd } from '../../tensor/simd/machine/target.ts';
import { rules, UsageError, type Values } from '../command/command.ts';
import { note } from './output.ts';
import { nodeHost } from './simd-host.ts';

const most = 8;

export const kernelFlags = {
  threads: {
    section: 'The machine',
    kind: 'integer',
    value: 'N',
    rule: rules.positive,
    most: 256,
    aliases: ['num-threads', 'n-threads', 't'],
    help: `threads that compute (default: one a core, at most ${most}); any number gives the same bits`,
  },
  backend: {
    kind: 'choice',
    choices: ['auto', 'simd', 'reference'],
    value: 'B',
    help: 'simd: WebAssembly; reference: plain TypeScript; auto: simd where the engine has it (default)',
  },
  math: {
    kind: 'choice',
    choices: ['auto', 'portable'],
    value: 'M',
    help: 'auto fuses multiply and add where the machine can (default); portable gives the same bits on every machine',
  },
  wide: {
    kind: 'choice',
    choices: ['auto', 'off'],
    value: 'W',
    help: 'auto computes on 256 bits at a time where the engine can (default: Node 24 and newer, x64); the bits are the same',
  },
} as const;

export interface ChosenKernels {
  readonly kernels: Kernels;
  readonly threads: number;
  /** The last bit of every result depends on it, so a resumed run must have the same. */
  readonly arithmetic: 'reference' | 'simd fma' | 'simd portable';
  /** Vectors are of 256 bits, which decides about the time only. */
  readonly wide: boolean;
}

/** Starts the kernels. Throws if the chosen ones cannot run here. */
export async function openKernels(given: Values<typeof kernelFlags>): Promise<ChosenKernels> {
  const {
    backend = 'auto',
    math = 'auto',
    wide = 'auto',
    threads = Math.min(availableParallelism(), most),
  } = given;
  if (backend === 'reference' && (given.threads ?? 1) > 1) {
    throw new UsageError(
      `--backend reference computes on one thread, got --threads ${threads}; leave one out`,
    );
  }
  if (backend === 'reference' || (backend === 'auto' && !hasSimd())) {
    return { kernels: reference, threads: 1, arithmetic: 'reference', wide: false };
  }
  const kernels = await createSimdKernels(nodeHost, { threads, math, wide });
  const { target, fault } = kernels;
  if (fault !== '') {
    note(
      `warning: 256-bit vectors failed their self-test on Node ${process.version} (${fault}): going on with 128 bits`,
    );
  }
  return { kernels, threads, arithmetic: target.fma ? 'simd fma' : 'simd portable', wide: target.wide };
}

/** Ends their threads, if they have any; they compute nothing afterwards. */
export function closeKernels({ kernels }: ChosenKernels): void {
  if ('close' in kernels) (kernels.close as () => void)();
}

/** One line for the head of a run. */
export function describeKernels({ threads, arithmetic, wide }: ChosenKernels): string {
  if (arithmetic === 'reference') return 'plain TypeScript kernels on one thread';
  const fused = arithmetic === 'simd fma' ? 'fused multiply-add' : 'portable arithmetic';
  const bits = wide ? 256 : 128;
  return `WebAssembly SIMD of ${bits} bits with ${fused} on ${threads} ${threads === 1 ? 'thread' : 'threads'}`;
}
