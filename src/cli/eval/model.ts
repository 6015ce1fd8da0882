/** What npm run eval opens: a model ready to score and generate, and the texts that belong to it. */
import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { type Scorer, scorerOf } from '../../evaluate/text-score.ts';
import type { Checkpoint } from '../../model/files/checkpoint.ts';
import { normalizeText } from '../../model/text/tokenizer.ts';
import { encodeSplit, splitText } from '../../train/dataset.ts';
import { readJson, readText } from '../host/files.ts';
import { openKernels } from '../host/kernels.ts';
import { findCheckpoint, readCheckpoint, runOf } from '../runs/folder.ts';
import { noteAddedText } from '../sample/remarks.ts';
import type { EvalFlags } from './flags.ts';

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
  const { kernels } = await openKernels(given);
  return scorerOf(checkpoint, { kernels, slots, source: folder });
}

export interface TextPart {
  readonly path: string;
  readonly split: 'all' | 'val' | 'train';
  readonly tokens: Int32Array;
}

/** The text to score: --data, all of it unless --split says else, or what is held out of the run's own. */
export function textToScore({ folder, checkpoint }: Source, given: EvalFlags): TextPart {
  const path = given.data ?? trainedOn(folder);
  const text = normalizeText(readText(path));
  const { tokenizer } = checkpoint;
  noteAddedText(text, path, tokenizer);
  const split = given.split ?? (given.data === undefined ? 'val' : 'all');
  const unknown = given.unknown ?? 'error';
  const part = () => encodeSplit(text, tokenizer, unknown)[split === 'train' ? 'train' : 'validation'];
  const tokens = split === 'all' ? tokenizer.encode(text, unknown) : part();
  if (tokens.length < 2) {
    throw new Error(
      `${path}: too short to score; expected at least 2 tokens in its ${split} part, got ${tokens.length}`,
    );
  }
  return { path, split, tokens };
}

/** Text to take prompts from, and the text that the model may have copied from. */
export interface HeldOut {
  readonly path: string;
  readonly tokens: Int32Array;
  readonly training: string;
}

/** The two parts of the run's own text; with another text as --data all of that is held out. A model folder that does
 * not say what it was trained on is taken to have learned from the first 90 % of --data. */
export function heldOutAndTraining({ folder, checkpoint }: Source, given: EvalFlags): HeldOut {
  const { tokenizer } = checkpoint;
  const unknown = given.unknown ?? 'error';
  const { path, learned, other } = promptText(folder, given.data);
  const { train, validation } = encodeSplit(readNormal(learned), tokenizer, unknown);
  const tokens = other ? tokenizer.encode(readNormal(path), unknown) : validation;
  return { path, tokens, training: tokenizer.decode(train) };
}

/** The part of a text that the model of a checkpoint folder has not seen, by the same rule. */
export function heldOutText(folder: string, data: string | undefined): string {
  const { path, other } = promptText(folder, data);
  const text = readNormal(path);
  return other ? text : splitText(text).heldOut;
}

const readNormal = (path: string): string => normalizeText(readText(path));

/** The text that prompts are taken from, the one whose first part the model has learned, and whether these are two. */
function promptText(folder: string, data: string | undefined) {
  const own = ownText(folder);
  const path = data ?? trainedOn(folder);
  const other = own !== undefined && resolve(own) !== resolve(path);
  return { path, learned: other ? own : path, other };
}

/** Where a run keeps its pictures: its folder, or the current one for a model that stands alone. */
export function pictureFolder({ folder }: Source): string {
  return runOf(folder) ?? '.';
}

function trainedOn(folder: string): string {
  const own = ownText(folder);
  if (own !== undefined) return own;
  throw new Error(`${folder} does not say what it was trained on; say which text to score with --data FILE`);
}

/** The text that the run of this checkpoint was trained on, as its run.json says. */
function ownText(folder: string): string | undefined {
  const run = runOf(folder);
  if (run === undefined || !existsSync(join(run, 'run.json'))) return undefined;
  const { data } = readJson(join(run, 'run.json'));
  return typeof data === 'string' ? data : undefined;
}
