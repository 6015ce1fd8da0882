/** Token ids in a file, one or two bytes each, and what belongs to them in a small file beside it. */
import {
  closeSync,
  existsSync,
  fsyncSync,
  openSync,
  readSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';
import type { Tokens } from '../../train/dataset.ts';
import { attempt, makeFolder, readJson, writeFile } from '../host/files.ts';

/** The most tokens that a vocabulary may have, for two bytes a token. */
const mostIds = 1 << 16;
const version = 1;

/** A text file as it was when it was read. */
export interface FileNote {
  readonly path: string;
  readonly size: number;
  readonly mtimeMs: number;
}

/** What stands beside the tokens, as JSON. */
export interface TokenNotes {
  /** How many bytes a token has; little endian. */
  readonly bytes: 1 | 2;
  readonly tokens: number;
  /** How many of them are the training part, which comes first. */
  readonly train: number;
  readonly charactersPerToken?: number | undefined;
  readonly files: readonly FileNote[];
}

const notesPath = (path: string): string => path.replace(/\.bin$/, '.json');

/** Tokens that are read whenever they are asked for. */
export class TokenFile implements Tokens {
  readonly length: number;
  readonly #path: string;
  readonly #file: number;
  readonly #first: number;
  readonly #bytes: 1 | 2;
  readonly #vocabSize: number;

  /** Tokens `first` to `first + length - 1` of an open file. */
  constructor(path: string, file: number, bytes: 1 | 2, vocabSize: number, first: number, length: number) {
    this.length = length;
    this.#path = path;
    this.#file = file;
    this.#first = first;
    this.#bytes = bytes;
    this.#vocabSize = vocabSize;
  }

  /** An Error of one line where the file is damaged. */
  subarray(start: number, end: number): Int32Array {
    const count = Math.max(0, Math.min(end, this.length) - start);
    const raw = new Uint8Array(count * this.#bytes);
    const at = (this.#first + start) * this.#bytes;
    const got = attempt('read', this.#path, () => readSync(this.#file, raw, 0, raw.length, at));
    const ids = Int32Array.from(this.#bytes === 1 ? raw : new Uint16Array(raw.buffer));
    const bad = got < raw.length ? 'it is too short' : ids.find((id) => id >= this.#vocabSize);
    if (bad === undefined) return ids;
    const what = typeof bad === 'string' ? bad : `token ${bad} is none of the ${this.#vocabSize}`;
    throw new Error(`${this.#path} is damaged: ${what}; remove it, and the text is read anew`);
  }
}

/** Whether so many tokens can be told apart, and with how many bytes. */
function bytesFor(vocabSize: number): 1 | 2 {
  if (vocabSize <= mostIds) return vocabSize <= 256 ? 1 : 2;
  const most = mostIds.toLocaleString('en-US');
  throw new RangeError(
    `a vocabulary of ${vocabSize.toLocaleString('en-US')} tokens is too large for a text that is kept in a file; expected at most ${most}; try --tokenizer bpe`,
  );
}

/** Writes tokens and their notes, each beside its place and then renamed. @param write puts the tokens there, in any number
 * of parts, and returns what is to be noted */
export function writeTokens(
  path: string,
  vocabSize: number,
  write: (put: (ids: Int32Array) => void) => Omit<TokenNotes, 'bytes'>,
): void {
  const bytes = bytesFor(vocabSize);
  makeFolder(dirname(path));
  const fresh = join(dirname(path), `.${basename(path)}.${process.pid}.new`);
  const file = attempt('write', path, () => openSync(fresh, 'w'));
  try {
    const notes = write((ids) => {
      const raw = bytes === 1 ? Uint8Array.from(ids) : new Uint8Array(Uint16Array.from(ids).buffer);
      attempt('write', path, () => {
        for (let at = 0; at < raw.length; ) at += writeSync(file, raw, at);
      });
    });
    attempt('write', path, () => {
      fsyncSync(file);
      renameSync(fresh, path);
    });
    noteTokens(path, { bytes, ...notes });
  } catch (error) {
    rmSync(fresh, { force: true }); // half of it would only fill a full disk further
    throw error;
  } finally {
    closeSync(file);
  }
}

export function noteTokens(path: string, notes: TokenNotes): void {
  writeFile(notesPath(path), `${JSON.stringify({ version, ...notes }, null, 2)}\n`);
}

/** The notes of a file of tokens, or undefined where there is none that fits them. */
export function readNotes(path: string, vocabSize: number): TokenNotes | undefined {
  if (!existsSync(path) || !existsSync(notesPath(path))) return undefined;
  try {
    const notes = readJson(notesPath(path)) as unknown as TokenNotes & { readonly version: number };
    const { bytes, tokens, train, files } = notes;
    const fits =
      notes.version === version &&
      bytes === bytesFor(vocabSize) &&
      statSync(path).size === tokens * bytes &&
      Number.isInteger(train) &&
      train <= tokens &&
      Array.isArray(files);
    return fits ? notes : undefined;
  } catch {
    return undefined; // it is written anew
  }
}

/** The two parts of a file of tokens. */
export function openTokens(path: string, { bytes, tokens, train }: TokenNotes, vocabSize: number) {
  const file = attempt('read', path, () => openSync(path, 'r'));
  const part = (first: number, length: number) => new TokenFile(path, file, bytes, vocabSize, first, length);
  return { train: part(0, train), validation: part(train, tokens - train) };
}
