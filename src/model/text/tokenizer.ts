/** Between text and token ids. The character tokenizer: one token for each Unicode code point of the training text.
 *
 * A code point is a whole character, also where JavaScript stores it as two UTF-16 units, as it does with an emoji. A letter
 * with a combining accent is two code points, so two tokens. Half of such a pair of units (a surrogate) is no character and
 * never gets a token. How the tokenizer is stored: char-json.ts. */

import { readCharVocabulary, writeCharVocabulary } from './char-json.ts';
import { isSurrogate, showCharacter, tokenOnOneLine, unknownCharacters } from './characters.ts';

export const tokenizers = ['char', 'bpe'] as const;

export interface Tokenizer {
  readonly kind: (typeof tokenizers)[number];
  readonly vocabSize: number;
  /** The ids of tokens that no text is encoded as, such as <|endoftext|>, by their text. */
  readonly added: ReadonlyMap<string, number>;
  /** The added token before and after each document, if the model knows documents: what a text begins with and ends at. */
  readonly endOfText: number | undefined;
  /** The ids of `normalizeText(text)`. Throws a RangeError that names what has no token; with 'skip' leaves that out.
   * The text of an added token is encoded like any other text, so nobody can end or steer a text by writing it. */
  encode(text: string, unknown?: 'error' | 'skip'): Int32Array;
  /** Throws a RangeError for an id outside of the vocabulary. */
  decode(ids: ArrayLike<number>): string;
  /** For streaming: `push` gives the text that is complete so far, `end` what is left; joined they equal `decode`. */
  stream(): TextStream;
  /** Whether this token begins with the first byte of a character. A text that is cut before such a token has only whole
   * characters on both sides. */
  beginsCharacter(id: number): boolean;
  /** One token for display, on one line: invisible characters are escaped, except the space. */
  tokenText(id: number): string;
  /** Hugging Face's tokenizer.json. */
  toJSON(): object;
}

export interface TextStream {
  push(id: number): string;
  end(): string;
}

/** The text of the tokens; a last character of which only a part is there is left out. */
export function wholeText(tokenizer: Tokenizer, ids: ArrayLike<number>): string {
  const stream = tokenizer.stream();
  return Array.from(ids, (id) => stream.push(id)).join('');
}

/** Text as every tokenizer sees it: no byte order mark at its start, and LF where lines end in CRLF; any other CR is a
 * character. Normalizing a text again changes nothing; for this, CR CR LF becomes a single LF too. */
export function normalizeText(text: string): string {
  const body = text.replace(/^\uFEFF+/, '');
  // The look-behind lets a match start only at the first of several CRs: without it, long runs take quadratic time.
  return body.includes('\r\n') ? body.replace(/(?<!\r)\r+\n/g, '\n') : body;
}

export class CharTokenizer implements Tokenizer {
  readonly kind = 'char';
  readonly vocabSize: number;
  readonly added: ReadonlyMap<string, number>;
  readonly endOfText: number | undefined;
  /** The text of each id. */
  readonly #texts: readonly string[];
  /** The id of each code point up to the largest in the vocabulary, or -1. */
  readonly #ids: Int32Array;

  /** @param texts by id: all different, single code points except for added tokens; `train` and `fromJSON` make sure of it.
   * @param characters the ids that text may be encoded as. */
  private constructor(
    texts: readonly string[],
    characters: Iterable<number> = texts.keys(),
    added: ReadonlyMap<string, number> = new Map(),
    endOfText?: number,
  ) {
    this.#texts = texts;
    this.vocabSize = texts.length;
    this.added = added;
    this.endOfText = endOfText;
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
    const { texts, characters, added, endOfText } = readCharVocabulary(value);
    return new CharTokenizer(texts, characters, added, endOfText);
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
    if (missing && unknown === 'error')
      throw unknownCharacters(normal, (code) => code < table.length && table[code] >= 0, this.vocabSize);
    return count === normal.length ? ids : ids.slice(0, count);
  }

  decode(ids: ArrayLike<number>): string {
    const parts = new Array<string>(ids.length);
    for (let i = 0; i < ids.length; i++) parts[i] = this.#text(ids[i]);
    return parts.join('');
  }

  /** Every code point is complete, so no text has to wait. */
  stream(): TextStream {
    return { push: (id) => this.#text(id), end: () => '' };
  }

  beginsCharacter(): boolean {
    return true;
  }

  tokenText(id: number): string {
    return tokenOnOneLine(this.#text(id));
  }

  toJSON(): object {
    return writeCharVocabulary(this.#texts, this.added, this.endOfText);
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
}
