/** The block of GPT-2, as Hugging Face's GPT2LMHeadModel computes it: LayerNorm, GELU, learned positions, biases.
 *
 * Radford et al., "Language Models are Unsupervised Multitask Learners" (2019). */
import { SelfAttention } from './attention.ts';
import { type Architecture, dropoutSite } from './block.ts';
import type { Gpt2Config } from './config.ts';
import { Affine, Bend, LayerNorm, Sequence } from './layers.ts';

export function gpt2(config: Gpt2Config): Architecture {
  const { channels: C, heads: H, feedForward: F, contextLength: T, dropout } = config;
  return {
    embedding: 'transformer.wte.weight',
    positions: 'transformer.wpe.weight',
    parts(build, batch, block) {
      const name = `transformer.h.${block}`;
      const size = { C, H, batch, T, dropout, site: dropoutSite(block), block };
      const norm1 = new LayerNorm(build, `${name}.ln_1`, C);
      const qkv = new Affine(build, `${name}.attn.c_attn`, [C, 3 * C], { parts: 3 });
      const proj = new Affine(build, `${name}.attn.c_proj`, [C, C], { residual: true });
      const norm2 = new LayerNorm(build, `${name}.ln_2`, C);
      const up = new Affine(build, `${name}.mlp.c_fc`, [C, F]);
      const gelu = new Bend(build, `${name}.mlp.gelu`, F, 'gelu');
      const down = new Affine(build, `${name}.mlp.c_proj`, [F, C], { residual: true });
      return {
        norm1,
        attention: new SelfAttention(build, `${name}.attn`, size, qkv, proj),
        norm2,
        feedForward: new Sequence(up, gelu, down),
      };
    },
    finalNorm: (build) => new LayerNorm(build, 'transformer.ln_f', C),
  };
}
