/** Hugging Face's tokenizer.json for a byte-level BPE: the layout of GPT-2's own file, read strictly, written once.
 *
 *     model          BPE: vocab (token -> id, in the byte alphabet) and merges, by rank, as "a b" or ["a", "b"]
 *     pre_tokenizer  ByteLevel: GPT-2's pieces and alphabet       decoder  ByteLevel: the alphabet back to bytes
 *     added_tokens   special tokens, in the vocabulary or above it, as plain text
 *
 * What would change ids or text and is not this (a normalizer, another pattern, prefixes, dropout) is refused by name
 * rather than read wrongly. Offsets, truncation and padding do not, and are passed over. */
import { alphabet, fromAlphabet } from './bpe-bytes.ts';

export interface BpeParts {
  /** By id: a token in the byte alphabet, an added token as plain text. */
  readonly tokens: readonly string[];
  /** By rank: the ids of the two neighbours and of what they make. */
  readonly merges: readonly (readonly [left: number, right: number, result: number])[];
  /** The ids of added tokens, which text never gives. */
  readonly added: ReadonlySet<number>;
}

type Fields = Readonly<Record<string, unknown>>;

export function writeTokenizerJson(parts: BpeParts): object {
  const byteLevel = { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: true };
  return {
    version: '1.0',
    truncation: null,
    padding: null,
    added_tokens: [...parts.added].map((id) => ({
      id,
      content: parts.tokens[id],
      single_word: false,
      lstrip: false,
      rstrip: false,
      normalized: false,
      special: true,
    })),
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
      // fromEntries, because assigning to a token named __proto__ would lose it
      vocab: Object.fromEntries(parts.tokens.map((token, id) => [token, id])),
      merges: parts.merges.map(([left, right]) => `${parts.tokens[left]} ${parts.tokens[right]}`),
    },
  };
}

export function readTokenizerJson(json: unknown): BpeParts {
  const file = fieldsOf('content', json);
  expectOneOf(file, '', 'normalizer', [null]);
  const preTokenizer = fieldsOf('pre_tokenizer', file['pre_tokenizer']);
  expectOneOf(preTokenizer, 'pre_tokenizer.', 'type', ['ByteLevel']);
  expectOneOf(preTokenizer, 'pre_tokenizer.', 'add_prefix_space', [false]);
  expectOneOf(preTokenizer, 'pre_tokenizer.', 'use_regex', [true, undefined]); // GPT-2's file predates it
  expectOneOf(fieldsOf('decoder', file['decoder']), 'decoder.', 'type', ['ByteLevel']);
  if (file['post_processor'] != null) {
    const postProcessor = fieldsOf('post_processor', file['post_processor']);
    expectOneOf(postProcessor, 'post_processor.', 'type', ['ByteLevel']); // changes offsets only
  }
  const model = fieldsOf('model', file['model']);
  expectOneOf(model, 'model.', 'type', ['BPE', undefined]); // GPT-2's file predates it
  expectOneOf(model, 'model.', 'dropout', [null, 0]);
  expectOneOf(model, 'model.', 'continuing_subword_prefix', [null, '']);
  expectOneOf(model, 'model.', 'end_of_word_suffix', [null, '']);
  expectOneOf(model, 'model.', 'byte_fallback', [false, undefined]);
  expectOneOf(model, 'model.', 'ignore_merges', [false, undefined]);

  const vocab = fieldsOf('model.vocab', model['vocab']);
  const addedIds = readAddedTokens(file['added_tokens'] ?? [], vocab);
  const tokens = tokensById(vocab, addedIds);
  const added = new Set(addedIds.values());
  for (const [id, token] of tokens.entries()) {
    if (added.has(id)) continue;
    if (token === '' || fromAlphabet(token) === undefined) {
      fail(`model.vocab[${quote(token)}]`, 'characters of the byte alphabet', token);
    }
  }
  // Without an unknown token a byte outside the vocabulary is an error; with one it would silently be another token.
  if (!alphabet.every((character) => Object.hasOwn(vocab, character))) {
    expectOneOf(model, 'model.', 'unk_token', [null]);
  }
  return { tokens, merges: readMerges(model['merges'], vocab, added), added };
}

/** Ids by content. */
function readAddedTokens(value: unknown, vocab: Fields): Map<string, number> {
  const ids = new Map<string, number>();
  for (const [i, item] of listOf('added_tokens', value).entries()) {
    const name = `added_tokens[${i}]`;
    const fields = fieldsOf(name, item);
    const content = textOf(`${name}.content`, fields['content']);
    if (content === '') fail(`${name}.content`, 'at least one character', content);
    const id = idOf(`${name}.id`, fields['id']);
    // A token that is not special would be cut out of ordinary text before merging.
    expectOneOf(fields, `${name}.`, 'special', [true, undefined]);
    if (ids.has(content)) fail(`${name}.content`, 'each added token once', content);
    if (Object.hasOwn(vocab, content) && vocab[content] !== id) {
      fail(`${name}.id`, `${vocab[content]} as in model.vocab`, id);
    }
    ids.set(content, id);
  }
  return ids;
}

function tokensById(vocab: Fields, addedIds: ReadonlyMap<string, number>): string[] {
  const above = [...addedIds].filter(([content]) => !Object.hasOwn(vocab, content));
  const entries = [...Object.entries(vocab), ...above];
  const tokens: string[] = new Array(entries.length);
  for (const [token, value] of entries) {
    const id = idOf(`id of ${quote(token)}`, value);
    if (id >= entries.length) fail(`id of ${quote(token)}`, `ids 0 to ${entries.length - 1}, each once`, id);
    if (tokens[id] !== undefined)
      fail(`id of ${quote(token)}`, `an id of its own, not ${quote(tokens[id])}'s`, id);
    tokens[id] = token;
  }
  return tokens;
}

function readMerges(value: unknown, vocab: Fields, added: ReadonlySet<number>): [number, number, number][] {
  const seen = new Set<string>();
  return listOf('model.merges', value).map((merge, rank) => {
    const name = `model.merges[${rank}]`;
    const parts: unknown = typeof merge === 'string' ? merge.split(' ') : merge;
    if (!Array.isArray(parts) || parts.length !== 2) fail(name, '"a b" or ["a", "b"]', merge);
    const [left, right] = [textOf(name, parts[0]), textOf(name, parts[1])];
    const [leftId, rightId, result] = [left, right, left + right].map((token) => {
      if (!Object.hasOwn(vocab, token)) fail(name, 'parts and result in model.vocab', token);
      const id = vocab[token] as number;
      if (added.has(id)) fail(name, 'no added token', token);
      return id;
    });
    const key = `${left} ${right}`;
    if (seen.has(key)) fail(name, 'each merge once', key);
    seen.add(key);
    return [leftId, rightId, result];
  });
}

function fieldsOf(name: string, value: unknown): Fields {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new TypeError(problem(name, 'an object', value));
  }
  return value as Fields;
}

function listOf(name: string, value: unknown): readonly unknown[] {
  if (!Array.isArray(value)) throw new TypeError(problem(name, 'a list', value));
  return value;
}

function textOf(name: string, value: unknown): string {
  if (typeof value !== 'string') throw new TypeError(problem(name, 'a text', value));
  return value;
}

function idOf(name: string, value: unknown): number {
  if (!(Number.isSafeInteger(value) && (value as number) >= 0)) fail(name, 'an integer from 0 up', value);
  return value as number;
}

/** An absent field counts as null where null is among the expected. */
function expectOneOf(fields: Fields, parent: string, key: string, expected: readonly unknown[]): void {
  const value = fields[key];
  if (expected.includes(value) || (value === undefined && expected.includes(null))) return;
  fail(`${parent}${key}`, quote(expected[0]), value);
}

function quote(value: unknown): string {
  const text = JSON.stringify(value) ?? 'nothing';
  return text.length > 60 ? `${text.slice(0, 57)}...` : text;
}

function problem(name: string, expected: string, got: unknown): string {
  return `tokenizer.json: ${name} does not fit; expected ${expected}, got ${quote(got)}`;
}

function fail(name: string, expected: string, got: unknown): never {
  throw new RangeError(problem(name, expected, got));
}
