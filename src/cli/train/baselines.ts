/** baselines.json: the losses of n-gram models on a corpus, kept so that they are counted only once. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { ngramBaselines } from '../../evaluate/ngram.ts';
import { isObject, show } from '../../model/json.ts';
import type { Tokenizer } from '../../model/text/tokenizer.ts';
import { learnTokenizer } from '../../train/choices.ts';
import { encodeSplit, type Split } from '../../train/dataset.ts';
import type { Corpus } from '../../train/documents.ts';
import type { Baseline } from '../../train/metrics.ts';
import { readJson, type Warn } from '../host/files.ts';
import type { RunFolder } from '../runs/writer.ts';

/** Counts n-grams once per corpus; a resumed run finds the results in its folder. They are counted over characters
 * whatever the tokenizer, so that all runs on one text have the same baselines; of a large text, over a sample. */
export function countBaselines(
  corpusSha256: string,
  run: {
    readonly folder: RunFolder;
    readonly corpus: Corpus;
    readonly split: Split;
    readonly tokenizer: Tokenizer;
  },
): readonly Baseline[] {
  const { folder, corpus, tokenizer } = run;
  const known = keptBaselines(folder, corpusSha256);
  if (known !== undefined) return known;
  const isChar = tokenizer.kind === 'char';
  const isSample = run.split.mostScored !== undefined;
  const characters = isChar ? tokenizer : learnTokenizer('char', corpus);
  const split = isChar && !isSample ? run.split : encodeSplit(corpus, characters, { unknown: 'skip' });
  const [train, validation] = [split.train, split.validation].map((part) => part.subarray(0, part.length));
  const sample = isSample ? { train: train!.length, heldOut: validation!.length } : undefined;
  const baselines = ngramBaselines(train!, validation!, { V: characters.vocabSize }).map((nll, order) => ({
    order,
    nll,
  }));
  folder.write('baselines.json', `${JSON.stringify({ corpusSha256, baselines, sample }, null, 2)}\n`);
  return baselines;
}

/** Those of this corpus, if the run has all of them. */
export function keptBaselines(folder: RunFolder, corpusSha256: string): readonly Baseline[] | undefined {
  const path = join(folder.path, 'baselines.json');
  if (!existsSync(path)) return undefined;
  try {
    const saved = readBaselines(path, (_, message) => {
      throw new Error(message);
    });
    return saved.corpusSha256 === corpusSha256 ? saved.baselines : undefined;
  } catch (error) {
    folder.warn(path, `${(error as Error).message}; counting again`);
    return undefined;
  }
}

/** The baselines, and the checksum of their corpus. Entries that are not baselines are left out with a warning; throws
 * if it is not such a file. */
export function readBaselines(
  file: string,
  warn: Warn,
): { readonly corpusSha256: unknown; readonly baselines: readonly Baseline[] } {
  const { corpusSha256, baselines } = readJson(file);
  if (!Array.isArray(baselines)) {
    throw new Error(`${file}: baselines; expected a list, got ${show(baselines)}`);
  }
  const odd = baselines.filter((entry) => !isBaseline(entry));
  if (odd.length > 0) {
    const fields = isObject(odd[0])
      ? `order ${show(odd[0].order)} and nll ${show(odd[0].nll)}`
      : show(odd[0]);
    warn(
      file,
      `${file}: baselines; expected numbers order and nll in each, got ${fields}; left out ${odd.length} of ${baselines.length}`,
    );
  }
  return { corpusSha256, baselines: baselines.filter(isBaseline) };
}

const isBaseline = (entry: unknown): entry is Baseline =>
  isObject(entry) &&
  Number.isInteger(entry.order) &&
  (entry.order as number) >= 0 &&
  Number.isFinite(entry.nll);
