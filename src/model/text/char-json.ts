/** The character tokenizer as a file: Hugging Face's tokenizer.json.
 *
 * BPE (Sennrich et al., https://arxiv.org/abs/1508.07909) without any merge is exactly a character tokenizer, and the decoder
 * Fuse joins its tokens without spaces. */
import { isObject, quote, show } from '../json.ts';
import { isSurrogate } from './characters.ts';
import {
  type Fields,
  plainBpe,
  readAddedTokens,
  readEndOfText,
  tokensById,
  withoutIdleSteps,
  writeAddedTokens,
  writeEndOfText,
} from './tokenizer-json.ts';

/** The whole file except the vocabulary and the added tokens. A file that differs from this would give other tokens or other
 * text. */
const layout = {
  version: '1.0',
  truncation: null,
  padding: null,
  added_tokens: [] as object[],
  normalizer: null,
  pre_tokenizer: null,
  post_processor: null,
  decoder: { type: 'Fuse' },
  model: {
    ...plainBpe,
    vocab: {},
    merges: [],
  },
};

/** What a file holds. */
export interface CharVocabulary {
  /** The text of each id. */
  readonly texts: readonly string[];
  /** The ids of single characters: the others are added tokens. */
  readonly characters: readonly number[];
  readonly added: ReadonlyMap<string, number>;
  readonly endOfText: number | undefined;
}

/** From the parsed content of the file. Throws a RangeError of one line that names what does not fit. */
export function readCharVocabulary(value: unknown): CharVocabulary {
  const file = isObject(value) ? withoutIdleSteps(value) : value;
  checkLayout(isObject(file) ? { ...file, added_tokens: [] } : file, layout);
  const { model, added_tokens } = file as Partial<typeof layout> & Pick<typeof layout, 'model'>;
  const vocab: Readonly<Record<string, unknown>> = model.vocab;
  const added = readAddedTokens(added_tokens, vocab);
  const texts = tokensById(vocab, added);
  const characters = Object.keys(vocab).filter((token) => {
    if (token.length <= 2 && [...token].length === 1 && !isSurrogate(token)) return true;
    if (added.has(token)) return false;
    throw new RangeError(
      `tokenizer.json: model.vocab: token ${quote(token)}: expected a single character; is this the file of another kind of tokenizer?`,
    );
  });
  if (characters.length === 0)
    throw new RangeError(`tokenizer.json: model.vocab: expected at least one token, got none`);
  const endOfText = readEndOfText(value as Fields, added);
  return { texts, characters: characters.map((token) => vocab[token] as number), added, endOfText };
}

/** The content of the file. */
export function writeCharVocabulary(
  texts: readonly string[],
  added: ReadonlyMap<string, number>,
  endOfText: number | undefined,
): object {
  const vocab = Object.fromEntries(texts.map((text, id) => [text, id]));
  return {
    ...layout,
    added_tokens: writeAddedTokens(added),
    post_processor: writeEndOfText(endOfText),
    model: { ...layout.model, vocab },
  };
}

/** Fields that may be absent, and then have the value of the layout. */
const implied = ['version', 'model.type'];

/** Throws where `value` differs from `expected`. A field that is null or false there may be absent or null, as in older
 * files. */
function checkLayout(value: unknown, expected: unknown, path = ''): void {
  const misfit = (what: string) =>
    new RangeError(
      `tokenizer.json: ${path === '' ? '' : `${path}: `}expected ${what}, got ${show(value)}; a character tokenizer has nothing else`,
    );
  if (Array.isArray(expected)) {
    if (!(Array.isArray(value) && value.length === 0)) throw misfit('an empty list');
  } else if (isObject(expected)) {
    if (!isObject(value)) throw misfit('an object');
    for (const [key, inner] of Object.entries(expected)) {
      checkLayout(value[key], inner, path === '' ? key : `${path}.${key}`);
    }
  } else if (value !== expected && !(value == null && !expected)) {
    if (value !== undefined || !implied.includes(path)) throw misfit(show(expected));
  }
}
