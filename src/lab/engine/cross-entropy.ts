/** Softmax and cross-entropy at one position of a text, with all that lies between the logits and their gradient. */
import type { Kernels } from '../../tensor/kernels.ts';
import { exp } from '../../tensor/math.ts';
import { sumOfExponentials } from '../../tensor/simd/cross-entropy.ts';
import type { SimdKernels } from '../../tensor/simd/index.ts';
import type { Target } from '../../tensor/simd/machine/target.ts';
import { storeUpTo } from '../../tensor/simd/rows.ts';
import type { Floats } from '../../tensor/tensor.ts';
import { assemble, func, i32, v128 } from '../../tensor/wasm/assembler.ts';
import { element } from '../../tensor/wasm/lanes.ts';
import type { Learning, Lesson } from './lesson.ts';
import type { CrossEntropy } from './product-protocol.ts';

/** @param logits of the row that is looked at. @param gradient of its logits, as the model went back from them */
export function crossEntropyOf(
  { gpt, room }: Learning,
  { ids, N }: Lesson,
  row: number,
  { logits, gradient }: { readonly logits: Float32Array; readonly gradient: Float32Array },
): CrossEntropy {
  const { max, exponentials, sum } = exponentialsOf(gpt.kernels, logits);
  const losses = Array.from(room.losses.rows(N).data);
  return {
    ...{ target: ids[row + 1], logits, max, exponentials, sum },
    probabilities: exponentials.map((e) => e / sum),
    ...{ loss: losses[row], mean: losses.reduce((total, loss) => total + loss, 0) / N, gradient },
  };
}

interface Exponentials {
  readonly max: number;
  /** e^(z - max) */
  readonly exponentials: Floats;
  readonly sum: number;
}

/** The kernels keep these in registers, so their code is run once more, with every number written down. */
function exponentialsOf(kernels: Kernels, logits: Float32Array): Exponentials {
  const V = logits.length;
  if (kernels.name === 'reference') {
    const max = logits.reduce((most, z) => (z > most ? z : most), Number.NEGATIVE_INFINITY);
    const exponentials = Float64Array.from(logits, (z) => exp(z - max));
    return { max, exponentials, sum: exponentials.reduce((sum, e) => sum + e, 0) };
  }
  const { target } = kernels as SimdKernels;
  const pages = Math.ceil((8 * V + 64) / 65536);
  const memory = new WebAssembly.Memory({ initial: pages, maximum: pages, shared: true });
  const module = new WebAssembly.Module(assemble([writtenDown(target)]));
  const { exports } = new WebAssembly.Instance(module, { env: { memory } });
  const floats = new Float32Array(memory.buffer);
  floats.set(logits, 4);
  (exports['exponentials'] as (...args: number[]) => void)(0, 16, V, 16 + 4 * V);
  return { max: floats[0], sum: floats[1], exponentials: floats.slice(4 + V, 4 + 2 * V) };
}

const writtenDown = (target: Target) =>
  func('exponentials', { found: 'i32', z: 'i32', V: 'i32', to: 'i32' }, (p, local) => {
    const { i, max, sum, e, setConstants, code } = sumOfExponentials(target, local);
    return [
      setConstants,
      ...code(p.z, p.V, [storeUpTo(i32.sub(p.V, i), element(p.to, i), e)]),
      v128.store32Lane(p.found, max, 0),
      v128.store32Lane(element(p.found, 1), sum, 0),
    ];
  });
