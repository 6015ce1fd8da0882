/** Inkling in another program, in Node or in a page: docs/library.md. Node's own entry, which also knows folders, is
 * src/cli/library.ts. */

import { normalizeText, type Tokenizer } from '../model/text/tokenizer.ts';
import { learnTokenizer } from '../train/choices.ts';
import { oneText } from '../train/documents.ts';
import { browserHost } from './browser-host.ts';
import { type MachineOptions, openMachine } from './machine.ts';
import { type Model, modelOf } from './model.ts';
import { type Files, readModel } from './run-files.ts';
import { type TrainEvent, type TrainOptions, train as trainOn } from './train.ts';

export type { Tokenizer } from '../model/text/tokenizer.ts';
export { SamplerError, type SamplingSettings } from '../sample/settings.ts';
export type { FinishReason } from '../sample/stop.ts';
export type { MetricsRecord } from '../train/metrics.ts';
export {
  freeze,
  type GeneratedToken,
  type GenerateSettings,
  generate,
  type Model,
  type NextToken,
  nextToken,
  type ScoredText,
  score,
} from './model.ts';
export type { Files } from './run-files.ts';
export type { MachineOptions, TrainEvent, TrainOptions };

/** A model from the files of a run (its best, else its newest) or of a model folder: config.json, tokenizer.json,
 * model.safetensors. Error in one line where one is missing or damaged. */
export async function loadModel(files: Files, options: MachineOptions = {}): Promise<Model> {
  return modelOf(await readModel(files, 'model'), await openMachine(browserHost, options), 'model');
}

/** Trains a model: records as they are made, then `end` with the run's files and a model. */
export function train(options: TrainOptions): AsyncGenerator<TrainEvent, void> {
  return trainOn(browserHost, options);
}

/** Learns a tokenizer from a text: its characters, or byte pairs of so many tokens (1,024 if absent). RangeError for an
 * empty text, or one too short for the tokens asked for. */
export function tokenizer(
  text: string,
  { kind = 'char', vocabSize }: { readonly kind?: Tokenizer['kind']; readonly vocabSize?: number } = {},
): Tokenizer {
  return learnTokenizer(kind, oneText(normalizeText(text)), vocabSize);
}
