/** The table of embeddings as a picture of tokens, and which of them are alike. */
import { architectureOf } from '../../model/gpt.ts';
import type { Floats } from '../../tensor/tensor.ts';
import type { Looked } from './looked.ts';
import { principal } from './principal.ts';
import type { Embeddings } from './protocol.ts';

/** The first tokens by id: of BPE these are the bytes and the earliest merges. @param most how many
 * @param nearest neighbours of each */
export function embeddingsOf({ gpt }: Looked, most = 512, nearest = 5): Embeddings {
  const { config, parameters } = gpt;
  const table = parameters.find(({ name }) => name === architectureOf(config).embedding)!.value;
  const C = config.channels;
  const N = Math.min(most, config.vocabSize);
  const rows = table.data.subarray(0, N * C);
  const { places, shares } = principal(rows, N, C, 2);
  return { places, shares: [shares[0]!, shares[1]!], neighbours: neighboursOf(rows, N, C, nearest) };
}

/** By the cosine of the angle between them. */
function neighboursOf(rows: Floats, N: number, C: number, nearest: number): Embeddings['neighbours'] {
  const cosines = new Float64Array(N * N);
  const dot = (a: number, b: number) => {
    let sum = 0;
    for (let c = 0; c < C; c++) sum += rows[a * C + c]! * rows[b * C + c]!;
    return sum;
  };
  const lengths = Array.from({ length: N }, (_, n) => Math.sqrt(dot(n, n)));
  for (let a = 0; a < N; a++)
    for (let b = 0; b < a; b++) {
      const length = lengths[a]! * lengths[b]!;
      cosines[a * N + b] = cosines[b * N + a] = length > 0 ? dot(a, b) / length : 0;
    }
  return lengths.map((_, id) =>
    Array.from({ length: N }, (_, other) => ({ id: other, cosine: cosines[id * N + other]! }))
      .filter((other) => other.id !== id)
      .sort((a, b) => b.cosine - a.cosine || a.id - b.id)
      .slice(0, nearest),
  );
}
