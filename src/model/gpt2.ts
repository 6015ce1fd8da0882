/** The block of GPT-2, as Hugging Face's GPT2LMHeadModel computes it: LayerNorm, GELU, learned positions, biases.
 *
 * Radford et al., "Language Models are Unsupervised Multitask Learners" (2019). */
import type { Hidden } from '../tensor/arena.ts';
import type { Tensor } from '../tensor/tensor.ts';
import { selfAttention } from './attention.ts';
import { type Architecture, dropoutSite } from './block.ts';
import type { Gpt2Config } from './config.ts';
import { activation, type Build, type Layer, sequence } from './layers.ts';

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

/** y = x w + bias, w (K N): what GPT-2 calls Conv1D. */
function conv1d(
  build: Build,
  name: string,
  [K, N]: readonly [inputs: number, outputs: number],
  { parts = 1, residual = false }: Partial<Hidden> = {},
): Layer {
  const { kernels, rows } = build;
  const weight = build.parameter(`${name}.weight`, [K, N], { inputs: 'rows', parts, residual });
  const bias = build.parameter(`${name}.bias`, [N]);
  const ys = build.saved(`${name}.y`, [rows, N]);
  const dxs = build.gradient(`${name}.x`, [rows, K]);
  let x: Tensor;
  return {
    forward(input) {
      x = input;
      const y = ys.rows(x.shape[0]);
      kernels.matmul(y, x, weight.value, bias.value);
      return y;
    },
    backward(dy) {
      const dx = dxs.rows(dy.shape[0]);
      kernels.biasBackward(bias.grad, dy);
      kernels.matmulTransposedA(weight.grad, x, dy, 'add');
      kernels.matmulTransposedB(dx, dy, weight.value, 'set');
      return dx;
    },
  };
}

/** y = xhat * gain + shift; gain is called weight and shift bias in the checkpoint. */
export function layerNorm(build: Build, name: string, C: number): Layer {
  const { kernels, rows } = build;
  const gain = build.parameter(`${name}.weight`, [C]);
  const shift = build.parameter(`${name}.bias`, [C]);
  const ys = build.saved(`${name}.y`, [rows, C]);
  const allStats = build.saved(`${name}.stats`, [rows, 2]);
  const dxs = build.gradient(`${name}.x`, [rows, C]);
  let x: Tensor;
  return {
    forward(input) {
      x = input;
      const [y, stats] = [ys.rows(x.shape[0]), allStats.rows(x.shape[0])];
      kernels.layernorm(y, stats, x, gain.value, shift.value);
      return y;
    },
    backward(dy) {
      const [dx, stats] = [dxs.rows(dy.shape[0]), allStats.rows(dy.shape[0])];
      kernels.layernormParametersBackward(gain.grad, shift.grad, dy, x, stats);
      kernels.layernormBackward(dx, dy, x, gain.value, stats);
      return dx;
    },
  };
}
