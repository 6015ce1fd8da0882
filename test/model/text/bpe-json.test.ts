import { describe, expect, test } from 'vitest';
import { BpeTokenizer } from '../../../src/model/text/bpe.ts';
import { arrayMerges, type Content, gpt2Layout, stringMerges } from '../files/gpt2-layout.ts';

type Vocab = Record<string, number>;

import { trainBpe } from '../../../src/model/text/bpe-train.ts';
import { tokenizerFromJSON } from '../../../src/model/text/tokenizer-file.ts';

describe('reading', () => {
  for (const [form, merges] of Object.entries({ strings: stringMerges, lists: arrayMerges })) {
    test(`takes the layout of GPT-2's file with merges as ${form}`, () => {
      const tokenizer = BpeTokenizer.fromJSON(gpt2Layout(merges));
      expect(tokenizer.kind).toBe('bpe');
      expect(tokenizer.vocabSize).toBe(259);
      expect([...tokenizer.encode('the the')]).toEqual([83, 71, 68, 257, 68]);
      expect(tokenizer.decode([257, 68, 258])).toBe(' the<|endoftext|>');
    });
  }

  test('an added token is decoded to its text and never comes from text', () => {
    const tokenizer = BpeTokenizer.fromJSON(gpt2Layout(stringMerges));
    expect(tokenizer.tokenText(258)).toBe('<|endoftext|>');
    expect([...tokenizer.added]).toEqual([['<|endoftext|>', 258]]);
    const ids = tokenizer.encode('a<|endoftext|>b');
    expect(ids.includes(258)).toBe(false);
    expect(tokenizer.decode(ids)).toBe('a<|endoftext|>b');
  });

  test('an added token may stand above the vocabulary, hold any text, and comes in any order', () => {
    const json = gpt2Layout(stringMerges);
    json.added_tokens = [
      { id: 260, content: '<fin é>', special: true },
      { id: 259, content: '一 二' },
      ...json.added_tokens,
    ];
    const tokenizer = BpeTokenizer.fromJSON(json);
    expect(tokenizer.vocabSize).toBe(261);
    expect(tokenizer.decode([259, 64, 260])).toBe('一 二a<fin é>');
  });

  test('an added token of one character is no byte', () => {
    const json = gpt2Layout(stringMerges);
    json.added_tokens = [...json.added_tokens, { id: 64, content: 'a' }];
    const tokenizer = BpeTokenizer.fromJSON(json);
    expect(() => tokenizer.encode('a')).toThrow('one of the 255 bytes in the vocabulary, got 0x61 (a)');
  });

  test('an absent optional field counts as null', () => {
    const { model } = gpt2Layout(stringMerges);
    const tokenizer = BpeTokenizer.fromJSON({
      pre_tokenizer: { type: 'ByteLevel', add_prefix_space: false },
      decoder: { type: 'ByteLevel' },
      model: { vocab: model['vocab'], merges: stringMerges },
    });
    expect([...tokenizer.encode(' th')]).toEqual([257]);
  });

  test('steps that change nothing are passed over, and null is what the tokenizers library takes it for', () => {
    const plain = gpt2Layout(stringMerges);
    const byteLevel = { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true };
    const a = { Sequence: { id: 'A', type_id: 0 } };
    const template = { type: 'TemplateProcessing', single: [a], pair: [a, a], special_tokens: {} };
    const split = (pattern: string) => ({
      ...{ type: 'Split', pattern: { Regex: pattern }, behavior: 'Isolated', invert: false },
    });
    const patterns = [
      String.raw`'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+`,
      String.raw`'(?:[sdmt]|ll|ve|re)| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+`,
    ];
    const sequence = (key: string, ...steps: object[]) => ({ type: 'Sequence', [key]: steps });
    const changes: object[] = [
      { post_processor: template },
      { post_processor: sequence('processors', template, byteLevel) },
      { post_processor: sequence('processors') },
      { pre_tokenizer: sequence('pretokenizers', byteLevel) },
      { pre_tokenizer: sequence('pretokenizers', sequence('pretokenizers', byteLevel)) },
      ...patterns.flatMap((pattern) =>
        [false, true, undefined].map((use_regex) => ({
          pre_tokenizer: sequence('pretokenizers', split(pattern), { ...byteLevel, use_regex }),
        })),
      ),
      {
        pre_tokenizer: sequence(
          'pretokenizers',
          { ...split(patterns[0]!), behavior: 'Removed', invert: true },
          { ...byteLevel, use_regex: false },
        ),
      },
      { decoder: sequence('decoders', byteLevel) },
      { normalizer: sequence('normalizers') },
      { truncation: { max_length: 3 }, padding: { pad_id: 0 } },
      { model: { ...plain.model, fuse_unk: null, byte_fallback: null, ignore_merges: null, dropout: 0 } },
    ];
    const expected = JSON.stringify(BpeTokenizer.fromJSON(plain));
    for (const change of changes) {
      const read = tokenizerFromJSON({ ...plain, ...change }, 'x/tokenizer.json');
      expect(JSON.stringify(read), JSON.stringify(change)).toBe(expected);
    }
  });

  test('an unknown token does not matter when every byte is known', () => {
    const json = gpt2Layout(stringMerges);
    json.model['unk_token'] = '<|endoftext|>';
    expect(BpeTokenizer.fromJSON(json).encode('é').length).toBe(2);
  });
});

describe('writing', () => {
  const tokenizer = trainBpe('the theme of the thesis\n'.repeat(4), 262);

  test('gives a file that reads back as the same tokenizer', () => {
    const text = JSON.stringify(tokenizer);
    const again = BpeTokenizer.fromJSON(JSON.parse(text));
    expect(JSON.stringify(again)).toBe(text);
    const sample = 'the thesis of them é';
    expect(again.encode(sample)).toEqual(tokenizer.encode(sample));
  });

  test('has the fields that Hugging Face reads', () => {
    const json = tokenizer.toJSON() as Content;
    const byteLevel = { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: true };
    const { vocab, merges, ...rest } = json.model;
    expect({ ...json, model: rest }).toEqual({
      version: '1.0',
      truncation: null,
      padding: null,
      added_tokens: [],
      normalizer: null,
      pre_tokenizer: byteLevel,
      post_processor: null,
      decoder: byteLevel,
      model: {
        type: 'BPE',
        dropout: null,
        unk_token: null,
        continuing_subword_prefix: null,
        end_of_word_suffix: null,
        fuse_unk: false,
        byte_fallback: false,
        ignore_merges: false,
      },
    });
    expect(Object.keys(vocab as Vocab).length).toBe(262);
    expect([(vocab as Vocab)['!'], (vocab as Vocab)['Ġ']]).toEqual([0, 220]);
    expect((merges as string[])[0]).toBe('h e');
    expect((vocab as Vocab)['he']).toBe(256);
  });

  test('keeps added tokens, unreachable tokens, and a token called __proto__', () => {
    const json = gpt2Layout(arrayMerges);
    const text = JSON.stringify(json).replace('"<|endoftext|>":258', '"<|endoftext|>":258,"__proto__":259');
    const again = BpeTokenizer.fromJSON(JSON.parse(JSON.stringify(BpeTokenizer.fromJSON(JSON.parse(text)))));
    expect(again.vocabSize).toBe(260);
    expect(again.decode([258, 259])).toBe('<|endoftext|>__proto__');
    expect(again.encode('<|endoftext|>').includes(258)).toBe(false);
    const written = again.toJSON() as Content;
    expect(written.added_tokens).toEqual([
      {
        id: 258,
        content: '<|endoftext|>',
        single_word: false,
        lstrip: false,
        rstrip: false,
        normalized: false,
        special: true,
      },
    ]);
    expect(written.model['merges']).toEqual(stringMerges);
  });
});
