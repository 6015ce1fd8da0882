/** Qwen3 and Llama once more, from the formulas, on nested arrays in float64: no cache, no batch, no kernels.
 *
 * In every layer a token attends to itself and the `window` - 1 tokens before it, of the whole text. */
import type { Qwen3Config } from '../../src/model/config.ts';
import type { Parameter } from '../../src/tensor/arena.ts';

type Row = number[];

const dot = (a: Row, b: Row): number => a.reduce((sum, v, i) => sum + v * b[i]!, 0);
const plus = (a: Row, b: Row): Row => a.map((v, i) => v + b[i]!);

/** Logits of every position of `tokens`, which stands at positions 0, 1, ... */
export function naiveQwen3(
  config: Qwen3Config,
  parameters: readonly Parameter[],
  tokens: ArrayLike<number>,
  window: number,
): Row[] {
  const { heads, channels, layers, qkNorm, tiedHead, ropeTheta, normEpsilon } = config;
  const D = channels / heads;
  const values = new Map(parameters.map(({ name, value }) => [name, value]));
  const vector = (name: string): Row => Array.from(values.get(`${name}.weight`)!.data);
  const matrix = (name: string): Row[] => {
    const { shape, data } = values.get(`${name}.weight`)!;
    const [rows, columns] = [shape[0]!, shape[1]!];
    return Array.from({ length: rows }, (_, r) => Array.from(data.subarray(r * columns, (r + 1) * columns)));
  };
  const times = (x: Row, w: Row[]): Row => w.map((row) => dot(row, x));
  const norm = (x: Row, gain: Row): Row => {
    const size = Math.sqrt(dot(x, x) / x.length + normEpsilon);
    return x.map((v, i) => (v / size) * gain[i]!);
  };
  const turned = (x: Row, position: number): Row =>
    x.map((v, i) => {
      const angle = position / ropeTheta ** ((2 * (i % (D / 2))) / D);
      const other = i < D / 2 ? -x[i + D / 2]! : x[i - D / 2]!;
      return v * Math.cos(angle) + other * Math.sin(angle);
    });
  const headsOf = (x: Row): Row[] => Array.from({ length: heads }, (_, h) => x.slice(h * D, (h + 1) * D));

  const embedding = matrix('model.embed_tokens');
  let stream = Array.from(tokens, (token) => embedding[token]!);
  for (let l = 0; l < layers; l++) {
    const name = `model.layers.${l}`;
    const attention = (part: string) => `${name}.self_attn.${part}`;
    const norm1 = vector(`${name}.input_layernorm`);
    const x = stream.map((row) => norm(row, norm1));
    const heard = (part: 'q' | 'k' | 'v') => {
      const w = matrix(attention(`${part}_proj`));
      return x.map((row) => headsOf(times(row, w)));
    };
    const positioned = (part: 'q' | 'k') => {
      const gain = qkNorm ? vector(attention(`${part}_norm`)) : undefined;
      return heard(part).map((row, p) => row.map((h) => turned(gain === undefined ? h : norm(h, gain), p)));
    };
    const [q, k, v] = [positioned('q'), positioned('k'), heard('v')];
    const o = matrix(attention('o_proj'));
    stream = stream.map((row, t) => {
      const first = Math.max(0, t - window + 1);
      const found = q[t]!.flatMap((query, h) => {
        const weights = k.slice(first, t + 1).map((keys) => Math.exp(dot(query, keys[h]!) / Math.sqrt(D)));
        const total = weights.reduce((a, b) => a + b, 0);
        return query.map((_, d) =>
          weights.reduce((sum, weight, s) => sum + (weight / total) * v[first + s]![h]![d]!, 0),
        );
      });
      return plus(row, times(found, o));
    });
    const norm2 = vector(`${name}.post_attention_layernorm`);
    const [gate, up, down] = ['gate', 'up', 'down'].map((part) => matrix(`${name}.mlp.${part}_proj`));
    stream = stream.map((row) => {
      const y = norm(row, norm2);
      const opened = times(y, gate!).map((g) => g / (1 + Math.exp(-g)));
      return plus(
        row,
        times(
          times(y, up!).map((u, f) => u * opened[f]!),
          down!,
        ),
      );
    });
  }
  const head = tiedHead ? embedding : matrix('lm_head');
  const final = vector('model.norm');
  return stream.map((row) => times(norm(row, final), head));
}
