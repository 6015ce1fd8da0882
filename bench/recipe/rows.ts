/** The rows of docs/recipe.md: the recipe, and the recipe with one thing changed. */
import type { Architecture } from '../../src/model/block.ts';
import { configOf, feedForwardWidth, type ModelConfig, type Qwen3Config } from '../../src/model/config.ts';
import type { Gpt } from '../../src/model/gpt.ts';
import type { Arena } from '../../src/tensor/arena.ts';
import type { Kernels } from '../../src/tensor/kernels.ts';
import type { Optimizer } from '../../src/train/optimizer.ts';
import { presets } from '../../src/train/presets.ts';
import type { RunSettings } from '../../src/train/state.ts';
import { type Addition, additions } from './additions.ts';
import { type Part, withPart } from './blocks.ts';
import { optimizerRows, type Tail } from './optimizers.ts';

export type Settings = Omit<RunSettings, 'seed' | 'patience'>;
export type Row = (
  vocabSize: number,
  steps: number,
) => {
  readonly config: ModelConfig;
  readonly settings: Settings;
  readonly architecture: Architecture | undefined;
  /** To be called once the weights are drawn. */
  readonly prepare?: ((model: Gpt) => void) | undefined;
  /** Absent: the one of the settings. */
  readonly optimizer?: MakeOptimizer | undefined;
  /** Absent: the schedule of the settings to its end. */
  readonly tail?: Tail | undefined;
};
/** It plans its memory in the arena. */
type MakeOptimizer = (arena: Arena, kernels: Kernels, settings: Settings) => Optimizer;
export type Change = Parameters<typeof changed>[0];

/** Four layers, so that the parts of a block matter more; and no mean of the weights, which has rows of its own. */
const base = {
  model: { ...presets.shakespeare.model, layers: 4 },
  train: { ...presets.shakespeare.train, emaDecay: 0 },
};

function changed(change: {
  readonly config?: Partial<Qwen3Config>;
  readonly settings?: Partial<Settings>;
  /** Instead of RMSNorm, rotary positions or SwiGLU. */
  readonly part?: Part;
  readonly addition?: (config: Qwen3Config) => Addition;
  /** How many times the batch; the steps become so many times fewer. */
  readonly batch?: number;
  readonly optimizer?: MakeOptimizer;
  readonly tail?: Tail;
}): Row {
  return (vocabSize, steps) => {
    const { model, train } = base;
    const sizes = { ...model, vocabSize, feedForward: feedForwardWidth(model.arch, model.channels) };
    const config = { ...configOf(model.arch, sizes), ...change.config } as Qwen3Config;
    const { batch = 1, part, optimizer, tail } = change;
    const settings = {
      ...train,
      batchSize: train.batchSize * batch,
      steps: Math.round(steps / batch),
      warmup: Math.round(steps / 15 / batch),
      ...change.settings,
    };
    const added = change.addition?.(config);
    const architecture = added?.architecture ?? (part && withPart(config, part));
    return { config, settings, architecture, prepare: added?.prepare, optimizer, tail };
  };
}

/** GPT-2's block and initialisation with AdamW, as nanoGPT has them, on the same windows. */
const nanogpt: Row = (vocabSize, steps) => {
  const { model, train } = presets['nanogpt-cpu'];
  const { contextLength } = base.model;
  const { batchSize, evalTokens } = base.train;
  const sizes = { ...model, contextLength, vocabSize, feedForward: feedForwardWidth('gpt2', model.channels) };
  const warmup = Math.round(steps / 20);
  return {
    config: configOf('gpt2', sizes),
    settings: { ...train, steps, batchSize, warmup, evalTokens },
    architecture: undefined,
  };
};

const additionRows = Object.fromEntries(
  Object.entries(additions).map(([name, addition]) => [name, changed({ addition })]),
);

export const rows: Readonly<Record<string, Row>> = {
  recipe: changed({}),
  'learned-positions': changed({ part: 'learned positions' }),
  layernorm: changed({ part: 'layernorm' }),
  'no-qk-norm': changed({ config: { qkNorm: false } }),
  gelu: changed({ part: 'gelu' }),
  adamw: changed({ settings: { optimizer: 'adamw', learningRate: 3e-3 } }),
  'gpt2-initialization': changed({ settings: { initialization: 'gpt2' } }),
  cosine: changed({ settings: { shape: 'cosine' } }),
  constant: changed({ settings: { shape: 'constant' } }),
  mean: changed({ settings: { emaDecay: 0.95 } }),
  'constant-mean': changed({ settings: { shape: 'constant', emaDecay: 0.95 } }),
  wsd: changed({ settings: { shape: 'wsd' } }),
  'context-64': changed({ config: { contextLength: 64 }, settings: { batchSize: 2 * base.train.batchSize } }),
  'random-windows': changed({ settings: { sampling: 'random' } }),
  'batch-double': changed({ batch: 2 }),
  ...additionRows,
  nanogpt,
  ...Object.fromEntries(Object.entries(optimizerRows).map(([name, change]) => [name, changed(change)])),
};
export const rowNames = Object.keys(rows);
