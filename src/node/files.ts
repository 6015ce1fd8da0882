/** Files and folders, with errors a user can act on and writes that never leave half a file behind. */
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';

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

/** Runs a file operation; an error of the system becomes one line that says what was tried and what stood in the way. */
export function attempt<T>(what: string, path: string, operation: () => T): T {
  try {
    return operation();
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === undefined) throw error;
    throw new Error(`cannot ${what} ${path}: ${reasons[code] ?? code}`);
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
  const bytes = readBytes(path);
  if (bytes.length === 0) throw new Error(`${path} is empty; expected a text`);
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw new Error(`${path} is not UTF-8 text; expected a plain text file`);
  }
  if (text.includes('\0'))
    throw new Error(`${path} holds NUL bytes: a binary file; expected a plain text file`);
  return text;
}

export function isFolder(path: string): boolean {
  return existsSync(path) && statSync(path).isDirectory();
}

export function listFolder(path: string): string[] {
  return attempt('read', path, () => readdirSync(path)).sort();
}

export function makeFolder(path: string): void {
  attempt('make the folder', path, () => mkdirSync(path, { recursive: true }));
}

/** Replaces a whole folder: written beside, then renamed, so that readers see the old one or the new one. */
export function writeFolder(path: string, files: ReadonlyMap<string, Uint8Array>): void {
  const beside = join(dirname(path), `.${basename(path)}.new`);
  const old = join(dirname(path), `.${basename(path)}.old`);
  attempt('write', path, () => {
    for (const left of [beside, old]) rmSync(left, { recursive: true, force: true });
    mkdirSync(beside, { recursive: true });
    for (const [name, bytes] of files) writeFileSync(join(beside, name), bytes);
    if (existsSync(path)) renameSync(path, old);
    renameSync(beside, path);
    rmSync(old, { recursive: true, force: true });
  });
}
