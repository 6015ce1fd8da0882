/** npm run train -- --overfit-batch: one batch, again and again, until it is known by heart or something is wrong. */
import type { ModelConfig } from '../../model/config.ts';
import { initialize } from '../../model/initialize.ts';
import type { Kernels } from '../../tensor/kernels.ts';
import type { Split } from '../../train/dataset.ts';
import { counted } from '../../train/metrics.ts';
import { batchFloor } from '../../train/overfit.ts';
import type { RunSettings } from '../../train/state.ts';
import { Trainer } from '../../train/trainer.ts';
import type { Terminal } from '../host/terminal.ts';

/** Nats above the floor that count as learnt by heart. */
const margin = 0.05;
const leastSteps = 300;

/** Prints the way down and the verdict; throws with what to look at if the batch was not learnt. */
export async function overfitBatch(
  config: ModelConfig,
  settings: RunSettings,
  split: Split,
  kernels: Kernels,
  terminal: Terminal,
): Promise<void> {
  const { batchSize: B, learningRate, seed } = settings;
  const T = config.contextLength;
  const train = split.train.subarray(0, B * T + 1);
  if (train.length < B * T + 1) {
    throw new Error(
      `--overfit-batch: expected ${B * T + 1} training tokens for one batch, got ${train.length}; lower --batch-size`,
    );
  }
  const steps = Math.max(leastSteps, settings.steps);
  const floor = batchFloor(train, B, T);
  const still = { accumulate: 1, sampling: 'epoch', minLearningRate: learningRate, weightDecay: 0 } as const;
  const trainer = new Trainer(
    { ...config, dropout: 0 },
    { ...settings, ...still, steps, warmup: Math.min(settings.warmup, 20) },
    { train, validation: split.validation },
    { kernels },
  );
  initialize(trainer.model, seed, settings.initialization);
  terminal.line(
    `one batch of ${counted(B, 'window')} of ${counted(T, 'token')}, up to ${counted(steps, 'step')}, dropout, decay and accumulation off, rate ${learningRate} throughout`,
  );
  terminal.line(
    `no causal model can go below ${floor.toFixed(4)} nats on it: where windows begin alike, the next token is a guess`,
  );
  let loss = Number.POSITIVE_INFINITY;
  while (trainer.step < steps && loss > floor + margin) {
    loss = trainer.train().loss;
    if (trainer.step === 1 || trainer.step % 25 === 0)
      await terminal.line(`step ${trainer.step}  loss ${loss.toFixed(4)}`);
  }
  if (loss <= floor + margin) {
    terminal.line(
      `step ${trainer.step}  loss ${loss.toFixed(4)}: learnt by heart; forward, backward and optimizer work together`,
    );
    return;
  }
  throw new Error(
    `--overfit-batch: the loss is still ${loss.toFixed(4)} after ${steps} steps, expected below ${(floor + margin).toFixed(4)}; try more --steps, another --lr, more --channels, or npm run gradcheck`,
  );
}
