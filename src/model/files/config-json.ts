/** Hugging Face's config.json of GPT2LMHeadModel, Qwen3ForCausalLM and LlamaForCausalLM, both ways.
 *
 * A field that decides what the model computes must have the value that this code computes; other values are refused. Fields
 * that change nothing are ignored. Absent and null mean what they mean in transformers 5.18: absent is the default of the class,
 * and null is refused except for the few fields that may be None. */
import { faultIn, type Gpt2Config, type ModelConfig, type Qwen3Config, validateConfig } from '../config.ts';
import { isObject, show } from '../json.ts';

/** The content of config.json, which the model's class in Hugging Face's library opens.
 * @param endOfText the token that texts begin with and end at, if there is one */
export function configToJSON(config: ModelConfig, endOfText: number | null = null): object {
  validateConfig(config);
  const fields = config.arch === 'gpt2' ? gpt2ToJSON(config) : qwen3ToJSON(config);
  return { ...fields, bos_token_id: endOfText, eos_token_id: endOfText };
}

function gpt2ToJSON(config: Gpt2Config): object {
  const { vocabSize, contextLength, channels, heads, layers, feedForward, dropout } = config;
  return {
    model_type: 'gpt2',
    architectures: ['GPT2LMHeadModel'],
    vocab_size: vocabSize,
    n_positions: contextLength,
    n_embd: channels,
    n_layer: layers,
    n_head: heads,
    ...(feedForward === 4 * channels ? {} : { n_inner: feedForward }),
    activation_function: 'gelu_new',
    layer_norm_epsilon: 1e-5,
    resid_pdrop: dropout,
    embd_pdrop: dropout,
    attn_pdrop: dropout,
    tie_word_embeddings: true,
    torch_dtype: 'float32',
  };
}

/** These classes have dropout in attention only, so attention_dropout is its field; here it stands where GPT-2 has it. */
function qwen3ToJSON(config: Qwen3Config): object {
  const { vocabSize, contextLength, channels, heads, layers, feedForward, dropout } = config;
  const { qkNorm, tiedHead, ropeTheta, normEpsilon } = config;
  return {
    model_type: qkNorm ? 'qwen3' : 'llama',
    architectures: [qkNorm ? 'Qwen3ForCausalLM' : 'LlamaForCausalLM'],
    vocab_size: vocabSize,
    max_position_embeddings: contextLength,
    hidden_size: channels,
    num_hidden_layers: layers,
    num_attention_heads: heads,
    num_key_value_heads: heads,
    head_dim: channels / heads,
    intermediate_size: feedForward,
    hidden_act: 'silu',
    rms_norm_eps: normEpsilon,
    rope_theta: ropeTheta,
    attention_bias: false,
    ...(dropout === 0 ? {} : { attention_dropout: dropout }),
    tie_word_embeddings: tiedHead,
    torch_dtype: 'float32',
  };
}

/** Reads config.json. Throws a RangeError of one line: `source`, the field, what was expected and what was found. */
export function configFromJSON(value: unknown, source: string): ModelConfig {
  const fields = fieldsOf(value, source);
  const type = fields.among('model_type', ['gpt2', 'qwen3', 'llama']);
  const config = type === 'gpt2' ? gpt2FromJSON(fields) : qwen3FromJSON(fields, type === 'qwen3');
  const fault = faultIn(config);
  if (fault !== undefined) throw new RangeError(`${source}: ${fault}`);
  return config;
}

const gpt2Dropouts = ['resid_pdrop', 'embd_pdrop', 'attn_pdrop'] as const;

/** The dropout is that of the residual branches; where the others differ, `unequalDropouts` says so. */
function gpt2FromJSON(fields: Fields): Gpt2Config {
  fields.among('activation_function', ['gelu_new', 'gelu_pytorch_tanh', undefined]); // two names of one function
  fields.among('layer_norm_epsilon', [1e-5, undefined]);
  fields.among('tie_word_embeddings', [true, undefined]);
  fields.among('scale_attn_weights', [true, undefined]);
  fields.among('scale_attn_by_inverse_layer_idx', [false, undefined]);
  fields.among('add_cross_attention', [false, undefined]);
  const channels = fields.size('n_embd', 768);
  const [dropout] = gpt2Dropouts.map((name) => fields.share(name, 0.1));
  return {
    arch: 'gpt2',
    vocabSize: fields.size('vocab_size', 50257),
    contextLength: fields.size('n_positions', 1024),
    channels,
    heads: fields.size('n_head', 12),
    layers: fields.size('n_layer', 12),
    feedForward: fields.get('n_inner') === null ? 4 * channels : fields.size('n_inner', 4 * channels),
    dropout: dropout!,
  };
}

/** GPT-2's three dropouts as text, if they are not one and the same: training could not go on with them as they are. */
export function unequalDropouts(value: unknown): string | undefined {
  const fields = fieldsOf(value, '');
  if (fields.get('model_type') !== 'gpt2') return undefined;
  const shares = gpt2Dropouts.map((name) => fields.share(name, 0.1));
  if (new Set(shares).size === 1) return undefined;
  return gpt2Dropouts.map((name, i) => `${name} ${shares[i]}`).join(', ');
}

/** Llama differs in the norm of q and k, and in what an absent field means. */
function qwen3FromJSON(fields: Fields, qkNorm: boolean): Qwen3Config {
  fields.among('hidden_act', ['silu', undefined]);
  fields.among('attention_bias', [false, undefined]);
  fields.among(qkNorm ? 'use_sliding_window' : 'mlp_bias', [false, undefined]); // the other class does not have this field
  const layerTypes = fields.get('layer_types') ?? [];
  if (!(Array.isArray(layerTypes) && layerTypes.every((type) => type === 'full_attention'))) {
    fields.refuse('layer_types', '"full_attention" everywhere', layerTypes);
  }
  const [channels, heads] = [fields.size('hidden_size', 4096), fields.size('num_attention_heads', 32)];
  const keyHeads = fields.get('num_key_value_heads', qkNorm ? 32 : heads) ?? heads;
  if (keyHeads !== heads) {
    const expected = `${heads} like num_attention_heads (every head has keys and values of its own)`;
    fields.refuse('num_key_value_heads', expected, keyHeads);
  }
  const byDefault = qkNorm ? 128 : channels / heads;
  const head = qkNorm ? fields.get('head_dim', byDefault) : (fields.get('head_dim') ?? byDefault);
  if (head !== channels / heads) {
    fields.refuse('head_dim', `hidden_size / num_attention_heads = ${channels / heads}`, head);
  }
  const contextLength = fields.size('max_position_embeddings', qkNorm ? 32768 : 2048);
  if (contextLength > mostPositions) {
    fields.refuse('max_position_embeddings', `at most ${mostPositions}`, contextLength);
  }
  return {
    arch: 'qwen3',
    vocabSize: fields.size('vocab_size', qkNorm ? 151936 : 32000),
    contextLength,
    channels,
    heads,
    layers: fields.size('num_hidden_layers', 32),
    feedForward: fields.size('intermediate_size', qkNorm ? 22016 : 11008),
    dropout: !qkNorm && fields.get('attention_dropout') === null ? 0 : fields.share('attention_dropout', 0),
    qkNorm,
    tiedHead: fields.among('tie_word_embeddings', [true, false, undefined]) === true,
    ropeTheta: ropeTheta(fields),
    normEpsilon: fields.positive('rms_norm_eps', 1e-6),
  };
}

/** No tensor tells how many rotary positions there are; published models have up to ten million. */
const mostPositions = 2 ** 24;

/** The base of the angles; anything that scales angles is refused. Newer files have one object for both. Older files have
 * the base, and an object only for the scaling, which transformers reads as if it were the newer object. */
function ropeTheta(fields: Fields): number {
  const isEmpty = (value: unknown) => value == null || (isObject(value) && Object.keys(value).length === 0);
  const name = ['rope_scaling', 'rope_parameters'].find((field) => !isEmpty(fields.get(field)));
  const base = () => fields.positive('rope_theta', 10_000);
  if (name === undefined) return base();
  const parameters = fields.get(name);
  if (!isObject(parameters)) return fields.refuse(name, 'an object', parameters);
  const inner = new Fields(parameters, fields.source, `${name}.`);
  inner.among('full_attention', [undefined]); // angles for each type of layer
  inner.among(parameters['rope_type'] === undefined ? 'type' : 'rope_type', ['default', undefined]);
  return parameters['rope_theta'] === undefined ? base() : inner.positive('rope_theta', 10_000);
}

/** The tokens that end a text: eos_token_id of generation_config.json if there is one, else of config.json; a number, a
 * list or null. Absent means none, also where the model's class has a default. */
export function eosTokensFromJSON(value: unknown, source: string): number[] {
  const fields = fieldsOf(value, source);
  const tokens = fields.get('eos_token_id') ?? [];
  const list: readonly unknown[] = Array.isArray(tokens) ? tokens : [tokens];
  if (list.every((id) => Number.isSafeInteger(id))) return [...(list as readonly number[])];
  return fields.refuse('eos_token_id', 'a token id, a list of them or null', tokens);
}

function fieldsOf(value: unknown, source: string): Fields {
  if (!isObject(value)) throw new RangeError(`${source}: expected an object, got ${show(value)}`);
  return new Fields(value, source);
}

/** The fields of one object. An error names the field that does not fit. */
class Fields {
  readonly source: string;
  readonly #value: Readonly<Record<string, unknown>>;
  readonly #parent: string;

  constructor(value: Readonly<Record<string, unknown>>, source: string, parent = '') {
    this.#value = value;
    this.source = source;
    this.#parent = parent;
  }

  /** The default is for an absent field, here and below; null counts as a value. */
  get(name: string, byDefault?: unknown): unknown {
    return this.#value[name] === undefined ? byDefault : this.#value[name];
  }

  refuse(name: string, expected: string, got: unknown): never {
    throw new RangeError(`${this.source}: ${this.#parent}${name}: expected ${expected}, got ${show(got)}`);
  }

  /** One of few values; undefined among them means that the field may be absent. */
  among<T>(name: string, accepted: readonly T[]): T {
    const got = this.get(name) as T;
    if (accepted.includes(got)) return got;
    const expected = accepted.filter((value) => value !== undefined).map(show);
    return this.refuse(name, expected.join(' or ') || 'nothing', got);
  }

  /** A whole number of at least 1. */
  size(name: string, byDefault: number): number {
    const got = this.get(name, byDefault);
    if (Number.isSafeInteger(got) && (got as number) >= 1) return got as number;
    return this.refuse(name, 'a whole number of at least 1', got);
  }

  /** A number of at least 0 and below 1. */
  share(name: string, byDefault: number): number {
    const got = this.get(name, byDefault);
    if (typeof got === 'number' && got >= 0 && got < 1) return got;
    return this.refuse(name, 'a number of at least 0 and below 1', got);
  }

  positive(name: string, byDefault: number): number {
    const got = this.get(name, byDefault);
    if (typeof got === 'number' && Number.isFinite(got) && got > 0) return got;
    return this.refuse(name, 'a number above 0', got);
  }
}
