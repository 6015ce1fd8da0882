/** The files that --data names: files, all files below a folder, - for standard input. */
import { lstatSync } from 'node:fs';
import { join } from 'node:path';
import { attempt, isFile, isFolder, listFolder } from '../host/files.ts';
import { textPieces } from './pieces.ts';

/** In the order of the paths; those below a folder in the order of their names. @param skipped gets a line for each that is left
 * out of a folder, because it is no text; a file that is named itself has to be one */
export async function textFiles(paths: readonly string[], skipped: string[]): Promise<string[]> {
  const files: string[] = [];
  for (const path of paths) {
    if (!isFolder(path)) {
      files.push(path);
      continue;
    }
    const [before, already] = [files.length, skipped.length];
    for (const file of filesBelow(path)) {
      try {
        for await (const _ of textPieces([file]));
        files.push(file);
      } catch (error) {
        skipped.push((error as Error).message);
      }
    }
    if (files.length > before) continue;
    const reasons = skipped.slice(already);
    const why =
      reasons.length === 0 ? 'it has no files' : `${reasons.length} left out, the first: ${reasons[0]}`;
    throw new Error(`${path} is a folder without text; expected text files in it: ${why}`);
  }
  return files;
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
