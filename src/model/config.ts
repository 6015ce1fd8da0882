/** What a model is, apart from its weights: a few sizes, from which every shape follows.
 *
 * On disk it is Hugging Face's config.json of a GPT2LMHeadModel. Fields there that would change what the model computes
 * are refused unless they say what the code does; fields that change nothing are passed over. */
import { isObject, show } from './json.ts';

export interface ModelConfig {
  /** Which block: LayerNorm, GELU (tanh form), learned positions, biases, and the embedding as its own output head. */
  readonly arch: 'gpt2';
  readonly vocabSize: number;
  /** The longest sequence: positions are learned, so there is no going beyond. */
  readonly contextLength: number;
  readonly channels: number;
  readonly heads: number;
  readonly layers: number;
  /** Width of the feed-forward layer, usually 4 * channels. */
  readonly feedForward: number;
  /** The share of activations zeroed in training, at least 0 and below 1; the same everywhere. */
  readonly dropout: number;
}

const sizes = ['vocabSize', 'contextLength', 'channels', 'heads', 'layers', 'feedForward'] as const;

/** Returns the configuration, or throws a RangeError: the rule, the numbers and the nearest that would do. */
export function validateConfig(config: ModelConfig): ModelConfig {
  const fault = faultIn(config);
  if (fault !== undefined) throw new RangeError(fault);
  return config;
}

function faultIn(config: ModelConfig): string | undefined {
  if (config.arch !== 'gpt2') return `arch: expected "gpt2", got ${show(config.arch)}`;
  for (const name of sizes) {
    const value = config[name];
    if (Number.isSafeInteger(value) && value >= 1) continue;
    const nearest =
      Math.abs(value) < Number.MAX_SAFE_INTEGER ? `; nearest: ${Math.max(1, Math.round(value))}` : '';
    return `${name} must be a whole number of at least 1: got ${show(value)}${nearest}`;
  }
  const { channels, heads, dropout } = config;
  if (channels % heads !== 0) {
    const below = channels - (channels % heads);
    const nearestChannels = either(below === 0 ? [heads] : [below, below + heads]);
    return (
      `heads must divide channels: ${channels} channels cannot be shared by ${heads} heads; ` +
      `nearest: ${nearestChannels} channels, or ${either(nearestDivisors(channels, heads))} heads`
    );
  }
  if (!(dropout >= 0 && dropout < 1)) {
    const nearest = dropout < 0 ? 'nearest: 0' : '0.1 or 0.2 are usual';
    return `dropout must be at least 0 and below 1: got ${show(dropout)}; ${nearest}`;
  }
  return undefined;
}

/** The divisors of n on either side of `wanted`, which is not one itself. */
function nearestDivisors(n: number, wanted: number): number[] {
  let [below, above] = [1, Number.POSITIVE_INFINITY];
  for (let low = 1; low * low <= n; low++) {
    if (n % low !== 0) continue;
    for (const divisor of [low, n / low]) {
      if (divisor < wanted) below = Math.max(below, divisor);
      else above = Math.min(above, divisor);
    }
  }
  return above === Number.POSITIVE_INFINITY ? [below] : [below, above];
}

const either = (choices: readonly number[]): string => choices.join(' or ');

/** Hugging Face's config.json, which GPT2LMHeadModel opens. */
export function configToJSON(config: ModelConfig): object {
  const { vocabSize, contextLength, channels, heads, layers, feedForward, dropout } = validateConfig(config);
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

/** Fields of which the code computes one case only: the values that mean this case, the first of them GPT-2's default,
 * which an absent field stands for. */
const fixed: Readonly<Record<string, readonly unknown[]>> = {
  activation_function: ['gelu_new', 'gelu_pytorch_tanh'], // two names of one function
  layer_norm_epsilon: [1e-5],
  tie_word_embeddings: [true],
  scale_attn_weights: [true],
  scale_attn_by_inverse_layer_idx: [false],
  add_cross_attention: [false],
};

/** Reads config.json. Throws a RangeError of one line: `source`, the field, what was expected and what was found. */
export function configFromJSON(value: unknown, source: string): ModelConfig {
  const misfit = (field: string, expected: string, got: unknown) =>
    new RangeError(`${source}: ${field}: expected ${expected}, got ${show(got)}`);
  if (!isObject(value)) throw new RangeError(`${source}: expected an object, got ${show(value)}`);
  if (value.model_type !== 'gpt2') throw misfit('model_type', '"gpt2"', value.model_type);
  for (const [field, accepted] of Object.entries(fixed)) {
    const got = value[field] === undefined ? accepted[0] : value[field];
    if (!accepted.includes(got)) throw misfit(field, accepted.map(show).join(' or '), got);
  }
  const size = (field: string): number => {
    const got = value[field];
    if (!(Number.isSafeInteger(got) && (got as number) >= 1)) {
      throw misfit(field, 'a whole number of at least 1', got);
    }
    return got as number;
  };
  // Absent or null, the feed-forward width follows from the channels, and dropout is 0.1.
  const dropout = value.resid_pdrop ?? 0.1;
  if (!(typeof dropout === 'number' && dropout >= 0 && dropout < 1)) {
    throw misfit('resid_pdrop', 'a number of at least 0 and below 1', dropout);
  }
  for (const field of ['embd_pdrop', 'attn_pdrop']) {
    const got = value[field] ?? 0.1;
    if (got !== dropout) throw misfit(field, `${dropout} like resid_pdrop (there is one dropout)`, got);
  }
  const config: ModelConfig = {
    arch: 'gpt2',
    vocabSize: size('vocab_size'),
    contextLength: size('n_positions'),
    channels: size('n_embd'),
    heads: size('n_head'),
    layers: size('n_layer'),
    feedForward: (value.n_inner ?? undefined) === undefined ? 4 * size('n_embd') : size('n_inner'),
    dropout,
  };
  const fault = faultIn(config);
  if (fault !== undefined) throw new RangeError(`${source}: ${fault}`);
  return config;
}
