/** Measures how fast this machine trains: for --minutes M, how many steps fit into that time; for --plan, how long the
 * run would take.
 *
 * The trainer that is measured is thrown away. The run has a trainer and kernels of its own, so its bytes are the same
 * as with --steps. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ngramBaselines } from '../../evaluate/ngram.ts';
import type { ModelConfig } from '../../model/config.ts';
import type { Tokenizer } from '../../model/text/tokenizer.ts';
import type { Kernels } from '../../tensor/kernels.ts';
import type { Split, Tokens } from '../../train/dataset.ts';
import { briefly } from '../../train/metrics.ts';
import { encodeState, freshTrainer, type RunSettings } from '../../train/state.ts';
import { notEvaluated, train } from '../../train/train.ts';
import type { Trainer } from '../../train/trainer.ts';
import { sampled } from '../data/large.ts';
import { writeFolder } from '../host/files.ts';
import { closeKernels, openKernels } from '../host/kernels.ts';
import type { Terminal } from '../host/terminal.ts';
import type { TrainFlags } from './flags.ts';
import { modelsOf, openTeachers, type Teacher } from './teachers.ts';

/** Steps are measured for so long, and for at most a tenth of --minutes; the first third is only to warm up. */
const measuredSeconds = 3;
/** The same for --plan. */
const plannedSeconds = 2;
const leastSteps = 3;

export interface Calibration {
  readonly config: ModelConfig;
  readonly settings: RunSettings;
  readonly split: Split;
  readonly tokenizer: Tokenizer;
  readonly teachers: readonly Teacher[];
}

/** Seconds that each part of a run costs on this machine. */
export interface RunCosts {
  readonly step: number;
  /** An evaluation with the best checkpoint it may leave, once in `evalEvery` steps. */
  readonly evaluation: number;
  readonly evalEvery: number;
  readonly checkpoint: number;
  readonly checkpointEvery: number;
  /** What every run needs once, however long it is: counting n-grams, the last evaluation, the sample. */
  readonly once: number;
}

/** The seconds that a run of so many steps takes. */
export function secondsOf(steps: number, costs: RunCosts): number {
  return steps * eachStep(costs) + costs.once;
}

/** The largest number of steps whose cost stays within `seconds`; at least 1. */
export function stepsWithin(seconds: number, costs: RunCosts): number {
  return Math.max(1, Math.floor((seconds - costs.once) / eachStep(costs)));
}

/** The seconds of a step, with its share of evaluations and checkpoints. */
function eachStep({ step, evaluation, evalEvery, checkpoint, checkpointEvery }: RunCosts): number {
  return step + evaluation / evalEvery + checkpoint / checkpointEvery;
}

/** The number of steps that fit into --minutes since the process began; measuring is part of that time. */
export async function stepsInMinutes(
  given: TrainFlags,
  parts: Calibration,
  terminal: Terminal,
): Promise<number> {
  const { minutes = 1, 'checkpoint-every': checkpointEvery = parts.settings.evalEvery } = given;
  terminal.progress('measuring how fast steps are ...');
  const chosen = await openKernels(given);
  const seconds = Math.min(measuredSeconds, 6 * minutes);
  const costs = { ...measureCosts(parts, chosen.kernels, seconds), checkpointEvery };
  closeKernels(chosen);
  const steps = stepsWithin(60 * minutes - performance.now() / 1000, costs);
  terminal.line(
    `--minutes ${minutes}: ${briefly(costs.step)} a step, ${briefly(costs.evaluation)} an evaluation, so the same as --steps ${steps} --seed ${parts.settings.seed}`,
  );
  return steps;
}

/** One line for --plan: how long the run would take here. Only steps are measured. Evaluations are forward passes, so
 * they are taken as a third of the work of a step with as many tokens.
 * @param measured for how many seconds; the first half is only to warm up */
export function timeLine(
  parts: Omit<Calibration, 'tokenizer'>,
  kernels: Kernels,
  measured = plannedSeconds,
): string {
  const { config, settings, split } = parts;
  const { steps, evalEvery, evalTokens, batchSize, accumulate } = settings;
  const step = trainSteps(warmTrainer(parts, kernels, measured / 2), measured / 2);
  const perToken = step / (3 * batchSize * accumulate * config.contextLength);
  const heldOut = Math.min(split.validation.length, split.mostScored ?? Number.POSITIVE_INFINITY);
  const seconds = secondsOf(steps, {
    step,
    evaluation: perToken * (evalTokens === 'full' ? heldOut : Math.min(heldOut, evalTokens)),
    evalEvery,
    ...{ checkpoint: 0, checkpointEvery: 1 },
    once: perToken * heldOut,
  });
  return `time: about ${briefly(seconds)} on this machine as it is now, at ${briefly(step)} a step`;
}

function measureCosts(
  parts: Calibration,
  kernels: Kernels,
  seconds: number,
): Omit<RunCosts, 'checkpointEvery'> {
  const { config, settings, split, tokenizer } = parts;
  const trainer = warmTrainer(parts, kernels, seconds / 3);
  const step = trainSteps(trainer, (2 * seconds) / 3);
  let scored = 0;
  const evaluating = time(() => {
    scored = trainer.evaluate().tokensScored;
  });
  const checkpoint = timeCheckpoint(trainer, settings, tokenizer);
  const { train, validation, mostScored } = split;
  const counted = ({ length }: Tokens, most: number) =>
    mostScored === undefined ? length : Math.min(length, most);
  const learned = train.subarray(0, counted(train, sampled.train));
  const heldOut = validation.subarray(0, counted(validation, sampled.validation));
  const counting = time(() => ngramBaselines(learned, heldOut, { V: config.vocabSize }));
  const all = Math.min(validation.length - 1, mostScored ?? Number.POSITIVE_INFINITY);
  return {
    step,
    evaluation: evaluating + checkpoint,
    evalEvery: settings.evalEvery,
    checkpoint,
    once: counting + (evaluating * all) / scored,
  };
}

function warmTrainer(
  { config, settings, split, teachers }: Omit<Calibration, 'tokenizer'>,
  kernels: Kernels,
  seconds: number,
): Trainer {
  const scorers = openTeachers(teachers, settings, config, kernels);
  const trainer = freshTrainer(config, settings, split, { kernels, teachers: modelsOf(scorers) });
  trainSteps(trainer, seconds);
  return trainer;
}

/** The mean seconds of a step. Not the median: other programs that slow these steps down will slow down the run,
 * too. */
function trainSteps(trainer: Trainer, seconds: number): number {
  let steps = 0;
  const began = performance.now();
  const spent = () => (performance.now() - began) / 1000;
  for (const { kind } of train(trainer, { steps: Number.POSITIVE_INFINITY })) {
    if (kind === 'step') steps += 1;
    if (steps >= leastSteps && spent() >= seconds) break;
  }
  return spent() / steps;
}

function timeCheckpoint(trainer: Trainer, settings: RunSettings, tokenizer: Tokenizer): number {
  const folder = mkdtempSync(join(tmpdir(), 'inkling-'));
  const identity = { preset: '', data: '', corpusSha256: '', arithmetic: '' };
  try {
    return time(() => {
      writeFolder(join(folder, 'step'), encodeState(trainer, tokenizer, identity, settings, notEvaluated));
    });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function time(action: () => unknown): number {
  const began = performance.now();
  action();
  return (performance.now() - began) / 1000;
}
