/** The folder of a run: what is in it, and how models and checkpoints are found in it.
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
import { existsSync, mkdirSync, statSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { checksumFile, stepFolder, stepName } from '../../library/run-files.ts';
import { type Checkpoint, decodeCheckpoint } from '../../model/files/checkpoint.ts';
import { decodeState, type TrainingState } from '../../train/state.ts';
import {
  attempt,
  isFolder,
  listFolder,
  makeFolder,
  readBytes,
  replacements,
  verifyFolder,
} from '../host/files.ts';

export const runsFolder = 'runs';

/** A checkpoint from which training can be resumed. */
export interface SavedState {
  readonly folder: string;
  readonly state: TrainingState;
  readonly checkpoint: Checkpoint;
  readonly optimizer: Uint8Array;
  /** Newer checkpoints that could not be used, and why. */
  readonly damaged: readonly string[];
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
