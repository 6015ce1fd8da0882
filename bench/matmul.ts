/** Matrix products of the model's own shapes: every linear layer and the head, forward and for both gradients. */
import type { ModelConfig } from '../src/model/config.ts';
import type { Kernels } from '../src/tensor/kernels.ts';
import { RandomStream } from '../src/tensor/random.ts';
import { Tensor } from '../src/tensor/tensor.ts';
import { batched, inTurns, median, warmUp } from './measure.ts';
import type { Peak } from './peak.ts';

export interface MatmulResult {
  readonly layer: string;
  readonly product: 'forward' | 'weight gradient' | 'input gradient';
  /** Rows of the result, what is summed over, columns of the result. */
  readonly sizes: readonly [number, number, number];
  /** On one thread; and its share of the peak, which is measured in turns with it. */
  readonly gflops: number;
  readonly shareOfPeak: number | null;
  readonly gflopsAllThreads: number;
}

/** `tied` marks the head, whose weights lie as (N K). */
const layersOf = ({ channels: C, feedForward: F, vocabSize: V }: ModelConfig) => [
  { layer: 'attention in', K: C, N: 3 * C, tied: false },
  { layer: 'attention out', K: C, N: C, tied: false },
  { layer: 'feed-forward in', K: C, N: F, tied: false },
  { layer: 'feed-forward out', K: F, N: C, tied: false },
  { layer: 'head', K: C, N: V, tied: true },
];

/** @param M rows: the tokens of a batch */
export function measureMatmuls(
  config: ModelConfig,
  M: number,
  on: { readonly one: Kernels; readonly all: Kernels; readonly peak: Peak | undefined },
  seconds: number,
): MatmulResult[] {
  const layers = layersOf(config);
  const each = seconds / layers.length / 3;
  return layers.flatMap(({ layer, K, N, tied }) => {
    const [one, all] = [productsOf(on.one, { M, N, K, tied }), productsOf(on.all, { M, N, K, tied })];
    const products: [MatmulResult['product'], MatmulResult['sizes']][] = [
      ['forward', [M, K, N]],
      ['weight gradient', [K, M, N]],
      ['input gradient', [M, N, K]],
    ];
    return products.map(([product, sizes]): MatmulResult => {
      for (const run of [one[product], all[product]]) warmUp(run, each / 6, 1);
      const [single, threaded] = [batched(one[product]), batched(all[product])];
      const times = inTurns([single.batch, threaded.batch, ...(on.peak ? [on.peak.burst] : [])], {
        seconds: (2 * each) / 3,
        least: 1,
        most: 200,
      }).map(median);
      const gflops = (calls: number, ms: number) => (calls * 2 * M * N * K) / ms / 1e6;
      const speed = gflops(single.calls, times[0]!);
      return {
        layer,
        product,
        sizes,
        gflops: speed,
        shareOfPeak: on.peak ? speed / (on.peak.burstFlops / times[2]! / 1e6) : null,
        gflopsAllThreads: gflops(threaded.calls, times[1]!),
      };
    });
  });
}

/** The three products of one linear layer, as src/model calls them. */
function productsOf(
  kernels: Kernels,
  { M, N, K, tied }: { readonly M: number; readonly N: number; readonly K: number; readonly tied: boolean },
): Record<MatmulResult['product'], () => void> {
  const [x, y, bias] = [
    random(kernels, 'x', [M, K]),
    random(kernels, 'y', [M, N]),
    random(kernels, 'b', [N]),
  ];
  const w = random(kernels, 'w', tied ? [N, K] : [K, N]);
  return tied
    ? {
        forward: () => kernels.matmulTransposedB(y, x, w, 'set'),
        'weight gradient': () => kernels.matmulTransposedA(w, y, x, 'set'),
        'input gradient': () => kernels.matmul(x, y, w, 'set'),
      }
    : {
        forward: () => kernels.matmul(y, x, w, bias),
        'weight gradient': () => kernels.matmulTransposedA(w, x, y, 'set'),
        'input gradient': () => kernels.matmulTransposedB(x, y, w, 'set'),
      };
}

function random(kernels: Kernels, name: string, shape: readonly number[]): Tensor {
  const size = shape.reduce((product, length) => product * length, 1);
  const { buffer, byteOffset } = kernels.memory.reserve(4 * size);
  const data = new Float32Array(buffer, byteOffset, size);
  new RandomStream(1, 'init').normals(data, 0.1, 0);
  return new Tensor(name, shape, data);
}
