/** A run on disk.
 *
 *     runs/<name>/
 *       best/            the checkpoint with the lowest validation loss
 *       step-00000400/   the newest checkpoints, from which training can go on
 *       run.json         what was asked for, and where it runs
 *       metrics.jsonl    one record a line: steps, evaluations, samples, warnings
 *       baselines.json   what counting n-grams achieves on the same split
 *       report.html      all of it to look at
 *       sweep.svg        how its texts change with temperature and top-p, once npm run eval -- --sweep has drawn it
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

/** A checkpoint that training can go on from. */
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
 * What cannot be written of a checkpoint is an error. All else tells of the training and is no part of it: a file of
 * that kind that cannot be written is a warning, once, and the run goes on. */
export class RunFolder {
  readonly path: string;
  readonly release: () => void;
  readonly #say: (message: string) => void;
  readonly #told = new Set<string>();
  /** Whether the last line of metrics.jsonl may be half there. */
  #torn = false;

  private constructor(path: string, say: (message: string) => void) {
    this.path = path;
    this.release = lockFolder(path);
    this.#say = say;
  }

  /** Makes the folder. One that holds anything is refused unless `overwrite`, which removes a run's own files only.
   * @param say takes warnings about by-products */
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

  /** Opens the folder of a run that stopped, at whatever instant: what was caught half done is put right first.
   * Checkpoints are all that it needs. @param say takes warnings about by-products */
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

  /** Says what is wrong with a file, once for each. */
  readonly warn: Warn = (file, message) => {
    if (this.#told.has(file)) return;
    this.#told.add(file);
    this.#say(oneLine(message));
  };

  /** Does something to a file that training can do without: what stands in its way is a warning. */
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

  /** Whether the closing evaluation is on record, and no step after it. */
  isClosed(): boolean {
    const path = join(this.path, 'metrics.jsonl');
    try {
      return lastIndexIn(path, '{"kind":"final"') > lastIndexIn(path, '{"kind":"step"');
    } catch {
      return false; // no records to tell
    }
  }

  /** The n-gram losses counted for this corpus, if the run has all of them. */
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

/** The newest checkpoint of a run that is whole; damaged ones are passed over and reported.
 *
 * What is whole and still cannot be gone on from, such as another version's, is an error: an older one would only
 * hide it. */
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

/** runs/<name>, or the first of runs/<name>-2, -3, ... that does not exist; made, so that nobody else takes it. */
export function freshRunPath(name: string): string {
  makeFolder(runsFolder);
  for (let n = 1; ; n++) {
    const path = join(runsFolder, n === 1 ? name : `${name}-${n}`);
    if (existsSync(path)) continue;
    attempt('make the folder', path, () => mkdirSync(path));
    return path;
  }
}

/** The checkpoint folder that a path means: a run's best, else its newest, else the folder itself. */
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

/** What other software saves of a model without the file that is read here. */
const otherForms = {
  'model.safetensors': ['pytorch_model.bin', 'pytorch_model.bin.index.json', 'tf_model.h5'],
  'tokenizer.json': ['vocab.json', 'vocab.txt', 'tokenizer.model'],
} as const;

/** Reads a model folder after checking what it holds against its checksums, if it has any. */
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

/** The run that a checkpoint folder belongs to, or undefined for a folder that stands alone. */
export function runOf(checkpoint: string): string | undefined {
  const name = basename(checkpoint);
  const inRun = name === 'best' || stepFolder.test(name) || name.startsWith('.best.');
  return inRun && holdsRecords(dirname(checkpoint)) ? dirname(checkpoint) : undefined;
}

/** Whether a folder holds what a run records, be it damaged. */
export function holdsRecords(path: string): boolean {
  return isFolder(path) && (existsSync(join(path, 'run.json')) || existsSync(join(path, 'metrics.jsonl')));
}

/** Whether there is a model, even a damaged one: reading it says so, where another in its place would be a surprise. */
function holdsModel(folder: string): boolean {
  return existsSync(join(folder, 'config.json')) || existsSync(join(folder, checksumFile));
}

/** best/ may have been caught in the middle of being replaced: then it is whole under one of two other names. */
function checkpointsIn(path: string): string[] {
  const best = join(path, 'best');
  const { fresh, old } = replacements(best);
  const spare = [fresh, old].filter((folder) => existsSync(join(folder, checksumFile)));
  return [best, ...spare, ...stepFolders(path).map((name) => join(path, name)), path];
}

/** Cuts off a last line that was not written to its end, so that the next record is not glued to it. */
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

/** The names of a run's checkpoints to go on from, newest first. */
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
