/** Between text and token ids. The character tokenizer: one token for each Unicode code point of the training text.
 *
 * Code points, not UTF-16 units: an emoji is one token and never half of one. Nothing else is merged, so a letter with
 * a combining accent is two tokens. Unpaired surrogates are no characters and never get a token.
 *
 * The file is Hugging Face's tokenizer.json: BPE (Sennrich et al., https://arxiv.org/abs/1508.07909) that never merges
 * is exactly a character tokenizer, and its Fuse decoder joins the tokens without spaces. */
import { isObject, quote, show } from './json.ts';

export const tokenizers = ['char', 'bpe'] as const;

export interface Tokenizer {
  readonly kind: (typeof tokenizers)[number];
  readonly vocabSize: number;
  /** The ids of `normalizeText(text)`. Throws a RangeError that names what has no token; with 'skip' leaves that out. */
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

/** The whole file but for the vocabulary. Whatever differs from this would give other tokens or other text. */
const layout = {
  version: '1.0',
  truncation: null,
  padding: null,
  added_tokens: [],
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
  /** The text of each id. */
  readonly #characters: readonly string[];
  /** The id of each code point up to the largest in the vocabulary, or -1. */
  readonly #ids: Int32Array;

  /** Ids in the order of `characters`: distinct, single code points. Made by `train` and `fromJSON`, which see to that. */
  private constructor(characters: readonly string[]) {
    this.#characters = characters;
    this.vocabSize = characters.length;
    const codes = characters.map((character) => character.codePointAt(0)!);
    this.#ids = new Int32Array(codes.reduce((largest, code) => Math.max(largest, code), 0) + 1).fill(-1);
    codes.forEach((code, id) => {
      this.#ids[code] = id;
    });
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

  /** Reads what `toJSON` writes; a RangeError of one line, starting with `source`, for everything else. */
  static fromJSON(value: unknown, source: string): CharTokenizer {
    checkLayout(value, layout, source);
    const entries = Object.entries((value as typeof layout).model.vocab as Record<string, unknown>);
    if (entries.length === 0)
      throw new RangeError(`${source}: model.vocab: expected at least one token, got none`);
    const characters = new Array<string | undefined>(entries.length).fill(undefined);
    for (const [token, id] of entries) {
      const at = `${source}: model.vocab: token ${quote(token)}`;
      if (token.length > 2 || [...token].length !== 1 || isSurrogate(token)) {
        throw new RangeError(
          `${at}: expected a single character; is this the file of another kind of tokenizer?`,
        );
      }
      if (!(Number.isInteger(id) && (id as number) >= 0 && (id as number) < entries.length)) {
        throw new RangeError(`${at}: expected an id from 0 to ${entries.length - 1}, got ${show(id)}`);
      }
      const taken = characters[id as number];
      if (taken !== undefined) {
        throw new RangeError(`${at}: expected an id of its own, got ${id}, which is that of ${quote(taken)}`);
      }
      characters[id as number] = token;
    }
    return new CharTokenizer(characters as string[]);
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
    for (let i = 0; i < ids.length; i++) parts[i] = this.#character(ids[i]);
    return parts.join('');
  }

  /** A code point is complete by itself, so nothing is ever held back. */
  stream(): TextStream {
    return { push: (id) => this.#character(id), end: () => '' };
  }

  beginsCharacter(): boolean {
    return true;
  }

  tokenText(id: number): string {
    const character = this.#character(id);
    return escapes.get(character) ?? showCharacter(character);
  }

  toJSON(): object {
    const vocab = Object.fromEntries(this.#characters.map((character, id) => [character, id]));
    return { ...layout, model: { ...layout.model, vocab } };
  }

  #character(id: number): string {
    const character = this.#characters[id];
    if (character === undefined) {
      throw new RangeError(
        `tokenizer: no such token; expected an id from 0 to ${this.vocabSize - 1}, got ${id}`,
      );
    }
    return character;
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

/** Throws where `value` has not what `expected` has; a field that is null or false may be absent, as in older files. */
function checkLayout(value: unknown, expected: unknown, source: string, path = ''): void {
  const misfit = (what: string) =>
    new RangeError(
      `${source}: ${path === '' ? '' : `${path}: `}expected ${what}, got ${show(value)}; a character tokenizer has nothing else`,
    );
  if (Array.isArray(expected)) {
    if (!(Array.isArray(value) && value.length === 0)) throw misfit('an empty list');
  } else if (isObject(expected)) {
    if (!isObject(value)) throw misfit('an object');
    for (const [key, inner] of Object.entries(expected)) {
      checkLayout(value[key], inner, source, path === '' ? key : `${path}.${key}`);
    }
  } else if (value !== expected && !(value === undefined && !expected)) {
    throw misfit(show(expected));
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
