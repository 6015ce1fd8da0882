/** What a run will need, before it starts: parameters, arithmetic, memory, disk, passes over the data. */
import { trainingFlops } from '../model/flops.ts';
import type { Trainer } from './trainer.ts';

export interface Preflight {
  readonly parameters: number;
  readonly flopsPerStep: number;
  readonly bytes: number;
  /** The size on disk of a model, and of a checkpoint from which training can be resumed. */
  readonly modelBytes: number;
  readonly checkpointBytes: number;
  readonly tokensPerStep: number;
  /** How often the whole run passes over the training part. */
  readonly epochs: number;
}

export function preflight(trainer: Trainer, trainTokens: number): Preflight {
  const { model, optimizer, settings } = trainer;
  const tokensPerStep = settings.batchSize * settings.accumulate * model.config.contextLength;
  const modelBytes = 4 * model.parameters.reduce((sum, p) => sum + p.value.size, 0);
  return {
    modelBytes,
    checkpointBytes: modelBytes + 4 * trainer.state.reduce((sum, t) => sum + t.size, 0),
    parameters: modelBytes / 4,
    flopsPerStep: trainingFlops(model.config, tokensPerStep) + optimizer.flops,
    bytes: model.arena.plan().reduce((sum, row) => sum + row.bytes, 0),
    tokensPerStep,
    epochs: (settings.steps * tokensPerStep) / trainTokens,
  };
}
