/** The training loop. It is a generator: it trains, and yields an event whenever something has happened or is due.
 *
 *     pause -> step -> evaluation? -> checkpoint? -> sample?        again and again, and 'end' after the last step
 *
 * Whoever runs it, with `for (const event of train(trainer, plan))`, decides what to do about an event: print a line,
 * write a file, nothing. Evaluating, sampling or saving more often never changes what is learned. */
import type { Score } from './score.ts';
import type { StepRecord, Trainer } from './trainer.ts';

export interface Plan {
  /** Updates in all, those before a resume included. */
  readonly steps: number;
  /** The learning rate of the next step, from the updates so far; absent: the trainer's own schedule. */
  readonly rate?: (done: number) => number;
  /** Steps from one evaluation, checkpoint or sample to the next; absent: there are none. Where there are any, the last
   * step is evaluated and saved as well. */
  readonly evalEvery?: number | undefined;
  readonly checkpointEvery?: number | undefined;
  readonly sampleEvery?: number | undefined;
  /** Evaluations without a new best after which to end; 0 or absent: never before the last step. */
  readonly patience?: number;
}

/** What the evaluations have shown so far. */
export interface Progress {
  readonly best: { readonly step: number; readonly nll: number } | null;
  readonly evaluationsSinceBest: number;
}
export const notEvaluated: Progress = { best: null, evaluationsSinceBest: 0 };

export type TrainEvent =
  /** Between two steps. Here a caller can leave the loop; a later call goes on as if there had been no break. */
  | { readonly kind: 'pause' }
  | ({ readonly kind: 'step' } & StepRecord)
  /** `best`: lower than all before. `progress` includes this evaluation; the next checkpoint must store it. */
  | {
      readonly kind: 'evaluation';
      readonly score: Score;
      readonly best: boolean;
      readonly progress: Progress;
    }
  | { readonly kind: 'checkpoint' }
  | { readonly kind: 'sample' }
  /** `early`: it ran out of patience. */
  | { readonly kind: 'end'; readonly early: boolean };

/** Trains from the step that the trainer has reached. Errors of the trainer, such as DivergenceError, pass through.
 * @param progress of a resumed run, as its checkpoint has it */
export function* train(
  trainer: Pick<Trainer, 'step' | 'train' | 'evaluate'>,
  plan: Plan,
  progress = notEvaluated,
): Generator<TrainEvent, void, void> {
  while (!isOver(trainer.step, plan, progress)) {
    yield { kind: 'pause' };
    yield { kind: 'step', ...trainer.train(plan.rate?.(trainer.step)) };
    const { step } = trainer;
    if (isEvaluated(step, plan)) {
      const score = trainer.evaluate();
      const best = progress.best === null || score.nll < progress.best.nll;
      progress = best
        ? { best: { step, nll: score.nll }, evaluationsSinceBest: 0 }
        : { ...progress, evaluationsSinceBest: progress.evaluationsSinceBest + 1 };
      yield { kind: 'evaluation', score, best, progress };
    }
    if (isDue(step, plan.checkpointEvery, isOver(step, plan, progress))) yield { kind: 'checkpoint' };
    if (isDue(step, plan.sampleEvery, false)) yield { kind: 'sample' };
  }
  yield { kind: 'end', early: isOutOfPatience(plan, progress) };
}

/** Whether nothing is left to train. */
export function isOver(step: number, plan: Plan, progress: Progress): boolean {
  return step >= plan.steps || isOutOfPatience(plan, progress);
}

/** Whether as many evaluations in a row as the plan has patience for brought no new best. */
export function isOutOfPatience({ patience = 0 }: Pick<Plan, 'patience'>, progress: Progress): boolean {
  return patience > 0 && progress.evaluationsSinceBest >= patience;
}

/** Whether the loop evaluates after this step. */
export function isEvaluated(step: number, { evalEvery, steps }: Plan): boolean {
  return step > 0 && isDue(step, evalEvery, step === steps);
}

function isDue(step: number, every: number | undefined, last: boolean): boolean {
  return every !== undefined && (last || step % every === 0);
}
