/** What is learned, as text: one text, of which the last tenth is held out, or documents from two places. */
import { isObject, show } from '../model/json.ts';
import type { Tokenizer } from '../model/text/tokenizer.ts';

export interface Document {
  /** Normalized. */
  readonly text: string;
}

/** What is learned, and what is held out. */
export interface Corpus {
  readonly documents: readonly Document[];
  /** From elsewhere; absent: the last tenth of the text is held out. */
  readonly heldOut?: readonly Document[] | undefined;
}

/** Where the texts of a corpus are, and how they are read; kept with a run, so that it can go on. */
export interface CorpusChoice {
  /** Files, folders, or - for standard input. */
  readonly data: readonly string[];
  /** The same, for what is held out. */
  readonly valData?: readonly string[] | undefined;
  /** Where JSON lines have the text. */
  readonly field?: string | undefined;
}

/** What keeps a value of unknown origin from being a choice. */
export function faultInChoice(value: unknown): string | undefined {
  if (!isObject(value)) return `expected an object, got ${show(value)}`;
  for (const name of ['data', 'valData'] as const) {
    const list = value[name] ?? (name === 'valData' ? ['none'] : undefined);
    const named = Array.isArray(list) && list.length > 0 && list.every((path) => typeof path === 'string');
    if (!named) return `${name}: expected a list of texts, got ${show(list)}`;
  }
  if (!['string', 'undefined'].includes(typeof value['field'])) {
    return `field: expected a text, got ${show(value['field'])}`;
  }
  return undefined;
}

/** A text of which the last tenth is held out. */
export const oneText = (text: string): Corpus => ({ documents: [{ text }] });

export interface Parts {
  readonly training: readonly Document[];
  readonly heldOut: readonly Document[];
}

/** The part to train on, and the part that is held out. */
export function splitCorpus({ documents, heldOut }: Corpus): Parts {
  if (heldOut !== undefined) return { training: documents, heldOut };
  const parts = splitText(documents[0]!.text);
  return { training: [{ text: parts.training }], heldOut: [{ text: parts.heldOut }] };
}

/** Where the held-out part of n tokens or characters begins. */
export function cutAt(n: number): number {
  return Math.floor(0.9 * n);
}

/** The text before and from character `cutAt` of its n characters, which are code points. */
export function splitText(text: string): { readonly training: string; readonly heldOut: string } {
  const cut = cutAt(countCharacters(text));
  let at = 0;
  for (let n = 0; n < cut; n++) at += text.codePointAt(at)! > 0xffff ? 2 : 1;
  return { training: text.slice(0, at), heldOut: text.slice(at) };
}

/** All documents as one text, with something between them. */
export function joined(documents: readonly Document[], between: string): string {
  return documents.length === 1 ? documents[0]!.text : documents.map(({ text }) => text).join(between);
}

/** All of it as one text, for a look at its words and characters. */
export function textOf({ documents, heldOut = [] }: Corpus): string {
  return joined([...documents, ...heldOut], '\n');
}

/** The text of all tokens but the first. A character that only begins in the first token is included. */
export function scoredText(tokenizer: Tokenizer, tokens: Int32Array): string {
  return tokenizer.decode(tokens).slice(tokenizer.stream().push(tokens[0]!).length);
}

/** Unicode code points. */
export function countCharacters(text: string): number {
  let count = 0;
  for (const _ of text) count++;
  return count;
}
