/** The bits of a run are those of every engine: thirty steps end with the same bytes on each version of Node and each
 * processor, with portable arithmetic and, where the machine has it, with fused multiply-add.
 *
 * The checksums below were made once. Whoever changes on purpose what a step computes makes them anew: the failing test
 * prints them; they must then be the same on every Node. */
import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { nodeHost } from '../../src/cli/host/simd-host.ts';
import { configOf, feedForwardWidth } from '../../src/model/config.ts';
import { initialize } from '../../src/model/initialize.ts';
import { CharTokenizer } from '../../src/model/text/tokenizer.ts';
import { generateAll } from '../../src/sample/generate.ts';
import { samplingSettings } from '../../src/sample/settings.ts';
import type { Kernels } from '../../src/tensor/kernels.ts';
import { createSimdKernels } from '../../src/tensor/simd/index.ts';
import { splitTokens } from '../../src/train/check-split.ts';
import { encodeState } from '../../src/train/state.ts';
import { Trainer } from '../../src/train/trainer.ts';
import { runSettings, story } from '../support/runs.ts';

const expected = {
  gpt2: { portable: '6a44b7a7934d43eb', fma: '7b4cf2fdf164fd73' },
  qwen3: { portable: '028836d9d43c346e', fma: 'b3dcf9e8272570f3' },
} as const;
const common = { ...runSettings, steps: 30, warmup: 5, batchSize: 3, accumulate: 2, seed: 5 };
const settings = {
  gpt2: common,
  qwen3: { ...common, optimizer: 'muon', initialization: 'fan-in', shape: 'linear', emaDecay: 0.9 },
} as const;

/** Trains a small model; one checksum of its weights, the optimizer's memory, and a text that it draws. */
function checksum(arch: keyof typeof expected, kernels: Kernels): string {
  const tokenizer = CharTokenizer.train(story);
  const config = configOf(arch, {
    vocabSize: tokenizer.vocabSize,
    ...{ contextLength: 24, channels: 32, heads: 2, layers: 2, dropout: 0.1 },
    feedForward: feedForwardWidth(arch, 32),
  });
  const split = splitTokens(tokenizer.encode(story.repeat(8)), config.contextLength);
  const trainer = new Trainer(config, settings[arch], split, { kernels });
  initialize(trainer.model, common.seed, settings[arch].initialization);
  while (trainer.step < common.steps) trainer.train();
  const identity = { preset: arch, data: 'test', corpusSha256: 'test', arithmetic: 'test' };
  const files = encodeState(trainer, tokenizer, identity, settings[arch], {
    best: null,
    evaluationsSinceBest: 0,
  });
  const [text] = generateAll(trainer.model, [{ prompt: tokenizer.encode('the '), stream: 0 }], {
    settings: samplingSettings({ temperature: 0.8, topP: 0.95 }),
    maxNewTokens: 60,
    seed: 3,
    contextPolicy: 'shift',
  });
  const hash = createHash('sha256');
  for (const file of ['model.safetensors', 'optimizer.safetensors'] as const) hash.update(files.get(file)!);
  return hash.update(Int32Array.from(text!.tokens)).digest('hex').slice(0, 16);
}

describe.each([
  ['portable', 'auto'],
  ['auto', 'auto'],
  ['auto', 'off'],
] as const)('thirty steps, --math %s --wide %s', (math, wide) => {
  it.each(['gpt2', 'qwen3'] as const)('of %s end with the bytes of every machine', async (arch) => {
    const kernels = await createSimdKernels(nodeHost, { threads: 2, math, wide });
    try {
      const arithmetic = kernels.target.fma ? 'fma' : 'portable';
      expect(checksum(arch, kernels)).toBe(expected[arch][arithmetic]);
    } finally {
      kernels.close();
    }
  });
});
