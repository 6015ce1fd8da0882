/** Families of kernels on one thread, every call cut into a given number of slices at any output, last slice first:
 * what threads may do at worst, without threads. */
import { nodeHost } from '../../../src/cli/host/simd-host.ts';
import type { Kernels } from '../../../src/tensor/kernels.ts';
import type { Engine, Family } from '../../../src/tensor/simd/machine/engine.ts';
import { SharedMemory } from '../../../src/tensor/simd/machine/memory.ts';
import { hasFusedMultiplyAdd, hasRelaxedSimd, type Target } from '../../../src/tensor/simd/machine/target.ts';
import { assemble } from '../../../src/tensor/wasm/assembler.ts';
import { GuardedMemory } from '../../support/guarded.ts';

if (!hasRelaxedSimd()) nodeHost.enableRelaxedSimd();
/** Both ways to multiply and add, where the engine has both, for both widths: kernels for wide vectors run everywhere, only
 * slower. */
export const modes: readonly Target[] = (hasFusedMultiplyAdd() ? [false, true] : [false]).flatMap((fma) =>
  [false, true].map((wide) => ({ fma, wide })),
);
export const modeName = ({ fma, wide }: Target): string =>
  `${fma ? 'fused' : 'portable'} multiply-add, ${wide ? 'wide' : 'narrow'}`;

/** The operations of these families, and guarded memory that they compute on. */
export function sliced<K extends keyof Kernels>(
  families: readonly Family[],
  _operations: readonly K[],
  target: Target,
): { kernels: (slices: number) => Pick<Kernels, K>; memory: GuardedMemory } {
  const shared = new SharedMemory();
  const built = families.map((family) => family(target));
  const module = new WebAssembly.Module(assemble(built.flatMap((family) => family.functions)));
  const { exports } = new WebAssembly.Instance(module, { env: { memory: shared.memory } });
  const functions = exports as Record<string, (...args: number[]) => number>;
  const engine = (slices: number): Engine => ({
    target,
    threads: slices,
    launcher:
      ({ name }) =>
      ({ outputs }, ...args: number[]) => {
        for (let slice = slices - 1; slice >= 0; slice--) {
          const [from, to] = [slice, slice + 1].map((cut) => Math.floor((outputs * cut) / slices));
          if (from! < to!) functions[name]!(...args, from!, to!);
        }
      },
    direct: ({ name }) => functions[name]!,
    pointer: (t) => shared.pointer(t),
    scratch: (bytes) => shared.scratch(bytes),
    roomForCopies: () => shared.roomForCopies,
    reserveCopy: (bytes) => shared.reserveCopy(bytes),
  });
  const kernels = (slices: number) =>
    Object.assign({}, ...built.map(({ operations }) => operations(engine(slices)))) as Pick<Kernels, K>;
  return { kernels, memory: new GuardedMemory(shared) };
}
