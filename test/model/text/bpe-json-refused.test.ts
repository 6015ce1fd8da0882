import { describe, expect, test } from 'vitest';
import { BpeTokenizer } from '../../../src/model/text/bpe.ts';
import { gpt2Layout, stringMerges } from '../files/gpt2-layout.ts';

type Fields = Record<string, unknown>;
type Edit = readonly [path: string, value: unknown];
const absent = undefined;

/** The layout of GPT-2's file with the value at each path (slashes between) replaced, or deleted if `absent`. */
function edited(edits: readonly Edit[]): object {
  const content = gpt2Layout(stringMerges);
  for (const [path, value] of edits) {
    const keys = path.split('/');
    const last = keys.pop()!;
    let parent = content as unknown as Fields;
    for (const key of keys) parent = parent[key] as Fields;
    if (value === absent) delete parent[last];
    else parent[last] = value;
  }
  return content;
}

const pattern = String.raw`'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+`;
const split = { type: 'Split', pattern: { Regex: pattern }, behavior: 'Isolated', invert: false };
const byteLevel = { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: false };
const steps = (...pretokenizers: object[]) => ({ type: 'Sequence', pretokenizers });
const a = { Sequence: { id: 'A' } };
const template = (...single: object[]) => ({ type: 'TemplateProcessing', single });
const noToken = 'expected one that adds no token';
const sequence = { type: 'Sequence', pretokenizers: [{ type: 'Split', pattern: { Regex: 'x'.repeat(80) } }] };
const alphabetOnly = 'expected characters of the byte alphabet';
const mergeForm = 'expected "a b" or ["a", "b"]';
const inVocab = 'expected parts and result in model.vocab';
const fromZero = 'expected an integer from 0 up';

/** What is written where in an otherwise good file, and what the error says after "<field> does not fit; ". */
const cases: readonly (readonly [path: string, value: unknown, field: string, text: string])[] = [
  ['normalizer', { type: 'NFC' }, 'normalizer', 'expected null, got {"type":"NFC"}'],
  ['pre_tokenizer', null, 'pre_tokenizer', 'expected an object, got null'],
  ['pre_tokenizer', sequence, 'pre_tokenizer.type', 'expected "ByteLevel", got "Split"'],
  ['pre_tokenizer', steps(split), 'pre_tokenizer.type', 'expected "ByteLevel", got "Split"'],
  [
    'pre_tokenizer',
    steps(split, byteLevel, byteLevel),
    'pre_tokenizer.type',
    'expected "ByteLevel", got "Sequence"',
  ],
  [
    'pre_tokenizer',
    steps(byteLevel, byteLevel),
    'pre_tokenizer.type',
    'expected "ByteLevel", got "Sequence"',
  ],
  [
    'pre_tokenizer',
    steps({ ...split, behavior: 'Removed' }, byteLevel),
    'pre_tokenizer.behavior',
    'expected "Isolated", got "Removed"',
  ],
  [
    'pre_tokenizer',
    steps({ ...split, pattern: { Regex: '.' } }, byteLevel),
    'pre_tokenizer.pattern',
    `expected GPT-2's, got "."`,
  ],
  [
    'pre_tokenizer',
    steps({ ...split, pattern: { String: pattern } }, byteLevel),
    'pre_tokenizer.pattern',
    `expected GPT-2's, got nothing`,
  ],
  [
    'pre_tokenizer',
    steps(split, { ...byteLevel, add_prefix_space: true }),
    'pre_tokenizer.add_prefix_space',
    'expected false, got true',
  ],
  ['pre_tokenizer/use_regex', null, 'pre_tokenizer.use_regex', 'expected true, got null'],
  ['added_tokens', null, 'added_tokens', 'expected a list, got null'],
  ['pre_tokenizer/add_prefix_space', true, 'pre_tokenizer.add_prefix_space', 'expected false, got true'],
  ['pre_tokenizer/add_prefix_space', absent, 'pre_tokenizer.add_prefix_space', 'expected false, got nothing'],
  ['pre_tokenizer/use_regex', false, 'pre_tokenizer.use_regex', 'expected true, got false'],
  ['decoder', { type: 'Fuse' }, 'decoder.type', 'expected "ByteLevel", got "Fuse"'],
  ['decoder', null, 'decoder', 'expected an object, got null'],
  [
    'post_processor',
    { type: 'BertProcessing' },
    'post_processor',
    `${noToken}, got {"type":"BertProcessing"}`,
  ],
  [
    'post_processor',
    template(),
    'post_processor',
    `${noToken}, got {"type":"TemplateProcessing","single":[]}`,
  ],
  [
    'post_processor',
    template(a, a),
    'post_processor',
    `${noToken}, got {"type":"TemplateProcessing","single":[{"Sequence":{"id":...`,
  ],
  [
    'post_processor',
    template({ Sequence: { id: 'B' } }),
    'post_processor',
    `${noToken}, got {"type":"TemplateProcessing","single":[{"Sequence":{"id":...`,
  ],
  [
    'post_processor',
    template({ SpecialToken: { id: 'A' } }),
    'post_processor',
    `${noToken}, got {"type":"TemplateProcessing","single":[{"SpecialToken":{"...`,
  ],
  ['model', [], 'model', 'expected an object, got []'],
  ['model/type', 'Unigram', 'model.type', 'expected "BPE", got "Unigram"'],
  ['model/dropout', 0.1, 'model.dropout', 'expected null, got 0.1'],
  ['model/continuing_subword_prefix', '##', 'model.continuing_subword_prefix', 'expected null, got "##"'],
  ['model/end_of_word_suffix', '</w>', 'model.end_of_word_suffix', 'expected null, got "</w>"'],
  ['model/byte_fallback', true, 'model.byte_fallback', 'expected false, got true'],
  ['model/ignore_merges', true, 'model.ignore_merges', 'expected false, got true'],
  ['model/vocab', absent, 'model.vocab', 'expected an object, got nothing'],
  ['model/vocab/Ġt', 255, 'id of "Ġt"', 'expected an id of its own, not "Ń"\'s, got 255'],
  ['model/vocab/Ġt', 259, 'id of "Ġt"', 'expected ids 0 to 258, each once, got 259'],
  ['model/vocab/z', absent, 'id of "<|endoftext|>"', 'expected ids 0 to 257, each once, got 258'],
  ['model/vocab/Ġt', -1, 'id of "Ġt"', `${fromZero}, got -1`],
  ['model/vocab/Ġt', '256', 'id of "Ġt"', `${fromZero}, got "256"`],
  ['model/vocab/Ġt', 256.5, 'id of "Ġt"', `${fromZero}, got 256.5`],
  ['model/vocab/a b', 259, 'model.vocab["a b"]', `${alphabetOnly}, got "a b"`],
  ['model/vocab/', 259, 'model.vocab[""]', `${alphabetOnly}, got ""`],
  ['model/merges', absent, 'model.merges', 'expected a list, got nothing'],
  ['model/merges/1', 'Ġt h e', 'model.merges[1]', `${mergeForm}, got "Ġt h e"`],
  ['model/merges/1', ['Ġth'], 'model.merges[1]', `${mergeForm}, got ["Ġth"]`],
  ['model/merges/1', null, 'model.merges[1]', `${mergeForm}, got null`],
  ['model/merges/1', [1, 'h'], 'model.merges[1]', 'expected a text, got 1'],
  ['model/merges/1', 'Ġx h', 'model.merges[1]', `${inVocab}, got "Ġx"`],
  ['model/merges/1', 'Ġt €', 'model.merges[1]', `${inVocab}, got "€"`],
  ['model/merges/1', ' h', 'model.merges[1]', `${inVocab}, got ""`],
  ['model/merges/1', 'a b', 'model.merges[1]', `${inVocab}, got "ab"`],
  ['model/merges/1', 'constructor h', 'model.merges[1]', `${inVocab}, got "constructor"`],
  ['model/merges/1', ['Ġ', 't'], 'model.merges[1]', 'expected each merge once, got "Ġ t"'],
  ['added_tokens', {}, 'added_tokens', 'expected a list, got {}'],
  ['added_tokens/1', { id: 259, content: 7 }, 'added_tokens[1].content', 'expected a text, got 7'],
  [
    'added_tokens/1',
    { id: 9, content: '' },
    'added_tokens[1].content',
    'expected at least one character, got ""',
  ],
  ['added_tokens/1', { id: null, content: 'x' }, 'added_tokens[1].id', `${fromZero}, got null`],
  [
    'added_tokens/1',
    { id: 3, content: '<x>' },
    'id of "<x>"',
    'expected an id of its own, not "$"\'s, got 3',
  ],
  ['added_tokens/1', { id: 300, content: '<x>' }, 'id of "<x>"', 'expected ids 0 to 259, each once, got 300'],
  ['added_tokens/1', { id: 9, content: 'Ġt' }, 'added_tokens[1].id', 'expected 256 as in model.vocab, got 9'],
  ['added_tokens/1', { id: 257, content: 'Ġth' }, 'model.merges[1]', 'expected no added token, got "Ġth"'],
  [
    'added_tokens/1',
    { id: 258, content: '<|endoftext|>' },
    'added_tokens[1].content',
    'expected each added token once, got "<|endoftext|>"',
  ],
  ['added_tokens/0/special', false, 'added_tokens[0].special', 'expected true, got false'],
];

function expectRefused(content: unknown, text: string): void {
  const Kind = /expected an? (object|list|text),/.test(text) ? TypeError : RangeError;
  expect(() => BpeTokenizer.fromJSON(content)).toThrow(new Kind(`tokenizer.json: ${text}`));
}

describe('a tokenizer.json that does not fit is refused in one line that names the field', () => {
  for (const [path, value, field, text] of cases) {
    test(`${path} = ${JSON.stringify(value)?.slice(0, 50)}`, () => {
      expectRefused(edited([[path, value]]), `${field} does not fit; ${text}`);
    });
  }

  test('an unknown token in a vocabulary that lacks bytes', () => {
    const lacking: Edit[] = [
      ['model/vocab/z', absent],
      ['model/vocab/<|endoftext|>', 89],
      ['added_tokens/0/id', 89],
    ];
    expect(BpeTokenizer.fromJSON(edited(lacking)).vocabSize).toBe(258);
    const text = 'model.unk_token does not fit; expected null, got "<|endoftext|>"';
    expectRefused(edited([...lacking, ['model/unk_token', '<|endoftext|>']]), text);
  });

  test('content of another kind', () => {
    for (const [content, got] of [
      [null, 'null'],
      [absent, 'nothing'],
      ['x', '"x"'],
      [3, '3'],
      [[], '[]'],
    ] as const) {
      expectRefused(content, `content does not fit; expected an object, got ${got}`);
    }
  });

  test('a long value is cut to 60 characters', () => {
    const got = JSON.stringify(sequence).slice(0, 57);
    expectRefused(
      edited([['normalizer', sequence]]),
      `normalizer does not fit; expected null, got ${got}...`,
    );
  });
});
