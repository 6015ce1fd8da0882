/** Named sets of choices. A preset is where a run starts from; every flag overrides one of them. */
import type { TrainSettings } from './trainer.ts';

export interface Preset {
  readonly summary: string;
  readonly model: {
    readonly contextLength: number;
    readonly channels: number;
    readonly heads: number;
    readonly layers: number;
    readonly dropout: number;
  };
  readonly train: Omit<TrainSettings, 'seed'> & { readonly evalEvery: number };
}

export const presets = {
  nano: {
    summary: 'the default: learns the shipped tales in about two minutes on a laptop',
    model: { contextLength: 64, channels: 64, heads: 4, layers: 3, dropout: 0 },
    train: {
      steps: 400,
      batchSize: 8,
      accumulate: 1,
      sampling: 'random',
      learningRate: 4e-3,
      minLearningRate: 4e-4,
      warmup: 20,
      beta1: 0.9,
      beta2: 0.99,
      weightDecay: 0.1,
      clip: 1,
      evalEvery: 100,
      evalTokens: 20_480,
    },
  },
  'nanogpt-cpu': {
    summary: "nanoGPT's quick start for a CPU, for comparison: 0.8 M parameters, 2,000 steps",
    model: { contextLength: 64, channels: 128, heads: 4, layers: 4, dropout: 0 },
    train: {
      steps: 2000,
      batchSize: 12,
      accumulate: 1,
      sampling: 'random',
      learningRate: 1e-3,
      minLearningRate: 1e-4,
      warmup: 100,
      beta1: 0.9,
      beta2: 0.99,
      weightDecay: 0.1,
      clip: 1,
      evalEvery: 250,
      evalTokens: 20_480,
    },
  },
} as const satisfies Record<string, Preset>;

export type PresetName = keyof typeof presets;
export const presetNames = Object.keys(presets) as PresetName[];
