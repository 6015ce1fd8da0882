/** Reading and writing files and folders. Errors say what a user can do, and a write that is interrupted never leaves
 * half a file behind. */
import { createHash } from 'node:crypto';
import {
  closeSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { checksumFile } from '../../library/run-files.ts';
import { isObject, quote, show } from '../../model/json.ts';
import { checkLength, decodeText } from './decode.ts';

const reasons: Readonly<Record<string, string>> = {
  ENOENT: 'no such file or folder',
  EISDIR: 'this is a folder; expected a file',
  ENOTDIR: 'a part of this path is a file; expected a folder',
  EACCES: 'no permission',
  EPERM: 'no permission',
  EROFS: 'the file system is read-only',
  ENOSPC: 'the disk is full',
  EDQUOT: 'the disk quota is used up',
  EFBIG: 'the file would be larger than allowed',
  ENAMETOOLONG: 'the name is too long',
};

/** Receives what is wrong with a file that the program can do without. */
export type Warn = (file: string, message: string) => void;

/** Runs a file operation. An error of the system becomes one line that says what was tried and why it failed. */
export function attempt<T>(what: string, path: string, operation: () => T): T {
  try {
    return operation();
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === undefined) throw error;
    throw new Error(`cannot ${what} ${path || '""'}: ${reasons[code] ?? code}`, { cause: error });
  }
}

export function readBytes(path: string): Uint8Array {
  return attempt('read', path, () => {
    if (statSync(path).isDirectory()) throw Object.assign(new Error(), { code: 'EISDIR' });
    return readFileSync(path);
  });
}

/** A UTF-8 text file that is not empty. */
export function readText(path: string): string {
  checkLength(attempt('read', path, () => statSync(path)).size, path);
  const bytes = readBytes(path);
  if (bytes.length === 0) throw new Error(`${path} is empty; expected a text`);
  return decodeText(bytes, path);
}

/** A file that holds one JSON object. */
export function readJson(path: string): Record<string, unknown> {
  if (existsSync(path) && !isFile(path)) throw new Error(`cannot read ${path}: expected a file`);
  const text = readText(path);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new Error(`${path}: expected JSON, got ${quote(text)}`);
  }
  if (!isObject(value)) throw new Error(`${path}: expected a JSON object, got ${show(value)}`);
  return value;
}

export function isFolder(path: string): boolean {
  return existsSync(path) && statSync(path).isDirectory();
}

export function isFile(path: string): boolean {
  return existsSync(path) && statSync(path).isFile();
}

export function listFolder(path: string): string[] {
  return attempt('read', path, () => readdirSync(path)).sort();
}

export function makeFolder(path: string): void {
  attempt('make the folder', path, () => {
    try {
      mkdirSync(path, { recursive: true });
    } catch {
      // Node 20 reports whatever stands in the way as a missing folder; asked for one folder it tells the truth.
      let missing = resolve(path);
      while (!existsSync(dirname(missing))) missing = dirname(missing);
      mkdirSync(missing);
    }
  });
}

export function sha256(bytes: Uint8Array | string): string {
  return createHash('sha256').update(bytes).digest('hex');
}

/** Replaces a whole folder and adds checksums: the new one is written beside the old one, flushed to the disk, and then
 * renamed.
 *
 * Whenever the process is killed, there is one complete folder under one of three names: see `replacements`. */
export function writeFolder(path: string, files: ReadonlyMap<string, Uint8Array>): void {
  const { fresh, old } = replacements(path);
  attempt('write', path, () => {
    rmSync(fresh, { recursive: true, force: true });
    mkdirSync(fresh); // not recursive: a run folder that was taken away stays away
    try {
      const checksums = [...files].map(([name, bytes]) => `${sha256(bytes)}  ${name}\n`).join('');
      for (const [name, bytes] of files) writeFlushed(join(fresh, name), bytes);
      writeFlushed(join(fresh, checksumFile), new TextEncoder().encode(checksums));
      flush(fresh);
    } catch (error) {
      rmSync(fresh, { recursive: true, force: true }); // half of it would only fill a full disk further
      throw error;
    }
    rmSync(old, { recursive: true, force: true });
    if (existsSync(path)) renameSync(path, old);
    renameSync(fresh, path);
    flush(dirname(path));
    rmSync(old, { recursive: true, force: true });
  });
}

/** The other two names of a folder while it is being replaced: one for its new content, one for its old. */
export function replacements(path: string): { readonly fresh: string; readonly old: string } {
  return {
    fresh: join(dirname(path), `.${basename(path)}.new`),
    old: join(dirname(path), `.${basename(path)}.old`),
  };
}

/** Cleans up after a replacement or removal that was interrupted: afterwards there is only `path`, or nothing.
 *
 * If it was interrupted between the two renames, the old content returns; whoever resumes writes the new one again. */
export function settleFolder(path: string): void {
  const { fresh, old } = replacements(path);
  attempt('tidy', path, () => {
    if (existsSync(fresh) && existsSync(old) && !existsSync(path)) renameSync(old, path);
    for (const rest of [fresh, old]) rmSync(rest, { recursive: true, force: true });
  });
}

/** Removes a folder in such a way that nobody ever finds a part of it under its name. */
export function removeFolder(path: string): void {
  const { old } = replacements(path);
  attempt('remove', path, () => {
    rmSync(old, { recursive: true, force: true });
    renameSync(path, old);
    rmSync(old, { recursive: true, force: true });
  });
}

/** Throws unless every file of the folder is as `writeFolder` wrote it. A folder without checksums is accepted. */
export function verifyFolder(path: string): void {
  const list = join(path, checksumFile);
  if (!existsSync(list)) return;
  const named = new Map<string, string>();
  for (const line of new TextDecoder().decode(readBytes(list)).split('\n')) {
    if (line === '') continue;
    const match = /^([0-9a-f]{64}) {2}([\w.-]+)$/.exec(line);
    if (match === null) throw new Error(`${list} is damaged: expected a checksum and a name in each line`);
    named.set(match[2]!, match[1]!);
  }
  const unnamed = listFolder(path).find((name) => name !== checksumFile && !named.has(name));
  if (unnamed !== undefined)
    throw new Error(`${path}: ${quote(unnamed)} has no checksum in ${list}; this folder was changed`);
  for (const [name, expected] of named) {
    if (sha256(readBytes(join(path, name))) !== expected) {
      throw new Error(`${join(path, name)} is damaged: its checksum is not the one in ${checksumFile}`);
    }
  }
}

/** Replaces a small file in one step: readers see the old file or the new one. */
export function writeFile(path: string, text: string): void {
  const fresh = join(dirname(path), `.${basename(path)}.new`);
  attempt('write', path, () => {
    try {
      writeFlushed(fresh, new TextEncoder().encode(text));
      renameSync(fresh, path);
    } catch (error) {
      if (isFile(fresh)) rmSync(fresh); // a half would only fill a full disk further
      throw error;
    }
  });
}

function writeFlushed(path: string, bytes: Uint8Array): void {
  const file = openSync(path, 'w');
  try {
    writeFileSync(file, bytes);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}

/** Makes sure that the names in a folder are on the disk, if the system can do that. */
function flush(folder: string): void {
  if (process.platform === 'win32') return; // folders cannot be opened there
  const handle = openSync(folder, 'r');
  try {
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
}
