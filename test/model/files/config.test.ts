import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type ModelConfig,
  type Qwen3Config,
  qwen3Defaults,
  validateConfig,
} from '../../../src/model/config.ts';
import { configFromJSON, configToJSON, unequalDropouts } from '../../../src/model/files/config-json.ts';

const base: ModelConfig = {
  arch: 'gpt2',
  vocabSize: 62,
  contextLength: 64,
  channels: 128,
  heads: 4,
  layers: 4,
  feedForward: 512,
  dropout: 0,
};
const qwen3: Qwen3Config = { ...base, ...qwen3Defaults, arch: 'qwen3' };
const golden = (folder = 'gpt2-tiny'): Record<string, unknown> =>
  JSON.parse(readFileSync(new URL(`../../golden/${folder}/config.json`, import.meta.url), 'utf8'));

describe('validateConfig', () => {
  it('returns what it was given when that is sound', () => {
    expect(validateConfig(base)).toBe(base);
    const least = {
      ...base,
      vocabSize: 1,
      contextLength: 1,
      channels: 1,
      heads: 1,
      layers: 1,
      feedForward: 1,
    };
    expect(validateConfig(least)).toBe(least);
    expect(validateConfig({ ...base, dropout: 0.999 }).dropout).toBe(0.999);
  });

  it.each<[Partial<Record<keyof Qwen3Config, unknown>>, string]>([
    [
      { channels: 130, heads: 4 },
      'heads must divide channels: 130 channels cannot be shared by 4 heads; nearest: 128 or 132 channels, or 2 or 5 heads',
    ],
    [
      { channels: 7, heads: 2 },
      'heads must divide channels: 7 channels cannot be shared by 2 heads; nearest: 6 or 8 channels, or 1 or 7 heads',
    ],
    [
      { channels: 4, heads: 6 },
      'heads must divide channels: 4 channels cannot be shared by 6 heads; nearest: 6 channels, or 4 heads',
    ],
    [
      { channels: 36, heads: 5 },
      'heads must divide channels: 36 channels cannot be shared by 5 heads; nearest: 35 or 40 channels, or 4 or 6 heads',
    ],
    [{ vocabSize: 0 }, 'vocabSize must be a whole number of at least 1: got 0; nearest: 1'],
    [{ contextLength: -8 }, 'contextLength must be a whole number of at least 1: got -8; nearest: 1'],
    [{ channels: 127.6 }, 'channels must be a whole number of at least 1: got 127.6; nearest: 128'],
    [{ heads: 0 }, 'heads must be a whole number of at least 1: got 0; nearest: 1'],
    [{ layers: Number.NaN }, 'layers must be a whole number of at least 1: got NaN'],
    [{ layers: Number.POSITIVE_INFINITY }, 'layers must be a whole number of at least 1: got Infinity'],
    [{ feedForward: '512' }, 'feedForward must be a whole number of at least 1: got "512"; nearest: 512'],
    [{ feedForward: undefined }, 'feedForward must be a whole number of at least 1: got nothing'],
    [{ dropout: -0.1 }, 'dropout must be at least 0 and below 1: got -0.1; nearest: 0'],
    [{ dropout: 1 }, 'dropout must be at least 0 and below 1: got 1; 0.1 or 0.2 are usual'],
    [{ dropout: Number.NaN }, 'dropout must be at least 0 and below 1: got NaN; 0.1 or 0.2 are usual'],
    [{ arch: 'bert' }, 'arch: expected "gpt2" or "qwen3", got "bert"'],
    [
      { ...qwen3, heads: 128 },
      'channels / heads must be even, as rotary positions turn pairs: got 128 / 128 = 1; nearest: 256 channels',
    ],
    [
      { ...qwen3, channels: 12 },
      'channels / heads must be even, as rotary positions turn pairs: got 12 / 4 = 3; nearest: 8 or 16 channels',
    ],
    [{ ...qwen3, qkNorm: undefined }, 'qkNorm must be true or false: got nothing'],
    [{ ...qwen3, tiedHead: 1 }, 'tiedHead must be true or false: got 1'],
    [{ ...qwen3, ropeTheta: 0 }, 'ropeTheta must be a number above 0: got 0'],
    [{ ...qwen3, ropeTheta: Number.POSITIVE_INFINITY }, 'ropeTheta must be a number above 0: got Infinity'],
    [{ ...qwen3, normEpsilon: '1e-6' }, 'normEpsilon must be a number above 0: got "1e-6"'],
    [{ ...qwen3, normEpsilon: Number.NaN }, 'normEpsilon must be a number above 0: got NaN'],
  ])('%j is an error', (change, expected) => {
    const config = { ...base, ...change } as ModelConfig;
    expect(() => validateConfig(config)).toThrow(new RangeError(expected));
    expect(() => configToJSON(config)).toThrow(new RangeError(expected));
  });

  it('proposes numbers that are valid, and none nearer is', () => {
    const size = fc.integer({ min: 1, max: 300 });
    fc.assert(
      fc.property(size, size, (channels, heads) => {
        fc.pre(channels % heads !== 0);
        const fits = (c: number, h: number) => c >= 1 && h >= 1 && c % h === 0;
        let text = '';
        try {
          validateConfig({ ...base, channels, heads });
        } catch (error) {
          text = (error as Error).message;
        }
        const [byChannels, byHeads] = text.split('nearest: ')[1].split(', or ');
        const nearest = (valid: (n: number) => boolean, n: number) =>
          [...Array(601).keys()].filter(valid).sort((a, b) => Math.abs(a - n) - Math.abs(b - n))[0];
        expect(byChannels.match(/\d+/g)!.map(Number)).toContain(nearest((c) => fits(c, heads), channels));
        expect(byHeads.match(/\d+/g)!.map(Number)).toContain(nearest((h) => fits(channels, h), heads));
        for (const c of byChannels.match(/\d+/g)!) expect(fits(Number(c), heads)).toBe(true);
        for (const h of byHeads.match(/\d+/g)!) expect(fits(channels, Number(h))).toBe(true);
      }),
      { seed: 1, numRuns: 300 },
    );
  });
});

describe('config.json', () => {
  it('of the golden model gives its sizes and is written the same', () => {
    const config = configFromJSON(golden(), 'config.json');
    expect(config).toEqual({
      arch: 'gpt2',
      vocabSize: 13,
      contextLength: 16,
      channels: 16,
      heads: 2,
      layers: 2,
      feedForward: 64,
      dropout: 0,
    });
    expect(configToJSON(config)).toEqual(golden());
    expect(Object.keys(configToJSON(config))).toEqual(Object.keys(golden()));
  });

  it('gives every configuration back', () => {
    const size = fc.integer({ min: 1, max: 100_000 });
    const config = fc
      .record({
        vocabSize: size,
        contextLength: size,
        heads: fc.integer({ min: 1, max: 64 }),
        headSize: fc.integer({ min: 1, max: 64 }),
        layers: size,
        feedForward: fc.option(size, { nil: undefined }),
        dropout: fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }).map((p) => p + 0),
      })
      .map(({ headSize, feedForward, ...rest }): ModelConfig => {
        const channels = rest.heads * headSize;
        return { arch: 'gpt2', ...rest, channels, feedForward: feedForward ?? 4 * channels };
      });
    fc.assert(
      fc.property(config, (c) => {
        expect(configFromJSON(JSON.parse(JSON.stringify(configToJSON(c))), 'config.json')).toEqual(c);
      }),
      { seed: 2, numRuns: 200 },
    );
  });

  it("takes GPT-2's defaults for absent fields, and no notice of those that change nothing", () => {
    const { vocab_size, n_positions, n_embd, n_layer, n_head } = golden();
    const sizes = { model_type: 'gpt2', vocab_size, n_positions, n_embd, n_layer, n_head };
    expect(configFromJSON({ ...sizes, n_ctx: 16, summary_type: 'cls_index' }, 'config.json')).toEqual({
      ...configFromJSON(golden(), 'config.json'),
      dropout: 0.1,
    });
    const other = { ...golden(), activation_function: 'gelu_pytorch_tanh', n_inner: null, use_cache: true };
    expect(configFromJSON(other, 'config.json')).toEqual(configFromJSON(golden(), 'config.json'));
    expect(configFromJSON({ ...golden(), n_inner: 40 }, 'config.json').feedForward).toBe(40);
  });

  it("has GPT-2's own sizes where it gives none", () => {
    expect(configFromJSON({ model_type: 'gpt2' }, 'config.json')).toEqual({
      ...{ arch: 'gpt2', vocabSize: 50257, contextLength: 1024, channels: 768, heads: 12, layers: 12 },
      ...{ feedForward: 3072, dropout: 0.1 },
    });
  });

  it('whose three dropouts differ gives that of the residual branches, and all three to say so', () => {
    const file = { ...golden(), resid_pdrop: 0.2, embd_pdrop: undefined, attn_pdrop: 0 };
    expect(configFromJSON(file, 'config.json').dropout).toBe(0.2);
    expect(unequalDropouts(file)).toBe('resid_pdrop 0.2, embd_pdrop 0.1, attn_pdrop 0');
    expect(unequalDropouts(golden())).toBeUndefined();
    expect(unequalDropouts(golden('qwen3-tiny'))).toBeUndefined();
  });

  it.each<[unknown, string]>([
    [null, 'expected an object, got null'],
    [[], 'expected an object, got []'],
    ['gpt2', 'expected an object, got "gpt2"'],
    [{}, 'model_type: expected "gpt2" or "qwen3" or "llama", got nothing'],
    [{ ...golden(), model_type: 'bert' }, 'model_type: expected "gpt2" or "qwen3" or "llama", got "bert"'],
    [
      { ...golden(), activation_function: 'relu' },
      'activation_function: expected "gelu_new" or "gelu_pytorch_tanh", got "relu"',
    ],
    [
      { ...golden(), activation_function: 'gelu' },
      'activation_function: expected "gelu_new" or "gelu_pytorch_tanh", got "gelu"',
    ],
    [{ ...golden(), layer_norm_epsilon: 1e-6 }, 'layer_norm_epsilon: expected 0.00001, got 0.000001'],
    [{ ...golden(), layer_norm_epsilon: '1e-5' }, 'layer_norm_epsilon: expected 0.00001, got "1e-5"'],
    [{ ...golden(), tie_word_embeddings: false }, 'tie_word_embeddings: expected true, got false'],
    [{ ...golden(), scale_attn_weights: false }, 'scale_attn_weights: expected true, got false'],
    [
      { ...golden(), scale_attn_by_inverse_layer_idx: true },
      'scale_attn_by_inverse_layer_idx: expected false, got true',
    ],
    [{ ...golden(), add_cross_attention: true }, 'add_cross_attention: expected false, got true'],
    [{ ...golden(), vocab_size: null }, 'vocab_size: expected a whole number of at least 1, got null'],
    [
      { ...golden(), activation_function: null },
      'activation_function: expected "gelu_new" or "gelu_pytorch_tanh", got null',
    ],
    [{ ...golden(), layer_norm_epsilon: null }, 'layer_norm_epsilon: expected 0.00001, got null'],
    [{ ...golden(), attn_pdrop: null }, 'attn_pdrop: expected a number of at least 0 and below 1, got null'],
    [{ ...golden(), tie_word_embeddings: null }, 'tie_word_embeddings: expected true, got null'],
    [{ ...golden(), n_positions: 0 }, 'n_positions: expected a whole number of at least 1, got 0'],
    [{ ...golden(), n_embd: '16' }, 'n_embd: expected a whole number of at least 1, got "16"'],
    [{ ...golden(), n_layer: [2] }, 'n_layer: expected a whole number of at least 1, got [2]'],
    [{ ...golden(), n_head: 2.5 }, 'n_head: expected a whole number of at least 1, got 2.5'],
    [{ ...golden(), n_inner: 0 }, 'n_inner: expected a whole number of at least 1, got 0'],
    [{ ...golden(), resid_pdrop: 1 }, 'resid_pdrop: expected a number of at least 0 and below 1, got 1'],
    [
      { ...golden(), resid_pdrop: -0.5 },
      'resid_pdrop: expected a number of at least 0 and below 1, got -0.5',
    ],
    [
      { ...golden(), resid_pdrop: 'no\nmore' },
      'resid_pdrop: expected a number of at least 0 and below 1, got "no\\nmore"',
    ],
    [
      { ...golden(), n_head: 3 },
      'heads must divide channels: 16 channels cannot be shared by 3 heads; nearest: 15 or 18 channels, or 2 or 4 heads',
    ],
  ])('%j is an error', (value, expected) => {
    expect(() => configFromJSON(value, 'config.json')).toThrow(new RangeError(`config.json: ${expected}`));
  });
});

describe('config.json of qwen3 and llama', () => {
  const tiny = () => golden('qwen3-tiny');
  const read = (value: unknown) => configFromJSON(value, 'config.json');

  it('of the golden model gives its sizes and is written the same', () => {
    expect(read(tiny())).toEqual({
      arch: 'qwen3',
      vocabSize: 13,
      contextLength: 16,
      channels: 16,
      heads: 2,
      layers: 2,
      feedForward: 24,
      dropout: 0,
      qkNorm: true,
      tiedHead: true,
      ropeTheta: 10_000,
      normEpsilon: 1e-6,
    });
    expect(configToJSON(read(tiny()))).toEqual(tiny());
    expect(Object.keys(configToJSON(read(tiny())))).toEqual(Object.keys(tiny()));
  });

  it('gives every configuration back', () => {
    const size = fc.integer({ min: 1, max: 100_000 });
    const positive = fc.double({ min: 1e-12, max: 1e12, noNaN: true });
    const config = fc
      .record({
        vocabSize: size,
        contextLength: size,
        heads: fc.integer({ min: 1, max: 64 }),
        half: fc.integer({ min: 1, max: 64 }),
        layers: size,
        feedForward: size,
        dropout: fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }).map((p) => p + 0),
        qkNorm: fc.boolean(),
        tiedHead: fc.boolean(),
        ropeTheta: positive,
        normEpsilon: positive,
      })
      .map(({ half, ...rest }): Qwen3Config => ({ arch: 'qwen3', ...rest, channels: 2 * half * rest.heads }));
    fc.assert(
      fc.property(config, (c) => {
        expect(read(JSON.parse(JSON.stringify(configToJSON(c))))).toEqual(c);
      }),
      { seed: 3, numRuns: 200 },
    );
  });

  it('names the class that computes it: with the norm of q and k Qwen3, without Llama', () => {
    expect(configToJSON(qwen3)).toMatchObject({ model_type: 'qwen3', architectures: ['Qwen3ForCausalLM'] });
    const llama = configToJSON({ ...qwen3, qkNorm: false });
    expect(llama).toMatchObject({ model_type: 'llama', architectures: ['LlamaForCausalLM'] });
  });

  it("takes each class's defaults for absent fields", () => {
    const sizes = {
      vocab_size: 13,
      max_position_embeddings: 16,
      hidden_size: 4096,
      num_hidden_layers: 2,
      num_attention_heads: 32,
      intermediate_size: 24,
    };
    const common = { tiedHead: false, ropeTheta: 10_000, normEpsilon: 1e-6, dropout: 0 };
    expect(read({ ...sizes, model_type: 'qwen3' })).toMatchObject({ ...common, qkNorm: true, heads: 32 });
    const llama = { ...sizes, model_type: 'llama', hidden_size: 36, num_attention_heads: 6 };
    expect(read(llama)).toMatchObject({ ...common, qkNorm: false, heads: 6, channels: 36 });
    const absent = 'expected 2 like num_attention_heads (every head has keys and values of its own), got 32';
    expect(() => read({ ...tiny(), num_key_value_heads: undefined })).toThrow(
      new RangeError(`config.json: num_key_value_heads: ${absent}`),
    );
    expect(read({ model_type: 'llama' })).toMatchObject({
      ...{ vocabSize: 32000, contextLength: 2048, channels: 4096, heads: 32, layers: 32, feedForward: 11008 },
    });
    expect(read({ model_type: 'qwen3' })).toMatchObject({
      ...{
        vocabSize: 151936,
        contextLength: 32768,
        channels: 4096,
        heads: 32,
        layers: 32,
        feedForward: 22016,
      },
    });
    expect(() => read({ ...tiny(), head_dim: undefined })).toThrow(
      new RangeError('config.json: head_dim: expected hidden_size / num_attention_heads = 8, got 128'),
    );
  });

  it('takes null where the classes do, and for what they take it', () => {
    const nulls = {
      mlp_bias: null,
      num_key_value_heads: null,
      rope_scaling: null,
      rope_parameters: null,
      layer_types: null,
    };
    expect(read({ ...tiny(), ...nulls })).toEqual(read(tiny()));
    const llama = { ...tiny(), model_type: 'llama', use_sliding_window: null };
    expect(read({ ...llama, ...nulls, mlp_bias: false, head_dim: null, attention_dropout: null })).toEqual(
      read(llama),
    );
  });

  it('takes an object that says that nothing is scaled, in each spelling', () => {
    for (const scaling of [{ rope_type: 'default' }, { type: 'default' }, {}]) {
      expect(read({ ...tiny(), rope_theta: 500, rope_scaling: scaling })).toEqual({
        ...read(tiny()),
        ropeTheta: 500,
      });
      expect(read({ ...tiny(), rope_theta: 500, rope_parameters: scaling }).arch).toBe('qwen3');
    }
    expect(read({ ...tiny(), rope_scaling: {}, rope_parameters: { rope_theta: 9 } })).toMatchObject({
      ropeTheta: 9,
    });
    expect(read({ ...tiny(), rope_theta: 500, rope_parameters: { rope_type: 'default' } })).toMatchObject({
      ropeTheta: 500,
    });
    expect(
      read({
        ...tiny(),
        rope_scaling: { rope_type: 'default', rope_theta: 7 },
        rope_parameters: { rope_theta: 9 },
      }),
    ).toMatchObject({ ropeTheta: 7 });
  });

  it('takes the angle base also from where newer files have it, and no notice of what changes nothing', () => {
    const newer = {
      ...tiny(),
      rope_theta: undefined,
      rope_parameters: { rope_type: 'default', rope_theta: 500 },
    };
    expect(read(newer)).toEqual({ ...read(tiny()), ropeTheta: 500 });
    const more = {
      rope_scaling: null,
      sliding_window: 4096, // not used unless use_sliding_window says so
      use_sliding_window: false,
      max_window_layers: 28,
      layer_types: ['full_attention', 'full_attention'],
      pretraining_tp: 1,
    };
    expect(read({ ...tiny(), ...more })).toEqual(read(tiny()));
  });

  it.each<[Record<string, unknown>, string]>([
    [
      { num_key_value_heads: 1 },
      'num_key_value_heads: expected 2 like num_attention_heads (every head has keys and values of its own), got 1',
    ],
    [{ head_dim: 16 }, 'head_dim: expected hidden_size / num_attention_heads = 8, got 16'],
    [{ hidden_act: 'gelu' }, 'hidden_act: expected "silu", got "gelu"'],
    [{ attention_bias: true }, 'attention_bias: expected false, got true'],
    [{ model_type: 'llama', mlp_bias: true }, 'mlp_bias: expected false, got true'],
    [{ use_sliding_window: true }, 'use_sliding_window: expected false, got true'],
    [
      { layer_types: ['sliding_attention'] },
      'layer_types: expected "full_attention" everywhere, got ["sliding_attention"]',
    ],
    [{ layer_types: 'full' }, 'layer_types: expected "full_attention" everywhere, got "full"'],
    [{ rope_scaling: { rope_type: 'yarn' } }, 'rope_scaling.rope_type: expected "default", got "yarn"'],
    [{ rope_scaling: { type: 'linear', factor: 2 } }, 'rope_scaling.type: expected "default", got "linear"'],
    [{ rope_scaling: { rope_type: null } }, 'rope_scaling.rope_type: expected "default", got null'],
    [{ rope_scaling: 2 }, 'rope_scaling: expected an object, got 2'],
    [
      { rope_parameters: { full_attention: {} } },
      'rope_parameters.full_attention: expected nothing, got an object',
    ],
    [{ rope_theta: null }, 'rope_theta: expected a number above 0, got null'],
    [{ max_position_embeddings: 1e9 }, 'max_position_embeddings: expected at most 16777216, got 1000000000'],
    [{ head_dim: null }, 'head_dim: expected hidden_size / num_attention_heads = 8, got null'],
    [{ rms_norm_eps: null }, 'rms_norm_eps: expected a number above 0, got null'],
    [{ attention_dropout: null }, 'attention_dropout: expected a number of at least 0 and below 1, got null'],
    [{ rope_parameters: { rope_type: 'yarn' } }, 'rope_parameters.rope_type: expected "default", got "yarn"'],
    [{ rope_parameters: { rope_theta: 0 } }, 'rope_parameters.rope_theta: expected a number above 0, got 0'],
    [{ rope_parameters: 3 }, 'rope_parameters: expected an object, got 3'],
    [{ rope_theta: '1e4' }, 'rope_theta: expected a number above 0, got "1e4"'],
    [{ rms_norm_eps: -1 }, 'rms_norm_eps: expected a number above 0, got -1'],
    [{ tie_word_embeddings: 'yes' }, 'tie_word_embeddings: expected true or false, got "yes"'],
    [{ attention_dropout: 1 }, 'attention_dropout: expected a number of at least 0 and below 1, got 1'],
    [{ intermediate_size: null }, 'intermediate_size: expected a whole number of at least 1, got null'],
    [
      { hidden_size: 15, head_dim: 7.5 },
      'heads must divide channels: 15 channels cannot be shared by 2 heads; nearest: 14 or 16 channels, or 1 or 3 heads',
    ],
  ])('%j is an error', (change, expected) => {
    expect(() => read({ ...tiny(), ...change })).toThrow(new RangeError(`config.json: ${expected}`));
  });
});
