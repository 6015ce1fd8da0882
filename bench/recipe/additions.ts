/** Ingredients of a model that Qwen3's block lacks, and that Hugging Face has no classes for: only for measuring.
 *
 * Each takes nothing away, and draws every other weight as the recipe does: its own parameters come after all others, and
 * parameter i takes the random numbers of stream i. They are for training and scoring, not for cached passes. */
import type { Architecture } from '../../src/model/block.ts';
import type { Qwen3Config } from '../../src/model/config.ts';
import type { Gpt } from '../../src/model/gpt.ts';
import type { Build, Layer, Pass } from '../../src/model/layers.ts';
import { qwen3 } from '../../src/model/qwen3.ts';
import type { Parameter } from '../../src/tensor/arena.ts';
import type { Kernels } from '../../src/tensor/kernels.ts';
import { tanh } from '../../src/tensor/math.ts';
import { embedding, embeddingBackward } from '../../src/tensor/reference/embedding.ts';
import { type Ids, ids, type Tensor } from '../../src/tensor/tensor.ts';
import { withPart } from './blocks.ts';

/** For one model. */
export interface Addition {
  readonly architecture: Architecture;
  /** To be called once the weights are drawn: first values of the addition's own, and what it changes around the blocks. */
  prepare(model: Gpt): void;
}

/** v = (1 - λ) v + λ v of block 0 in every block but that one, λ of each block learned, from 0.5 on.
 * Zhou et al., arXiv 2410.17897; a learned λ as in Jordan et al., github.com/KellerJordan/modded-nanogpt. */
export function valueResidual(config: Qwen3Config): Addition {
  const { channels: C, layers: L } = config;
  let lambdas: Parameter;
  let first: Tensor; // q, k and v of block 0
  let dfirst: Tensor; // of its v
  /** Calls `visit` with the place of every number of v, among those of q, k and v and by itself. */
  const eachValue = (N: number, visit: (inside: number, alone: number) => void): void => {
    for (let n = 0; n < N; n++) for (let c = 0; c < C; c++) visit((3 * n + 2) * C + c, n * C + c);
  };
  const source: Layer = {
    forward(qkv) {
      first = qkv;
      return qkv;
    },
    backward(dqkv) {
      const [dx, more] = [dqkv.data, dfirst.data];
      eachValue(dqkv.shape[0]!, (inside, alone) => {
        dx[inside]! += more[alone]!;
      });
      return dqkv;
    },
  };
  /** In place: no backward needs q, k and v as the product left them, but for q and k that are normalised. */
  const mixed = (build: Build, block: number): Layer => {
    const differences = build.saved('value_residual.difference', [build.rows, C]);
    return {
      forward(qkv) {
        const [x, x0, difference, lambda] = [
          qkv.data,
          first.data,
          differences.data,
          lambdas.value.data[block]!,
        ];
        eachValue(qkv.shape[0]!, (inside, alone) => {
          difference[alone] = x0[inside]! - x[inside]!;
          x[inside]! += lambda * difference[alone]!;
        });
        return qkv;
      },
      backward(dqkv) {
        const [dx, dx0, difference, lambda] = [
          dqkv.data,
          dfirst.data,
          differences.data,
          lambdas.value.data[block]!,
        ];
        let dlambda = 0;
        eachValue(dqkv.shape[0]!, (inside, alone) => {
          const dy = dx[inside]!;
          dlambda += dy * difference[alone]!;
          dx0[alone]! += lambda * dy;
          dx[inside] = (1 - lambda) * dy;
        });
        lambdas.grad.data[block]! += dlambda;
        return dqkv;
      },
    };
  };
  return {
    architecture: extended(
      withPart(config, undefined, (build, block) => (block === 0 ? source : mixed(build, block))),
      (build) => {
        lambdas = build.parameter('value_residual.lambda', [L]); // element 0 stays unused
        dfirst = build.gradient('value_residual.first', [build.rows, C]);
      },
      () => void dfirst.data.fill(0),
    ),
    prepare: () => void lambdas.value.data.fill(0.5),
  };
}

/** x = x + factor * x0 before every block but the first, x0 what comes into that one; factors are learned, from 0 on.
 * After Jordan et al., github.com/KellerJordan/modded-nanogpt. */
export function x0Mixing(config: Qwen3Config): Addition {
  const mixing = mixingOf(config, qwen3(config));
  const { source, architecture } = mixing;
  return {
    prepare: mixing.prepare,
    architecture: {
      ...architecture,
      parts(build, batch, block) {
        const parts = architecture.parts(build, batch, block);
        if (block > 0) return parts;
        const norm1: Layer = {
          forward(x, pass) {
            source.x = x;
            return parts.norm1.forward(x, pass);
          },
          /** What is returned here is added to the gradient of the stream. */
          backward(dy) {
            const dx = parts.norm1.backward(dy);
            build.kernels.add(dx, dx, source.dx.rows(dx.shape[0]!));
            return dx;
          },
        };
        return { ...parts, norm1 };
      },
    },
  };
}

/** x = x + table[token before, token] at the beginning; and with `everywhere` also before every later block, times a learned
 * factor. The table and the factors start at 0; AdamW learns both, the table as it does that of the tokens. */
export const bigramTable =
  (everywhere: boolean) =>
  (config: Qwen3Config): Addition => {
    const { channels: C, vocabSize: V } = config;
    const mixing = everywhere ? mixingOf(config, qwen3(config)) : undefined;
    let table: Parameter;
    let vectors: Tensor;
    let pairs: Ids;
    const plan = (build: Build) => {
      table = build.parameter('bigrams.weight', [(V + 1) * V, C]);
      vectors = build.saved('bigrams.y', [build.rows, C]);
    };
    const prepare = (model: Gpt): void => {
      mixing?.prepare();
      table.value.data.fill(0);
      const { kernels } = model;
      const forward = model.forward.bind(model);
      model.forward = (tokens, pass) => {
        pairs = pairsOf(tokens, pass, V);
        return forward(tokens, pass);
      };
      replaceKernels(model, {
        embedding(y, tokenTable, tokens, start) {
          kernels.embedding(y, tokenTable, tokens, start);
          const x = vectors.rows(y.shape[0]!);
          embedding(x, table.value, pairs, 'set');
          kernels.add(y, y, x);
          if (mixing) mixing.source.x = x;
        },
        embeddingBackward(dtokenTable, dy, tokens) {
          kernels.embeddingBackward(dtokenTable, dy, tokens);
          embeddingBackward(table.grad, dy, pairs);
          if (mixing) embeddingBackward(table.grad, mixing.source.dx.rows(dy.shape[0]!), pairs);
        },
      });
    };
    return { architecture: extended(mixing?.architecture ?? qwen3(config), plan), prepare };
  };

/** (N): V * the token before + the token. The first of a window has none before it, for which V stands. */
export function pairsOf(tokens: Ids, pass: Pass, V: number): Ids {
  if (!('time' in pass)) throw new Error('bigrams: expected whole windows, got a cached pass');
  const before = (n: number) => (n % pass.time === 0 ? V : tokens.data[n - 1]!);
  return ids(
    'pairs',
    tokens.data.map((token, n) => before(n) * V + token),
  );
}

/** logits = cap * tanh(logits / cap): they stay between -cap and cap, and small ones nearly as they are. Gemma Team,
 * arXiv 2408.00118. Its derivative is 1 - tanh^2. */
export const softCap =
  (cap: number) =>
  (config: Qwen3Config): Addition => ({
    architecture: qwen3(config),
    prepare(model) {
      const { kernels } = model;
      replaceKernels(model, {
        matmulTransposedB(y, a, b, start) {
          kernels.matmulTransposedB(y, a, b, start);
          const z = y.data;
          for (let i = 0; i < z.length; i++) z[i] = cap * tanh(z[i]! / cap);
        },
        crossEntropyBackward(dlogits, logits, targets, scale) {
          kernels.crossEntropyBackward(dlogits, logits, targets, scale);
          const [dz, z] = [dlogits.data, logits.data];
          for (let i = 0; i < dz.length; i++) dz[i]! *= 1 - (z[i]! / cap) ** 2;
        },
      });
    },
  });

export const additions: Readonly<Record<string, (config: Qwen3Config) => Addition>> = {
  'value-residual': valueResidual,
  'x0-mixing': x0Mixing,
  'bigram-table': bigramTable(false),
  'bigram-table-all': bigramTable(true),
  'soft-cap-15': softCap(15),
  'soft-cap-30': softCap(30),
};

/** Plans more after all else; `begin` runs before every backward. */
function extended(
  architecture: Architecture,
  plan: (build: Build) => void,
  begin: () => void = () => {},
): Architecture {
  return {
    ...architecture,
    finalNorm(build) {
      const norm = architecture.finalNorm(build);
      plan(build);
      return {
        forward: norm.forward,
        backward(dy) {
          begin();
          return norm.backward(dy);
        },
      };
    },
  };
}

/** Adds factor * source.x to the residual stream before every block but block 0, which is at the end of the branch before it;
 * source.dx becomes the gradient of source.x. The factors start at 0. */
function mixingOf(config: Qwen3Config, plain: Architecture) {
  const { channels: C, layers: L } = config;
  const source = {} as { x: Tensor; dx: Tensor };
  let factors: Parameter;
  const mixed = ({ kernels }: Build, feedForward: Layer, next: number): Layer => ({
    forward(x, pass) {
      const y = feedForward.forward(x, pass);
      kernels.weightedSum(y, 1, y, factors.value.data[next]!, source.x);
      return y;
    },
    backward(dy) {
      const dx = source.dx.rows(dy.shape[0]!);
      factors.grad.data[next]! += dot(dy, source.x);
      kernels.weightedSum(dx, 1, dx, factors.value.data[next]!, dy);
      return feedForward.backward(dy);
    },
  });
  const parts: Architecture['parts'] = (build, batch, block) => {
    const own = plain.parts(build, batch, block);
    const last = block === L - 1;
    return last ? own : { ...own, feedForward: mixed(build, own.feedForward, block + 1) };
  };
  const plan = (build: Build) => {
    factors = build.parameter('mixing.factors', [L]); // element 0 stays unused
    source.dx = build.gradient('mixing.source', [build.rows, C]);
  };
  const architecture = extended({ ...plain, parts }, plan, () => void source.dx.data.fill(0));
  return { source, architecture, prepare: () => void factors.value.data.fill(0) };
}

function dot(a: Tensor, b: Tensor): number {
  const [x, y] = [a.data, b.data];
  let sum = 0;
  for (let i = 0; i < x.length; i++) sum += x[i]! * y[i]!;
  return sum;
}

/** Other operations for what the model itself computes, around the blocks: the embedding, the logits and their loss. */
function replaceKernels(model: Gpt, operations: Partial<Kernels>): void {
  Object.assign(model, { kernels: { ...model.kernels, ...operations } });
}
