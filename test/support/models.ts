/** Small models for tests: the PyTorch folder, and random ones of any size. */
import { existsSync, readFileSync } from 'node:fs';
import type { Gpt2Config, ModelConfig, Qwen3Config } from '../../src/model/config.ts';
import { type Checkpoint, decodeCheckpoint, loadParameters } from '../../src/model/files/checkpoint.ts';
import { readSafetensors } from '../../src/model/files/safetensors.ts';
import { Gpt, type GptOptions } from '../../src/model/gpt.ts';
import { RandomStream } from '../../src/tensor/random.ts';
import { type Ids, ids, Tensor } from '../../src/tensor/tensor.ts';

export interface GoldenValues {
  readonly inputs: number[][];
  readonly targets: number[][];
  readonly loss: number;
  readonly grad_norm: number;
  readonly adamw: Record<'lr' | 'beta1' | 'beta2' | 'eps' | 'weight_decay' | 'clip_norm', number>;
  readonly losses_before_each_step_then_after: number[];
  readonly text: {
    tokens_scored: number;
    mean_nll: number;
    perplexity: number;
    bits_per_char: number;
    first_nll: number[];
  };
  readonly greedy: { prompt_ids: number[]; prompt: string; ids: number[]; text: string };
}

/** A folder of PyTorch values: the checkpoint, what PyTorch computes with it, and the text it scored. */
export function golden(name: string) {
  const folder = new URL(`../golden/${name}/`, import.meta.url);
  const read = (file: string) => new Uint8Array(readFileSync(new URL(file, folder)));
  const text = (file: string) => new TextDecoder().decode(read(file));
  return {
    path: folder.pathname,
    checkpoint: decodeCheckpoint(
      (file) => (existsSync(new URL(file, folder)) ? read(file) : undefined),
      name,
    ),
    values: JSON.parse(text('expected.json')) as GoldenValues,
    tensors: readSafetensors(read('expected.safetensors'), 'expected.safetensors'),
    text: text('text.txt'),
  };
}

export function openModel(checkpoint: Checkpoint, options: GptOptions): Gpt {
  const model = new Gpt(checkpoint.config, options);
  model.arena.allocate(options.kernels.memory);
  loadParameters(model, checkpoint, 'test');
  return model;
}

export const tinyConfig: Gpt2Config = {
  arch: 'gpt2',
  vocabSize: 11,
  contextLength: 12,
  channels: 12,
  heads: 3,
  layers: 2,
  feedForward: 20,
  dropout: 0,
};

export const tinyQwen3: Qwen3Config = {
  ...tinyConfig,
  arch: 'qwen3',
  qkNorm: true,
  tiedHead: false,
  ropeTheta: 100,
  normEpsilon: 1e-3,
};

/** One of each kind: suites over whole models run on all of them. */
export const tinyConfigs: readonly (readonly [name: string, config: ModelConfig])[] = [
  ['gpt2', tinyConfig],
  ['qwen3', tinyQwen3],
  ['qwen3, tied', { ...tinyQwen3, tiedHead: true }],
  ['llama', { ...tinyQwen3, qkNorm: false }],
];

/** Every parameter random, gains around 1 and biases too, so that none is at a value that hides an error. */
export function randomize(model: Gpt, seed: number): Gpt {
  const random = new RandomStream(seed, 'init');
  for (const [i, { name, value }] of model.parameters.entries()) {
    random.normals(value.data, 0.3, i);
    if (value.shape.length === 1 && !name.endsWith('.bias'))
      for (let j = 0; j < value.size; j++) value.data[j]! += 1;
  }
  return model;
}

export function randomModel(config: ModelConfig, options: GptOptions, seed = 1): Gpt {
  const model = new Gpt(config, options);
  model.arena.allocate(options.kernels.memory);
  return randomize(model, seed);
}

/** A copy in memory that the model's kernels can read. */
export function placed(model: Gpt, { name, shape, data }: Ids): Ids {
  const { buffer, byteOffset } = model.kernels.memory.reserve(data.byteLength);
  const copy = new Int32Array(buffer, byteOffset, data.length);
  copy.set(data);
  return new Tensor(name, shape, copy);
}

/** n random token ids below V. */
export function randomIds(n: number, V: number, seed = 1): Ids {
  const random = new RandomStream(seed, 'batch');
  return ids(
    'ids',
    Int32Array.from({ length: n }, (_, i) => random.below(V, i)),
  );
}
