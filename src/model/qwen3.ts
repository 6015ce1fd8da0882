/** The block of Qwen3, as Hugging Face's Qwen3ForCausalLM computes it: RMSNorm, SwiGLU, rotary positions, RMSNorm on every
 * head of q and k, no biases. Without the norm on q and k it is Llama's, as LlamaForCausalLM computes it.
 *
 * q, k and v are separate parameters there and here, and so are gate and up, but they lie one below the other in
 * memory: one product computes them. Yang et al., arXiv 2505.09388; Touvron et al., arXiv 2302.13971. */
import { QkNorm, Rope, SelfAttention } from './attention.ts';
import { type Architecture, dropoutSite } from './block.ts';
import type { Qwen3Config } from './config.ts';
import { Bend, Linear, RmsNorm, Sequence } from './layers.ts';

export function qwen3(config: Qwen3Config): Architecture {
  const { channels: C, heads: H, feedForward: F, contextLength: T, dropout, normEpsilon } = config;
  return {
    embedding: 'model.embed_tokens.weight',
    positions: undefined,
    parts(build, batch, block) {
      const name = `model.layers.${block}`;
      const size = { C, H, batch, T, dropout, site: dropoutSite(block), block };
      const of = (part: string, ...layers: string[]) => layers.map((layer) => `${name}.${part}.${layer}`);
      const norm1 = new RmsNorm(build, `${name}.input_layernorm`, C, normEpsilon);
      const qkv = new Linear(build, of('self_attn', 'q_proj', 'k_proj', 'v_proj'), [C, 3 * C]);
      const norm = config.qkNorm ? [new QkNorm(build, `${name}.self_attn`, size, normEpsilon)] : [];
      const proj = new Linear(build, of('self_attn', 'o_proj'), [C, C], { residual: true });
      const norm2 = new RmsNorm(build, `${name}.post_attention_layernorm`, C, normEpsilon);
      const gateAndUp = new Linear(build, of('mlp', 'gate_proj', 'up_proj'), [C, 2 * F]);
      const swiglu = new Bend(build, `${name}.mlp.swiglu`, F, 'swiglu');
      const down = new Linear(build, of('mlp', 'down_proj'), [F, C], { residual: true });
      const positioned = new Sequence(qkv, ...norm, new Rope(build));
      return {
        norm1,
        attention: new SelfAttention(build, `${name}.self_attn`, size, positioned, proj),
        norm2,
        feedForward: new Sequence(gateAndUp, swiglu, down),
      };
    },
    finalNorm: (build) => new RmsNorm(build, 'model.norm', C, normEpsilon),
  };
}
