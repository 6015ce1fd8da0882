/** Hugging Face's config.json of GPT2LMHeadModel, Qwen3ForCausalLM and LlamaForCausalLM, both ways.
 *
 * Fields that would change what the model computes are refused unless they say what the code does; fields that change
 * nothing are passed over. Absent fields mean what they mean there. */
import { faultIn, type Gpt2Config, type ModelConfig, type Qwen3Config, validateConfig } from './config.ts';
import { isObject, show } from './json.ts';

/** The content of config.json, which the model's class in Hugging Face's library opens. */
export function configToJSON(config: ModelConfig): object {
  validateConfig(config);
  return config.arch === 'gpt2' ? gpt2ToJSON(config) : qwen3ToJSON(config);
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
    bos_token_id: null,
    eos_token_id: null,
  };
}

/** attention_dropout is the only place that these classes have for it; here dropout is at GPT-2's places. */
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
    bos_token_id: null,
    eos_token_id: null,
  };
}

/** Reads config.json. Throws a RangeError of one line: `source`, the field, what was expected and what was found. */
export function configFromJSON(value: unknown, source: string): ModelConfig {
  if (!isObject(value)) throw new RangeError(`${source}: expected an object, got ${show(value)}`);
  const fields = new Fields(value, source);
  const type = fields.among('model_type', ['gpt2', 'qwen3', 'llama']);
  const config = type === 'gpt2' ? gpt2FromJSON(fields) : qwen3FromJSON(fields, type === 'qwen3');
  const fault = faultIn(config);
  if (fault !== undefined) throw new RangeError(`${source}: ${fault}`);
  return config;
}

function gpt2FromJSON(fields: Fields): Gpt2Config {
  fields.among('activation_function', ['gelu_new', 'gelu_pytorch_tanh', undefined]); // two names of one function
  fields.among('layer_norm_epsilon', [1e-5, undefined]);
  fields.among('tie_word_embeddings', [true, undefined]);
  fields.among('scale_attn_weights', [true, undefined]);
  fields.among('scale_attn_by_inverse_layer_idx', [false, undefined]);
  fields.among('add_cross_attention', [false, undefined]);
  const dropout = fields.share('resid_pdrop', 0.1);
  for (const name of ['embd_pdrop', 'attn_pdrop']) {
    const got = fields.get(name) ?? 0.1;
    if (got !== dropout) fields.refuse(name, `${dropout} like resid_pdrop (there is one dropout)`, got);
  }
  const channels = fields.size('n_embd');
  return {
    arch: 'gpt2',
    vocabSize: fields.size('vocab_size'),
    contextLength: fields.size('n_positions'),
    channels,
    heads: fields.size('n_head'),
    layers: fields.size('n_layer'),
    feedForward: fields.size('n_inner', 4 * channels),
    dropout,
  };
}

/** Llama differs in the norm of q and k, and in what an absent field means. */
function qwen3FromJSON(fields: Fields, qkNorm: boolean): Qwen3Config {
  fields.among('hidden_act', ['silu', undefined]);
  fields.among('attention_bias', [false, undefined]);
  fields.among('mlp_bias', [false, undefined]);
  fields.among('use_sliding_window', [false, undefined]);
  fields.among('rope_scaling', [null, undefined]);
  const layerTypes = fields.get('layer_types') ?? [];
  if (!(Array.isArray(layerTypes) && layerTypes.every((type) => type === 'full_attention'))) {
    fields.refuse('layer_types', '"full_attention" everywhere', layerTypes);
  }
  const [channels, heads] = [fields.size('hidden_size'), fields.size('num_attention_heads')];
  const keyHeads = fields.get('num_key_value_heads') ?? (qkNorm ? 32 : heads);
  if (keyHeads !== heads) {
    const expected = `${heads} like num_attention_heads (every head has keys and values of its own)`;
    fields.refuse('num_key_value_heads', expected, keyHeads);
  }
  const head = fields.get('head_dim') ?? (qkNorm ? 128 : channels / heads);
  if (head !== channels / heads) {
    fields.refuse('head_dim', `hidden_size / num_attention_heads = ${channels / heads}`, head);
  }
  return {
    arch: 'qwen3',
    vocabSize: fields.size('vocab_size'),
    contextLength: fields.size('max_position_embeddings'),
    channels,
    heads,
    layers: fields.size('num_hidden_layers'),
    feedForward: fields.size('intermediate_size'),
    dropout: fields.share('attention_dropout', 0),
    qkNorm,
    tiedHead: fields.among('tie_word_embeddings', [true, false, undefined]) === true,
    ropeTheta: ropeTheta(fields),
    normEpsilon: fields.positive('rms_norm_eps', 1e-6),
  };
}

/** Newer files put it into rope_parameters. */
function ropeTheta(fields: Fields): number {
  const parameters = fields.get('rope_parameters') ?? undefined;
  if (parameters === undefined) return fields.positive('rope_theta', 10_000);
  if (!isObject(parameters)) return fields.refuse('rope_parameters', 'an object', parameters);
  const inner = new Fields(parameters, fields.source, 'rope_parameters.');
  inner.among('rope_type', ['default', undefined]);
  return inner.positive('rope_theta', 10_000);
}

/** The fields of one object; what does not fit is refused by name. */
class Fields {
  readonly source: string;
  readonly #value: Readonly<Record<string, unknown>>;
  readonly #parent: string;

  constructor(value: Readonly<Record<string, unknown>>, source: string, parent = '') {
    this.#value = value;
    this.source = source;
    this.#parent = parent;
  }

  get(name: string): unknown {
    return this.#value[name];
  }

  refuse(name: string, expected: string, got: unknown): never {
    throw new RangeError(`${this.source}: ${this.#parent}${name}: expected ${expected}, got ${show(got)}`);
  }

  /** One of few values; undefined among them means that the field may be absent. */
  among<T>(name: string, accepted: readonly T[]): T {
    const got = this.get(name) as T;
    if (accepted.includes(got)) return got;
    const expected = accepted.filter((value) => value !== undefined).map(show);
    return this.refuse(name, expected.join(' or '), got);
  }

  /** A whole number of at least 1; the default stands for an absent field and for null. */
  size(name: string, byDefault?: number): number {
    const got = this.get(name) ?? byDefault;
    if (!(Number.isSafeInteger(got) && (got as number) >= 1)) {
      this.refuse(name, 'a whole number of at least 1', this.get(name));
    }
    return got as number;
  }

  /** A number of at least 0 and below 1. */
  share(name: string, byDefault: number): number {
    const got = this.get(name) ?? byDefault;
    if (typeof got === 'number' && got >= 0 && got < 1) return got;
    return this.refuse(name, 'a number of at least 0 and below 1', got);
  }

  positive(name: string, byDefault: number): number {
    const got = this.get(name) ?? byDefault;
    if (typeof got === 'number' && Number.isFinite(got) && got > 0) return got;
    return this.refuse(name, 'a number above 0', got);
  }
}
