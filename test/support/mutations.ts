/** Damage to checkpoint folders, one kind at a time, for test/cli/mutation.test.ts and the longer soak. */
import {
  cpSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { newestState, readCheckpoint } from '../../src/cli/runs/folder.ts';
import { checksumFile } from '../../src/library/run-files.ts';
import { loadParameters } from '../../src/model/files/checkpoint.ts';
import { RandomStream } from '../../src/tensor/random.ts';
import { reference } from '../../src/tensor/reference/index.ts';
import { splitTokens } from '../../src/train/check-split.ts';
import { restoreTrainer } from '../../src/train/state.ts';
import { Trainer } from '../../src/train/trainer.ts';
import { tinyConfig } from './models.ts';
import { runSettings, scratchFolder, story, trainIn } from './runs.ts';

export interface Outcome {
  readonly refused: number;
  readonly same: number;
  /** What must not be: another number, a crash, a partial load, an error of several lines. */
  readonly wrong: readonly string[];
}

/** Damages a run's checkpoints `count` times, one damage each time, and tries to go on from them.
 *
 * @param options.checksums false takes the checksums away too, as in a folder from elsewhere: then other numbers are no
 * fault, everything else is. */
export async function mutate(
  count: number,
  seed: number,
  options: { checksums: boolean } = { checksums: true },
): Promise<Outcome> {
  const scratch = scratchFolder();
  try {
    const run = join(scratch, 'run');
    await trainIn(run, { checkpointEvery: 1, keep: 2 });
    const outcome = { refused: 0, same: 0, wrong: [] as string[] };
    const random = new RandomStream(seed, 'sample');
    const [older, newer] = readdirSync(run).filter((name) => name.startsWith('step-')) as [string, string];
    const folders = [older, newer, 'best'];
    const pristine = join(scratch, 'pristine');
    cpSync(run, pristine, { recursive: true });
    const restore = (damaged: string) => {
      for (const name of damaged === older ? [older, newer] : [damaged]) {
        rmSync(join(run, name), { recursive: true, force: true });
        cpSync(join(pristine, name), join(run, name), { recursive: true });
      }
    };
    /** Loads it; the older one is only looked at when the newer is not there. */
    const load = (name: string) => {
      if (name === older) rmSync(join(run, newer), { recursive: true });
      const loaded = open(run, name);
      restore(name);
      return loaded;
    };
    const truth = new Map(folders.map((name) => [name, load(name).result]));
    for (let i = 0; i < count; i++) {
      let drawn = 0;
      const below = (n: number): number => random.below(n, i, drawn++);
      const target = options.checksums ? folders[below(3)]! : 'best';
      const what = damage(join(run, target), join(run, target === older ? newer : older), below);
      if (!options.checksums) rmSync(join(run, target, checksumFile), { recursive: true, force: true });
      const { result, error } = load(target);
      if (result === undefined) outcome.refused += 1;
      else if (result === truth.get(target)) outcome.same += 1;
      else if (options.checksums) outcome.wrong.push(`${i}: ${what} of ${target}: loads other numbers`);
      if (error !== undefined) outcome.wrong.push(`${i}: ${what} of ${target}: ${error}`);
    }
    return outcome;
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

/** One damage to a folder. @param other a checkpoint of another step, to take files from. @returns its name. */
function damage(folder: string, other: string, below: (n: number) => number): string {
  const names = readdirSync(folder);
  const name = names[below(names.length)]!;
  const path = join(folder, name);
  const bytes = readFileSync(path);
  const pick = below(10);
  if (pick < 4) {
    // Headers and JSON are a small part of the bytes and the interesting one.
    const at = below(below(2) === 0 ? bytes.length : Math.min(bytes.length, 400));
    bytes[at] = bytes[at]! ^ (1 << below(8));
    writeFileSync(path, bytes);
    return `a flipped bit in ${name} at byte ${at}`;
  }
  if (pick === 4) {
    const size = below(bytes.length);
    truncateSync(path, size);
    return `${name} cut to ${size} bytes`;
  }
  if (pick === 5) {
    cpSync(join(other, name), path);
    return `${name} of another checkpoint`;
  }
  if (pick === 6) {
    rmSync(path);
    if (below(3) === 0) mkdirSync(path);
    return `${name} taken away`;
  }
  if (pick === 7) {
    const added = ['model.safetensors.tmp', 'notes.txt', '.hidden', 'lm_head.bin'][below(4)]!;
    writeFileSync(join(folder, added), bytes.subarray(0, below(bytes.length)));
    return `${added} added`;
  }
  if (pick === 8) {
    const second = names[below(names.length)]!;
    renameSync(path, join(folder, 'between'));
    if (second !== name) renameSync(join(folder, second), path);
    renameSync(join(folder, 'between'), join(folder, second));
    return `${name} and ${second} swapped`;
  }
  return editJson(folder, below);
}

/** Changes a digit, a letter or a mark in one of the JSON files, or a value as a curious user would. */
function editJson(folder: string, below: (n: number) => number): string {
  const files = readdirSync(folder).filter((name) => name.endsWith('.json'));
  const name = files[below(files.length)]!;
  const path = join(folder, name);
  const text = readFileSync(path, 'utf8');
  const values = ['0', '-1', '1e999', 'null', '[]', '{}', '"x"', '1e9', '0.5', 'true'];
  const spots = [...text.matchAll(/: ("[^"]*"|-?[\d.e+-]+|true|false|null)/g)];
  const spot = spots[below(spots.length)]!;
  const value = values[below(values.length)]!;
  const [before, after] = [text.slice(0, spot.index), text.slice(spot.index + spot[0].length)];
  writeFileSync(path, `${before}: ${value}${after}`);
  return `${spot[0]} to ${value} in ${name}`;
}

/** Loads a checkpoint as --resume does, best/ as npm run sample does, into a trainer that already holds something.
 *
 * @returns all numbers of what was loaded as one text, or undefined if it was refused; and what went wrong in doing so. */
function open(run: string, name: string): { result: string | undefined; error?: string } {
  const trainer = target();
  const before = numbers(trainer);
  try {
    const folder = join(run, name);
    if (name === 'best') {
      const checkpoint = readCheckpoint(folder);
      const { config, tokenizer, tensors } = checkpoint;
      if (config.channels === tinyConfig.channels) loadParameters(trainer.model, checkpoint, folder);
      const weights = [...tensors.values()].map((tensor) => [tensor.name, tensor.shape, hex(tensor.data)]);
      return { result: JSON.stringify([config, tokenizer.toJSON(), weights]) };
    }
    const saved = newestState(run);
    if (saved.folder !== folder) {
      // Passed over for the older one, and so refused; with a reason.
      return { result: undefined, ...line(saved.damaged[0] ?? 'undefined') };
    }
    restoreTrainer(trainer, saved.checkpoint, saved.optimizer, saved.state, saved.folder);
    return { result: JSON.stringify([saved.state, numbers(trainer)]) };
  } catch (error) {
    if (numbers(trainer) !== before) return { result: undefined, error: 'a partial load' };
    return { result: undefined, ...line((error as Error).message) };
  }
}

/** An error text must be one line, and the program's own. */
function line(message: string): { error?: string } {
  const foreign = /undefined|not iterable|not a function|Cannot read prop|Invalid/.test(message);
  return message.includes('\n') || foreign ? { error: JSON.stringify(message) } : {};
}

let kept: Trainer | undefined;
/** A trainer whose every number is 1, built once. */
function target(): Trainer {
  kept ??= (() => {
    const text = story.repeat(4);
    const V = new Set(text).size;
    const tokens = Int32Array.from(text, (_, i) => i % V);
    const config = { ...tinyConfig, layers: 1, vocabSize: V };
    return new Trainer(config, runSettings, splitTokens(tokens, config.contextLength), {
      kernels: reference,
    });
  })();
  kept.model.arena.params.data.fill(1);
  for (const moment of kept.state) moment.data.fill(1);
  kept.step = 1;
  return kept;
}

function numbers(trainer: Trainer): string {
  return [trainer.model.arena.params, ...trainer.state].map(({ data }) => hex(data)).join() + trainer.step;
}

function hex(data: Float32Array | Float64Array): string {
  return Buffer.from(data.buffer, data.byteOffset, data.byteLength).toString('latin1');
}
