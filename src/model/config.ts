/** What a model is, apart from its weights: its architecture, a few sizes that decide every shape, and options.
 *
 * On disk it is Hugging Face's config.json: see config-json.ts. */
import { show } from './json.ts';

interface Sizes {
  readonly vocabSize: number;
  /** The longest sequence that is trained or read in one pass. */
  readonly contextLength: number;
  readonly channels: number;
  readonly heads: number;
  readonly layers: number;
  /** Width of the feed-forward layer. */
  readonly feedForward: number;
  /** The share of activations zeroed in training, at least 0 and below 1; the same everywhere. */
  readonly dropout: number;
}

/** LayerNorm, GELU (tanh form), learned positions, biases, and the embedding as its own output head. */
export interface Gpt2Config extends Sizes {
  readonly arch: 'gpt2';
}

/** RMSNorm, SwiGLU, rotary positions, no biases. */
export interface Qwen3Config extends Sizes, Qwen3Options {
  readonly arch: 'qwen3';
}
export interface Qwen3Options {
  /** RMSNorm on every head of q and k. Without it the block is Llama's. */
  readonly qkNorm: boolean;
  /** Whether the embedding is its own output head. */
  readonly tiedHead: boolean;
  /** The slowest rotary angle moves about one radian in this many positions. */
  readonly ropeTheta: number;
  /** Added under the root of every RMSNorm. */
  readonly normEpsilon: number;
}

export type ModelConfig = Gpt2Config | Qwen3Config;
export const archs = ['gpt2', 'qwen3'] as const;

export const qwen3Defaults: Qwen3Options = {
  qkNorm: true,
  tiedHead: true,
  ropeTheta: 10_000,
  normEpsilon: 1e-6,
};

/** A configuration of these sizes, with the defaults of its architecture for the rest. */
export function configOf(arch: ModelConfig['arch'], sizes: Sizes): ModelConfig {
  return arch === 'gpt2' ? { arch, ...sizes } : { arch, ...sizes, ...qwen3Defaults };
}

/** 4 C, as usual in GPT-2. SwiGLU has three matrices instead of two, so 8 C / 3, rounded to a multiple of 16, gives about as
 * many weights. */
export function feedForwardWidth(arch: ModelConfig['arch'], channels: number): number {
  return arch === 'gpt2' ? 4 * channels : Math.max(16, Math.round((8 * channels) / 3 / 16) * 16);
}

const sizes = ['vocabSize', 'contextLength', 'channels', 'heads', 'layers', 'feedForward'] as const;

/** Returns the configuration, or throws a RangeError with the rule, the numbers and the nearest values that would do. */
export function validateConfig<C extends ModelConfig>(config: C): C {
  const fault = faultIn(config);
  if (fault !== undefined) throw new RangeError(fault);
  return config;
}

/** What is wrong with it, in one line. */
export function faultIn(config: ModelConfig): string | undefined {
  if (!archs.includes(config.arch)) return `arch: expected "gpt2" or "qwen3", got ${show(config.arch)}`;
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
  return config.arch === 'qwen3' ? faultInOptions(config) : undefined;
}

function faultInOptions(config: Qwen3Config): string | undefined {
  const { channels, heads, qkNorm, tiedHead, ropeTheta, normEpsilon } = config;
  const head = channels / heads;
  if (head % 2 !== 0) {
    const [below, above] = [heads * (head - 1), heads * (head + 1)];
    return (
      `channels / heads must be even, as rotary positions turn pairs: got ${channels} / ${heads} = ${head}; ` +
      `nearest: ${either(below === 0 ? [above] : [below, above])} channels`
    );
  }
  for (const [name, value] of Object.entries({ qkNorm, tiedHead })) {
    if (typeof value !== 'boolean') return `${name} must be true or false: got ${show(value)}`;
  }
  for (const [name, value] of Object.entries({ ropeTheta, normEpsilon })) {
    if (!(Number.isFinite(value) && value > 0)) return `${name} must be a number above 0: got ${show(value)}`;
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
