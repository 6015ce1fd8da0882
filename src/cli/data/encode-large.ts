/** The second pass over texts that are too large to be held: their tokens. */
import { appendFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Tokenizer } from '../../model/text/tokenizer.ts';
import {
  type Corpus,
  countCharacters,
  cutAt,
  type EncodeOptions,
  encodeDocuments,
  firstCharacters,
  groupOf,
  groups,
  keyOf,
  scoredText,
  shuffled,
} from '../../train/documents.ts';
import { attempt, makeFolder, readBytes } from '../host/files.ts';
import type { LargeText } from './scan.ts';
import { type IdArray, packed, type TokenNotes, unpacked } from './token-file.ts';

type Put = (ids: ArrayLike<number>) => void;
/** How many tokens there are, and what is noted of them. */
export type Written = Pick<TokenNotes, 'tokens' | 'train' | 'charactersPerToken' | 'longPrompts'>;

/** Of one text, or of one to learn and one to hold out. */
export async function encodeLargeText(
  { parts }: LargeText,
  tokenizer: Tokenizer,
  put: Put,
): Promise<Written> {
  const [{ characters }, heldOut] = parts as [LargeText['parts'][0], LargeText['parts'][0]?];
  const isChar = tokenizer.kind === 'char';
  // As in `encodeSplit`: tokens are cut where each is a character, else the text.
  const isCut = heldOut === undefined && !isChar;
  let left = isCut ? cutAt(characters) : Number.POSITIVE_INFINITY;
  let [tokens, train, first] = [0, 0, -1];
  const add = (text: string, isLearned: boolean): void => {
    const ids = tokenizer.encode(text, 'skip');
    put(ids);
    tokens += ids.length;
    if (isLearned) train = tokens;
    else if (first < 0 && ids.length > 0) first = ids[0]!;
  };
  for (const part of parts) {
    for await (const { text } of part.read()) {
      if (part === heldOut) add(text, false);
      else {
        const before = text.length <= left ? text : firstCharacters(text, left);
        if (left > 0) add(before, true);
        left -= isCut ? countCharacters(before) : 0;
        if (before.length < text.length) add(text.slice(before.length), false);
      }
    }
  }
  if (isChar) return { tokens, train: heldOut === undefined ? cutAt(tokens) : train };
  const begun = first < 0 ? 0 : countCharacters(tokenizer.stream().push(first));
  const all = heldOut?.characters ?? characters - cutAt(characters);
  return { tokens, train, charactersPerToken: (all - begun) / (tokens - train - 1) };
}

/** Of documents, in the order that they have in memory. @param folder where groups of them wait for it */
export async function encodeLargeDocuments(
  { parts, held }: LargeText,
  corpus: Pick<Corpus, 'loss'>,
  tokenizer: Tokenizer,
  options: EncodeOptions,
  [folder, kind]: readonly [string, IdArray],
  put: Put,
): Promise<Written> {
  let [longPrompts, characters, scored] = [0, 0, 0];
  const all = { ...options, unknown: 'skip', onLongPrompt: () => longPrompts++ } as const;
  const end = tokenizer.endOfText!;
  const waiting = new Groups(folder, kind);
  try {
    for (const [part, { read }] of parts.entries()) {
      for await (const document of read()) {
        const key = keyOf(document);
        const isHeld = part > 0 || held?.has(key) === true;
        const ids = encodeDocuments({ ...corpus, documents: [document], ends: true }, tokenizer, all);
        waiting.add(groupOf(key) + (isHeld ? groups : 0), ids.subarray(1));
        if (!isHeld || tokenizer.kind === 'char') continue;
        characters += countCharacters(scoredText(tokenizer, ids));
        scored += ids.reduce((count, id) => count + Number(id >= 0), -1);
      }
    }
    const tokens = [0, 0].map((_, half) => {
      put([end]);
      let count = 1;
      for (let group = 0; group < groups; group++) {
        const ids = waiting.take(half * groups + group, end);
        put(ids);
        count += ids.length;
      }
      return count;
    });
    return {
      tokens: tokens[0]! + tokens[1]!,
      train: tokens[0]!,
      ...(scored > 0 ? { charactersPerToken: characters / scored } : {}),
      ...(longPrompts > 0 ? { longPrompts } : {}),
    };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** How many tokens wait in memory for their file. */
const together = 1 << 16;

/** The tokens of documents by group, each in a file: memory has room for one group. */
class Groups {
  readonly #folder: string;
  readonly #kind: IdArray;
  readonly #waiting: InstanceType<IdArray>[];
  readonly #counts = new Int32Array(2 * groups);

  constructor(folder: string, kind: IdArray) {
    this.#folder = folder;
    this.#kind = kind;
    this.#waiting = Array.from({ length: 2 * groups }, () => new kind(together));
    makeFolder(folder);
  }

  /** A document with its end. */
  add(group: number, ids: Int32Array): void {
    for (let from = 0; from < ids.length; ) {
      const room = together - this.#counts[group]!;
      if (room === 0) this.#write(group);
      const some = ids.subarray(from, from + (room || together));
      this.#waiting[group]!.set(some, this.#counts[group]);
      this.#counts[group]! += some.length;
      from += some.length;
    }
  }

  #write(group: number): void {
    const path = this.#path(group);
    const ids = this.#waiting[group]!.subarray(0, this.#counts[group]);
    attempt('write', path, () => appendFileSync(path, packed(ids, this.#kind)));
    this.#counts[group] = 0;
  }

  /** Its documents, shuffled. */
  take(group: number, end: number): ArrayLike<number> {
    this.#write(group);
    const ids = unpacked(readBytes(this.#path(group)), this.#kind);
    rmSync(this.#path(group));
    const starts: number[] = [];
    for (let at = 0; at < ids.length; at = ids.indexOf(end, at) + 1) starts.push(at);
    const all = new this.#kind(ids.length);
    let length = 0;
    for (const start of shuffled(starts)) {
      const document = ids.subarray(start, ids.indexOf(end, start) + 1);
      all.set(document, length);
      length += document.length;
    }
    return all;
  }

  readonly #path = (group: number): string => join(this.#folder, String(group));
}
