/** Warnings about a run while it goes on: what an experienced person would notice in its numbers, in plain words.
 *
 * None of this touches training: the guards only read. */
import type { ModelConfig } from '../model/config.ts';
import { counted } from './metrics.ts';

/** How many losses a spike is compared with, and by how many standard deviations it must exceed their mean. */
const window = 64;
const spikeZ = 6;

interface Measured {
  readonly step: number;
  readonly loss: number;
}

/** Watches training and validation losses. Each call returns a warning, or undefined. */
export class Guards {
  readonly #clip: number;
  readonly #losses: number[] = [];
  #smooth: number | undefined;
  #lowest = Number.POSITIVE_INFINITY;
  #stepsAboveLowest = 0;
  #lastSpike = Number.NEGATIVE_INFINITY;
  /** The lowest validation loss so far, and the smoothed training loss at that time. */
  #best: { readonly validation: number; readonly train: number } | undefined;
  #evaluationsAboveBest = 0;
  #told = new Set<string>();

  constructor(clip: number) {
    this.#clip = clip;
  }

  /** Feeds it what a run recorded before a resume, in the order of the steps: then it warns as if the run had never
   * stopped, and gives no warning twice. */
  remember(losses: readonly Measured[], evaluations: readonly Measured[]): void {
    const waiting = [...evaluations];
    for (const { step, loss } of losses) {
      while (waiting[0] !== undefined && waiting[0].step < step) this.evaluation(waiting.shift()!.loss);
      this.step(step, loss, 0);
    }
    for (const { loss } of waiting) this.evaluation(loss);
  }

  /** To be called after each step: notices loss spikes, and a loss that only rises. */
  step(step: number, loss: number, gradNorm: number): string | undefined {
    const spike = this.#spike(step, loss, gradNorm);
    this.#losses.push(loss);
    if (this.#losses.length > window) this.#losses.shift();
    this.#smooth = this.#smooth === undefined ? loss : 0.95 * this.#smooth + 0.05 * loss;
    if (this.#smooth < this.#lowest) {
      this.#lowest = this.#smooth;
      this.#stepsAboveLowest = 0;
    } else this.#stepsAboveLowest += 1;
    if (spike !== undefined) return spike;
    if (this.#stepsAboveLowest >= window && this.#smooth > 1.15 * this.#lowest) {
      return this.#once(
        'rate',
        `the learning rate looks too high: the loss has risen from ${this.#lowest.toFixed(3)} to ${this.#smooth.toFixed(3)} and has not come back for ${this.#stepsAboveLowest} steps; try a third of --lr, or a longer --warmup`,
      );
    }
    return undefined;
  }

  /** To be called after each evaluation: notices a validation loss that rises while the training loss falls.
   *
   * It has risen if the last three evaluations or more brought no new best and the newest is over 1 % above it. They
   * need not rise one by one: both losses are noisy, and a single lucky evaluation would hide overfitting. */
  evaluation(validation: number): string | undefined {
    const train = this.#smooth;
    if (train === undefined) return undefined;
    if (this.#best === undefined || validation < this.#best.validation) {
      this.#best = { validation, train };
      this.#evaluationsAboveBest = 0;
      return undefined;
    }
    this.#evaluationsAboveBest += 1;
    const { validation: lowest, train: before } = this.#best;
    if (this.#evaluationsAboveBest < 3 || validation < 1.01 * lowest || train >= before) return undefined;
    return this.#once(
      'overfitting',
      `overfitting: validation has risen from ${lowest.toFixed(3)} to ${validation.toFixed(3)} over ${this.#evaluationsAboveBest} evaluations while the training loss fell from ${before.toFixed(3)} to ${train.toFixed(3)}; the best checkpoint is kept; --patience 3 would stop here, --dropout 0.1 or a smaller model would help`,
    );
  }

  #spike(step: number, loss: number, gradNorm: number): string | undefined {
    if (this.#losses.length < window / 2 || step - this.#lastSpike < window / 2) return undefined;
    const mean = this.#losses.reduce((sum, x) => sum + x, 0) / this.#losses.length;
    const variance = this.#losses.reduce((sum, x) => sum + (x - mean) ** 2, 0) / (this.#losses.length - 1);
    const z = (loss - mean) / Math.sqrt(variance);
    if (!(z > spikeZ && loss > mean * 1.05)) return undefined;
    this.#lastSpike = step;
    const clipped =
      this.#clip === 0
        ? `no --clip holds it back`
        : gradNorm > this.#clip
          ? `clipping scaled it down ${(gradNorm / this.#clip).toFixed(1)} times`
          : `below the clip of ${this.#clip}`;
    return `loss spike: ${loss.toFixed(3)} is ${z.toFixed(1)} standard deviations above the last ${this.#losses.length} steps' mean of ${mean.toFixed(3)}; gradient norm ${gradNorm.toFixed(2)}, ${clipped}`;
  }

  #once(topic: string, message: string): string | undefined {
    if (this.#told.has(topic)) return undefined;
    this.#told.add(topic);
    return message;
  }
}

/** Up to so many passes, reading a text again teaches about as much as new text (Muennighoff et al., 2023). */
const harmlessPasses = 4;
/** A text with so many training tokens for each parameter is large enough for a model (Hoffmann et al., 2022). */
const enoughTokens = 20;
/** From this dropout on nothing is warned of: it is the remedy, and docs/recipe.md shows thirteen passes with twice that. */
const someDropout = 0.1;

/** Warnings that can be given before the first step. Neither a small text alone nor many passes over a large one are a
 * danger: a model memorises what it has room for and sees again and again.
 *
 * @param run.epochs passes over the text */
export function preflightWarnings(
  config: ModelConfig,
  run: { readonly parameters: number; readonly epochs: number },
  trainTokens: number,
): string[] {
  const perParameter = trainTokens / run.parameters;
  const warnings: string[] = [];
  if (run.epochs > harmlessPasses && perParameter < enoughTokens && config.dropout < someDropout) {
    warnings.push(
      `${Math.round(run.epochs)} passes over a text of ${perParameter.toPrecision(2)} training tokens a parameter: expect the model to learn it by heart; up to ${harmlessPasses} passes do no harm (Muennighoff et al., 2023), nor do more where there are ${enoughTokens} tokens a parameter (Hoffmann et al., 2022); fewer --steps, --patience 3, --dropout ${someDropout} or a smaller model would help`,
    );
  }
  if (trainTokens < 20 * config.contextLength) {
    const contexts = counted(Math.floor(trainTokens / config.contextLength), 'context');
    warnings.push(
      `the training text holds only ${contexts} of ${counted(config.contextLength, 'token')}; a shorter --context gives more different ones`,
    );
  }
  return warnings;
}
