import { describe, expect, it } from 'vitest';
import type { ModelConfig, Qwen3Config } from '../../../src/model/config.ts';
import {
  type CheckpointFile,
  decodeCheckpoint,
  encodeCheckpoint,
  loadParameters,
} from '../../../src/model/files/checkpoint.ts';
import { readSafetensors, writeSafetensors } from '../../../src/model/files/safetensors.ts';
import type { ReadFile } from '../../../src/model/files/weights.ts';
import { trainBpe } from '../../../src/model/text/bpe-train.ts';
import { CharTokenizer } from '../../../src/model/text/tokenizer.ts';
import { reference } from '../../../src/tensor/reference/index.ts';
import { expectSameBits } from '../../support/compare.ts';
import { golden, openModel, randomize, randomModel, tinyConfigs, tinyQwen3 } from '../../support/models.ts';

const { checkpoint } = golden('gpt2-tiny');
const options = { kernels: reference, batch: 1, slots: 1, gradients: false } as const;
const together = 'do config.json and the weights belong together?';
const utf8 = (value: unknown) => new TextEncoder().encode(JSON.stringify(value));
const parse = (bytes: Uint8Array) => JSON.parse(new TextDecoder().decode(bytes));

/** The golden model's files with some of them replaced. */
function files(changes: Readonly<Record<string, Uint8Array | undefined>> = {}) {
  const all = encodeCheckpoint(openModel(checkpoint, options), checkpoint.tokenizer);
  return (file: string) => (Object.hasOwn(changes, file) ? changes[file] : all.get(file as CheckpointFile));
}

/** model.safetensors with its tensors renamed, or left out where the new name is undefined, and others added. */
function renamed(
  rename: (name: string) => string | undefined,
  added: { name: string; shape: number[]; data?: Float32Array }[] = [],
) {
  const stored = readSafetensors(files()('model.safetensors')!, 'test');
  const kept = [...stored.values()].flatMap(({ shape, data, name }) => {
    const to = rename(name);
    return to === undefined ? [] : [{ name: to, shape, data: Float32Array.from(data) }];
  });
  const more = added.map(({ name, shape, data }) => ({
    name,
    shape,
    data: data ?? new Float32Array(shape.reduce((a, b) => a * b, 1)),
  }));
  return files({ 'model.safetensors': writeSafetensors([...kept, ...more]) });
}

function open(read: ReadFile) {
  const decoded = decodeCheckpoint(read, 'folder');
  const model = openModel(checkpoint, options);
  randomize(model, 9);
  loadParameters(model, decoded, 'folder');
  return model;
}

describe('a checkpoint', () => {
  it('comes back with the same configuration, tokenizer and bits', () => {
    const model = randomize(openModel(checkpoint, options), 3);
    const encoded = encodeCheckpoint(model, checkpoint.tokenizer);
    const decoded = decodeCheckpoint((file) => encoded.get(file as CheckpointFile), 'folder');
    expect(decoded.config).toEqual(checkpoint.config);
    expect(decoded.tokenizer.toJSON()).toEqual(checkpoint.tokenizer.toJSON());
    expectSameBits(openModel(decoded, options).arena.params, model.arena.params);
    expect(encodeCheckpoint(openModel(decoded, options), decoded.tokenizer)).toEqual(encoded);
  });

  it('has the names and shapes of GPT2LMHeadModel, the tied head stored once', () => {
    const stored = readSafetensors(files()('model.safetensors')!, 'test');
    const shapes = Object.fromEntries([...stored.values()].map(({ name, shape }) => [name, shape.join()]));
    expect(shapes).toMatchObject({
      'transformer.wte.weight': '13,16',
      'transformer.wpe.weight': '16,16',
      'transformer.h.1.ln_1.weight': '16',
      'transformer.h.1.attn.c_attn.weight': '16,48',
      'transformer.h.1.attn.c_attn.bias': '48',
      'transformer.h.1.attn.c_proj.weight': '16,16',
      'transformer.h.1.mlp.c_fc.weight': '16,64',
      'transformer.h.1.mlp.c_proj.weight': '64,16',
      'transformer.ln_f.bias': '16',
    });
    expect(stored.size).toBe(2 + 2 * 12 + 2);
    expect([...stored.keys()]).not.toContain('lm_head.weight');
  });

  it('is read without the transformer. prefix, with causal-mask buffers, and with a stored head', () => {
    const expected = open(files()).arena.params;
    const old = renamed(
      (name) => name.replace('transformer.', ''),
      [
        { name: 'h.0.attn.bias', shape: [1, 1, 16, 16] },
        { name: 'h.1.attn.masked_bias', shape: [1] },
      ],
    );
    expectSameBits(open(old).arena.params, expected);
    const wte = readSafetensors(files()('model.safetensors')!, 'test').get('transformer.wte.weight')!.data;
    const head = { name: 'lm_head.weight', shape: [13, 16], data: Float32Array.from(wte) };
    expectSameBits(open(renamed((name) => name, [head])).arena.params, expected);
  });
});

describe('a checkpoint of any architecture', () => {
  const tokenizer = CharTokenizer.train('abcdefghijk');
  const encode = (config: ModelConfig) => encodeCheckpoint(randomModel(config, options, 4), tokenizer);

  it.each(tinyConfigs)('comes back with the same configuration and bits: %s', (_, config) => {
    const encoded = encode(config);
    const decoded = decodeCheckpoint((file) => encoded.get(file as CheckpointFile), 'folder');
    expect(decoded.config).toEqual(config);
    const model = openModel(decoded, options);
    expectSameBits(model.arena.params, randomModel(config, options, 4).arena.params);
    expect(encodeCheckpoint(model, tokenizer)).toEqual(encoded);
  });

  it.each(tinyConfigs.slice(1))('has the names and shapes of its class: %s', (_, config) => {
    const stored = readSafetensors(encode(config).get('model.safetensors')!, 'test');
    const shapes = Object.fromEntries([...stored.values()].map(({ name, shape }) => [name, shape.join()]));
    const { qkNorm, tiedHead } = config as Qwen3Config;
    const layer = (index: number) => ({
      [`model.layers.${index}.input_layernorm.weight`]: '12',
      [`model.layers.${index}.self_attn.q_proj.weight`]: '12,12',
      [`model.layers.${index}.self_attn.k_proj.weight`]: '12,12',
      [`model.layers.${index}.self_attn.v_proj.weight`]: '12,12',
      ...(qkNorm && { [`model.layers.${index}.self_attn.q_norm.weight`]: '4' }),
      ...(qkNorm && { [`model.layers.${index}.self_attn.k_norm.weight`]: '4' }),
      [`model.layers.${index}.self_attn.o_proj.weight`]: '12,12',
      [`model.layers.${index}.post_attention_layernorm.weight`]: '12',
      [`model.layers.${index}.mlp.gate_proj.weight`]: '20,12',
      [`model.layers.${index}.mlp.up_proj.weight`]: '20,12',
      [`model.layers.${index}.mlp.down_proj.weight`]: '12,20',
    });
    expect(shapes).toEqual({
      'model.embed_tokens.weight': '11,12',
      ...layer(0),
      ...layer(1),
      'model.norm.weight': '12',
      ...(!tiedHead && { 'lm_head.weight': '11,12' }),
    });
  });

  it('of qwen3 is read without the model. prefix, with rotary buffers, and a tied one with a stored head', () => {
    const encoded = encode({ ...tinyQwen3, tiedHead: true });
    const stored = [...readSafetensors(encoded.get('model.safetensors')!, 'test').values()];
    const old = [
      ...stored.map(({ name, shape, data }) => ({
        name: name.replace('model.', ''),
        shape,
        data: data.slice(),
      })),
      { name: 'layers.0.self_attn.rotary_emb.inv_freq', shape: [2], data: new Float32Array(2) },
      { name: 'lm_head.weight', shape: [11, 12], data: stored[0]!.data.slice() },
    ];
    const read = (file: string) =>
      file === 'model.safetensors' ? writeSafetensors(old as never) : encoded.get(file as CheckpointFile);
    const model = openModel(decodeCheckpoint(read, 'folder'), options);
    expectSameBits(
      model.arena.params,
      randomModel({ ...tinyQwen3, tiedHead: true }, options, 4).arena.params,
    );
  });

  it('of qwen3 with a head of its own is refused without it', () => {
    const [tied, untied] = [encode({ ...tinyQwen3, tiedHead: true }), encode(tinyQwen3)];
    const read = (file: string) => (file === 'model.safetensors' ? tied : untied).get(file as CheckpointFile);
    expect(() => decodeCheckpoint(read, 'folder')).toThrow(
      new RangeError(`folder: tensor lm_head.weight is missing; ${together}`),
    );
  });
});

describe('refused with one line', () => {
  const config = parse(files()('config.json')!);
  it.each([
    [
      'a missing tensor',
      renamed((n) => (n === 'transformer.h.1.ln_2.bias' ? undefined : n)),
      /^folder: tensor transformer\.h\.1\.ln_2\.bias is missing; do /,
    ],
    [
      'a tensor too many',
      renamed((n) => n, [{ name: 'transformer.h.2.ln_1.weight', shape: [16] }]),
      /^folder\/model\.safetensors: unexpected tensor "transformer\.h\.2\.ln_1\.weight"; this /,
    ],
    [
      'a tensor of another shape',
      renamed(
        (n) => (n === 'transformer.wpe.weight' ? undefined : n),
        [{ name: 'transformer.wpe.weight', shape: [8, 16] }],
      ),
      /^folder\/model\.safetensors: tensor transformer\.wpe\.weight: expected shape \[16, 16\] by config\.json, got \[8, 16\]$/,
    ],
    [
      'another architecture',
      files({ 'config.json': utf8({ ...config, model_type: 'bert' }) }),
      /^folder\/config\.json: .*bert/,
    ],
    [
      'a configuration that is no JSON',
      files({ 'config.json': new TextEncoder().encode('{') }),
      /^folder\/config\.json: expected JSON/,
    ],
    [
      'a tokenizer that is larger',
      files({ 'config.json': utf8({ ...config, vocab_size: 12 }) }),
      /^folder\/tokenizer\.json: expected at most the 12 tokens of config\.json, got 13$/,
    ],
    [
      'a truncated model',
      files({ 'model.safetensors': files()('model.safetensors')!.slice(0, 4000) }),
      /^folder\/model\.safetensors: /,
    ],
  ])('%s', (_, read, message) => {
    let text = '';
    try {
      open(read);
    } catch (error) {
      text = (error as Error).message;
    }
    expect(text).toMatch(message);
    expect(text).not.toContain('\n');
  });

  it('and a refused one leaves the model as it was', () => {
    const model = randomize(openModel(checkpoint, options), 9);
    const before = model.arena.params.data.slice();
    const whole = decodeCheckpoint(files(), 'folder');
    const tensors = new Map(whole.tensors);
    tensors.delete('transformer.ln_f.bias');
    expect(() => loadParameters(model, { ...whole, tensors }, 'folder')).toThrow(/missing/);
    expectSameBits(model.arena.params, before);
  });
});

describe('a checkpoint with a byte-level BPE', () => {
  const bpe = trainBpe('the cat sat on the mat, the cat', 262);
  const config = { ...tinyQwen3, vocabSize: 262 };
  const encoded = encodeCheckpoint(randomModel(config, options, 4), bpe);
  const decode = (tokenizer: unknown) =>
    decodeCheckpoint(
      (file) => (file === 'tokenizer.json' ? utf8(tokenizer) : encoded.get(file as CheckpointFile)),
      'folder',
    );
  const json = parse(encoded.get('tokenizer.json')!);

  it('comes back as one, with the same ids and the same bytes', () => {
    const decoded = decode(json);
    expect(decoded.tokenizer.kind).toBe('bpe');
    expect(decoded.tokenizer.encode('the mat, 日')).toEqual(bpe.encode('the mat, 日'));
    expect(encodeCheckpoint(openModel(decoded, options), decoded.tokenizer)).toEqual(encoded);
  });

  it.each([
    [
      'another decoder',
      { decoder: { type: 'Metaspace' } },
      'decoder.type: expected "Fuse" (a character tokenizer) or "ByteLevel" (a byte-level BPE), got "Metaspace"',
    ],
    [
      'no decoder',
      { decoder: null },
      'decoder.type: expected "Fuse" (a character tokenizer) or "ByteLevel" (a byte-level BPE), got nothing',
    ],
    [
      'a normalizer',
      { normalizer: { type: 'NFC' } },
      ' normalizer does not fit; expected null, got {"type":"NFC"}',
    ],
    [
      'merges that are none',
      { model: { ...json.model, merges: 3 } },
      ' model.merges does not fit; expected a list, got 3',
    ],
    [
      'a Fuse decoder',
      { decoder: { type: 'Fuse' } },
      'pre_tokenizer: expected null, got an object; a character tokenizer has nothing else',
    ],
  ])('is refused with %s, in one line that names the file', (_, change, message) => {
    expect(() => decode({ ...json, ...change })).toThrow(
      new RangeError(`folder/tokenizer.json: ${message.trimStart()}`),
    );
  });

  it('is refused with more tokens than config.json has', () => {
    const other = trainBpe('the cat sat on the mat, the cat sat', 263).toJSON();
    expect(() => decode(other)).toThrow(
      'folder/tokenizer.json: expected at most the 262 tokens of config.json, got 263',
    );
  });
});
