/** Hugging Face's tokenizer.json for a byte-level BPE: the layout of GPT-2's own file, read strictly, written once.
 *
 *     model          BPE: vocab (token -> id, in the byte alphabet) and merges, by rank, as "a b" or ["a", "b"]
 *     pre_tokenizer  ByteLevel: GPT-2's pieces and alphabet       decoder  ByteLevel: the alphabet back to bytes
 *     added_tokens   special tokens, in the vocabulary or above it, as plain text
 *
 * Anything else that would change ids or text (a normalizer, another pattern, prefixes, dropout) is refused, with its name.
 * Offsets, truncation and padding change neither and are ignored. */

import { isObject } from '../json.ts';
import { alphabet, fromAlphabet } from './bpe-bytes.ts';
import {
  expectOneOf,
  type Fields,
  fail,
  fieldsOf,
  listOf,
  onlyStep,
  plainBpe,
  quote,
  readAddedTokens,
  readEndOfText,
  textOf,
  tokensById,
  withoutIdleSteps,
  writeAddedTokens,
  writeEndOfText,
} from './tokenizer-json.ts';

export interface BpeParts {
  /** By id: a token in the byte alphabet, an added token as plain text. */
  readonly tokens: readonly string[];
  /** By rank: the ids of the two neighbours and of what they make. */
  readonly merges: readonly (readonly [left: number, right: number, result: number])[];
  /** The ids of added tokens by their texts; no text is ever encoded as one. */
  readonly added: ReadonlyMap<string, number>;
  readonly endOfText?: number | undefined;
}

export function writeTokenizerJson(parts: BpeParts): object {
  const byteLevel = { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: true };
  return {
    version: '1.0',
    truncation: null,
    padding: null,
    added_tokens: writeAddedTokens(parts.added),
    normalizer: null,
    pre_tokenizer: byteLevel,
    post_processor: writeEndOfText(parts.endOfText),
    decoder: byteLevel,
    model: {
      ...plainBpe,
      // fromEntries, because assigning to a token named __proto__ would lose it
      vocab: Object.fromEntries(parts.tokens.map((token, id) => [token, id])),
      merges: parts.merges.map(([left, right]) => `${parts.tokens[left]} ${parts.tokens[right]}`),
    },
  };
}

export function readTokenizerJson(json: unknown): BpeParts {
  const file = withoutIdleSteps(fieldsOf('content', json));
  expectOneOf(file, '', 'normalizer', [null]);
  checkPreTokenizer(file['pre_tokenizer']);
  expectOneOf(fieldsOf('decoder', file['decoder']), 'decoder.', 'type', ['ByteLevel']);
  const model = fieldsOf('model', file['model']);
  expectOneOf(model, 'model.', 'type', ['BPE', undefined]); // GPT-2's file predates it
  expectOneOf(model, 'model.', 'dropout', [null, 0]);
  expectOneOf(model, 'model.', 'continuing_subword_prefix', [null, '']);
  expectOneOf(model, 'model.', 'end_of_word_suffix', [null, '']);
  expectOneOf(model, 'model.', 'byte_fallback', [false, null]);
  expectOneOf(model, 'model.', 'ignore_merges', [false, null]);

  const vocab = fieldsOf('model.vocab', model['vocab']);
  const added = readAddedTokens(file['added_tokens'], vocab);
  const tokens = tokensById(vocab, added);
  const addedIds = new Set(added.values());
  for (const [id, token] of tokens.entries()) {
    if (addedIds.has(id)) continue;
    if (token === '' || fromAlphabet(token) === undefined) {
      fail(`model.vocab[${quote(token)}]`, 'characters of the byte alphabet', token);
    }
  }
  // Without an unknown token a byte outside the vocabulary is an error; with one it would silently be another token.
  if (!alphabet.every((character) => Object.hasOwn(vocab, character))) {
    expectOneOf(model, 'model.', 'unk_token', [null]);
  }
  const merges = readMerges(model['merges'], vocab, addedIds);
  return { tokens, merges, added, endOfText: readEndOfText(json as Fields, added) };
}

/** GPT-2's pattern, as its authors first wrote it and as in their later library: both make the same cuts. */
const gpt2Patterns: readonly unknown[] = [
  String.raw`'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+`,
  String.raw`'(?:[sdmt]|ll|ve|re)| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+`,
];

/** GPT-2's pieces and the byte alphabet, in one step, or the pieces first. Cutting the pieces again changes nothing. */
function checkPreTokenizer(value: unknown): void {
  const name = 'pre_tokenizer.';
  const outer = fieldsOf('pre_tokenizer', value);
  const steps = outer['type'] === 'Sequence' ? outer['pretokenizers'] : undefined;
  const [split, bytes] = Array.isArray(steps) && steps.length === 2 ? (steps as unknown[]) : [];
  const cut = isObject(split) && split['type'] === 'Split' ? split : undefined;
  const inner = cut === undefined ? outer : fieldsOf('pre_tokenizer', onlyStep(bytes, 'pretokenizers'));
  if (cut !== undefined) {
    const pattern = isObject(cut['pattern']) ? cut['pattern'] : {};
    if (!gpt2Patterns.includes(pattern['Regex'])) fail(`${name}pattern`, "GPT-2's", pattern['Regex']);
    // The matches of the pattern leave no gap, so keeping the matches is the same as cutting between them.
    expectOneOf(cut, name, 'invert', [false, true]);
    expectOneOf(cut, name, 'behavior', cut['invert'] === true ? ['Isolated', 'Removed'] : ['Isolated']);
  }
  expectOneOf(inner, name, 'type', ['ByteLevel']);
  expectOneOf(inner, name, 'add_prefix_space', [false]);
  // GPT-2's file predates it.
  expectOneOf(inner, name, 'use_regex', cut === undefined ? [true, undefined] : [false, true, undefined]);
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
