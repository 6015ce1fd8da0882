/** What a training in memory begins with: what a page asks for, or the files of a run. */
import type { ModelConfig } from '../model/config.ts';
import { checkpointFiles, type encodeCheckpoint } from '../model/files/checkpoint.ts';
import { normalizeText, type Tokenizer } from '../model/text/tokenizer.ts';
import { checkSplit } from '../train/check-split.ts';
import { type Chosen, chosenConfig, chosenSettings, learnTokenizer } from '../train/choices.ts';
import { encodeSplit, type Split } from '../train/dataset.ts';
import { oneText } from '../train/documents.ts';
import { type Preset, type PresetName, presets } from '../train/presets.ts';
import { freshTrainer, type RunIdentity, type RunSettings, restoreTrainer } from '../train/state.ts';
import { notEvaluated, type Progress } from '../train/train.ts';
import { Trainer } from '../train/trainer.ts';
import type { Machine } from './machine.ts';
import { type Files, readState, sha256 } from './run-files.ts';

export type Model = ReturnType<typeof encodeCheckpoint>;

/** What a training is made of. */
export interface TrainingParts {
  readonly trainer: Trainer;
  readonly tokenizer: Tokenizer;
  readonly settings: RunSettings;
  readonly identity: RunIdentity;
  readonly progress: Progress;
  readonly environment: object;
  /** In the part that is learned from. */
  readonly trainTokens: number;
  readonly observeEvery?: number | undefined;
  /** Lines of metrics.jsonl so far, and the best model. */
  readonly lines: string[];
  readonly best?: Model | undefined;
  readonly reopened?: boolean;
}

export interface TrainRequest {
  readonly text: string;
  /** What state.json calls the text: data/stories.txt. */
  readonly data: string;
  readonly preset: PresetName;
  readonly tokenizer?: 'char' | 'bpe' | undefined;
  /** Of a BPE. */
  readonly vocabSize?: number | undefined;
  /** In place of the preset's. */
  readonly sizes?: Chosen<Preset['model']>;
  readonly settings: Chosen<RunSettings> & Pick<RunSettings, 'seed'>;
  /** Measure each part of the model (records of kind 'layers') every so many steps, not only at evaluations. */
  readonly observeEvery?: number | undefined;
}
/** A model to begin with. */
export interface Start {
  readonly config: ModelConfig;
  readonly tokenizer: Tokenizer;
  /** All parameters as one, as an arena has them. */
  readonly params: Float32Array;
}

/** A new run. @param start in place of new weights; it decides sizes and tokenizer */
export async function newRun(request: TrainRequest, machine: Machine, start?: Start): Promise<TrainingParts> {
  const preset = presets[request.preset];
  const text = normalizeText(request.text);
  const kind = request.tokenizer ?? ('tokenizer' in preset ? preset.tokenizer : 'char');
  const tokenizer = start?.tokenizer ?? learnTokenizer(kind, oneText(text), request.vocabSize);
  const config = start?.config ?? chosenConfig(preset.model, request.sizes ?? {}, tokenizer.vocabSize);
  const split = checkSplit(encodeSplit(oneText(text), tokenizer), config.contextLength);
  const settings = chosenSettings(preset.train, request.settings);
  const corpusSha256 = await sha256(text);
  const trainer = freshTrainer(config, settings, split, { kernels: machine.kernels });
  if (start !== undefined) trainer.model.arena.params.data.set(start.params);
  const { arithmetic, environment } = machine;
  const identity = { preset: request.preset, data: request.data, corpusSha256, arithmetic };
  const progress = notEvaluated;
  const { observeEvery } = request;
  const lines: string[] = [];
  const trainTokens = split.train.length;
  return {
    ...{ trainer, tokenizer, settings, identity, progress, lines },
    ...{ environment, trainTokens, observeEvery },
  };
}

/** The newest checkpoint among the files of a run. @param given the text that the run was trained on */
export async function savedRun(
  files: Files,
  name: string,
  given: string,
  machine: Machine,
): Promise<TrainingParts> {
  const { checkpoint, state, optimizer } = await readState(files, name);
  const { config, tokenizer } = checkpoint;
  const { settings, preset, data, corpusSha256, arithmetic, best, evaluationsSinceBest } = state;
  const more = state.corpus !== undefined ? 'documents or several texts' : state.teachers && 'other models';
  if (more !== undefined) {
    throw new Error(`${name} was trained on ${more}; the command goes on with it, with --resume`);
  }
  const text = normalizeText(given);
  if ((await sha256(text)) !== corpusSha256) {
    throw new Error(`this is not the text that ${name} was trained on (${data}); open that text to go on`);
  }
  if (arithmetic !== machine.arithmetic) {
    throw new Error(
      `${name} was computed with ${arithmetic} arithmetic, and here it would go on with ${machine.arithmetic}: not exactly`,
    );
  }
  const split: Split = checkSplit(
    encodeSplit(oneText(text), tokenizer, { unknown: 'skip' }),
    config.contextLength,
  );
  const trainer = new Trainer(config, settings, split, { kernels: machine.kernels });
  restoreTrainer(trainer, checkpoint, optimizer, state, name);
  const lines = new TextDecoder().decode(files.get('metrics.jsonl')).split('\n').slice(0, -1);
  return {
    ...{ trainer, tokenizer, settings, lines, environment: machine.environment },
    trainTokens: split.train.length,
    identity: { preset, data, corpusSha256, arithmetic },
    progress: { best, evaluationsSinceBest },
    best: bestOf(files),
    reopened: true,
  };
}

/** The best model among the files of a run. */
function bestOf(files: Files): Model | undefined {
  const found = checkpointFiles.map((name) => [name, files.get(`best/${name}`)] as const);
  return found.every((file): file is [(typeof checkpointFiles)[number], Uint8Array] => file[1] !== undefined)
    ? new Map(found)
    : undefined;
}
