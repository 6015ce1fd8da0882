/** The folder of a run while it is written; folder.ts says what is in it.
 *
 * A checkpoint that cannot be written is an error. All other files only tell about the training: if one of them cannot
 * be written, there is one warning and the run goes on. */
import { appendFileSync, existsSync, rmSync, statSync, truncateSync } from 'node:fs';
import { join } from 'node:path';
import { stepName } from '../../library/run-files.ts';
import type { CheckpointFile } from '../../model/files/checkpoint.ts';
import type { StateFile } from '../../train/state.ts';
import {
  attempt,
  isFile,
  isFolder,
  listFolder,
  makeFolder,
  removeFolder,
  settleFolder,
  type Warn,
  writeFile,
  writeFolder,
} from '../host/files.ts';
import { lastIndexIn } from '../host/lines.ts';
import { oneLine } from '../host/printable.ts';
import { stepFolders } from './folder.ts';
import { lockFolder } from './lock.ts';

const ownFiles =
  /^(metrics\.jsonl|(run|baselines)\.json|report\.html|sweep\.svg|best|step-\d{8}|\.(best|step-\d{8}|(run|baselines)\.json|report\.html)\.(new|old))$/;

const toStandardError = (message: string): void => console.error(`warning: ${message}`);

/** A run being written, locked against a second trainer. Its records reach the disk line by line. */
export class RunFolder {
  readonly path: string;
  readonly release: () => void;
  readonly #say: (message: string) => void;
  readonly #told = new Set<string>();
  /** Whether the last line of metrics.jsonl may be incomplete. */
  #torn = false;

  private constructor(path: string, say: (message: string) => void) {
    this.path = path;
    this.release = lockFolder(path);
    this.#say = say;
  }

  /** Makes the folder. If it exists and is not empty, this is an error, or with `overwrite` a run's own files are
   * removed from it. @param say receives warnings about by-products */
  static create(path: string, overwrite: boolean, say = toStandardError): RunFolder {
    if (existsSync(path) && !isFolder(path)) {
      throw new Error(`cannot write into ${path}: this is a file; expected a folder`);
    }
    if (isFolder(path) && listFolder(path).length > 0 && !overwrite) {
      throw new Error(
        `${path} is not empty; choose another --out, or say --overwrite to replace the run in it`,
      );
    }
    makeFolder(path);
    const run = new RunFolder(path, say);
    for (const name of listFolder(path).filter((entry) => ownFiles.test(entry))) {
      attempt('replace', join(path, name), () => rmSync(join(path, name), { recursive: true, force: true }));
    }
    return run;
  }

  /** Opens the folder of a run that stopped or was killed at any moment; what was half done is repaired first. It needs
   * nothing but a checkpoint. @param say receives warnings about by-products */
  static reopen(path: string, say = toStandardError): RunFolder {
    if (!isFolder(path)) throw new Error(`cannot resume ${path}: no such run folder`);
    if (!existsSync(join(path, 'run.json')) && stepFolders(path).length === 0) {
      throw new Error(`cannot resume ${path}: it is not a run; expected run.json in it`);
    }
    const run = new RunFolder(path, say);
    try {
      for (const name of listFolder(path)) {
        const halfDone = /^\.(best|step-\d{8})\.(new|old)$/.exec(name)?.[1];
        if (halfDone !== undefined) settleFolder(join(path, halfDone));
      }
      for (const name of ['run.json', 'metrics.jsonl']) {
        const file = join(path, name);
        if (!existsSync(file)) run.warn(file, `${file} is missing; the report goes on without it`);
      }
      run.byProduct('metrics.jsonl', cutTornLine);
    } catch (error) {
      run.release();
      throw error;
    }
    return run;
  }

  /** Says what is wrong with a file, only once for each file. */
  readonly warn: Warn = (file, message) => {
    if (this.#told.has(file)) return;
    this.#told.add(file);
    this.#say(oneLine(message));
  };

  /** Does something to a file that training can do without: an error becomes a warning. */
  byProduct(name: string, action: (path: string) => void): void {
    const path = join(this.path, name);
    try {
      action(path);
    } catch (error) {
      this.warn(path, `${(error as Error).message}; going on without it`);
    }
  }

  write(name: string, text: string): void {
    this.byProduct(name, (path) => writeFile(path, text));
  }

  /** One JSON line at the end of metrics.jsonl. */
  record(record: object): void {
    this.byProduct('metrics.jsonl', (path) => {
      if (this.#torn) cutTornLine(path);
      this.#torn = true;
      attempt('write', path, () => appendFileSync(path, `${JSON.stringify(record)}\n`));
      this.#torn = false;
    });
  }

  /** Whether the final evaluation is recorded, and no step after it. */
  isClosed(): boolean {
    const path = join(this.path, 'metrics.jsonl');
    try {
      return lastIndexIn(path, '{"kind":"final"') > lastIndexIn(path, '{"kind":"step"');
    } catch {
      return false; // no records to tell
    }
  }

  saveBest(files: ReadonlyMap<StateFile | CheckpointFile, Uint8Array>): void {
    writeFolder(join(this.path, 'best'), files);
  }

  /** Saves the state after `step` updates and removes all but the newest `keep`. */
  saveStep(step: number, files: ReadonlyMap<StateFile, Uint8Array>, keep: number): void {
    writeFolder(join(this.path, stepName(step)), files);
    for (const name of stepFolders(this.path).slice(keep)) this.byProduct(name, removeFolder);
  }
}

/** Removes a last line that was not completely written, so that the next record begins on a new line. */
function cutTornLine(path: string): void {
  if (!existsSync(path)) return;
  if (!isFile(path)) throw new Error(`cannot write ${path}: expected a file`);
  attempt('tidy', path, () => {
    const end = lastIndexIn(path, '\n') + 1;
    if (end < statSync(path).size) truncateSync(path, end);
  });
}
