/** The folder of a run: what is in it, how it is written, and how models and checkpoints are found in it.
 *
 *     runs/<name>/
 *       best/            the checkpoint with the lowest validation loss
 *       step-00000400/   the newest checkpoints, from which training can be resumed
 *       run.json         the settings, and the machine
 *       metrics.jsonl    one record a line: steps, evaluations, samples, warnings
 *       baselines.json   the losses of n-gram models on the same split
 *       report.html      all of it as a page
 *       sweep.svg        how its texts change with temperature and top-p, if npm run eval -- --sweep has drawn it
 *       lock             while a trainer is at work */
import { appendFileSync, existsSync, mkdirSync, rmSync, statSync, truncateSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { type Checkpoint, type CheckpointFile, decodeCheckpoint } from '../../model/files/checkpoint.ts';
import type { Baseline } from '../../train/metrics.ts';
import { decodeState, type StateFile, type TrainingState } from '../../train/state.ts';
import { readBaselines } from '../train/baselines.ts';
import {
  attempt,
  checksumFile,
  isFile,
  isFolder,
  listFolder,
  makeFolder,
  readBytes,
  removeFolder,
  replacements,
  settleFolder,
  verifyFolder,
  type Warn,
  writeFile,
  writeFolder,
} from '../host/files.ts';
import { lastIndexIn } from '../host/lines.ts';
import { lockFolder } from './lock.ts';
import { oneLine } from '../host/printable.ts';

export const runsFolder = 'runs';
const stepFolder = /^step-\d{8}$/;
const ownFiles =
  /^(metrics\.jsonl|(run|baselines)\.json|report\.html|sweep\.svg|best|step-\d{8}|\.(best|step-\d{8}|(run|baselines)\.json|report\.html)\.(new|old))$/;

/** A checkpoint from which training can be resumed. */
export interface SavedState {
  readonly folder: string;
  readonly state: TrainingState;
  readonly checkpoint: Checkpoint;
  readonly optimizer: Uint8Array;
  /** Newer checkpoints that could not be used, and why. */
  readonly damaged: readonly string[];
}

const toStandardError = (message: string): void => console.error(`warning: ${message}`);

/** A run being written, locked against a second trainer. Its records reach the disk line by line.
 *
 * A checkpoint that cannot be written is an error. All other files only tell about the training: if one of them cannot
 * be written, there is one warning and the run goes on. */
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

  /** The n-gram losses of this corpus, if the run has all of them. */
  readBaselines(corpusSha256: string): readonly Baseline[] | undefined {
    const path = join(this.path, 'baselines.json');
    if (!existsSync(path)) return undefined;
    try {
      const saved = readBaselines(path, (_, message) => {
        throw new Error(message);
      });
      return saved.corpusSha256 === corpusSha256 ? saved.baselines : undefined;
    } catch (error) {
      this.warn(path, `${(error as Error).message}; counting again`);
      return undefined;
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

/** The newest checkpoint of a run that is not damaged; damaged ones are skipped and listed.
 *
 * One that is not damaged and still cannot be used, such as that of another version, is an error: to take an older one
 * would only hide it. */
export function newestState(path: string): SavedState {
  const damaged: string[] = [];
  for (const name of stepFolders(path)) {
    const folder = join(path, name);
    try {
      if (!existsSync(join(folder, checksumFile)))
        throw new Error(`${folder} has no ${checksumFile}; it is damaged`);
      verifyFolder(folder);
    } catch (error) {
      damaged.push((error as Error).message);
      continue;
    }
    const state = decodeState(readBytes(join(folder, 'state.json')), `${folder}/state.json`);
    if (stepName(state.step) !== name) {
      throw new Error(
        `${folder}/state.json: expected the step that the folder is named after, got ${state.step}`,
      );
    }
    const optimizer = readBytes(join(folder, 'optimizer.safetensors'));
    return { folder, state, checkpoint: readCheckpoint(folder), optimizer, damaged };
  }
  throw new Error(damaged[0] ?? `cannot resume ${path}: it holds no checkpoint yet (step-...)`);
}

/** runs/<name>, or the first of runs/<name>-2, -3, ... that does not exist. The folder is made at once, so that no
 * other process takes it. */
export function freshRunPath(name: string): string {
  makeFolder(runsFolder);
  for (let n = 1; ; n++) {
    const path = join(runsFolder, n === 1 ? name : `${name}-${n}`);
    if (existsSync(path)) continue;
    attempt('make the folder', path, () => mkdirSync(path));
    return path;
  }
}

/** The folder with the model that a path stands for: of a run the best, else the newest checkpoint; else the folder
 * itself. */
export function findCheckpoint(path: string | undefined): string {
  const start = path ?? newestRun();
  if (!existsSync(start)) throw new Error(`cannot read ${start}: no such folder; npm run train makes a run`);
  if (!isFolder(start))
    throw new Error(`cannot read ${start}: this is a file; expected a run or model folder`);
  const found = checkpointsIn(start).find(holdsModel);
  if (found === undefined) {
    throw new Error(
      `${start} holds no model: expected best/, step-.../ or config.json in it; did the run save anything yet?`,
    );
  }
  return found;
}

/** Files that other software saves instead of the one that is read here. */
const otherForms = {
  'model.safetensors': ['pytorch_model.bin', 'pytorch_model.bin.index.json', 'tf_model.h5'],
  'tokenizer.json': ['vocab.json', 'vocab.txt', 'tokenizer.model'],
} as const;

/** Reads a model folder, after verifying its checksums if it has any. */
export function readCheckpoint(folder: string): Checkpoint {
  verifyFolder(folder);
  const holds = (file: string) => existsSync(join(folder, file));
  for (const [file, others] of Object.entries(otherForms)) {
    const other = holds(file) || holds(`${file}.index.json`) ? undefined : others.find(holds);
    if (other === undefined) continue;
    const part = file === 'tokenizer.json' ? 'AutoTokenizer' : 'AutoModelForCausalLM';
    throw new Error(
      `${folder} has ${other} but no ${file}; this Python makes one: transformers.${part}.from_pretrained(DIR).save_pretrained(DIR)`,
    );
  }
  return decodeCheckpoint((file) => (holds(file) ? readBytes(join(folder, file)) : undefined), folder);
}

/** The run that a checkpoint folder belongs to, or undefined if it belongs to none. */
export function runOf(checkpoint: string): string | undefined {
  const name = basename(checkpoint);
  const inRun = name === 'best' || stepFolder.test(name) || name.startsWith('.best.');
  return inRun && holdsRecords(dirname(checkpoint)) ? dirname(checkpoint) : undefined;
}

/** Whether a folder has the records of a run, damaged or not. */
export function holdsRecords(path: string): boolean {
  return isFolder(path) && (existsSync(join(path, 'run.json')) || existsSync(join(path, 'metrics.jsonl')));
}

/** Whether there is a model, damaged or not: an error about it is better than silently taking another one. */
function holdsModel(folder: string): boolean {
  return existsSync(join(folder, 'config.json')) || existsSync(join(folder, checksumFile));
}

/** Where a model may be, best first. If a run was killed while replacing best/, that is complete under one of two other
 * names. */
function checkpointsIn(path: string): string[] {
  const best = join(path, 'best');
  const { fresh, old } = replacements(best);
  const spare = [fresh, old].filter((folder) => existsSync(join(folder, checksumFile)));
  return [best, ...spare, ...stepFolders(path).map((name) => join(path, name)), path];
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

function stepName(step: number): string {
  return `step-${String(step).padStart(8, '0')}`;
}

/** The names of a run's checkpoints, newest first. */
export function stepFolders(path: string): string[] {
  return listFolder(path)
    .filter((name) => stepFolder.test(name))
    .reverse();
}

function newestRun(): string {
  const runs = (isFolder(runsFolder) ? listFolder(runsFolder) : [])
    .map((name) => join(runsFolder, name))
    .filter((path) => isFolder(path) && checkpointsIn(path).some(holdsModel))
    .map((path) => ({
      path,
      time: statSync(join(path, 'metrics.jsonl'), { throwIfNoEntry: false })?.mtimeMs ?? 0,
    }))
    .sort((a, b) => b.time - a.time);
  if (runs[0] === undefined) {
    throw new Error(`no run in ${runsFolder}/ yet; npm run train makes one, or say --run FOLDER`);
  }
  return runs[0].path;
}
