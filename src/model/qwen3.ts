/** The block of Qwen3, as Hugging Face's Qwen3ForCausalLM computes it: RMSNorm, SwiGLU, rotary positions, RMSNorm on every
 * head of q and k, no biases. Without the norm on q and k it is Llama's, as LlamaForCausalLM computes it.
 *
 * q, k and v are separate parameters there and here, and so are gate and up, but they lie one below the other in
 * memory: one product computes them. Yang et al., arXiv 2505.09388; Touvron et al., arXiv 2302.13971. */
import { qkNorm, rope, selfAttention } from './attention.ts';
import { type Architecture, dropoutSite } from './block.ts';
import type { Qwen3Config } from './config.ts';
import { activation, linear, rmsNorm, sequence } from './layers.ts';

export function qwen3(config: Qwen3Config): Architecture {
  const { channels: C, heads: H, feedForward: F, contextLength: T, normEpsilon } = config;
  return {
    prefix: 'model.',
    embedding: 'model.embed_tokens.weight',
    positions: { rotary: config.ropeTheta },
    head: config.tiedHead ? undefined : 'lm_head.weight',
    feedForwardMatrices: 3, // gate, up and down
    blocks: 'model.layers',
    parts(build, batch, block) {
      const size = { C, H, batch, T, dropout: dropoutSite(config, block, 0), block };
      const norm1 = rmsNorm(build, 'input_layernorm', C, normEpsilon);
      const qkv = linear(build, ['self_attn.q_proj', 'self_attn.k_proj', 'self_attn.v_proj'], [C, 3 * C]);
      const norm = config.qkNorm ? [qkNorm(build, 'self_attn', size, normEpsilon)] : [];
      const proj = linear(build, ['self_attn.o_proj'], [C, C], { residual: true });
      const norm2 = rmsNorm(build, 'post_attention_layernorm', C, normEpsilon);
      const gateAndUp = linear(build, ['mlp.gate_proj', 'mlp.up_proj'], [C, 2 * F]);
      const swiglu = activation(build, 'mlp.swiglu', F, 'swiglu');
      const down = linear(build, ['mlp.down_proj'], [F, C], { residual: true });
      return {
        norm1,
        attention: selfAttention(build, 'self_attn', size, sequence(qkv, ...norm, rope(build)), proj),
        norm2,
        feedForward: sequence(gateAndUp, swiglu, down),
      };
    },
    finalNorm: (build) => rmsNorm(build, 'model.norm', C, normEpsilon),
  };
}
