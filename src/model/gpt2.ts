/** The block of GPT-2, as Hugging Face's GPT2LMHeadModel computes it: LayerNorm, GELU, learned positions, biases.
 *
 * Radford et al., "Language Models are Unsupervised Multitask Learners" (2019). */
import { selfAttention } from './attention.ts';
import { type Architecture, dropoutSite } from './block.ts';
import type { Gpt2Config } from './config.ts';
import { activation, conv1d, layerNorm, sequence } from './layers.ts';

export function gpt2(config: Gpt2Config): Architecture {
  const { channels: C, heads: H, feedForward: F, contextLength: T } = config;
  return {
    prefix: 'transformer.',
    embedding: 'transformer.wte.weight',
    positions: { learned: 'transformer.wpe.weight' },
    head: undefined,
    feedForwardMatrices: 2, // up and down
    blocks: 'transformer.h',
    parts(build, batch, block) {
      const size = { C, H, batch, T, dropout: dropoutSite(config, block, 0), block };
      const norm1 = layerNorm(build, 'ln_1', C);
      const qkv = conv1d(build, 'attn.c_attn', [C, 3 * C], { parts: 3 });
      const proj = conv1d(build, 'attn.c_proj', [C, C], { residual: true });
      const norm2 = layerNorm(build, 'ln_2', C);
      const up = conv1d(build, 'mlp.c_fc', [C, F]);
      const gelu = activation(build, 'mlp.gelu', F, 'gelu');
      const down = conv1d(build, 'mlp.c_proj', [F, C], { residual: true });
      return {
        norm1,
        attention: selfAttention(build, 'attn', size, qkv, proj),
        norm2,
        feedForward: sequence(up, gelu, down),
      };
    },
    finalNorm: (build) => layerNorm(build, 'transformer.ln_f', C),
  };
}
