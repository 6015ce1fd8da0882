/** --overfit-batch, the first thing to try when a model does not learn: can it memorise one single batch?
 *
 * A correct model with enough parameters brings the loss on it to nearly 0. Not quite to 0: where two windows begin
 * alike and continue differently, nothing before that place tells them apart. `batchFloor` is the loss that this
 * leaves. */
import type { ModelConfig } from '../model/config.ts';
import type { Kernels } from '../tensor/kernels.ts';
import { log } from '../tensor/math.ts';
import type { Split } from './dataset.ts';
import { counted } from './metrics.ts';
import { freshTrainer, type RunSettings } from './state.ts';
import { train } from './train.ts';

/** So many nats above the floor still count as learned by heart. */
const margin = 0.05;
const leastSteps = 300;

/** The lowest mean loss that any causal model can reach on these B windows of T tokens (nats). */
export function batchFloor(tokens: Int32Array, B: number, T: number): number {
  let learned = 0;
  const continuations = new Map<string, Map<number, number>>();
  for (let b = 0; b < B; b++) {
    let prefix = '';
    for (let t = 0; t < T; t++) {
      prefix += `${tokens[b * T + t]},`;
      const next = tokens[b * T + t + 1]!;
      if (next < 0) continue; // of a prompt
      learned += 1;
      const counts = continuations.get(prefix) ?? new Map<number, number>();
      counts.set(next, (counts.get(next) ?? 0) + 1);
      continuations.set(prefix, counts);
    }
  }
  let sum = 0;
  for (const counts of continuations.values()) {
    const total = [...counts.values()].reduce((a, b) => a + b, 0);
    for (const count of counts.values()) sum -= count * log(count / total);
  }
  return sum / learned;
}

/** Trains a fresh model on the first batch of the text until it knows it by heart. Progress and result go to `say`,
 * line by line; if the model does not learn the batch, an error says what to look at. */
export async function overfitBatch(
  config: ModelConfig,
  settings: RunSettings,
  split: Split,
  kernels: Kernels,
  say: (line: string) => void | Promise<void>,
): Promise<void> {
  const { batchSize: B, learningRate } = settings;
  const T = config.contextLength;
  const tokens = split.train.subarray(0, B * T + 1);
  if (tokens.length < B * T + 1) {
    throw new Error(
      `--overfit-batch: expected ${B * T + 1} training tokens for one batch, got ${tokens.length}; lower --batch-size`,
    );
  }
  const steps = Math.max(leastSteps, settings.steps);
  const floor = batchFloor(tokens, B, T);
  const still = { accumulate: 1, sampling: 'epoch', minLearningRate: learningRate, weightDecay: 0 } as const;
  const trainer = freshTrainer(
    { ...config, dropout: 0 },
    { ...settings, ...still, steps, warmup: Math.min(settings.warmup, 20) },
    { train: tokens, validation: split.validation },
    { kernels },
  );
  await say(
    `one batch of ${counted(B, 'window')} of ${counted(T, 'token')}, up to ${counted(steps, 'step')}, dropout, decay and accumulation off, rate ${learningRate} throughout`,
  );
  await say(
    `no causal model can go below ${floor.toFixed(4)} nats on it: where windows begin alike, the next token is a guess`,
  );
  let loss = '';
  for (const event of train(trainer, { steps })) {
    if (event.kind !== 'step') continue;
    loss = event.loss.toFixed(4);
    const line = `step ${event.step}  loss ${loss}`;
    if (event.step === 1 || event.step % 25 === 0) await say(line);
    if (event.loss > floor + margin) continue;
    await say(`${line}: learnt by heart; forward, backward and optimizer work together`);
    return;
  }
  throw new Error(
    `--overfit-batch: the loss is still ${loss} after ${steps} steps, expected below ${(floor + margin).toFixed(4)}; try more --steps, another --lr, more --channels, or npm run gradcheck`,
  );
}
