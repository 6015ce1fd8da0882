/** Named sets of choices. A preset is where a run starts from; every flag overrides one of them. */
import type { ModelConfig } from '../model/config.ts';
import type { RunSettings } from './state.ts';

export interface Preset {
  readonly summary: string;
  readonly model: Pick<ModelConfig, 'arch' | 'contextLength' | 'channels' | 'heads' | 'layers' | 'dropout'>;
  readonly train: Omit<RunSettings, 'seed' | 'patience'>;
}

/** What docs/recipe.md found: values for these sizes; --find-lr looks for better ones. */
const recipe = {
  accumulate: 1,
  sampling: 'random',
  initialization: 'fan-in',
  optimizer: 'muon',
  muonLearningRate: 0.025,
  learningRate: 5e-3,
  minLearningRate: 0,
  shape: 'linear',
  beta1: 0.9,
  beta2: 0.95,
  weightDecay: 0.1,
  clip: 1,
  emaDecay: 0.95,
  evalTokens: 20_480,
} as const;

export const presets = {
  nano: {
    summary: 'the default: learns the shipped tales in about a minute on two cores',
    model: { arch: 'qwen3', contextLength: 128, channels: 128, heads: 4, layers: 3, dropout: 0 },
    train: {
      ...recipe,
      steps: 620,
      batchSize: 12,
      warmup: 31,
      learningRate: 4e-3,
      muonLearningRate: 0.02,
      evalEvery: 100,
    },
  },
  shakespeare: {
    summary: 'the best loss on Tiny Shakespeare in two minutes on two cores',
    model: { arch: 'qwen3', contextLength: 128, channels: 128, heads: 4, layers: 3, dropout: 0 },
    train: { ...recipe, steps: 900, batchSize: 12, warmup: 20, evalEvery: 300 },
  },
  small: {
    summary: 'about 3 million parameters and a longer context, for larger texts',
    model: { arch: 'qwen3', contextLength: 256, channels: 256, heads: 8, layers: 4, dropout: 0.1 },
    train: {
      ...recipe,
      steps: 2500,
      batchSize: 8,
      warmup: 50,
      learningRate: 3e-3,
      muonLearningRate: 0.02,
      evalEvery: 250,
    },
  },
  'nanogpt-cpu': {
    summary: "nanoGPT's quick start for a CPU, for comparison: GPT-2 block, 0.8 M parameters",
    model: { arch: 'gpt2', contextLength: 64, channels: 128, heads: 4, layers: 4, dropout: 0 },
    train: {
      steps: 2000,
      batchSize: 12,
      accumulate: 1,
      sampling: 'random',
      initialization: 'gpt2',
      optimizer: 'adamw',
      muonLearningRate: 0.02,
      learningRate: 1e-3,
      minLearningRate: 1e-4,
      shape: 'cosine',
      warmup: 100,
      beta1: 0.9,
      beta2: 0.99,
      weightDecay: 0.1,
      clip: 1,
      emaDecay: 0,
      evalEvery: 250,
      evalTokens: 20_480,
    },
  },
} as const satisfies Record<string, Preset>;

export type PresetName = keyof typeof presets;
export const presetNames = Object.keys(presets) as PresetName[];
