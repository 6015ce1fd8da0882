/** The table of embeddings as a picture of tokens, and which of them are alike. */
import { architectureOf } from '../../model/gpt.ts';
import type { Looked } from './looked.ts';
import { principal } from './principal.ts';
import type { Embeddings } from './protocol.ts';

/** @param ids the tokens to place @param nearest how many neighbours of each, among these. RangeError for an id that is none. */
export function embeddingsOf({ gpt }: Looked, ids: readonly number[], nearest = 5): Embeddings {
  const { config, parameters } = gpt;
  const { vocabSize: V, channels: C } = config;
  const table = parameters.find(({ name }) => name === architectureOf(config).embedding)!.value;
  const rows = new Float64Array(ids.length * C);
  for (const [n, id] of ids.entries()) {
    if (!(Number.isInteger(id) && id >= 0 && id < V)) {
      throw new RangeError(`there is no token ${id}; expected an id below ${V}`);
    }
    rows.set(table.data.subarray(id * C, (id + 1) * C), n * C);
  }
  const { places, shares } = principal(rows, ids.length, C, 2);
  const neighbours = neighboursOf(rows, ids.length, C, nearest).map((those) =>
    those.map(({ at, cosine }) => ({ id: ids[at]!, cosine })),
  );
  return { ids, places, shares: [shares[0]!, shares[1]!], neighbours };
}

/** Of each of N rows (N C) the rows at the smallest angle. */
function neighboursOf(rows: Float64Array, N: number, C: number, nearest: number) {
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
  return lengths.map((_, row) =>
    Array.from({ length: N }, (_, at) => ({ at, cosine: cosines[row * N + at]! }))
      .filter(({ at }) => at !== row)
      .sort((a, b) => b.cosine - a.cosine || a.at - b.at)
      .slice(0, nearest),
  );
}
