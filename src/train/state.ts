/** A checkpoint from which training can be resumed, as files: the three of the model, optimizer.safetensors with the
 * trainer's state (the optimizer's moments and, where the model is a mean of weights, the weights), and state.json with
 * everything else.
 *
 * All randomness is a function of (seed, step), so the step alone says which batches and which dropout come next. With
 * the moments, the best so far and the settings, a resumed run does exactly what it would have done without the stop.
 * Nothing in these files depends on when or where they were written: the same training gives the same bytes. */
import type { ModelConfig } from '../model/config.ts';
import {
  type Checkpoint,
  type CheckpointFile,
  encodeCheckpoint,
  loadParameters,
} from '../model/files/checkpoint.ts';
import { readSafetensors, writeSafetensors } from '../model/files/safetensors.ts';
import { type Initialization, initializations, initialize } from '../model/initialize.ts';
import { isObject, show } from '../model/json.ts';
import type { Tokenizer } from '../model/text/tokenizer.ts';
import { type CorpusChoice, faultInChoice } from './corpus-choice.ts';
import { type Split, samplings } from './dataset.ts';
import { optimizers } from './optimizer.ts';
import { shapes } from './schedule.ts';
import type { Progress } from './train.ts';
import { Trainer, type TrainSettings } from './trainer.ts';

export type StateFile = CheckpointFile | 'optimizer.safetensors' | 'state.json';
/** To be raised whenever the program would continue from the same state differently. */
const stateVersion = 3;

/** The settings of a run: the trainer's, and those of the loop around it that decide which model is kept. */
export interface RunSettings extends Required<TrainSettings> {
  readonly initialization: Initialization;
  readonly evalEvery: number;
  /** Evaluations without a new best after which to stop; 0 never stops early. */
  readonly patience: number;
}
/** What must be the same for a run to be resumed. */
export interface RunIdentity {
  readonly preset: string;
  readonly data: string;
  readonly corpusSha256: string;
  /** How the texts are read, unless `data` is one plain text. */
  readonly corpus?: CorpusChoice | undefined;
  /** Which kernels compute, and whether they fuse multiply and add: the last bit of every result depends on it. */
  readonly arithmetic: string;
  /** The models that it learns from; absent where it learns from the text alone. */
  readonly teachers?: readonly TeacherIdentity[] | undefined;
}
export interface TeacherIdentity {
  /** Of a run or model folder. */
  readonly path: string;
  /** Of its weights. */
  readonly sha256: string;
}
export interface TrainingState extends Progress, RunIdentity {
  readonly version: number;
  readonly step: number;
  readonly settings: RunSettings;
}

/** All files of a checkpoint from which training can be resumed. */
export function encodeState(
  trainer: Trainer,
  tokenizer: Tokenizer,
  identity: RunIdentity,
  settings: RunSettings,
  progress: Progress,
): Map<StateFile, Uint8Array> {
  const state: TrainingState = {
    version: stateVersion,
    step: trainer.step,
    ...progress,
    ...identity,
    settings,
  };
  const moments = trainer.state.map(({ name, shape, data }) => ({
    name,
    shape,
    data: Float32Array.from(data),
  }));
  return new Map<StateFile, Uint8Array>([
    ...encodeCheckpoint(trainer.model, tokenizer),
    ['optimizer.safetensors', writeSafetensors(moments)],
    ['state.json', new TextEncoder().encode(`${JSON.stringify(state, null, 2)}\n`)],
  ]);
}

/** Which numbers are allowed, and how an error describes them. */
type Range = readonly [holds: (x: number) => boolean, text: string];
const whole: Range = [(x) => Number.isSafeInteger(x) && x >= 0, 'a whole number'];
const count: Range = [(x) => Number.isSafeInteger(x) && x > 0, 'a whole number of at least 1'];
const positive: Range = [(x) => x > 0 && x < Number.POSITIVE_INFINITY, 'a number above 0'];
const notNegative: Range = [(x) => x >= 0 && x < Number.POSITIVE_INFINITY, 'a number of at least 0'];
const belowOne: Range = [(x) => x >= 0 && x < 1, 'a number of at least 0 and below 1'];
/** The same conditions that the flags have. */
const numbers = {
  ...{ steps: count, batchSize: count, accumulate: count, evalEvery: count },
  ...{ warmup: whole, patience: whole, seed: whole },
  ...{ learningRate: positive, muonLearningRate: positive, minLearningRate: notNegative },
  ...{ weightDecay: notNegative, clip: notNegative, beta1: belowOne, beta2: belowOne, emaDecay: belowOne },
} as const;
const words = { sampling: samplings, initialization: initializations, optimizer: optimizers, shape: shapes };

/** Reads state.json; a RangeError of one line for another version, anything malformed, or a number that no run has. */
export function decodeState(bytes: Uint8Array, source: string): TrainingState {
  const refuse = (what: string): never => {
    throw new RangeError(`${source}: ${what}`);
  };
  const check = (name: string, value: unknown, [holds, text]: Range): void => {
    if (typeof value !== 'number' || !holds(value)) refuse(`${name}: expected ${text}, got ${show(value)}`);
  };
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch {
    refuse('expected JSON');
  }
  if (!isObject(value)) return refuse(`expected an object, got ${show(value)}`);
  if (value.version !== stateVersion) {
    refuse(`written by another version: expected state version ${stateVersion}, got ${show(value.version)}`);
  }
  const { step, best, evaluationsSinceBest, settings } = value;
  for (const key of ['preset', 'data', 'corpusSha256', 'arithmetic'] as const) {
    if (typeof value[key] !== 'string') refuse(`${key}: expected a text, got ${show(value[key])}`);
  }
  const fault = value.corpus === undefined ? undefined : faultInChoice(value.corpus);
  if (fault !== undefined) refuse(`corpus: ${fault}`);
  if (value.teachers !== undefined && !areTeachers(value.teachers)) {
    refuse(`teachers: expected a list of paths with a sha256 each, got ${show(value.teachers)}`);
  }
  if (!isObject(settings)) return refuse(`settings: expected an object, got ${show(settings)}`);
  for (const [key, range] of Object.entries(numbers)) check(`settings.${key}`, settings[key], range);
  const { steps, learningRate, evalTokens } = settings as unknown as RunSettings;
  const upTo = (most: number, range: Range, text: string): Range => [
    (x) => range[0](x) && x <= most,
    `${range[1]}, at most ${text}, ${most}`,
  ];
  check(
    'settings.minLearningRate',
    settings.minLearningRate,
    upTo(learningRate, notNegative, 'learningRate'),
  );
  if (evalTokens !== 'full') check('settings.evalTokens', evalTokens, count);
  for (const [key, choices] of Object.entries(words)) {
    const chosen = settings[key];
    if (!(choices as readonly unknown[]).includes(chosen)) {
      refuse(`settings.${key}: expected one of ${choices.join(', ')}, got ${show(chosen)}`);
    }
  }
  check('step', step, upTo(steps, whole, 'steps'));
  const upToStep = upTo(step as number, whole, 'step');
  check('evaluationsSinceBest', evaluationsSinceBest, upToStep);
  if (best !== null) {
    if (!isObject(best)) return refuse(`best: expected step and nll, got ${show(best)}`);
    check('best.step', best.step, upToStep);
    check('best.nll', best.nll, notNegative);
  }
  return value as unknown as TrainingState;
}

function areTeachers(value: unknown): boolean {
  const isTeacher = (one: unknown) =>
    isObject(one) && typeof one.path === 'string' && typeof one.sha256 === 'string';
  return Array.isArray(value) && value.length > 0 && value.every(isTeacher);
}

/** Puts weights, moments and step into a trainer made for the same sizes. If anything does not fit, it throws and has
 * changed nothing. */
export function restoreTrainer(
  trainer: Trainer,
  checkpoint: Checkpoint,
  optimizer: Uint8Array,
  state: TrainingState,
  source: string,
): void {
  const file = `${source}/optimizer.safetensors`;
  const stored = readSafetensors(optimizer, file);
  const moments = trainer.state.map((moment) => {
    const found = stored.get(moment.name);
    if (found === undefined || found.shape.join() !== moment.shape.join()) {
      throw new RangeError(
        `${file}: expected ${moment.name} of ${show(moment.shape)}, got ${found === undefined ? 'none' : show(found.shape)}`,
      );
    }
    return [moment.data, found.finiteData()] as const;
  });
  loadParameters(trainer.model, checkpoint, source);
  for (const [to, from] of moments) to.set(from);
  trainer.step = state.step;
}

/** A trainer at step 0, its weights drawn from the seed. Parameters as for the constructor. */
export function freshTrainer(
  config: ModelConfig,
  settings: TrainSettings & { readonly initialization: Initialization },
  split: Split,
  options: ConstructorParameters<typeof Trainer>[3],
): Trainer {
  const trainer = new Trainer(config, settings, split, options);
  initialize(trainer.model, settings.seed, settings.initialization);
  return trainer;
}
