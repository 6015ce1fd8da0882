/** Which text a run was trained on, and how it was read. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { type CorpusChoice, faultInChoice } from '../../train/corpus-choice.ts';
import { readJson } from '../host/files.ts';
import { runOf } from './folder.ts';

export interface OwnText {
  readonly data: string;
  readonly corpus?: CorpusChoice;
}

/** What the run of this checkpoint folder was trained on, as its run.json says; undefined if there is none. */
export function ownText(folder: string): OwnText | undefined {
  const run = runOf(folder);
  if (run === undefined || !existsSync(join(run, 'run.json'))) return undefined;
  const path = join(run, 'run.json');
  const { data, corpus } = readJson(path);
  if (typeof data !== 'string') return undefined;
  if (corpus === undefined) return { data };
  const fault = faultInChoice(corpus);
  if (fault !== undefined) throw new Error(`${path}: corpus: ${fault}`);
  return { data, corpus: corpus as unknown as CorpusChoice };
}
