/** Presets: named sets of sizes and settings. Each flag of npm run train overrides one of them. */
import type { ModelConfig } from '../model/config.ts';
import type { Tokenizer } from '../model/text/tokenizer.ts';
import type { DocumentMode } from './corpus-choice.ts';
import type { RunSettings } from './state.ts';

export interface Preset {
  readonly summary: string;
  /** Absent: a token for each character. */
  readonly tokenizer?: Tokenizer['kind'];
  /** How the shipped text is read; absent: all is one text. */
  readonly documents?: DocumentMode;
  /** The text that the preset was made for, if that is not the shipped one. */
  readonly text?: PresetText;
  readonly model: Pick<ModelConfig, 'arch' | 'contextLength' | 'channels' | 'heads' | 'layers' | 'dropout'>;
  readonly train: Omit<RunSettings, 'seed' | 'patience'>;
}

/** A text that is not shipped, and where to get it. */
export interface PresetText {
  readonly name: string;
  readonly address: string;
  /** Of the file at that address. */
  readonly sha256: string;
}

const tinyShakespeare = {
  name: 'Tiny Shakespeare',
  address: 'https://raw.githubusercontent.com/karpathy/char-rnn/master/data/tinyshakespeare/input.txt',
  sha256: '86c4e6aa9db7c042ec79f339dcb96d42b0075e16b8fc2e86bf0ca57e2dc565ed',
} as const;

/** Settings that docs/recipe.md found good for models of these sizes; --find-lr looks for better learning rates. */
const recipe = {
  accumulate: 1,
  sampling: 'epoch',
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
    summary: 'the default: learns the shipped stories letter by letter, in a minute on two cores',
    model: { arch: 'qwen3', contextLength: 128, channels: 128, heads: 4, layers: 3, dropout: 0 },
    train: { ...recipe, steps: 1200, batchSize: 12, warmup: 30, evalEvery: 100 },
  },
  words: {
    summary: 'the same text in pieces of words (BPE): sentences that read, in a minute on two cores',
    tokenizer: 'bpe',
    model: { arch: 'qwen3', contextLength: 64, channels: 128, heads: 4, layers: 3, dropout: 0 },
    train: { ...recipe, steps: 1500, batchSize: 16, warmup: 45, evalEvery: 250 },
  },
  tale: {
    summary: 'the same stories one by one, with their ends: whole stories, in ten minutes on two cores',
    tokenizer: 'bpe',
    documents: 'blocks',
    model: { arch: 'qwen3', contextLength: 256, channels: 192, heads: 6, layers: 4, dropout: 0.2 },
    train: {
      ...recipe,
      steps: 2800,
      batchSize: 8,
      warmup: 50,
      learningRate: 3e-3,
      muonLearningRate: 0.02,
      evalEvery: 200,
    },
  },
  shakespeare: {
    summary: 'the best loss on Tiny Shakespeare in two minutes on two cores',
    text: tinyShakespeare,
    model: { arch: 'qwen3', contextLength: 128, channels: 128, heads: 4, layers: 3, dropout: 0 },
    train: { ...recipe, steps: 2400, batchSize: 12, warmup: 40, evalEvery: 200 },
  },
  small: {
    summary: 'a context of 512: on Tiny Shakespeare the best of one model by itself, in four minutes',
    text: tinyShakespeare,
    model: { arch: 'qwen3', contextLength: 512, channels: 128, heads: 4, layers: 3, dropout: 0 },
    train: { ...recipe, steps: 4000, batchSize: 3, warmup: 40, evalEvery: 250 },
  },
  large: {
    summary: 'a larger model: for larger texts, and as the student of several runs (npm run distill)',
    model: { arch: 'qwen3', contextLength: 512, channels: 192, heads: 6, layers: 4, dropout: 0 },
    train: {
      ...recipe,
      steps: 4000,
      batchSize: 3,
      warmup: 50,
      learningRate: 3e-3,
      muonLearningRate: 0.02,
      evalEvery: 250,
    },
  },
  'nanogpt-cpu': {
    summary: "nanoGPT's quick start for a CPU, for comparison: GPT-2 block, 0.8 M parameters",
    text: tinyShakespeare,
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
export const defaultPreset: PresetName = 'nano';
export const presetNames = Object.keys(presets) as PresetName[];
