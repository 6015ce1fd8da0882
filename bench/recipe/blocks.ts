/** Qwen3's block with one part replaced by GPT-2's, or with a layer more after q, k and v, to see what each is worth. Hugging
 * Face has no classes for such models, so they are only for measuring.
 *
 * The parts are made in Qwen3's order, so that a block with no part replaced is drawn from the same random numbers. */
import { qkNorm, rope, selfAttention } from '../../src/model/attention.ts';
import { type Architecture, dropoutSite } from '../../src/model/block.ts';
import type { Qwen3Config } from '../../src/model/config.ts';
import { layerNorm } from '../../src/model/gpt2.ts';
import { activation, type Build, type Layer, linear, rmsNorm, sequence } from '../../src/model/layers.ts';

export type Part = 'learned positions' | 'layernorm' | 'gelu';

/** @param more what comes between the product for q, k and v and their norm. */
export function withPart(
  config: Qwen3Config,
  part: Part | undefined,
  more: (build: Build, block: number) => Layer = () => sequence(),
): Architecture {
  const { channels: C, heads: H, feedForward: F, contextLength: T, normEpsilon } = config;
  const norm = (build: Build, name: string) =>
    part === 'layernorm' ? layerNorm(build, name, C) : rmsNorm(build, name, C, normEpsilon);
  const feedForward = (build: Build) => {
    const [wide, kind] = part === 'gelu' ? ([4 * C, 'gelu'] as const) : ([F, 'swiglu'] as const);
    const into = part === 'gelu' ? ['up'] : ['gate', 'up'];
    return sequence(
      linear(build, into, [C, into.length * wide]),
      activation(build, kind, wide, kind),
      linear(build, ['down'], [wide, C], { residual: true }),
    );
  };
  return {
    prefix: '',
    embedding: 'embedding.weight',
    positions: part === 'learned positions' ? { learned: 'positions.weight' } : { rotary: config.ropeTheta },
    head: undefined,
    feedForwardMatrices: part === 'gelu' ? 2 : 3,
    blocks: 'blocks',
    parts(build, batch, block) {
      const size = { C, H, batch, T, dropout: dropoutSite(config, block, 0), block };
      const norm1 = norm(build, 'norm1');
      const qkv = sequence(linear(build, ['q', 'k', 'v'], [C, 3 * C]), more(build, block));
      const norms = config.qkNorm ? [qkNorm(build, 'attn', size, normEpsilon)] : [];
      const turn = part === 'learned positions' ? [] : [rope(build)];
      const proj = linear(build, ['o'], [C, C], { residual: true });
      return {
        norm1,
        attention: selfAttention(build, 'attn', size, sequence(qkv, ...norms, ...turn), proj),
        norm2: norm(build, 'norm2'),
        feedForward: feedForward(build),
      };
    },
    finalNorm: (build) => norm(build, 'norm'),
  };
}
