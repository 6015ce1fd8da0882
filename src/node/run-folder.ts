/** Where runs live: runs/<name>/ with run.json, metrics.jsonl and the checkpoints best/ and last/. */
import { appendFileSync, existsSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Checkpoint, type CheckpointFile, decodeCheckpoint } from '../model/checkpoint.ts';
import { attempt, isFolder, listFolder, makeFolder, readBytes, writeFolder } from './files.ts';

export const runsFolder = 'runs';
export type CheckpointName = 'best' | 'last';
const ownFiles = ['run.json', 'metrics.jsonl', 'best', 'last'];

/** A run being written. Its records reach the disk line by line. */
export class RunFolder {
  readonly path: string;

  /** Makes the folder. One that holds anything is refused unless `overwrite`, which removes a run's own files only. */
  constructor(path: string, overwrite: boolean) {
    this.path = path;
    if (existsSync(path) && !isFolder(path))
      throw new Error(`cannot write into ${path}: this is a file; expected a folder`);
    if (isFolder(path) && listFolder(path).length > 0 && !overwrite) {
      throw new Error(
        `${path} is not empty; choose another --out, or say --overwrite to replace the run in it`,
      );
    }
    makeFolder(path);
    for (const name of ownFiles) {
      attempt('replace', join(path, name), () => rmSync(join(path, name), { recursive: true, force: true }));
    }
    this.write('metrics.jsonl', '');
  }

  write(name: string, text: string): void {
    attempt('write', join(this.path, name), () => writeFileSync(join(this.path, name), text));
  }

  /** One JSON line at the end of metrics.jsonl. */
  record(record: object): void {
    const path = join(this.path, 'metrics.jsonl');
    attempt('write', path, () => appendFileSync(path, `${JSON.stringify(record)}\n`));
  }

  save(name: CheckpointName, files: ReadonlyMap<CheckpointFile, Uint8Array>): void {
    writeFolder(join(this.path, name), files);
  }
}

/** runs/<name>, or the first of runs/<name>-2, -3, ... that does not exist. */
export function freshRunPath(name: string): string {
  for (let n = 1; ; n++) {
    const path = join(runsFolder, n === 1 ? name : `${name}-${n}`);
    if (!existsSync(path)) return path;
  }
}

/** The checkpoint folder that a path means: a run's best, else its last, else the folder itself. */
export function findCheckpoint(path: string | undefined): string {
  const start = path ?? newestRun();
  if (!existsSync(start)) throw new Error(`cannot read ${start}: no such folder; npm run train makes a run`);
  if (!isFolder(start))
    throw new Error(`cannot read ${start}: this is a file; expected a run folder or a model folder`);
  const found = [join(start, 'best'), join(start, 'last'), start].find((folder) =>
    existsSync(join(folder, 'config.json')),
  );
  if (found === undefined) {
    throw new Error(
      `${start} holds no model: expected best/, last/ or config.json in it; did the run save anything yet?`,
    );
  }
  return found;
}

export function readCheckpoint(folder: string): Checkpoint {
  return decodeCheckpoint((file) => readBytes(join(folder, file)), folder);
}

function newestRun(): string {
  const runs = (isFolder(runsFolder) ? listFolder(runsFolder) : [])
    .map((name) => join(runsFolder, name))
    .flatMap((path) => {
      const saved = statSync(join(path, 'last', 'config.json'), { throwIfNoEntry: false });
      return saved === undefined ? [] : [{ path, time: saved.mtimeMs }];
    })
    .sort((a, b) => b.time - a.time);
  if (runs[0] === undefined)
    throw new Error(`no run in ${runsFolder}/ yet; npm run train makes one, or say --run FOLDER`);
  return runs[0].path;
}
