/** The model that is measured: a preset's, on random tokens, because speed does not depend on what they are. */
import { configOf, feedForwardWidth, type ModelConfig } from '../src/model/config.ts';
import { initialize } from '../src/model/initialize.ts';
import type { Kernels } from '../src/tensor/kernels.ts';
import { RandomStream } from '../src/tensor/random.ts';
import { type PresetName, presets } from '../src/train/presets.ts';
import { Trainer } from '../src/train/trainer.ts';

/** The distinct characters of Tiny Shakespeare, on which all compare. */
const vocabSize = 65;

export function benchConfig(preset: PresetName): ModelConfig {
  const { model } = presets[preset];
  const { arch, channels } = model;
  return configOf(arch, { ...model, vocabSize, feedForward: feedForwardWidth(arch, channels) });
}

/** Tokens in one update. */
export function batchTokens(preset: PresetName, contextLength: number): number {
  const { batchSize, accumulate } = presets[preset].train;
  return batchSize * accumulate * contextLength;
}

export function benchTrainer(config: ModelConfig, preset: PresetName, kernels: Kernels): Trainer {
  const random = new RandomStream(1, 'batch');
  const tokens = Int32Array.from({ length: 20_000 }, (_, i) => random.below(vocabSize, i));
  const split = { train: tokens, validation: tokens.subarray(0, 4 * config.contextLength) };
  const trainer = new Trainer(config, { ...presets[preset].train, seed: 1 }, split, { kernels });
  initialize(trainer.model, 1);
  return trainer;
}
