import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { configFromJSON, configToJSON, type ModelConfig, validateConfig } from '../../src/model/config.ts';

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
const golden = (): Record<string, unknown> =>
  JSON.parse(readFileSync(new URL('../golden/gpt2-tiny/config.json', import.meta.url), 'utf8'));

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

  it.each<[Partial<Record<keyof ModelConfig, unknown>>, string]>([
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
    [{ arch: 'qwen3' }, 'arch: expected "gpt2", got "qwen3"'],
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

  it.each<[unknown, string]>([
    [null, 'expected an object, got null'],
    [[], 'expected an object, got []'],
    ['gpt2', 'expected an object, got "gpt2"'],
    [{}, 'model_type: expected "gpt2", got nothing'],
    [{ ...golden(), model_type: 'llama' }, 'model_type: expected "gpt2", got "llama"'],
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
    [
      { ...golden(), vocab_size: undefined },
      'vocab_size: expected a whole number of at least 1, got nothing',
    ],
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
      { ...golden(), attn_pdrop: 0.1 },
      'attn_pdrop: expected 0 like resid_pdrop (there is one dropout), got 0.1',
    ],
    [
      { ...golden(), embd_pdrop: undefined },
      'embd_pdrop: expected 0 like resid_pdrop (there is one dropout), got 0.1',
    ],
    [
      { ...golden(), n_head: 3 },
      'heads must divide channels: 16 channels cannot be shared by 3 heads; nearest: 15 or 18 channels, or 2 or 4 heads',
    ],
  ])('%j is an error', (value, expected) => {
    expect(() => configFromJSON(value, 'config.json')).toThrow(new RangeError(`config.json: ${expected}`));
  });
});
