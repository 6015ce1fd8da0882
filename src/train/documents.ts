/** What is learned, as text: one text, of which the last tenth is held out, or documents.
 *
 * Documents become one row of tokens, with the end-of-text token before the first and after each:
 *     <|endoftext|> one <|endoftext|> another <|endoftext|>
 * Their order is shuffled once, the same for every run, and whole documents are held out. What is held out, and the order,
 * follow from a hash of each document, so that texts larger than memory are split alike. Copies of a document have the same
 * hash, so that no document stands in both parts. */

import type { Tokenizer } from '../model/text/tokenizer.ts';
import { RandomStream } from '../tensor/random.ts';
import type { Loss } from './corpus-choice.ts';

export interface Document {
  /** Normalized, and not empty. */
  readonly text: string;
  /** What comes before the text: it is read, and learned only if the corpus says so. */
  readonly prompt?: string;
  /** For error messages, where there is a prompt: 'a.jsonl line 3'. */
  readonly where?: string;
}

/** What is learned, and what is held out. */
export interface Corpus {
  readonly documents: readonly Document[];
  /** From elsewhere; absent: a tenth of the documents, or the last tenth of one text. */
  readonly heldOut?: readonly Document[] | undefined;
  /** Whether these are documents, each with an end. If not there is one text. */
  readonly ends?: boolean;
  /** Whether prompts are learned, too. */
  readonly loss?: Loss;
}

/** A text of which the last tenth is held out. */
export const oneText = (text: string): Corpus => ({ documents: [{ text }] });

export interface Parts {
  readonly training: readonly Document[];
  readonly heldOut: readonly Document[];
}

/** The part to train on, and the part that is held out. An Error of one line where there are too few documents. */
export function splitCorpus({ documents, heldOut, ends = false }: Corpus): Parts {
  const order = ends ? shuffledInGroups : (part: readonly Document[]) => part;
  if (heldOut !== undefined) return { training: order(documents), heldOut: order(heldOut) };
  if (ends) {
    const sizes = new KeySizes();
    for (const document of documents) sizes.add(document);
    const held = sizes.heldOut();
    const part = (isHeld: boolean) => order(documents.filter((one) => held.has(keyOf(one)) === isHeld));
    return { training: part(false), heldOut: part(true) };
  }
  const parts = splitText(documents[0]!.text);
  return { training: [{ text: parts.training }], heldOut: [{ text: parts.heldOut }] };
}

/** Where the held-out part of n tokens or characters begins. */
export function cutAt(n: number): number {
  return Math.floor(0.9 * n);
}

/** The text before and from character `cutAt` of its n characters, which are code points. */
export function splitText(text: string): { readonly training: string; readonly heldOut: string } {
  const training = firstCharacters(text, cutAt(countCharacters(text)));
  return { training, heldOut: text.slice(training.length) };
}

/** The first n characters, or all. */
export function firstCharacters(text: string, n: number): string {
  let at = 0;
  for (; n > 0 && at < text.length; n--) at += text.codePointAt(at)! > 0xffff ? 2 : 1;
  return text.slice(0, at);
}

/** How many keys there are for documents. */
const keys = 1 << 16;
/** How many groups these are put into: few enough for a file each, and one group is small enough for memory. */
export const groups = 64;

/** A number below `keys` that copies have in common: the hash FNV-1a, folded. */
export function keyOf(document: Document): number {
  let hash = 0x811c9dc5;
  const text = wholeOf(document);
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  return ((hash >>> 16) ^ hash) & (keys - 1);
}

export const groupOf = (key: number): number => Math.floor((key * groups) / keys);

/** How much text the documents of each key have, from which follows what is held out: so it takes no memory of documents. */
export class KeySizes {
  readonly #sizes = new Float64Array(keys);

  add(document: Document): void {
    this.#sizes[keyOf(document)]! += wholeOf(document).length;
  }

  /** The keys of documents that fit into a tenth of the text, the last ones first; at least the one with the least. */
  heldOut(): ReadonlySet<number> {
    const sizes = [...this.#sizes.entries()].filter(([, size]) => size > 0).reverse();
    if (sizes.length < 2) {
      throw new Error(
        `expected at least 2 different documents, one to learn from and one to hold out, got ${sizes.length}; take more text, or other --documents, or hold out another text with --val-data`,
      );
    }
    let room = sizes.reduce((sum, [, size]) => sum + size, 0) / 10;
    const held = new Set<number>();
    for (const [key, size] of sizes) {
      if (size > room) continue;
      held.add(key);
      room -= size;
    }
    if (held.size === 0) held.add(sizes.reduce((a, b) => (b[1] < a[1] ? b : a))[0]);
    return held;
  }
}

/** In an order that depends on the documents only: by group, and in each group shuffled. */
function shuffledInGroups(documents: readonly Document[]): Document[] {
  const grouped = Array.from({ length: groups }, (): Document[] => []);
  for (const document of documents) grouped[groupOf(keyOf(document))]!.push(document);
  return grouped.flatMap((group) => shuffled(group));
}

/** In an order that depends on how many there are and on nothing else (Fisher and Yates). */
export function shuffled<T>(items: readonly T[]): T[] {
  const random = new RandomStream(0, 'documents');
  const order = [...items];
  for (let i = order.length - 1; i > 0; i--) {
    const j = random.below(i + 1, 0, 0, i);
    [order[i], order[j]] = [order[j]!, order[i]!];
  }
  return order;
}

export interface EncodeOptions {
  readonly unknown?: 'error' | 'skip' | undefined;
  /** With it, a document with a prompt has room in a window of so many tokens: the beginning of a long prompt is left out. */
  readonly context?: number | undefined;
  /** Is told of each such prompt. */
  readonly onLongPrompt?: () => void;
}

/** The tokens of a part of a corpus: of documents with their ends, else of the one text that it is. Of a prompt that is not
 * learned, ~id. RangeError for a completion that does not fit into the context. */
export function encodeDocuments(
  { documents, ends = false, loss }: Corpus,
  tokenizer: Tokenizer,
  { unknown, context = Number.POSITIVE_INFINITY, onLongPrompt }: EncodeOptions = {},
): Int32Array {
  if (!ends) return tokenizer.encode(documents[0]!.text, unknown);
  const { endOfText } = tokenizer;
  if (endOfText === undefined) throw new Error('documents: expected a tokenizer with an end-of-text token');
  let tokens = new Int32Array(32);
  let length = 0;
  const add = (ids: ArrayLike<number>): void => {
    if (length + ids.length > tokens.length) {
      const longer = new Int32Array(2 * (length + ids.length));
      longer.set(tokens);
      tokens = longer;
    }
    tokens.set(ids, length);
    length += ids.length;
  };
  add([endOfText]);
  for (const { prompt, text, where = 'a document' } of documents) {
    const ids = tokenizer.encode(text, unknown);
    if (prompt !== undefined) {
      const room = context - ids.length - 1;
      if (room < 0) {
        throw new RangeError(
          `${where}: a completion of ${ids.length} tokens is too long; expected at most ${context - 1}, so that with the end of text it fits into the context of ${context}; shorten it, or choose a longer --context`,
        );
      }
      const all = tokenizer.encode(prompt, unknown);
      if (all.length > room) onLongPrompt?.();
      const seen = all.subarray(Math.max(0, all.length - room));
      add(loss === 'all' ? seen : seen.map((id) => ~id));
    }
    add(ids);
    add([endOfText]);
  }
  return tokens.slice(0, length);
}

/** The documents of such tokens; of cut ones, the last may have an end missing. */
export function decodeDocuments(tokens: Int32Array, tokenizer: Tokenizer): Document[] {
  const documents: Document[] = [];
  for (let from = tokens[0] === tokenizer.endOfText ? 1 : 0; from < tokens.length; ) {
    const end = tokens.indexOf(tokenizer.endOfText!, from);
    const row = tokens.subarray(from, end < 0 ? tokens.length : end);
    const prompt = row.filter((id) => id < 0).map((id) => ~id);
    const text = tokenizer.decode(row.subarray(prompt.length));
    documents.push(prompt.length === 0 ? { text } : { prompt: tokenizer.decode(prompt), text });
    from += row.length + 1;
  }
  return documents;
}

export const wholeOf = ({ prompt = '', text }: Document): string => prompt + text;

/** Several texts as one, with something between them. */
export function joined(documents: readonly Document[], between: string): string {
  return documents.length === 1 ? wholeOf(documents[0]!) : documents.map(wholeOf).join(between);
}

/** All of a corpus as one text, for a look at its words and characters. */
export function textOf({ documents, heldOut = [] }: Corpus): string {
  return joined([...documents, ...heldOut], '\n');
}

/** The text of all tokens that are scored: neither the first nor those of prompts. The end of a document is one character,
 * NUL. A character that only begins in the first token is included. */
export function scoredText(tokenizer: Tokenizer, row: Int32Array): string {
  const { endOfText } = tokenizer;
  const tokens = row.filter((id) => id >= 0);
  const first = tokens[0] === endOfText ? 1 : tokenizer.stream().push(tokens[0]!).length;
  const texts: string[] = [];
  for (let from = 0; from <= tokens.length; ) {
    const found = endOfText === undefined ? -1 : tokens.indexOf(endOfText, from);
    const to = found < 0 ? tokens.length : found;
    texts.push(tokenizer.decode(tokens.subarray(from, to)));
    from = to + 1;
  }
  return texts.join('\0').slice(first);
}

/** The mean number of characters in a token that is scored; undefined where it is always 1, or none is scored. */
export function charactersPerToken(tokenizer: Tokenizer, row: Int32Array): number | undefined {
  if (tokenizer.kind === 'char') return undefined;
  const scored = row.reduce((count, id) => count + Number(id >= 0), -1);
  return scored > 0 ? countCharacters(scoredText(tokenizer, row)) / scored : undefined;
}

/** Unicode code points. */
export function countCharacters(text: string): number {
  let pairs = 0;
  for (let i = 1; i < text.length; i++) {
    if ((text.charCodeAt(i) & 0xfc00) === 0xdc00 && (text.charCodeAt(i - 1) & 0xfc00) === 0xd800) pairs++;
  }
  return text.length - pairs;
}
