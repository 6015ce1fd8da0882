/** What a run of npm run train is made of: a preset with the flags over it, or what a checkpoint has decided
 * already. */
import { randomInt } from 'node:crypto';
import { relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { textTable } from '../../evaluate/table.ts';
import { configOf, feedForwardWidth, type ModelConfig, validateConfig } from '../../model/config.ts';
import type { Checkpoint } from '../../model/files/checkpoint.ts';
import type { Tokenizer } from '../../model/text/tokenizer.ts';
import { chosenSettings, learnTokenizer as learn } from '../../train/choices.ts';
import type { CorpusChoice } from '../../train/corpus-choice.ts';
import type { Corpus } from '../../train/documents.ts';
import { type Preset, presetNames, presets } from '../../train/presets.ts';
import type { RunSettings } from '../../train/state.ts';
import { readNumber, UsageError } from '../command/command.ts';
import { beside } from '../command/help.ts';
import { type TrainFlags, trainFlags } from './flags.ts';

/** The shipped text; its path leads there from wherever the command was started. */
export function shippedText(): string {
  const path = fileURLToPath(new URL('../../../data/stories.txt', import.meta.url));
  return relative(process.cwd(), path).replaceAll('\\', '/');
}

/** Which texts are learned, and how they are read: the shipped one as the preset says. */
export function chooseCorpus(given: TrainFlags, preset: Preset): CorpusChoice {
  const { data = [shippedText()], field, loss } = given;
  const documents = given.documents ?? (given.data === undefined ? preset.documents : undefined);
  return { data, valData: given['val-data'], documents, field, loss };
}

/** The flag's kind of tokenizer, else the preset's. */
export const tokenizerKind = (given: TrainFlags, preset: Preset): Tokenizer['kind'] =>
  given.tokenizer ?? preset.tokenizer ?? 'char';

export function learnTokenizer(given: TrainFlags, preset: Preset, corpus: Corpus): Tokenizer {
  return learn(tokenizerKind(given, preset), corpus, given['vocab-size']);
}

/** The model's sizes: the preset's unless a flag says otherwise; with --init the checkpoint's, which no flag may
 * contradict. */
export function chooseConfig(
  given: TrainFlags,
  preset: Preset,
  vocabSize: number,
  checkpoint: (Pick<Checkpoint, 'config' | 'tokenizer'> & Partial<Checkpoint>) | undefined,
): ModelConfig {
  const loaded = checkpoint?.config;
  const base = loaded ?? preset.model;
  const arch = given.arch ?? base.arch;
  const channels = given.channels ?? base.channels;
  const sizes = {
    vocabSize,
    contextLength: given.context ?? base.contextLength,
    channels,
    heads: given.heads ?? base.heads,
    layers: given.layers ?? base.layers,
    feedForward: loaded?.feedForward ?? feedForwardWidth(arch, channels),
    dropout: given.dropout ?? base.dropout,
  };
  const config: ModelConfig = loaded === undefined ? configOf(arch, sizes) : { ...loaded, ...sizes };
  if (checkpoint !== undefined) {
    const { arch, contextLength, channels, heads, layers } = checkpoint.config;
    const tokenizer = checkpoint.tokenizer.kind;
    const decided = { arch, contextLength, channels, heads, layers, tokenizer, vocabSize };
    refuseConflicts(given, decided, `--init ${given.init}`);
    if (checkpoint.unequalDropouts !== undefined && given.dropout === undefined) {
      throw new UsageError(
        `--init ${given.init} has ${checkpoint.unequalDropouts}, and here there is one dropout; choose it with --dropout X`,
      );
    }
  }
  return validateConfig(config);
}

/** The settings of a new run: the preset's unless a flag says otherwise. */
export function chooseSettings(given: TrainFlags, preset: Preset): RunSettings {
  const settings = chosenSettings(preset.train, {
    steps: given.steps,
    batchSize: given['batch-size'],
    accumulate: given.accumulate,
    sampling: given.sampling,
    initialization: given.initialization,
    optimizer: given.optimizer,
    muonLearningRate: given['muon-lr'],
    shape: given.schedule,
    learningRate: given.lr,
    minLearningRate: given['min-lr'],
    warmup: given.warmup,
    weightDecay: given['weight-decay'],
    beta1: given.beta1,
    beta2: given.beta2,
    clip: given.clip,
    emaDecay: given.ema,
    evalEvery: given['eval-every'],
    evalTokens: evalTokens(given['eval-tokens']),
    patience: given.patience,
    seed: given.seed ?? randomInt(2 ** 32),
  });
  const { learningRate } = settings;
  if (settings.minLearningRate > learningRate) {
    throw new UsageError(
      `--min-lr must not exceed --lr, got ${settings.minLearningRate} and ${learningRate}`,
    );
  }
  if (given['muon-lr'] !== undefined && settings.optimizer !== 'muon') {
    throw new UsageError(
      `--muon-lr goes with --optimizer muon only, got ${settings.optimizer}; leave it out`,
    );
  }
  if (given['min-lr'] !== undefined && settings.shape === 'constant') {
    throw new UsageError('--min-lr cannot go with --schedule constant, which never falls; leave it out');
  }
  return settings;
}

/** The settings of a resumed run: those it was started with, except that --steps may be raised. */
export function resumedSettings(
  given: TrainFlags,
  saved: RunSettings,
  { config, tokenizer }: Pick<Checkpoint, 'config' | 'tokenizer'>,
): RunSettings {
  const { steps } = saved;
  if (given.steps !== undefined && given.steps < steps) {
    throw new UsageError(`--steps ${given.steps} is less than the run's ${steps}; it can only be raised`);
  }
  refuseConflicts(given, { ...saved, ...config, tokenizer: tokenizer.kind }, `--resume ${given.resume}`);
  return { ...saved, steps: given.steps ?? steps }; // in the saved order: state.json is compared byte for byte
}

/** What a checkpoint may have decided already. */
type Decided = RunSettings & ModelConfig & { readonly tokenizer: Tokenizer['kind'] };

/** Which setting each flag sets. */
const meaning = {
  tokenizer: 'tokenizer',
  'vocab-size': 'vocabSize',
  arch: 'arch',
  initialization: 'initialization',
  optimizer: 'optimizer',
  'muon-lr': 'muonLearningRate',
  ema: 'emaDecay',
  schedule: 'shape',
  context: 'contextLength',
  layers: 'layers',
  heads: 'heads',
  channels: 'channels',
  dropout: 'dropout',
  'batch-size': 'batchSize',
  accumulate: 'accumulate',
  sampling: 'sampling',
  lr: 'learningRate',
  'min-lr': 'minLearningRate',
  warmup: 'warmup',
  'weight-decay': 'weightDecay',
  beta1: 'beta1',
  beta2: 'beta2',
  clip: 'clip',
  'eval-every': 'evalEvery',
  'eval-tokens': 'evalTokens',
  patience: 'patience',
  seed: 'seed',
} as const satisfies Partial<Record<keyof TrainFlags, keyof Decided>>;

/** Each preset in words, then each flag with its value in every preset; flags that are equal in all stand below. */
export function presetTable(): string {
  const settings = presetNames.map((name): Readonly<Record<string, unknown>> => {
    const { tokenizer = 'char', documents = 'none', model, train }: Preset = presets[name];
    return { tokenizer, documents, ...model, ...train };
  });
  const settingOf: Readonly<Record<string, string>> = { ...meaning, steps: 'steps', documents: 'documents' };
  const rows: string[][] = [];
  const shared: string[] = [];
  for (const flag of Object.keys(trainFlags)) {
    const setting = settingOf[flag] ?? '';
    const values = settings.map((of) => of[setting]);
    if (values.every((value) => value === undefined)) continue;
    if (values.every((value) => value === values[0])) shared.push(`--${flag} ${values[0]}`);
    else rows.push([`  --${flag}`, ...values.map((value) => String(value ?? '-'))]);
  }
  return [
    'Presets:',
    ...presetNames.map((name) => beside(`  ${name}`, presets[name].summary, 15)),
    '',
    textTable([['', ...presetNames], ...rows]),
    beside('  all presets', shared.join(', '), 15),
  ].join('\n');
}

/** Throws a UsageError for a flag that contradicts what `source` has decided already. */
function refuseConflicts(given: TrainFlags, decided: Partial<Decided>, source: string): void {
  for (const flag of Object.keys(meaning) as (keyof typeof meaning)[]) {
    const there = decided[meaning[flag]];
    const value = flag === 'eval-tokens' ? evalTokens(given[flag]) : given[flag];
    if (value === undefined || there === undefined || value === there) continue;
    throw new UsageError(`--${flag} ${value} contradicts ${source}, which has ${there}; leave it out`);
  }
}

function evalTokens(value: string | undefined): number | 'full' | undefined {
  if (value === undefined || value === 'full') return value;
  const number = readNumber(value);
  if (Number.isInteger(number) && number > 0) return number;
  throw new UsageError(`--eval-tokens must be a positive integer or full, got ${JSON.stringify(value)}`);
}
