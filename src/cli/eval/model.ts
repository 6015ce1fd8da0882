/** What npm run eval opens: a model ready to score and generate, and the texts that belong to it. */
import { resolve } from 'node:path';
import { type Scorer, scorerOf } from '../../evaluate/text-score.ts';
import type { Checkpoint } from '../../model/files/checkpoint.ts';
import { freeze } from '../../model/freeze.ts';
import { encodeSplit } from '../../train/dataset.ts';
import { type Corpus, joined, oneText, splitCorpus, textOf } from '../../train/documents.ts';
import { nameOf, readCorpus, readCorpusOf } from '../data/corpus.ts';
import { openKernels } from '../host/kernels.ts';
import { findCheckpoint, readCheckpoint, runOf } from '../runs/folder.ts';
import { type OwnText, ownText } from '../runs/own-text.ts';
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
  const scorer = scorerOf(checkpoint, { kernels, slots, source: folder });
  if (slots > 0) freeze(scorer.model);
  return scorer;
}

export interface TextPart {
  readonly path: string;
  readonly split: 'all' | 'val' | 'train';
  readonly tokens: Int32Array;
}

/** The text to score: --data, all of it unless --split says else, or what is held out of the run's own. */
export async function textToScore({ folder, checkpoint }: Source, given: EvalFlags): Promise<TextPart> {
  const { corpus } =
    given.data === undefined ? await ownCorpus(folder) : await otherCorpus(folder, given.data);
  const path = given.data === undefined ? trainedOn(folder).data : nameOf({ data: given.data });
  const { tokenizer } = checkpoint;
  noteAddedText(textOf(corpus), path, tokenizer);
  const split = given.split ?? (given.data === undefined ? 'val' : 'all');
  const chosen = split === 'all' ? whole(corpus) : corpus;
  const context = checkpoint.config.contextLength;
  const parts = encodeSplit(chosen, tokenizer, { unknown: given.unknown, context });
  const tokens = parts[split === 'train' ? 'train' : 'validation'];
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
export async function heldOutAndTraining(
  { folder, checkpoint }: Source,
  { data, unknown = 'error' }: EvalFlags,
): Promise<HeldOut> {
  const { tokenizer } = checkpoint;
  const { path, learned, asked } = await promptTexts(folder, data);
  return {
    path,
    tokens: encodeSplit({ ...asked, loss: 'all' }, tokenizer, { unknown }).validation,
    training: joined(splitCorpus(learned).training, '\n'),
  };
}

/** What the model of a checkpoint folder has not seen, by the same rule: one text, or documents. */
export async function heldOutTexts(folder: string, data: readonly string[] | undefined): Promise<string[]> {
  const { asked } = await promptTexts(folder, data);
  return splitCorpus(asked).heldOut.map((document) => joined([document], ''));
}

/** What the model of a checkpoint folder has learned, as one text; nothing where the folder does not say what. */
export async function learnedText(folder: string): Promise<string> {
  const own = ownText(folder);
  return own === undefined ? '' : joined(splitCorpus((await readCorpusOf(own)).corpus).training, '\n');
}

/** The corpus that prompts are taken from, what is held out of it, and the one that the model has learned. */
async function promptTexts(folder: string, data: readonly string[] | undefined) {
  const own = ownText(folder);
  const path = data === undefined ? trainedOn(folder).data : nameOf({ data });
  const paths = (list: readonly string[]) => list.map((one) => resolve(one)).join('\n');
  const ownPaths = own && paths(own.corpus?.data ?? [own.data]);
  const isOther = data !== undefined && own !== undefined && paths(data) !== ownPaths;
  const { corpus } = own === undefined ? await otherCorpus(folder, data ?? []) : await readCorpusOf(own);
  return { path, learned: corpus, asked: isOther ? whole((await otherCorpus(folder, data)).corpus) : corpus };
}

/** Everything held out. */
const whole = (corpus: Corpus): Corpus => {
  const { documents, heldOut = [], ends } = corpus;
  const all = ends ? [...documents, ...heldOut] : oneText(textOf(corpus)).documents;
  return { ...corpus, documents: all, heldOut: all };
};

/** Where a run keeps its pictures: its folder, or the current one for a model that stands alone. */
export function pictureFolder({ folder }: Source): string {
  return runOf(folder) ?? '.';
}

const ownCorpus = (folder: string) => readCorpusOf(trainedOn(folder));

/** Other texts, read as the run's own are. */
const otherCorpus = (folder: string, data: readonly string[]) =>
  readCorpus({ ...ownText(folder)?.corpus, data, valData: undefined });

function trainedOn(folder: string): OwnText {
  const own = ownText(folder);
  if (own !== undefined) return own;
  throw new Error(`${folder} does not say what it was trained on; say which text to score with --data FILE`);
}
