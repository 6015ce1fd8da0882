/** Qwen3's block with one of its parts replaced by GPT-2's, to see what each is worth. Hugging Face has no classes for
 * such models, so they are for measuring only. */
import { QkNorm, Rope, SelfAttention } from '../../src/model/attention.ts';
import { type Architecture, dropoutSite } from '../../src/model/block.ts';
import type { Qwen3Config } from '../../src/model/config.ts';
import { Bend, type Build, LayerNorm, Linear, RmsNorm, Sequence } from '../../src/model/layers.ts';

export type Part = 'learned positions' | 'layernorm' | 'gelu';

export function withPart(config: Qwen3Config, part: Part): Architecture {
  const { channels: C, heads: H, feedForward: F, contextLength: T, dropout, normEpsilon } = config;
  const norm = (build: Build, name: string) =>
    part === 'layernorm' ? new LayerNorm(build, name, C) : new RmsNorm(build, name, C, normEpsilon);
  const feedForward = (build: Build, name: string) => {
    const [wide, kind] = part === 'gelu' ? ([4 * C, 'gelu'] as const) : ([F, 'swiglu'] as const);
    const into = part === 'gelu' ? [`${name}.up`] : [`${name}.gate`, `${name}.up`];
    return new Sequence(
      new Linear(build, into, [C, into.length * wide]),
      new Bend(build, `${name}.${kind}`, wide, kind),
      new Linear(build, [`${name}.down`], [wide, C], { residual: true }),
    );
  };
  return {
    embedding: 'embedding.weight',
    positions: part === 'learned positions' ? 'positions.weight' : undefined,
    parts(build, batch, block) {
      const name = `blocks.${block}`;
      const size = { C, H, batch, T, dropout, site: dropoutSite(block), block };
      const qkv = new Linear(build, [`${name}.q`, `${name}.k`, `${name}.v`], [C, 3 * C]);
      const norms = config.qkNorm ? [new QkNorm(build, name, size, normEpsilon)] : [];
      const turn = part === 'learned positions' ? [] : [new Rope(build)];
      const proj = new Linear(build, [`${name}.o`], [C, C], { residual: true });
      return {
        norm1: norm(build, `${name}.norm1`),
        attention: new SelfAttention(build, name, size, new Sequence(qkv, ...norms, ...turn), proj),
        norm2: norm(build, `${name}.norm2`),
        feedForward: feedForward(build, name),
      };
    },
    finalNorm: (build) => norm(build, 'norm'),
  };
}
