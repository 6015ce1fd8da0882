/** The most multiply-adds this engine can do: a loop that touches nothing but registers, for the benchmark to compare
 * matrix products with. As many sums as the largest tile keeps hide the latency of each other. */
import { f32x4, func, loop, v128 } from '../../wasm/assembler.ts';
import { locals } from '../../wasm/lanes.ts';
import { type Engine, family } from './engine.ts';
import { madd, type Target } from './target.ts';

const sumsOf = ({ wide }: Target): number => (wide ? 24 : 12);
const unroll = 4;
const lanes = 4;
/** Floating-point operations in one round of the loop. */
export const peakRoundFlops = (target: Target): number => unroll * sumsOf(target) * lanes * 2;

/** s = s * a + b over and over; what comes out is stored, so that no compiler leaves it out. */
export const peakKernel = (target: Target) =>
  func('peak', { out: 'i32', rounds: 'i32', a: 'f32', b: 'f32' }, (p, local) => {
    const [i, a, b] = [local('i32'), local('v128'), local('v128')];
    const s = locals(local, 'v128', sumsOf(target));
    const round = Array.from({ length: unroll }, () =>
      s.map((sum) => sum.set(madd(target)(sum, a, b))),
    ).flat();
    return [
      a.set(f32x4.splat(p.a)),
      b.set(f32x4.splat(p.b)),
      ...s.map((sum, n) => sum.set(f32x4.const(n))),
      loop(i, 0, p.rounds, 1, round),
      ...s.map((sum, n) => v128.store(p.out, sum, 16 * n)),
    ];
  });

export const peak = family(
  (target) => ({ peak: peakKernel(target) }),
  () => ({}),
);

/** Runs the loop and gives the number of floating-point operations in it. */
export function peakFlops(engine: Engine, rounds: number): number {
  engine.direct(peakKernel(engine.target))(engine.scratch(sumsOf(engine.target) * 16), rounds, 0.5, 0.5);
  return rounds * peakRoundFlops(engine.target);
}
