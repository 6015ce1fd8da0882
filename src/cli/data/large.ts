/** A text that is too large to be held: it is read in pieces, twice. The first pass finds its checksum and its characters, the
 * second writes its tokens into a file, from which windows are read. That is kept for later runs, and for --resume. */
import { createHash } from 'node:crypto';
import { closeSync, existsSync, openSync, readSync, statSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import type { Tokenizer } from '../../model/text/tokenizer.ts';
import type { CorpusChoice } from '../../train/corpus-choice.ts';
import { encodeSplit, type Split, type Tokens } from '../../train/dataset.ts';
import {
  type Corpus,
  countCharacters,
  cutAt,
  type EncodeOptions,
  firstCharacters,
} from '../../train/documents.ts';
import { counted } from '../../train/metrics.ts';
import { attempt, isFile, isFolder, sha256 } from '../host/files.ts';
import { runsFolder } from '../runs/folder.ts';
import { type ReadCorpus, readCorpus } from './corpus.ts';
import { filesBelow } from './files.ts';
import { isJsonLines } from './json-lines.ts';
import { textPieces } from './pieces.ts';
import {
  type FileNote,
  noteTokens,
  openTokens,
  readNotes,
  type TokenNotes,
  writeTokens,
} from './token-file.ts';

/** From so many bytes on, a text is large. */
export const largeBytes = 1 << 26;
/** How many characters BPE is learned on at most: the first ones. */
const learnedCharacters = 1 << 25;
/** How many characters of each part are looked at where all would be too many: to count n-grams, to find known words. */
export const sampled = { train: 1 << 22, validation: 1 << 19 };
/** How many held-out tokens the last evaluation takes. */
const scoredTokens = 1 << 20;

export interface LargeText {
  readonly files: readonly FileNote[];
  readonly characters: number;
}
/** The corpus of a large text is its beginning and each of its characters once, enough to learn a tokenizer. */
export type ReadText = ReadCorpus & { readonly large?: LargeText };

/** What --data names, in pieces if it is large. @param least bytes that are large */
export async function readText(choice: CorpusChoice, plain = false, least = largeBytes): Promise<ReadText> {
  const files = largeFiles(choice, plain, least);
  return files === undefined ? readCorpus(choice, plain) : scan(choice, files);
}

/** The files of a choice that is one text, and large; others are read into memory. */
function largeFiles(choice: CorpusChoice, plain: boolean, least: number): FileNote[] | undefined {
  const { data, valData, documents = 'none', field } = choice;
  if (documents !== 'none' || valData !== undefined || field !== undefined) return undefined;
  if (!data.every((path) => isFile(path) || isFolder(path))) return undefined;
  const files = data.flatMap((path) => (isFolder(path) ? filesBelow(path) : [path])).map(noteOf);
  if (files.reduce((sum, { size }) => sum + size, 0) < least) return undefined;
  const isOther = ({ path }: FileNote) => (!plain && isJsonLines(path)) || isMarked(path);
  return files.some(isOther) ? undefined : files;
}

/** Whether a file begins as gzip or UTF-16 does. */
function isMarked(path: string): boolean {
  const two = Buffer.alloc(2);
  const file = attempt('read', path, () => openSync(path, 'r'));
  try {
    attempt('read', path, () => readSync(file, two, 0, 2, 0));
  } finally {
    closeSync(file);
  }
  return [0x1f8b, 0xfffe, 0xfeff].includes(two.readUInt16BE());
}

function noteOf(path: string): FileNote {
  const { size, mtimeMs } = attempt('read', path, () => statSync(path));
  return { path, size, mtimeMs };
}

function isUnchanged({ path, size, mtimeMs }: FileNote): boolean {
  const now = noteOf(path);
  return now.size === size && now.mtimeMs === mtimeMs;
}

/** The first pass. */
function scan(choice: CorpusChoice, named: readonly FileNote[]): ReadText {
  const skipped: string[] = [];
  const files = named.filter(({ path }) => choice.data.includes(path) || isText(path, skipped));
  const hash = createHash('sha256');
  const seen = new Uint8Array(0x110000);
  const head: string[] = [];
  let [characters, units] = [0, 0];
  for (const piece of textPieces(files.map(({ path }) => path))) {
    hash.update(piece);
    if (units < learnedCharacters) head.push(piece);
    units += piece.length;
    characters += markSeen(piece, seen);
  }
  if (characters === 0)
    throw new Error(`${choice.data.join(', ')}: every text is empty; expected at least one character`);
  const alphabet: string[] = [];
  for (const [code, is] of seen.entries()) if (is === 1) alphabet.push(String.fromCodePoint(code));
  const beginning = firstCharacters(head.join(''), Math.min(learnedCharacters, cutAt(characters)));
  return {
    corpus: { documents: [{ text: beginning }], heldOut: [{ text: alphabet.join('') }] },
    sha256: hash.digest('hex'),
    choice: choice.data.length === 1 ? undefined : { ...choice, documents: 'none', loss: undefined },
    jsonLines: false,
    summary: `${counted(files.length, 'file')}, ${counted(characters, 'character')}, read in pieces`,
    skipped,
    large: { files, characters },
  };
}

function isText(path: string, skipped: string[]): boolean {
  try {
    for (const _ of textPieces([path]));
    return true;
  } catch (error) {
    skipped.push((error as Error).message);
    return false;
  }
}

/** Marks the code points of a text, and counts them. */
function markSeen(text: string, seen: Uint8Array): number {
  let pairs = 0;
  for (let i = 0; i < text.length; i++) {
    let code = text.charCodeAt(i);
    if ((code & 0xfc00) === 0xd800) {
      code = text.codePointAt(i++)!;
      pairs++;
    }
    seen[code] = 1;
  }
  return text.length - pairs;
}

/** A text as tokens, and what else of it a run looks at: all of a small one, of a large one a sample. */
export interface Encoded {
  readonly split: Split;
  readonly corpus: Corpus;
}

/** Both parts of a text as tokens, those of a large one in a file in `folder`, which is written if it is not there. */
export function encodeText(
  read: ReadText,
  tokenizer: Tokenizer,
  options: EncodeOptions,
  folder: string,
): Encoded {
  const { large, corpus } = read;
  if (large === undefined) return { split: encodeSplit(corpus, tokenizer, options), corpus };
  tokenizer.encode(corpus.heldOut![0]!.text, options.unknown); // an error names what has no token
  const path = tokensPath(folder, read.sha256, tokenizer);
  const known = readNotes(path, tokenizer.vocabSize);
  if (known === undefined)
    writeTokens(path, tokenizer.vocabSize, (put) => encodePieces(large, tokenizer, put));
  else noteTokens(path, { ...known, files: located(large.files) });
  return keptTokens(folder, read.sha256, tokenizer, [])!;
}

/** The second pass. */
function encodePieces(
  { files, characters }: LargeText,
  tokenizer: Tokenizer,
  put: (ids: Int32Array) => void,
): Omit<TokenNotes, 'bytes'> {
  const isChar = tokenizer.kind === 'char';
  // As in `encodeSplit`: tokens are cut where each is a character, else the text.
  let left = isChar ? Number.POSITIVE_INFINITY : cutAt(characters);
  let [tokens, train, first] = [0, 0, -1];
  const add = (text: string): void => {
    const ids = tokenizer.encode(text, 'skip');
    put(ids);
    tokens += ids.length;
    if (left > 0) train = tokens;
    else if (first < 0 && ids.length > 0) first = ids[0]!;
  };
  for (const piece of textPieces(files.map(({ path }) => path))) {
    const before = piece.length <= left ? piece : firstCharacters(piece, left);
    if (left > 0) add(before);
    left -= isChar ? 0 : countCharacters(before);
    if (before.length < piece.length) add(piece.slice(before.length));
  }
  const changed = files.find((file) => !isUnchanged(file));
  if (changed !== undefined) throw new Error(`${changed.path} was changed while it was read; start again`);
  if (isChar) return { tokens, train: cutAt(tokens), files: located(files) };
  const begun = first < 0 ? 0 : countCharacters(tokenizer.stream().push(first));
  const charactersPerToken = (characters - cutAt(characters) - begun) / (tokens - train - 1);
  return { tokens, train, charactersPerToken, files: located(files) };
}

/** For notes, which are read from anywhere. */
const located = (files: readonly FileNote[]): FileNote[] =>
  files.map((file) => ({ ...file, path: resolve(file.path) }));

/** Where the tokens of a run are kept: beside it. */
export const tokensFolder = (run = join(runsFolder, 'run')): string => join(dirname(run), '.tokens');

const tokensPath = (folder: string, text: string, tokenizer: Tokenizer): string =>
  join(folder, `${text}-${sha256(JSON.stringify(tokenizer.toJSON()))}.bin`);

/** The tokens of the text with this checksum, if they are kept. @param paths where the text is to be now; its files and
 * those where it was must not have been written since; those that are gone do not matter */
export function keptTokens(
  folder: string,
  text: string,
  tokenizer: Tokenizer,
  paths: readonly string[],
): Encoded | undefined {
  const path = tokensPath(folder, text, tokenizer);
  const notes = readNotes(path, tokenizer.vocabSize);
  if (notes === undefined) return undefined;
  const known = new Set(notes.files.map((file) => file.path));
  const isSame = (note: FileNote) => !existsSync(note.path) || isUnchanged(note);
  if (!notes.files.every(isSame) || !paths.every((path) => known.has(resolve(path)))) return undefined;
  const { train, validation } = openTokens(path, notes, tokenizer.vocabSize);
  const { charactersPerToken } = notes;
  const sample = (part: Tokens, most: number) => [
    { text: firstCharacters(tokenizer.decode(part.subarray(0, most)), most) },
  ];
  return {
    split: { train, validation, charactersPerToken, mostScored: scoredTokens },
    corpus: { documents: sample(train, sampled.train), heldOut: sample(validation, sampled.validation) },
  };
}
