/** Reads the texts that --data names: files, all files below a folder, gzip of each, standard input. */

import { constants } from 'node:buffer';
import { lstatSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { normalizeText } from '../../model/text/tokenizer.ts';
import { decodeText } from '../host/decode.ts';
import { attempt, isFile, isFolder, listFolder, readBytes } from '../host/files.ts';
import { readInputBytes } from '../host/text-in.ts';

export interface NamedText {
  readonly name: string;
  /** Normalized. */
  readonly text: string;
}

export interface Texts {
  readonly texts: readonly NamedText[];
  /** Why files below folders were left out, a line for each. A file that is named itself is an error then. */
  readonly skipped: readonly string[];
}

/** The texts in the order of the paths; those below a folder in the order of their names, without hidden ones. */
export async function readTexts(paths: readonly string[]): Promise<Texts> {
  const texts: NamedText[] = [];
  const skipped: string[] = [];
  if (paths.filter((path) => path === '-').length > 1)
    throw new Error('standard input can be read only once');
  for (const path of paths) {
    if (path === '-') texts.push(textOf(await readInputBytes(), 'standard input', 'FILE'));
    else if (isFolder(path)) texts.push(...readFolder(path, skipped));
    else texts.push(readFile(path));
  }
  return { texts, skipped };
}

function readFolder(folder: string, skipped: string[]): NamedText[] {
  const already = skipped.length;
  const texts = filesBelow(folder).flatMap((path) => {
    try {
      return [readFile(path)];
    } catch (error) {
      skipped.push((error as Error).message);
      return [];
    }
  });
  if (texts.length > 0) return texts;
  const reasons = skipped.slice(already);
  const why =
    reasons.length === 0 ? 'it has no files' : `${reasons.length} left out, the first: ${reasons[0]}`;
  throw new Error(`${folder} is a folder without text; expected text files in it: ${why}`);
}

/** Without hidden ones. Links to folders are not followed, because they may lead back. */
export function filesBelow(folder: string): string[] {
  return listFolder(folder)
    .filter((name) => !name.startsWith('.'))
    .map((name) => join(folder, name))
    .flatMap((path) =>
      attempt('read', path, () => lstatSync(path)).isDirectory()
        ? filesBelow(path)
        : isFile(path)
          ? [path]
          : [],
    );
}

const readFile = (path: string): NamedText => textOf(readBytes(path), path, path.replace(/\.gz$/, ''));

/** @param file how a command that converts it would call it */
function textOf(stored: Uint8Array, name: string, file: string): NamedText {
  const bytes = stored[0] === 0x1f && stored[1] === 0x8b ? unpacked(stored, name) : stored;
  if (bytes.length === 0) throw new Error(`${name} is empty; expected a text`);
  return { name, text: normalizeText(decodeText(bytes, name, file)) };
}

function unpacked(bytes: Uint8Array, name: string): Uint8Array {
  try {
    return gunzipSync(bytes, { maxOutputLength: constants.MAX_STRING_LENGTH });
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code !== 'ERR_BUFFER_TOO_LARGE') throw new Error(`${name} is damaged gzip: ${message}`);
    const most = Math.floor(constants.MAX_STRING_LENGTH / 1e6);
    throw new Error(
      `${name} is too long: expected at most ${most} MB of text, unpacked; unpack it, and npm run train reads it in pieces`,
    );
  }
}
