/** A model as files, in Hugging Face's layout: config.json, model.safetensors, tokenizer.json.
 *
 * GPT2LMHeadModel, Qwen3ForCausalLM and LlamaForCausalLM in Python open what is written here, and what they write is read
 * here. A tied head is stored once, as the embedding. This file turns bytes into models and back; the commands read and write
 * the folders. */
import { reference } from '../../tensor/reference/index.ts';
import type { ModelConfig } from '../config.ts';
import { architectureOf, Gpt } from '../gpt.ts';
import { quote, show } from '../json.ts';
import { readJson } from '../json-reader.ts';
import type { Tokenizer } from '../text/tokenizer.ts';
import { tokenizerFromJSON } from '../text/tokenizer-file.ts';
import { configFromJSON, configToJSON, eosTokensFromJSON, unequalDropouts } from './config-json.ts';
import { type StoredTensor, writeSafetensors } from './safetensors.ts';
import { needed, type ReadFile, readWeights } from './weights.ts';

export const checkpointFiles = ['config.json', 'tokenizer.json', 'model.safetensors'] as const;
export type CheckpointFile = (typeof checkpointFiles)[number];

export const head = 'lm_head.weight';

export interface Checkpoint {
  /** Its vocabulary is the tokenizer's, even where the file's is padded. */
  readonly config: ModelConfig;
  readonly tokenizer: Tokenizer;
  /** By the model's own names. */
  readonly tensors: ReadonlyMap<string, StoredTensor>;
  /** Tokens that end a text. */
  readonly eosTokens: readonly number[];
  /** Why training cannot go on with this model, for an error message. */
  readonly unequalDropouts: string | undefined;
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
    ['config.json', json(configToJSON(model.config, tokenizer.endOfText))],
    ['tokenizer.json', json(tokenizer.toJSON())],
    ['model.safetensors', writeSafetensors(weights, { format: 'pt' })],
  ]);
}

/** Reads and checks a model folder: the three files, or weights in several, and generation_config.json if it is there.
 * The sizes in config.json are compared with the tensors before any memory of these sizes is taken.
 * @param source the folder, for error messages. */
export function decodeCheckpoint(read: ReadFile, source: string): Checkpoint {
  const json = (file: string) => readJson(needed(read, file, source), `${source}/${file}`);
  const fields = json('config.json');
  const stated = configFromJSON(fields, `${source}/config.json`);
  const tokenizer = tokenizerFromJSON(json('tokenizer.json'), `${source}/tokenizer.json`);
  const { vocabSize } = tokenizer;
  if (vocabSize > stated.vocabSize) {
    throw new RangeError(
      `${source}/tokenizer.json: expected at most the ${stated.vocabSize} tokens of config.json, got ${vocabSize}`,
    );
  }
  const tensors = ownNames(readWeights(read, source), stated, source);
  const config = settleHead(stated, tensors);
  checkTensors(parametersOf(config), tensors, source);
  withoutPadding(tensors, config, vocabSize);
  const generation = read('generation_config.json');
  const [from, ends] =
    generation === undefined
      ? (['config.json', fields] as const)
      : (['generation_config.json', json('generation_config.json')] as const);
  return {
    config: { ...config, vocabSize },
    tokenizer,
    tensors,
    // A token that is not in the vocabulary can never come.
    eosTokens: eosTokensFromJSON(ends, `${source}/${from}`).filter((id) => id >= 0 && id < vocabSize),
    unequalDropouts: unequalDropouts(fields),
  };
}

/** Copies stored weights into an allocated model. Weights that do not match or are not finite are refused before any is
 * copied. */
export function loadParameters(model: Gpt, { tensors }: Checkpoint, source: string): void {
  const wanted = model.parameters.map(({ name, value }) => ({ name, shape: value.shape }));
  checkTensors(wanted, tensors, source);
  const found = model.parameters.map(
    ({ name, value }) => [value.data, tensors.get(name)!.finiteData()] as const,
  );
  for (const [to, from] of found) to.set(from);
}

interface Named {
  readonly name: string;
  readonly shape: readonly number[];
}

/** Throws unless the tensors are those of the list, each with its shape, and no others. */
function checkTensors(
  wanted: Iterable<Named>,
  tensors: ReadonlyMap<string, StoredTensor>,
  source: string,
): void {
  const known = new Set<string>();
  for (const { name, shape } of wanted) {
    const tensor = tensors.get(name);
    if (tensor === undefined) {
      throw new RangeError(
        `${source}: tensor ${name} is missing; do config.json and the weights belong together?`,
      );
    }
    if (tensor.shape.join() !== shape.join()) {
      const got = show(tensor.shape);
      throw new RangeError(
        `${tensor.source}: tensor ${name}: expected shape ${show(shape)} by config.json, got ${got}`,
      );
    }
    known.add(name);
  }
  for (const [name, { source: file }] of tensors) {
    if (known.has(name)) continue;
    throw new RangeError(`${file}: unexpected tensor ${quote(name)}; this model has no such parameter`);
  }
}

/** The parameters of a model, one after the other. The comparison with a file stops at the first that is missing, so a file
 * that claims a billion blocks is refused at once. */
function* parametersOf(config: ModelConfig): Generator<Named> {
  const plan = new Gpt(
    { ...config, layers: 1 },
    { kernels: reference, batch: 0, slots: 0, gradients: false },
  );
  const named = plan.parameters.map(({ name, value }) => ({ name, shape: value.shape }));
  const first = named.filter(({ name }) => name.includes('.0.'));
  yield* named.filter((parameter) => !first.includes(parameter));
  for (let block = 0; block < config.layers; block++) {
    for (const { name, shape } of first) yield { name: name.replace('.0.', `.${block}.`), shape };
  }
}

/** The tensors by the model's names, without those that can be computed. Some folders hold only the body of the model. */
function ownNames(stored: ReadonlyMap<string, StoredTensor>, config: ModelConfig, source: string) {
  const { prefix } = architectureOf(config);
  const tensors = new Map<string, StoredTensor>();
  for (const [name, tensor] of stored) {
    if (isBuffer(name)) continue;
    const own = name === head || name.startsWith(prefix) ? name : prefix + name;
    if (tensors.has(own))
      throw new RangeError(`${source}: tensor ${quote(own)} is there twice, once as ${quote(name)}`);
    tensors.set(own, tensor);
  }
  return tensors;
}

/** A tied model may have its head stored beside the embedding. If the two differ, Hugging Face's library computes with the
 * stored head; so does this, where the architecture allows a head of its own. */
function settleHead(config: ModelConfig, tensors: Map<string, StoredTensor>): ModelConfig {
  const architecture = architectureOf(config);
  const [own, embedding] = [tensors.get(head), tensors.get(architecture.embedding)];
  if (architecture.head !== undefined || own === undefined || embedding === undefined) return config;
  if (sameNumbers(own, embedding)) {
    tensors.delete(head);
    return config;
  }
  if ('tiedHead' in config) return { ...config, tiedHead: false };
  throw new RangeError(
    `${own.source}: tensor ${head} is not the embedding; expected a GPT-2 whose head is its embedding`,
  );
}

function sameNumbers(a: StoredTensor, b: StoredTensor): boolean {
  if (a.shape.join() !== b.shape.join()) return false;
  const other = b.data;
  return a.data.every(
    (x: number, i: number) => x === other[i] || (Number.isNaN(x) && Number.isNaN(other[i])),
  );
}

/** Vocabularies are padded to round numbers. A row without a token is never read and must never be drawn. */
function withoutPadding(tensors: Map<string, StoredTensor>, config: ModelConfig, vocabSize: number): void {
  if (vocabSize === config.vocabSize) return;
  for (const name of [architectureOf(config).embedding, head]) {
    const tensor = tensors.get(name);
    if (tensor !== undefined) tensors.set(name, tensor.rows(vocabSize));
  }
}

/** Old files hold tensors that can be computed: GPT-2's the causal mask of each block, Llama's the rotary frequencies. */
function isBuffer(name: string): boolean {
  return /^(transformer\.)?h\.\d+\.attn\.(bias|masked_bias)$|\.rotary_emb\.inv_freq$/.test(name);
}
