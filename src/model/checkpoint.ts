/** A model as files, in Hugging Face's layout: config.json, model.safetensors, tokenizer.json.
 *
 * GPT2LMHeadModel, Qwen3ForCausalLM and LlamaForCausalLM in Python open what is written here, and files written there
 * are read here. A tied head is stored once, as the embedding. Pure: bytes in, bytes out; reading and writing folders belongs to the commands. */
import type { Floats } from '../tensor/tensor.ts';
import type { ModelConfig } from './config.ts';
import { configFromJSON, configToJSON } from './config-json.ts';
import type { Gpt } from './gpt.ts';
import { readJson } from './json-reader.ts';
import { readSafetensors, type StoredTensor, writeSafetensors } from './safetensors.ts';
import type { Tokenizer } from './tokenizer.ts';
import { tokenizerFromJSON } from './tokenizer-file.ts';

export const checkpointFiles = ['config.json', 'tokenizer.json', 'model.safetensors'] as const;
export type CheckpointFile = (typeof checkpointFiles)[number];

const head = 'lm_head.weight';

export interface Checkpoint {
  readonly config: ModelConfig;
  readonly tokenizer: Tokenizer;
  /** By the model's own names. */
  readonly tensors: ReadonlyMap<string, StoredTensor>;
}

/** The three files of a model. The same weights always give the same bytes. */
export function encodeCheckpoint(model: Gpt, tokenizer: Tokenizer): Map<CheckpointFile, Uint8Array> {
  const json = (value: object) => new TextEncoder().encode(`${JSON.stringify(value, null, 2)}\n`);
  const weights = model.parameters.map(({ name, value }) => ({
    name,
    shape: value.shape,
    data: value.data instanceof Float32Array ? value.data : Float32Array.from(value.data),
  }));
  return new Map<CheckpointFile, Uint8Array>([
    ['config.json', json(configToJSON(model.config))],
    ['tokenizer.json', json(tokenizer.toJSON())],
    ['model.safetensors', writeSafetensors(weights, { format: 'pt' })],
  ]);
}

/** Reads and checks the three files. @param source the folder, for error messages. */
export function decodeCheckpoint(read: (file: CheckpointFile) => Uint8Array, source: string): Checkpoint {
  const configSource = `${source}/config.json`;
  const config = configFromJSON(readJson(read('config.json'), configSource), configSource);
  const tokenizerSource = `${source}/tokenizer.json`;
  const tokenizer = tokenizerFromJSON(readJson(read('tokenizer.json'), tokenizerSource), tokenizerSource);
  if (tokenizer.vocabSize !== config.vocabSize) {
    throw new RangeError(
      `${tokenizerSource}: expected the ${config.vocabSize} tokens of config.json, got ${tokenizer.vocabSize}`,
    );
  }
  const stored = readSafetensors(read('model.safetensors'), `${source}/model.safetensors`);
  const tensors = new Map<string, StoredTensor>();
  const prefix = config.arch === 'gpt2' ? 'transformer.' : 'model.'; // absent where only the body was saved
  const tied = config.arch === 'gpt2' || config.tiedHead;
  for (const [name, tensor] of stored) {
    if (isBuffer(name) || (tied && name === head)) continue;
    tensors.set(name === head || name.startsWith(prefix) ? name : prefix + name, tensor);
  }
  return { config, tokenizer, tensors };
}

/** Copies stored weights into an allocated model; refuses, before writing any, names or shapes that do not match. */
export function loadParameters(model: Gpt, { tensors }: Checkpoint, source: string): void {
  const names = new Set(model.parameters.map((p) => p.name));
  for (const name of tensors.keys()) {
    if (!names.has(name))
      throw new RangeError(`${source}: unexpected tensor ${name}; this model has no such parameter`);
  }
  const found: [Floats, Floats][] = model.parameters.map(({ name, value }) => {
    const tensor = tensors.get(name);
    if (tensor === undefined) throw new RangeError(`${source}: tensor ${name} is missing`);
    if (tensor.shape.join() !== value.shape.join()) {
      throw new RangeError(`${source}: ${name}: expected shape (${value.shape}), got (${tensor.shape})`);
    }
    return [value.data, tensor.data];
  });
  for (const [to, from] of found) to.set(from);
}

/** Old files carry what can be computed: GPT-2's the causal mask of each block, Llama's the rotary frequencies. */
function isBuffer(name: string): boolean {
  return /^(transformer\.)?h\.\d+\.attn\.(bias|masked_bias)$|\.rotary_emb\.inv_freq$/.test(name);
}
