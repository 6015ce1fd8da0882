/** The limit of one stream: a loop that reads as many weights as a token needs, multiplies and adds, and does nothing else.
 *
 * Each weight serves one multiplication, so a token takes at least the time in which its weights come from the cache or the
 * memory that they fit into. */
import type { ModelConfig } from '../src/model/config.ts';
import { forwardFlops } from '../src/model/flops.ts';
import { madd, type Target } from '../src/tensor/simd/machine/target.ts';
import { assemble, f32x4, func, i32, loop, v128 } from '../src/tensor/wasm/assembler.ts';
import { locals } from '../src/tensor/wasm/lanes.ts';
import { inTurns, median, warmUp } from './measure.ts';

/** Vectors of a turn of the loop, each with a sum of its own. */
const sums = 8;
const turnBytes = 16 * sums;
const pageBytes = 65_536;

const readKernel = (target: Target) =>
  func('read', { from: 'i32', to: 'i32', factor: 'f32', out: 'i32' }, (p, local) => {
    const [at, x] = [local('i32'), local('v128')];
    const s = locals(local, 'v128', sums);
    return [
      x.set(f32x4.splat(p.factor)),
      loop(
        at,
        p.from,
        p.to,
        turnBytes,
        s.map((sum, i) => sum.set(madd(target)(x, v128.load(at, 16 * i), sum))),
      ),
      ...s.map((sum, i) => v128.store(i32.add(p.out, 16 * i), sum)),
    ];
  });

/** Tokens a second, on one thread, if the weights of the matrices were all that there is. */
export function measureLimit(config: ModelConfig, target: Target, seconds: number): number {
  const weightBytes = 4 * (forwardFlops(config, 0) / 2);
  const end = Math.floor(weightBytes / turnBytes) * turnBytes;
  const pages = Math.ceil((end + turnBytes) / pageBytes);
  const memory = new WebAssembly.Memory({ initial: pages, maximum: pages, shared: true });
  new Float32Array(memory.buffer).fill(0.5); // a page that nobody wrote to is one and the same page of zeros
  const module = new WebAssembly.Module(assemble([readKernel(target)]));
  const { exports } = new WebAssembly.Instance(module, { env: { memory } });
  const read = exports['read'] as (from: number, to: number, factor: number, out: number) => void;
  const token = () => read(0, end, 0.5, end);
  warmUp(token, seconds / 4, 1000);
  const [times] = inTurns([token], { seconds: seconds / 2, least: 10, most: 20_000 });
  return 1000 / median(times!);
}
