/** What npm run eval opens: a model ready to score and generate, and the texts that belong to it. */
import { join } from 'node:path';
import type { Scorer } from '../evaluate/text-score.ts';
import { type Checkpoint, loadParameters } from '../model/checkpoint.ts';
import { Gpt } from '../model/gpt.ts';
import { cutAt } from '../train/dataset.ts';
import type { EvalFlags } from './eval-flags.ts';
import { readText } from './files.ts';
import { openKernels } from './kernels.ts';
import { findCheckpoint, readCheckpoint, runOf } from './run-folder.ts';

/** Windows in one pass; any number gives the same bits. */
const windowsAtOnce = 8;

export interface Source {
  /** The checkpoint folder. */
  readonly folder: string;
  readonly checkpoint: Checkpoint;
}

export function openSource(given: EvalFlags): Source {
  const folder = findCheckpoint(given.run);
  return { folder, checkpoint: readCheckpoint(folder) };
}

/** @param slots sequences to generate at a time; 0 for a model that only scores. */
export async function openScorer(
  { folder, checkpoint }: Source,
  given: EvalFlags,
  slots = 0,
): Promise<Scorer> {
  const { config, tokenizer } = checkpoint;
  const { kernels } = await openKernels(given);
  const model = new Gpt(config, { kernels, batch: windowsAtOnce, slots, gradients: false });
  const rows = windowsAtOnce * config.contextLength;
  const buffers = { inputs: model.arena.ids('inputs', rows), targets: model.arena.ids('targets', rows) };
  model.arena.allocate(kernels.memory);
  loadParameters(model, checkpoint, folder);
  return { model, tokenizer, buffers };
}

export interface TextPart {
  readonly path: string;
  readonly split: 'all' | 'val' | 'train';
  readonly tokens: Int32Array;
}

/** The text to score: --data, all of it unless --split says else, or what is held out of the run's own. */
export function textToScore({ folder, checkpoint }: Source, given: EvalFlags): TextPart {
  const path = given.data ?? trainedOn(folder);
  const tokens = checkpoint.tokenizer.encode(readText(path), given.unknown ?? 'error');
  const split = given.split ?? (given.data === undefined ? 'val' : 'all');
  const cut = cutAt(tokens.length);
  const part = split === 'all' ? tokens : split === 'train' ? tokens.subarray(0, cut) : tokens.subarray(cut);
  if (part.length < 2) {
    throw new Error(
      `${path}: too short to score; expected at least 2 tokens in its ${split} part, got ${part.length}`,
    );
  }
  return { path, split, tokens: part };
}

/** The text that the run of this checkpoint was trained on, as its run.json says. */
function trainedOn(folder: string): string {
  const run = runOf(folder);
  if (run !== undefined) {
    const { data } = JSON.parse(readText(join(run, 'run.json'))) as { data?: unknown };
    if (typeof data === 'string') return data;
  }
  throw new Error(`${folder} does not say what it was trained on; say which text to score with --data FILE`);
}
