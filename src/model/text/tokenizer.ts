/** Between text and token ids. The character tokenizer: one token for each Unicode code point of the training text.
 *
 * Code points, not UTF-16 units: an emoji is one token and never half of one. Nothing else is merged, so a letter with
 * a combining accent is two tokens. Unpaired surrogates are no characters and never get a token.
 *
 * The file is Hugging Face's tokenizer.json: BPE (Sennrich et al., https://arxiv.org/abs/1508.07909) that never merges
 * is exactly a character tokenizer, and its Fuse decoder joins the tokens without spaces. */
import { isObject, quote, show } from '../json.ts';
import { readAddedTokens, tokensById, withoutIdleSteps, writeAddedTokens } from './tokenizer-json.ts';

export const tokenizers = ['char', 'bpe'] as const;

export interface Tokenizer {
  readonly kind: (typeof tokenizers)[number];
  readonly vocabSize: number;
  /** Tokens that were added to those that texts are made of, such as <|endoftext|>, by their text. */
  readonly added: ReadonlyMap<string, number>;
  /** The ids of `normalizeText(text)`. Throws a RangeError that names what has no token; with 'skip' leaves that out.
   * The text of an added token is text like any other: whoever may write a text may not end or steer it. */
  encode(text: string, unknown?: 'error' | 'skip'): Int32Array;
  /** Throws a RangeError for an id outside of the vocabulary. */
  decode(ids: ArrayLike<number>): string;
  /** For streaming: `push` gives the text that is complete so far, `end` what is left; joined they equal `decode`. */
  stream(): TextStream;
  /** Whether a character begins with this token; of one whose first byte goes on with a character it does not. A text that is
   * cut before a token that begins a character has only whole ones on both sides. */
  beginsCharacter(id: number): boolean;
  /** One token for display, on one line: what cannot be seen is escaped, except the space. */
  tokenText(id: number): string;
  /** Hugging Face's tokenizer.json. */
  toJSON(): object;
}

export interface TextStream {
  push(id: number): string;
  end(): string;
}

/** The text of the tokens up to their last whole character; one that their end cuts off is left out. */
export function wholeText(tokenizer: Tokenizer, ids: ArrayLike<number>): string {
  const stream = tokenizer.stream();
  return Array.from(ids, (id) => stream.push(id)).join('');
}

/** Text as every tokenizer sees it: no byte order mark at its start, and LF where lines end in CRLF; a CR elsewhere is a
 * character like any other. Normalizing twice is normalizing once; that is why CR CR LF becomes a single LF too. */
export function normalizeText(text: string): string {
  const body = text.replace(/^\uFEFF+/, '');
  // The look-behind lets a match start only at the head of a run of CRs: without it, long runs take quadratic time.
  return body.includes('\r\n') ? body.replace(/(?<!\r)\r+\n/g, '\n') : body;
}

/** The whole file but for the vocabulary and the added tokens. Whatever differs from this would give other tokens or
 * other text. */
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
    type: 'BPE',
    dropout: null,
    unk_token: null,
    continuing_subword_prefix: null,
    end_of_word_suffix: null,
    fuse_unk: false,
    byte_fallback: false,
    ignore_merges: false,
    vocab: {},
    merges: [],
  },
};

export class CharTokenizer implements Tokenizer {
  readonly kind = 'char';
  readonly vocabSize: number;
  readonly added: ReadonlyMap<string, number>;
  /** The text of each id. */
  readonly #texts: readonly string[];
  /** The id of each code point up to the largest in the vocabulary, or -1. */
  readonly #ids: Int32Array;

  /** @param texts by id: distinct, single code points but for added tokens. `train` and `fromJSON` see to that.
   * @param characters the ids that text may be encoded as. */
  private constructor(
    texts: readonly string[],
    characters: Iterable<number> = texts.keys(),
    added: ReadonlyMap<string, number> = new Map(),
  ) {
    this.#texts = texts;
    this.vocabSize = texts.length;
    this.added = added;
    const codes = Array.from(characters, (id) => [texts[id]!.codePointAt(0)!, id] as const);
    this.#ids = new Int32Array(codes.reduce((largest, [code]) => Math.max(largest, code), 0) + 1).fill(-1);
    for (const [code, id] of codes) this.#ids[code] = id;
  }

  /** The vocabulary is the distinct code points of the normalized text, sorted. */
  static train(text: string): CharTokenizer {
    const normal = normalizeText(text);
    const seen = new Uint8Array(0x110000);
    for (let i = 0; i < normal.length; i++) {
      const code = normal.codePointAt(i)!;
      if (code > 0xffff) i++; // a pair of surrogates
      seen[code] = 1;
    }
    const characters: string[] = [];
    for (let code = seen.indexOf(1); code >= 0; code = seen.indexOf(1, code + 1)) {
      characters.push(String.fromCodePoint(code));
    }
    if (characters.length === 0) {
      throw new RangeError('tokenizer: the training text is empty; expected at least one character');
    }
    const broken = characters.find(isSurrogate);
    if (broken !== undefined) {
      throw new RangeError(
        `tokenizer: the training text holds half a surrogate pair; expected valid Unicode, got ${showCharacter(broken)}`,
      );
    }
    return new CharTokenizer(characters);
  }

  /** From the parsed content of a tokenizer.json; the error is one line that names what does not fit. */
  static fromJSON(value: unknown): CharTokenizer {
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
    const ids = characters.map((token) => vocab[token] as number);
    return new CharTokenizer(texts, ids, added);
  }

  encode(text: string, unknown: 'error' | 'skip' = 'error'): Int32Array {
    const normal = normalizeText(text);
    const table = this.#ids;
    const ids = new Int32Array(normal.length);
    let count = 0;
    let missing = false;
    for (let i = 0; i < normal.length; i++) {
      const code = normal.codePointAt(i)!;
      if (code > 0xffff) i++; // a pair of surrogates
      const id = code < table.length ? table[code] : -1;
      if (id >= 0) ids[count++] = id;
      else missing = true;
    }
    if (missing && unknown === 'error') throw new RangeError(this.#describeUnknown(normal));
    return count === normal.length ? ids : ids.slice(0, count);
  }

  decode(ids: ArrayLike<number>): string {
    const parts = new Array<string>(ids.length);
    for (let i = 0; i < ids.length; i++) parts[i] = this.#text(ids[i]);
    return parts.join('');
  }

  /** A code point is complete by itself, so nothing is ever held back. */
  stream(): TextStream {
    return { push: (id) => this.#text(id), end: () => '' };
  }

  beginsCharacter(): boolean {
    return true;
  }

  tokenText(id: number): string {
    return Array.from(this.#text(id), (c) => escapes.get(c) ?? showCharacter(c)).join('');
  }

  toJSON(): object {
    const vocab = Object.fromEntries(this.#texts.map((text, id) => [text, id]));
    const added_tokens = writeAddedTokens(this.added);
    return { ...layout, added_tokens, model: { ...layout.model, vocab } };
  }

  #text(id: number): string {
    const text = this.#texts[id];
    if (text === undefined) {
      throw new RangeError(
        `tokenizer: no such token; expected an id from 0 to ${this.vocabSize - 1}, got ${id}`,
      );
    }
    return text;
  }

  #describeUnknown(text: string): string {
    const counts = new Map<string, number>();
    let total = 0;
    for (const character of text) {
      if (this.#ids[character.codePointAt(0)!] >= 0) continue;
      counts.set(character, (counts.get(character) ?? 0) + 1);
      total++;
    }
    const shown = [...counts].slice(0, 10).map(([character, count]) => {
      const name = isInvisible(character) ? showCharacter(character) : `"${character}"`;
      return count === 1 ? name : `${name} (${count} times)`;
    });
    const more = counts.size > 10 ? ` and ${counts.size - 10} more` : '';
    const subject = total === 1 ? '1 character is' : `${total} characters are`;
    return `encode: ${subject} not in the vocabulary of ${this.vocabSize}: ${shown.join(', ')}${more}; --unknown skip leaves them out`;
  }
}

/** Fields whose absence means what the layout has. */
const implied = ['version', 'model.type'];

/** Throws where `value` has not what `expected` has; what is null or false may be absent or null, as in older files. */
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

/** The character itself, or U+ and its code point where that would show nothing, or half of something. */
export function showCharacter(character: string): string {
  if (!isInvisible(character)) return character;
  return `U+${character.codePointAt(0)!.toString(16).toUpperCase().padStart(4, '0')}`;
}

const escapes: ReadonlyMap<string, string> = new Map([
  [' ', ' '],
  ['\n', '\\n'],
  ['\r', '\\r'],
  ['\t', '\\t'],
]);

/** Controls and surrogates, spaces, marks that combine with what stands before, and letters that are blank. */
function isInvisible(character: string): boolean {
  return /^[\p{C}\p{Z}\p{M}\p{Default_Ignorable_Code_Point}]/u.test(character);
}

function isSurrogate(character: string): boolean {
  return /^\p{Cs}/u.test(character);
}
