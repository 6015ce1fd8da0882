/** Inkling in another program under Node: src/library/index.ts, with threads, and with folders. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type MachineOptions, openMachine } from '../library/machine.ts';
import { type Model, modelOf } from '../library/model.ts';
import { type Files, readModel } from '../library/run-files.ts';
import { type TrainEvent, type TrainOptions, train as trainOn } from '../library/train.ts';
import { attempt, isFolder, listFolder } from './host/files.ts';
import { nodeHost } from './host/simd-host.ts';
import { findCheckpoint, readCheckpoint } from './runs/folder.ts';

export * from '../library/index.ts';

/** A model from a run folder (its best, else its newest), a model folder, also one that transformers saved, or files in
 * memory. Error in one line where there is none, or where a file is missing or damaged. */
export async function loadModel(source: string | URL | Files, options: MachineOptions = {}): Promise<Model> {
  const folder = source instanceof URL ? fileURLToPath(source) : source;
  const name = typeof folder === 'string' ? findCheckpoint(folder) : 'model';
  const checkpoint = typeof folder === 'string' ? readCheckpoint(name) : await readModel(folder, name);
  return modelOf(checkpoint, await openMachine(nodeHost, options), name);
}

/** Trains a model on as many threads as there are cores, if not told otherwise: records as they are made, then `end` with
 * the run's files and a model. */
export function train(options: TrainOptions): AsyncGenerator<TrainEvent, void> {
  return trainOn(nodeHost, { threads: Math.min(availableParallelism(), 8), ...options });
}

/** Writes a run's files as a folder that all commands open. Error if there is something in it already. */
export function saveRun(folder: string, files: Files): void {
  if (isFolder(folder) && listFolder(folder).length > 0) {
    throw new Error(`${folder} is not empty; expected a new folder for the run`);
  }
  for (const [path, bytes] of files) {
    const file = join(folder, path);
    attempt('write', file, () => {
      mkdirSync(dirname(file), { recursive: true });
      writeFileSync(file, bytes);
    });
  }
}
