/** Model folders as other software writes them: padded, in shards, with end tokens, with a second head, damaged. */
import { describe, expect, it } from 'vitest';
import {
  type CheckpointFile,
  decodeCheckpoint,
  encodeCheckpoint,
  loadParameters,
} from '../../../src/model/files/checkpoint.ts';
import { configToJSON } from '../../../src/model/files/config-json.ts';
import {
  readSafetensors,
  type TensorToStore,
  writeSafetensors,
} from '../../../src/model/files/safetensors.ts';
import { Gpt } from '../../../src/model/gpt.ts';
import { CharTokenizer } from '../../../src/model/text/tokenizer.ts';
import { reference } from '../../../src/tensor/reference/index.ts';
import { ids } from '../../../src/tensor/tensor.ts';
import { expectSameBits } from '../../support/compare.ts';
import { openModel, randomModel, tinyConfig, tinyQwen3 } from '../../support/models.ts';

const options = { kernels: reference, batch: 1, slots: 1, gradients: false } as const;
const tokenizer = CharTokenizer.train('abcdefghijk');
const tied = { ...tinyQwen3, tiedHead: true };
const configs = [tinyConfig, tied, tinyQwen3] as const;
const bytesOf = (value: unknown) => new TextEncoder().encode(JSON.stringify(value));
type Files = Readonly<Record<string, Uint8Array | undefined>>;

/** The folder of a random model of these sizes. */
function folderOf(config: (typeof configs)[number]): Record<CheckpointFile, Uint8Array> {
  const files = encodeCheckpoint(randomModel(config, options, 4), tokenizer);
  return Object.fromEntries(files) as Record<CheckpointFile, Uint8Array>;
}
const open = (files: Files) => decodeCheckpoint((file) => files[file], 'dir');
const configJson = (config: (typeof configs)[number], change: object) =>
  bytesOf({ ...configToJSON(config), ...change });

/** The tensors of a folder, each passed through `change`, which may also leave one out or add to it. */
function changed(
  { 'model.safetensors': bytes }: Record<CheckpointFile, Uint8Array>,
  change: (tensor: TensorToStore) => readonly TensorToStore[],
): Uint8Array {
  const stored = [...readSafetensors(bytes, 'test').values()];
  return writeSafetensors(
    stored.flatMap(({ name, shape, data }) => change({ name, shape, data: Float32Array.from(data) })),
  );
}
const isTable = (name: string) => /wte|embed_tokens|lm_head/.test(name);
const embeddingOf = (name: string) => /wte|embed_tokens/.test(name);

describe('a padded vocabulary', () => {
  it.each(configs)('opens as the model without its padding: %j', (config) => {
    const files = folderOf(config);
    const padded = changed(files, ({ name, shape, data }) => {
      if (!isTable(name)) return [{ name, shape, data }];
      const more = new Float32Array(data.length + 3 * 12).fill(9); // would win every draw
      more.set(data);
      return [{ name, shape: [14, 12], data: more }];
    });
    const checkpoint = open({
      ...files,
      'config.json': configJson(config, { vocab_size: 14 }),
      'model.safetensors': padded,
    });
    expect(checkpoint.config).toEqual(config);
    const [ours, plain] = [openModel(checkpoint, options), openModel(open(files), options)];
    expectSameBits(ours.arena.params, plain.arena.params);
    const text = ids('text', [3, 1, 10, 0]);
    expectSameBits(ours.forward(text, { batch: 1, time: 4 }), plain.forward(text, { batch: 1, time: 4 }));
  });

  it('is refused where the tensors have another number of rows than config.json says', () => {
    const files = folderOf(tinyConfig);
    expect(() => open({ ...files, 'config.json': configJson(tinyConfig, { vocab_size: 14 }) })).toThrow(
      'dir/model.safetensors: tensor transformer.wte.weight: expected shape [14, 12] by config.json, got [11, 12]',
    );
  });
});

describe('sizes in config.json', () => {
  it.each<[(typeof configs)[number], object, string]>([
    [tinyConfig, { n_layer: 1e9 }, 'dir: tensor transformer.h.2.ln_1.weight is missing; do config.json and'],
    [tinyConfig, { n_layer: 1 }, 'dir/model.safetensors: unexpected tensor "transformer.h.1.ln_1.weight"'],
    [tinyConfig, { n_positions: 1e9 }, 'transformer.wpe.weight: expected shape [1000000000, 12]'],
    [tinyConfig, { n_embd: 3e12 }, 'transformer.wte.weight: expected shape [11, 3000000000000]'],
    [tinyConfig, { n_inner: 2 ** 50 }, 'h.0.mlp.c_fc.weight: expected shape [12, 1125899906842624]'],
    [tinyConfig, { vocab_size: 2 ** 50 }, 'transformer.wte.weight: expected shape [1125899906842624, 12]'],
    [tied, { num_hidden_layers: 100_000 }, 'dir: tensor model.layers.2.input_layernorm.weight is missing'],
    [
      tied,
      { hidden_size: 3e12, head_dim: 1e12 },
      'model.embed_tokens.weight: expected shape [11, 3000000000000]',
    ],
    [
      tied,
      { max_position_embeddings: 1e9 },
      'dir/config.json: max_position_embeddings: expected at most 16777216',
    ],
    [tinyQwen3, { intermediate_size: 1e9 }, 'mlp.gate_proj.weight: expected shape [1000000000, 12]'],
  ])('that the tensors have not are refused before anything is built: %#', (config, change, message) => {
    expect(() => open({ ...folderOf(config), 'config.json': configJson(config, change) })).toThrow(message);
  });

  it('and many blocks are planned in a time that grows with their number', { timeout: 8000 }, () => {
    const layers = 6000; // searching all names for each new one would take twenty seconds
    const model = new Gpt({ ...tinyConfig, layers }, { ...options, slots: 0 });
    expect(model.parameters.length).toBe(12 * layers + 4);
  });

  it('many rotary positions take no memory before the first pass', () => {
    const model = new Gpt({ ...tied, contextLength: 2 ** 24 }, { ...options, batch: 0, slots: 0 });
    expect(model.parameters.length).toBeGreaterThan(0);
  });
});

describe('a second head beside a tied embedding', () => {
  const files = folderOf(tied);
  const withHead = (folder: Record<CheckpointFile, Uint8Array>, scale: number) =>
    changed(folder, (tensor) => {
      const { name, shape, data } = tensor;
      return embeddingOf(name)
        ? [tensor, { name: 'lm_head.weight', shape, data: data.map((x) => x * scale) }]
        : [tensor];
    });

  it('is the head of a Llama or Qwen3, if it is another one', () => {
    const checkpoint = open({ ...files, 'model.safetensors': withHead(files, 2) });
    expect(checkpoint.config).toEqual({ ...tied, tiedHead: false });
    const text = ids('text', [3, 1, 4]);
    const pass = { batch: 1, time: 3 } as const;
    const [own, plain] = [openModel(checkpoint, options), openModel(open(files), options)];
    const expected = plain.forward(text, pass).data.map((x: number) => 2 * x);
    expect([...own.forward(text, pass).data]).toEqual([...expected]);
  });

  it('is refused for GPT-2, and passed over where it is the same', () => {
    const gpt2 = folderOf(tinyConfig);
    expect(() => open({ ...gpt2, 'model.safetensors': withHead(gpt2, 2) })).toThrow(
      new RangeError(
        'dir/model.safetensors: tensor lm_head.weight is not the embedding; expected a GPT-2 whose head is its embedding',
      ),
    );
    expect(open({ ...gpt2, 'model.safetensors': withHead(gpt2, 1) }).config).toEqual(tinyConfig);
    expect(open({ ...files, 'model.safetensors': withHead(files, 1) }).config).toEqual(tied);
  });
});

describe('weights in several files', () => {
  const files = folderOf(tinyQwen3);
  const names = [...readSafetensors(files['model.safetensors'], 'test').keys()];
  const [a, b] = ['model-00001-of-00002.safetensors', 'model-00002-of-00002.safetensors'] as const;
  const fileOf = (name: string) => (names.indexOf(name) % 2 === 0 ? a : b);
  const shard = (file: string) => changed(files, (tensor) => (fileOf(tensor.name) === file ? [tensor] : []));
  const map: Record<string, unknown> = Object.fromEntries(names.map((name) => [name, fileOf(name)]));
  const sharded = (weight_map: unknown = map) => ({
    'config.json': files['config.json'],
    'tokenizer.json': files['tokenizer.json'],
    'model.safetensors.index.json': bytesOf({ metadata: { total_size: 1 }, weight_map }),
    [a]: shard(a),
    [b]: shard(b),
  });

  it('open as the model in one', () => {
    const params = openModel(open(sharded()), options).arena.params;
    expectSameBits(params, openModel(open(files), options).arena.params);
  });

  it.each<[string, Files, string]>([
    ['no map', sharded(null), 'model.safetensors.index.json: weight_map: expected an object, got null'],
    [
      'a path',
      sharded({ ...map, [names[0]!]: '../other.safetensors' }),
      'weight_map: "model.embed_tokens.weight": expected the name of a .safetensors file in this folder, got "../other.safetensors"',
    ],
    ['a path of Windows', sharded({ x: '..\\x.safetensors' }), 'in this folder, got "..\\\\x.safetensors"'],
    ['an absolute path', sharded({ x: '/etc/x.safetensors' }), 'in this folder, got "/etc/x.safetensors"'],
    ['another kind of file', sharded({ x: 'config.json' }), 'in this folder, got "config.json"'],
    ['a number', sharded({ x: 1 }), 'in this folder, got 1'],
    ['a missing file', { ...sharded(), [b]: undefined }, `cannot read dir/${b}: no such file or folder`],
    [
      'a tensor that the map does not have',
      sharded(Object.fromEntries(Object.entries(map).slice(1))),
      `dir/${a}: tensor "${names[0]}" is here; model.safetensors.index.json has it in nowhere`,
    ],
    [
      'a tensor in another file',
      sharded({ ...map, [names[0]!]: b }),
      `dir/${a}: tensor "${names[0]}" is here; model.safetensors.index.json has it in ${b}`,
    ],
    [
      'a tensor that no file has',
      sharded({ ...map, 'a\nb': a }),
      `dir/model.safetensors.index.json: tensor "a\\nb" is not in ${a}, where it should be`,
    ],
    [
      'no weights at all',
      { ...files, 'model.safetensors': undefined },
      'cannot read dir/model.safetensors: no',
    ],
  ])('are refused with %s', (_, folder, message) => {
    expect(() => open(folder)).toThrow(message);
  });
});

describe('end tokens', () => {
  const files = folderOf(tinyConfig);
  const ends = (config: object, generation?: unknown) =>
    open({
      ...files,
      'config.json': configJson(tinyConfig, config),
      'generation_config.json': generation === undefined ? undefined : bytesOf(generation),
    }).eosTokens;

  // As transformers 5.18 takes them; a class's own default does not count.
  it.each<[object, unknown, readonly number[]]>([
    [{}, undefined, []],
    [{ eos_token_id: undefined }, undefined, []],
    [{ eos_token_id: 5 }, undefined, [5]],
    [{ eos_token_id: 0 }, undefined, [0]],
    [{ eos_token_id: [5, 6] }, undefined, [5, 6]],
    [{ eos_token_id: [] }, undefined, []],
    [{ eos_token_id: 5 }, { eos_token_id: [7, 8] }, [7, 8]],
    [{ eos_token_id: 5 }, { eos_token_id: 7, temperature: 2 }, [7]],
    [{ eos_token_id: 5 }, { eos_token_id: null }, []],
    [{ eos_token_id: 5 }, {}, []],
    [{ eos_token_id: [50256, -1, 10] }, undefined, [10]],
  ])('of config.json %j and generation_config.json %j', (config, generation, expected) => {
    expect(ends(config, generation)).toEqual(expected);
  });

  it.each<[object, unknown, string]>([
    [
      { eos_token_id: 'x' },
      undefined,
      'dir/config.json: eos_token_id: expected a token id, a list of them or null, got "x"',
    ],
    [{ eos_token_id: [5, null] }, undefined, 'a token id, a list of them or null, got [5, null]'],
    [{ eos_token_id: 1.5 }, undefined, 'a token id, a list of them or null, got 1.5'],
    [{}, { eos_token_id: true }, 'dir/generation_config.json: eos_token_id: expected a token id'],
    [{}, null, 'dir/generation_config.json: expected an object, got null'],
  ])('that are none are refused: %j, %j', (config, generation, message) => {
    expect(() => ends(config, generation)).toThrow(message);
  });
});

describe('damage', () => {
  const files = folderOf(tied);
  const withValue = (x: number) =>
    changed(files, (tensor) => {
      if (tensor.name === 'model.layers.1.mlp.up_proj.weight') tensor.data[7] = x;
      return [tensor];
    });

  it.each([Number.NaN, Number.POSITIVE_INFINITY])('%d among the weights is refused by name', (x) => {
    const checkpoint = open({ ...files, 'model.safetensors': withValue(x) });
    const model = openModel(open(files), options);
    const before = model.arena.params.data.slice();
    expect(() => loadParameters(model, checkpoint, 'dir')).toThrow(
      new RangeError(
        `dir/model.safetensors: tensor "model.layers.1.mlp.up_proj.weight" holds ${x} at 7; expected finite numbers`,
      ),
    );
    expectSameBits(model.arena.params, before);
  });

  it('foreign names stay on one line, and long shapes short', () => {
    const extra = (name: string, shape: readonly number[] = [1]) =>
      changed(files, (tensor) =>
        embeddingOf(tensor.name) ? [tensor, { name, shape, data: new Float32Array(1) }] : [tensor],
      );
    expect(() => open({ ...files, 'model.safetensors': extra('model.no\u001b]0;x\u0007\nsecond') })).toThrow(
      new RangeError(
        'dir/model.safetensors: unexpected tensor "model.no\\u001b]0;x\\u0007\\nsecond"; this model has no such parameter',
      ),
    );
    const ones = changed(files, (tensor) =>
      tensor.name === 'model.norm.weight' ? [{ ...tensor, shape: [...Array(5000).fill(1), 12] }] : [tensor],
    );
    expect(() => open({ ...files, 'model.safetensors': ones })).toThrow(
      'tensor model.norm.weight: expected shape [12] by config.json, got [1, 1, 1, 1, 1, 1, 1, 1, ... 5001 items]',
    );
    const twice = extra('norm.weight', [1]);
    expect(() => open({ ...files, 'model.safetensors': twice })).toThrow(
      /"model.norm.weight" is there twice/,
    );
  });

  it.each(['config.json', 'tokenizer.json', 'generation_config.json'])('a bomb of brackets in %s', (file) => {
    const bomb = new TextEncoder().encode('['.repeat(100_000));
    expect(() => open({ ...files, [file]: bomb })).toThrow(
      `dir/${file}: expected JSON; line 1, column 101: expected at most 100 lists and objects inside each other`,
    );
  });
});
