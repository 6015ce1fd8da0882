/** Texts that are too large to be held: their tokens are kept in a file, from which windows are read. It is written in two passes
 * over the text, and kept for later runs and for --resume. */
import { existsSync, statSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import type { Tokenizer } from '../../model/text/tokenizer.ts';
import type { CorpusChoice, Loss } from '../../train/corpus-choice.ts';
import { encodeSplit, type Split, type Tokens } from '../../train/dataset.ts';
import { type Corpus, decodeDocuments, type EncodeOptions, firstCharacters } from '../../train/documents.ts';
import { attempt, isFile, isFolder, sha256 } from '../host/files.ts';
import { runsFolder } from '../runs/folder.ts';
import { documentsOf, isRecords, readCorpus } from './corpus.ts';
import { encodeLargeDocuments, encodeLargeText } from './encode-large.ts';
import { filesBelow } from './files.ts';
import { bytesAt, isPacked } from './pieces.ts';
import { type ReadText, scan } from './scan.ts';
import { type FileNote, noteTokens, openTokens, readNotes, writeTokens } from './token-file.ts';

/** From so many bytes on, texts are large. */
export const largeBytes = 1 << 26;
/** How many tokens of each part are looked at where all would be too many: to count n-grams, to find known words. */
export const sampled = { train: 1 << 22, validation: 1 << 19 };
/** How many held-out tokens the last evaluation takes. */
const scoredTokens = 1 << 20;

/** What --data and --val-data name, in pieces if it is large. @param least bytes that are large */
export async function readText(choice: CorpusChoice, plain = false, least = largeBytes): Promise<ReadText> {
  const paths = [...choice.data, ...(choice.valData ?? [])];
  if (!paths.every((path) => isFile(path) || isFolder(path))) return readCorpus(choice, plain);
  const files = paths.flatMap((path) => (isFolder(path) ? filesBelow(path) : [path])).map(noteOf);
  const jsonLines = files.some(({ path }) => isRecords(choice, plain, path));
  const mode = documentsOf(choice, jsonLines);
  const isLarge = files.reduce((sum, file) => sum + textBytes(file), 0) >= least;
  // JSON lines as one text have no borders at which BPE could be cut.
  return isLarge && !(jsonLines && mode === 'none')
    ? scan(choice, mode, plain, files)
    : readCorpus(choice, plain);
}

/** How long a text is, unpacked: gzip ends with that, where it was made in one go and is below 4 GB. */
function textBytes({ path, size }: FileNote): number {
  if (size < 18 || !isPacked(bytesAt(path, 0, 2))) return size;
  return Math.max(size, bytesAt(path, size - 4, 4).readUInt32LE());
}

function noteOf(path: string): FileNote {
  const { size, mtimeMs } = attempt('read', path, () => statSync(path));
  return { path, size, mtimeMs };
}

function isUnchanged({ path, size, mtimeMs }: FileNote): boolean {
  const now = noteOf(path);
  return now.size === size && now.mtimeMs === mtimeMs;
}

/** A text as tokens, and what else of it a run looks at: all of a small one, of a large one a sample. */
export interface Encoded {
  readonly split: Split;
  readonly corpus: Corpus;
}

/** What the tokens of a text depend on besides the tokenizer. */
export interface Encoding {
  readonly sha256: string;
  readonly loss: Loss | undefined;
  /** Where there are prompts, the context has to have room for them. */
  readonly context: number;
}

/** Both parts of a text as tokens, those of a large one in a file in `folder`, which is written if it is not there. */
export async function encodeText(
  read: ReadText,
  tokenizer: Tokenizer,
  options: EncodeOptions & { readonly context: number },
  folder: string,
): Promise<Encoded> {
  const { large, corpus } = read;
  if (large === undefined) return { split: encodeSplit(corpus, tokenizer, options), corpus };
  tokenizer.encode(corpus.heldOut![0]!.text, options.unknown); // an error names what has no token
  const { ends, loss } = corpus;
  const encoding = { sha256: read.sha256, loss, context: options.context };
  const path = tokensPath(folder, encoding, tokenizer);
  const { files } = large;
  const known = readNotes(path, tokenizer.vocabSize);
  const located = files.map((file) => ({ ...file, path: resolve(file.path) }));
  if (known !== undefined) noteTokens(path, { ...known, files: located });
  else {
    const signed = loss === 'completion';
    await writeTokens(path, tokenizer.vocabSize, signed, async (put, parts) => {
      const written = await (ends
        ? encodeLargeDocuments(large, corpus, tokenizer, options, parts, put)
        : encodeLargeText(large, tokenizer, put));
      const changed = files.find((file) => !isUnchanged(file));
      if (changed !== undefined)
        throw new Error(`${changed.path} was changed while it was read; start again`);
      return { ...written, ...(ends && { ends }), files: located };
    });
  }
  const longPrompts = readNotes(path, tokenizer.vocabSize)?.longPrompts ?? 0;
  for (let i = 0; i < longPrompts; i++) options.onLongPrompt?.();
  return keptTokens(folder, encoding, tokenizer, [])!;
}

/** Where the tokens of a run are kept: beside it. */
export const tokensFolder = (run = join(runsFolder, 'run')): string => join(dirname(run), '.tokens');

function tokensPath(folder: string, { sha256: text, loss, context }: Encoding, tokenizer: Tokenizer): string {
  const way = JSON.stringify(tokenizer.toJSON()) + (loss === undefined ? '' : `${loss} ${context}`);
  return join(folder, `${text}-${sha256(way)}.bin`);
}

/** The tokens of a text, if they are kept. @param paths where the text is to be now; its files and those where it was must not
 * have been written since; those that are gone do not matter */
export function keptTokens(
  folder: string,
  encoding: Encoding,
  tokenizer: Tokenizer,
  paths: readonly string[],
): Encoded | undefined {
  const path = tokensPath(folder, encoding, tokenizer);
  const notes = readNotes(path, tokenizer.vocabSize);
  if (notes === undefined) return undefined;
  const known = new Set(notes.files.map((file) => file.path));
  const isSame = (note: FileNote) => !existsSync(note.path) || isUnchanged(note);
  if (!notes.files.every(isSame) || !paths.every((path) => known.has(resolve(path)))) return undefined;
  const { train, validation } = openTokens(path, notes, tokenizer.vocabSize);
  const { charactersPerToken, ends = false } = notes;
  const sample = (part: Tokens, most: number) => {
    const ids = part.subarray(0, most);
    return ends ? decodeDocuments(ids, tokenizer) : [{ text: firstCharacters(tokenizer.decode(ids), most) }];
  };
  return {
    split: {
      ...{ train, validation, charactersPerToken, mostScored: scoredTokens },
      end: ends ? tokenizer.endOfText : undefined,
    },
    corpus: {
      documents: sample(train, sampled.train),
      heldOut: sample(validation, sampled.validation),
      ends,
      ...(encoding.loss && { loss: encoding.loss }),
    },
  };
}
