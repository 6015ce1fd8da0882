/** Token ids in a file, one or two bytes each, and what belongs to them in a small file beside it. */
import { createHash } from 'node:crypto';
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
const version = 2;

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
  /** Whether prompts are not learned, so that a token may be ~id: then the numbers have a sign. */
  readonly signed?: boolean;
  /** Whether these are documents. */
  readonly ends?: boolean;
  /** How many prompts had no room in the context. */
  readonly longPrompts?: number;
  readonly files: readonly FileNote[];
  /** Of the file of tokens. */
  readonly sha256: string;
}
/** What is known of tokens besides the file that they are in. */
export type AboutTokens = Omit<TokenNotes, 'bytes' | 'signed' | 'sha256'>;

const notesPath = (path: string): string => path.replace(/\.bin$/, '.json');

/** The numbers of a file. */
export type IdArray = typeof Uint8Array | typeof Uint16Array | typeof Int8Array | typeof Int16Array;

function arrayOf({ bytes, signed }: Pick<TokenNotes, 'bytes' | 'signed'>): IdArray {
  if (signed) return bytes === 1 ? Int8Array : Int16Array;
  return bytes === 1 ? Uint8Array : Uint16Array;
}

export const packed = (ids: ArrayLike<number>, kind: IdArray): Uint8Array =>
  new Uint8Array(kind.from(ids).buffer);

/** @param raw may begin anywhere in its memory */
export function unpacked(raw: Uint8Array, kind: IdArray): InstanceType<IdArray> {
  const whole = raw.byteOffset % kind.BYTES_PER_ELEMENT === 0 ? raw : Uint8Array.from(raw);
  return new kind(whole.buffer as ArrayBuffer, whole.byteOffset, whole.length / kind.BYTES_PER_ELEMENT);
}

/** Tokens that are read whenever they are asked for. */
export class TokenFile implements Tokens {
  readonly length: number;
  readonly #path: string;
  readonly #file: number;
  readonly #first: number;
  readonly #kind: IdArray;
  readonly #vocabSize: number;

  /** Tokens `first` to `first + length - 1` of an open file. */
  constructor(path: string, file: number, kind: IdArray, vocabSize: number, first: number, length: number) {
    this.length = length;
    this.#path = path;
    this.#file = file;
    this.#first = first;
    this.#kind = kind;
    this.#vocabSize = vocabSize;
  }

  /** An Error of one line where the file is damaged. */
  subarray(start: number, end: number): Int32Array {
    const count = Math.max(0, Math.min(end, this.length) - start);
    const size = this.#kind.BYTES_PER_ELEMENT;
    const raw = new Uint8Array(count * size);
    const at = (this.#first + start) * size;
    const got = attempt('read', this.#path, () => readSync(this.#file, raw, 0, raw.length, at));
    const ids = Int32Array.from(unpacked(raw, this.#kind));
    const isOther = (id: number) => (id < 0 ? ~id : id) >= this.#vocabSize;
    const bad = got < raw.length ? 'it is too short' : ids.find(isOther);
    if (bad === undefined) return ids;
    const what = typeof bad === 'string' ? bad : `token ${bad} is none of the ${this.#vocabSize}`;
    throw new Error(`${this.#path} is damaged: ${what}; remove it, and the text is read anew`);
  }
}

/** Whether so many tokens can be told apart, and with how many bytes. */
function bytesFor(vocabSize: number, signed: boolean): 1 | 2 {
  const numbers = signed ? 2 * vocabSize : vocabSize;
  if (numbers <= mostIds) return numbers <= 256 ? 1 : 2;
  const most = (signed ? mostIds / 2 : mostIds).toLocaleString('en-US');
  throw new RangeError(
    `a vocabulary of ${vocabSize.toLocaleString('en-US')} tokens is too large for a text that is kept in a file; expected at most ${most}; try --tokenizer bpe`,
  );
}

/** Writes tokens and their notes, each beside its place and then renamed. @param signed see `TokenNotes` @param write puts the
 * tokens there, in any number of parts, and returns what is to be noted; it may use the folder */
export async function writeTokens(
  path: string,
  vocabSize: number,
  signed: boolean,
  write: (
    put: (ids: ArrayLike<number>) => void,
    parts: readonly [folder: string, kind: IdArray],
  ) => Promise<AboutTokens>,
): Promise<void> {
  const form = { bytes: bytesFor(vocabSize, signed), ...(signed && { signed }) };
  const kind = arrayOf(form);
  makeFolder(dirname(path));
  const fresh = join(dirname(path), `.${basename(path)}.${process.pid}.new`);
  const file = attempt('write', path, () => openSync(fresh, 'w'));
  const hash = createHash('sha256');
  const put = (ids: ArrayLike<number>) => {
    const raw = packed(ids, kind);
    hash.update(raw);
    attempt('write', path, () => {
      for (let at = 0; at < raw.length; ) at += writeSync(file, raw, at);
    });
  };
  try {
    const notes = await write(put, [`${fresh}.parts`, kind]);
    attempt('write', path, () => {
      fsyncSync(file);
      renameSync(fresh, path);
    });
    noteTokens(path, { ...form, ...notes, sha256: hash.digest('hex') });
  } catch (error) {
    rmSync(fresh, { force: true }); // half of it would only fill a full disk further
    throw error;
  } finally {
    closeSync(file);
  }
}

export function noteTokens(path: string, notes: TokenNotes): void {
  const { mtimeMs } = statSync(path);
  writeFile(notesPath(path), `${JSON.stringify({ version, ...notes, mtimeMs }, null, 2)}\n`);
}

/** The checksum of a file of any length. */
function fileSha256(path: string): string {
  const hash = createHash('sha256');
  const file = openSync(path, 'r');
  const bytes = Buffer.alloc(1 << 20);
  try {
    for (let got = -1; got !== 0; ) {
      got = readSync(file, bytes, 0, bytes.length, null);
      hash.update(bytes.subarray(0, got));
    }
  } finally {
    closeSync(file);
  }
  return hash.digest('hex');
}

/** The notes of a file of tokens, or undefined where there is none that fits them. */
export function readNotes(path: string, vocabSize: number): TokenNotes | undefined {
  if (!existsSync(path) || !existsSync(notesPath(path))) return undefined;
  try {
    const { mtimeMs, ...notes } = readJson(notesPath(path)) as unknown as TokenNotes & {
      readonly version: number;
      readonly mtimeMs: number;
    };
    const now = statSync(path);
    const { bytes, signed = false, tokens, train, files } = notes;
    const fits =
      notes.version === version &&
      bytes === bytesFor(vocabSize, signed) &&
      now.size === tokens * bytes &&
      Number.isInteger(train) &&
      train <= tokens &&
      Array.isArray(files) &&
      (now.mtimeMs === mtimeMs || fileSha256(path) === notes.sha256); // as it is after a copy
    return fits ? notes : undefined;
  } catch {
    return undefined; // it is written anew
  }
}

/** The two parts of a file of tokens. */
export function openTokens(path: string, notes: TokenNotes, vocabSize: number) {
  const { tokens, train } = notes;
  const file = attempt('read', path, () => openSync(path, 'r'));
  const part = (first: number, length: number) =>
    new TokenFile(path, file, arrayOf(notes), vocabSize, first, length);
  return { train: part(0, train), validation: part(train, tokens - train) };
}
