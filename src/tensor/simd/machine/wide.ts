/** Vectors of 256 bits, where the engine makes them: WebAssembly has none, but V8 of Node 24 and newer can merge two
 * operations on neighbouring vectors into one (an experiment of its own, off by default, x64 only).
 *
 * Merging never reorders anything, so a kernel has the same bits with it and without. What it wants is more sums at a time: 24
 * vectors are 12 wide ones, which hide each other's latency, where 12 become 6 that do not. Without it 24 are more than
 * the 16 registers hold. So the loop of peak.ts with 24 sums against the one with 12 tells whether it happens: 1.36
 * times as fast with it, 0.8 without. */
import { assemble } from '../../wasm/assembler.ts';
import { peakKernel, peakRoundFlops } from './peak.ts';
import type { SimdHost } from './pool.ts';
import type { Target } from './target.ts';

const turns = 8;
/** About 40 microseconds. */
const rounds = 5000;
const leastGain = 1.1;

/** Whether wide kernels are faster here. Takes a few milliseconds; the best of several turns, for a time can be disturbed
 * upwards only. */
export function wideIsFaster(host: SimdHost, fma: boolean): boolean {
  return host.optimized(() => {
    const targets = [false, true].map((wide) => ({ fma, wide }));
    const bursts = targets.map(burst);
    const best = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY];
    for (let turn = 0; turn < turns; turn++) {
      for (const [i, run] of bursts.entries()) {
        const began = host.now();
        run(rounds);
        best[i] = Math.min(best[i]!, host.now() - began);
      }
    }
    const [narrow, wide] = targets.map((target, i) => peakRoundFlops(target) / best[i]!);
    return wide! > leastGain * narrow!;
  });
}

function burst(target: Target): (rounds: number) => void {
  const memory = new WebAssembly.Memory({ initial: 1, maximum: 1, shared: true });
  const module = new WebAssembly.Module(assemble([peakKernel(target)]));
  const { exports } = new WebAssembly.Instance(module, { env: { memory } });
  const peak = exports['peak'] as (out: number, rounds: number, a: number, b: number) => void;
  for (let call = 0; call < 3; call++) peak(0, 10, 0.5, 0.5);
  return (rounds) => peak(0, rounds, 0.5, 0.5);
}
