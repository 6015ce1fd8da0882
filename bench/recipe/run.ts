/** One training of a row. */
import { initialize } from '../../src/model/initialize.ts';
import type { Kernels } from '../../src/tensor/kernels.ts';
import { RandomStream } from '../../src/tensor/random.ts';
import type { Split } from '../../src/train/dataset.ts';
import { score, type WindowBuffers } from '../../src/train/score.ts';
import { Trainer } from '../../src/train/trainer.ts';
import type { Row } from './rows.ts';

type Training = ReturnType<Row>;

/** A trainer at step 0 and room for windows that it does not choose itself. Where the row has an optimizer of its own, that
 * takes the place of the trainer's. */
export function startTrainer(row: Training, seed: number, split: Split, kernels: Kernels) {
  const { config, settings, architecture, optimizer, prepare } = row;
  const trainer = new Trainer(config, { ...settings, seed }, split, {
    kernels,
    architecture,
    allocate: false,
  });
  const { model } = trainer;
  if (optimizer !== undefined) {
    Object.assign(trainer, { optimizer: optimizer(model.arena, kernels, settings) });
  }
  const rows = settings.batchSize * config.contextLength;
  const buffers = {
    inputs: model.arena.ids('chosen', rows),
    targets: model.arena.ids('chosen targets', rows),
  };
  model.arena.allocate(kernels.memory);
  initialize(model, seed, settings.initialization);
  prepare?.(model);
  return { trainer, buffers };
}

/** All updates; returns the milliseconds of each. In the end the model is the mean of the weights at the ends of the
 * row's tail, if it has one. */
export function trainToEnd(trainer: Trainer, { tail, settings }: Training): number[] {
  const params = trainer.model.arena.params.data;
  const ends = tail?.ends(settings.steps) ?? [];
  const sum = new Float64Array(params.length);
  const times: number[] = [];
  while (trainer.step < settings.steps) {
    const began = performance.now();
    trainer.train(tail?.rate(trainer.step, settings));
    times.push(performance.now() - began);
    if (ends.includes(trainer.step)) for (let i = 0; i < sum.length; i++) sum[i]! += params[i]!;
  }
  if (ends.length > 0) params.set(sum.map((total) => total / ends.length));
  return times;
}

/** The loss over windows that begin at random places, the same for every row with this context: nanoGPT's way. */
export function scoreRandomWindows(
  { model }: Trainer,
  buffers: WindowBuffers,
  { validation }: Split,
): number {
  const length = model.config.contextLength;
  const random = new RandomStream(1, 'evaluate');
  const places = validation.length - length;
  const windows = Array.from({ length: 1000 }, (_, i) => ({ start: random.below(places, i), length }));
  return score(model, buffers, validation, windows).nll;
}
