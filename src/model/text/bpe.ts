/** A byte-level BPE tokenizer: text -> pieces -> UTF-8 bytes -> merges -> ids.
 *
 * Byte pair encoding (Gage 1994; Sennrich et al., arXiv 1508.07909; on bytes: GPT-2). Each piece starts as its bytes;
 * then, again and again until no merge fits, the neighbours whose merge has the lowest rank (was learned first) are joined,
 * the leftmost of them first. Every byte has a token, so any bytes can be encoded, and decoding gives them back. So it does
 * with text, except that a lone surrogate has no UTF-8 and becomes U+FFFD.
 *
 * A byte that is not UTF-8 counts as a symbol of its own when pieces are cut (see bpe-bytes.ts). Valid UTF-8 has the same ids
 * as its text.
 *
 * A heap of candidates merges a piece of n bytes in O(n log n), so even a megabyte of one letter is fast. The ids of short
 * pieces are remembered, because a text repeats its words. */
import {
  alphabet,
  displayBytes,
  escapeBytes,
  fromAlphabet,
  fromUtf8,
  hexByte,
  toUtf8,
  toWellFormed,
  unescapeBytes,
} from './bpe-bytes.ts';
import { Heap } from './bpe-heap.ts';
import { type BpeParts, readTokenizerJson, writeTokenizerJson } from './bpe-json.ts';
import { pieces } from './bpe-pieces.ts';
import { tokenOnOneLine } from './characters.ts';
import type { TextStream, Tokenizer } from './tokenizer.ts';

/** V8 keeps a slice of 13 or more characters as a view that holds the whole text in memory. */
const longestRemembered = 12;
const mostRemembered = 1 << 16;
/** A candidate is one number, rank * rankStep + position, so that the smallest is the next to merge. */
const rankStep = 2 ** 32;

export class BpeTokenizer implements Tokenizer {
  readonly kind = 'bpe';
  readonly vocabSize: number;
  readonly added: ReadonlyMap<string, number>;
  readonly endOfText: number | undefined;
  readonly #parts: BpeParts;
  readonly #bytes: readonly Uint8Array[]; // by id
  readonly #idOfByte = new Int32Array(256).fill(-1);
  readonly #rankOfPair = new Map<number, number>(); // by left * vocabSize + right
  readonly #remembered = new Map<string, Int32Array>();

  /** From trained or validated parts; `fromJSON` is for a file. */
  constructor(parts: BpeParts) {
    this.#parts = parts;
    this.vocabSize = parts.tokens.length;
    this.added = parts.added;
    this.endOfText = parts.endOfText;
    const added = new Set(parts.added.values());
    this.#bytes = parts.tokens.map((token, id) => (added.has(id) ? toUtf8(token) : fromAlphabet(token)!));
    for (const [id, bytes] of this.#bytes.entries()) {
      if (bytes.length === 1 && !added.has(id)) this.#idOfByte[bytes[0]] = id;
    }
    for (const [rank, [left, right]] of parts.merges.entries()) {
      this.#rankOfPair.set(left * this.vocabSize + right, rank);
    }
  }

  /** From the parsed content of a Hugging Face tokenizer.json; the error is one line that names what does not fit. */
  static fromJSON(json: unknown): BpeTokenizer {
    return new BpeTokenizer(readTokenizerJson(json));
  }

  /** The content of a Hugging Face tokenizer.json. */
  toJSON(): object {
    return writeTokenizerJson(this.#parts);
  }

  /** Never gives an added token such as <|endoftext|>: its text is text. A vocabulary that lacks some of the 256 bytes
   * (never one of ours) makes a RangeError that names them, or with 'skip' leaves them out. */
  encode(text: string, unknown: 'error' | 'skip' = 'error'): Int32Array {
    return this.#encode(toWellFormed(text), unknown);
  }

  /** Any bytes, valid UTF-8 or not; `decodeBytes` gives them back. */
  encodeBytes(bytes: Uint8Array, unknown: 'error' | 'skip' = 'error'): Int32Array {
    return this.#encode(escapeBytes(bytes), unknown);
  }

  /** What is not UTF-8 becomes U+FFFD. */
  decode(ids: ArrayLike<number>): string {
    return fromUtf8(this.decodeBytes(ids));
  }

  decodeBytes(ids: ArrayLike<number>): Uint8Array {
    let length = 0;
    for (let i = 0; i < ids.length; i++) length += this.#bytesOf(ids[i]).length;
    const bytes = new Uint8Array(length);
    for (let i = 0, end = 0; i < ids.length; i++) {
      const token = this.#bytesOf(ids[i]);
      bytes.set(token, end);
      end += token.length;
    }
    return bytes;
  }

  /** Decodes id by id. The bytes of an unfinished character wait for the next token or the end. */
  stream(): TextStream {
    const decoder = new TextDecoder('utf-8', { ignoreBOM: true });
    return {
      push: (id) => decoder.decode(this.#bytesOf(id), { stream: true }),
      end: () => decoder.decode(),
    };
  }

  /** In UTF-8 every byte of a character but the first is 10xxxxxx. */
  beginsCharacter(id: number): boolean {
    const [first] = this.#bytesOf(id);
    return first !== undefined && (first & 0xc0) !== 0x80;
  }

  /** One token for people to read; a byte that is only part of a character is written <0xE2>. */
  tokenText(id: number): string {
    return tokenOnOneLine(displayBytes(this.#bytesOf(id)));
  }

  #bytesOf(id: number): Uint8Array {
    const bytes = this.#bytes[id];
    if (bytes === undefined) {
      throw new RangeError(
        `decode: token id does not fit; expected an integer from 0 to ${this.vocabSize - 1}, got ${id}`,
      );
    }
    return bytes;
  }

  #encode(text: string, unknown: 'error' | 'skip'): Int32Array {
    let ids = new Int32Array(1024);
    let length = 0;
    for (const piece of pieces(text)) {
      const found = this.#remembered.get(piece) ?? this.#encodePiece(piece, unknown);
      if (length + found.length > ids.length) {
        const longer = new Int32Array(2 * (length + found.length));
        longer.set(ids);
        ids = longer;
      }
      for (let i = 0; i < found.length; i++) ids[length + i] = found[i];
      length += found.length;
    }
    return ids.slice(0, length);
  }

  #encodePiece(piece: string, unknown: 'error' | 'skip'): Int32Array {
    const bytes = unescapeBytes(piece);
    const known = bytes.filter((byte) => this.#idOfByte[byte] >= 0);
    if (known.length < bytes.length && unknown === 'error') throw new RangeError(this.#unknownText(bytes));
    const ids = this.#merge(Int32Array.from(known, (byte) => this.#idOfByte[byte]));
    if (known.length === bytes.length && piece.length <= longestRemembered) {
      if (this.#remembered.size === mostRemembered) this.#remembered.clear();
      this.#remembered.set(piece, ids);
    }
    return ids;
  }

  #unknownText(bytes: Uint8Array): string {
    const missing = [...new Set(bytes)].filter((byte) => this.#idOfByte[byte] < 0);
    const named = missing.slice(0, 8).map((byte) => `${hexByte(byte)} (${alphabet[byte]})`);
    if (missing.length > named.length) named.push(`${missing.length - named.length} more`);
    const have = this.#idOfByte.filter((id) => id >= 0).length;
    return `encode: byte does not fit; expected one of the ${have} bytes in the vocabulary, got ${named.join(', ')}`;
  }

  /** Merges in place and returns what is left. */
  #merge(ids: Int32Array): Int32Array {
    const end = ids.length;
    const next = Int32Array.from(ids, (_, i) => i + 1);
    const previous = Int32Array.from(ids, (_, i) => i - 1);
    const candidates = new Heap<number>((a, b) => a < b);
    const offer = (left: number): void => {
      if (left < 0 || next[left] === end) return;
      const rank = this.#rankOfPair.get(ids[left] * this.vocabSize + ids[next[left]]);
      if (rank !== undefined) candidates.push(rank * rankStep + left);
    };
    for (let i = 0; i < end; i++) offer(i);
    for (let top = candidates.pop(); top !== undefined; top = candidates.pop()) {
      const left = top % rankStep;
      const right = next[left];
      const [leftId, rightId, result] = this.#parts.merges[Math.floor(top / rankStep)];
      // A candidate is not taken back when a neighbour merges; it is stale if its two ids no longer stand here.
      if (ids[left] !== leftId || right === end || ids[right] !== rightId) continue;
      ids[left] = result;
      ids[right] = -1;
      next[left] = next[right];
      if (next[left] < end) previous[next[left]] = left;
      offer(previous[left]);
      offer(left);
    }
    return ids.filter((id) => id >= 0);
  }
}
