/** A training run on disk and on the terminal: consumes the events of the training loop (train/train.ts), and for each
 * of them logs, warns, saves or samples; it stops when asked to. Nothing in here changes what is learned. */
import { join } from 'node:path';
import { encodeCheckpoint, loadParameters } from '../../model/files/checkpoint.ts';
import type { Tokenizer } from '../../model/text/tokenizer.ts';
import type { RunData } from '../../report/run.ts';
import { preview } from '../../sample/prompt.ts';
import { Guards } from '../../train/guards.ts';
import {
  type Baseline,
  counted,
  duration,
  type EvaluationMetrics,
  evaluationLine,
  type LayerMetrics,
  type MetricsRecord,
  type StepMetrics,
  stepLine,
} from '../../train/metrics.ts';
import { observe } from '../../train/observe.ts';
import { Forecast, Pace } from '../../train/pace.ts';
import type { Score } from '../../train/score.ts';
import { encodeState, type RunIdentity, type RunSettings } from '../../train/state.ts';
import { isEvaluated, type Progress, train } from '../../train/train.ts';
import type { StepRecord, Trainer } from '../../train/trainer.ts';
import type { StopSignal } from '../host/stop-signal.ts';
import type { Terminal } from '../host/terminal.ts';
import { readCheckpoint } from '../runs/folder.ts';
import { readRunData, writeReport } from '../runs/report.ts';
import type { RunFolder } from '../runs/writer.ts';
import { indented, passedLine, strongest } from './lines.ts';

export interface TrainingRunParts {
  readonly trainer: Trainer;
  readonly tokenizer: Tokenizer;
  readonly folder: RunFolder;
  readonly settings: RunSettings;
  readonly identity: RunIdentity;
  readonly progress: Progress;
  readonly baselines: readonly Baseline[];
  readonly terminal: Terminal;
  readonly stop: StopSignal;
  /** What a resumed run may choose differently. */
  readonly cadence: {
    readonly checkpointEvery: number;
    readonly keep: number;
    readonly sampleEvery: number | undefined;
    readonly stopAt: number | undefined;
  };
}
export class TrainingRun {
  readonly #parts: TrainingRunParts;
  readonly #pace = new Pace();
  readonly #forecast = new Forecast();
  readonly #guards: Guards;
  /** What the report shows: read from the folder once, then kept up to date. */
  readonly #recorded: RunData;
  #progress: Progress;
  /** The strongest baseline that the run is known to have passed. */
  #passed: Baseline | undefined;
  #savedAt: number;
  /** An evaluation that is recorded and not yet shown. */
  #notShown: EvaluationMetrics | undefined;
  /** The step whose weights the model has: the trainer's, until those of the best model replace them at the end. */
  #modelStep: number;

  constructor(parts: TrainingRunParts) {
    const { trainer, settings, progress, folder, baselines, terminal } = parts;
    this.#parts = parts;
    this.#progress = progress;
    if (progress.best !== null) this.#passed = this.#beaten(progress.best.nll / trainer.charactersPerToken);
    this.#savedAt = trainer.step > 0 ? trainer.step : -1;
    this.#modelStep = trainer.step;
    this.#recorded = { ...readRunData(folder.path, folder.warn), baselines };
    const { history } = this.#recorded;
    terminal.remember(history.means('loss').map(({ y }) => y));
    // Of a long run, points are only the lowest and highest losses. They scatter more: a guard warns later, never earlier.
    this.#guards = new Guards(settings.clip);
    this.#guards.remember(
      history.points('loss').map(({ x, y }) => ({ step: x, loss: y })),
      history.evaluations
        .filter(({ step }) => isEvaluated(step, settings)) // without those that a stop added
        .map(({ step, nll }) => ({ step, loss: nll })),
    );
  }

  /** Trains to the end, or until asked to stop. 'stopped' means that a checkpoint is saved for --resume; after
   * 'finished' the model is the best one. */
  async run(): Promise<'finished' | 'stopped'> {
    let outcome: 'finished' | 'stopped' = 'stopped';
    try {
      outcome = await this.#train();
    } finally {
      if (outcome === 'stopped') this.#draw({ live: false });
    }
    return outcome;
  }

  async #train(): Promise<'finished' | 'stopped'> {
    const { trainer, tokenizer, folder, settings, stop, cadence, terminal } = this.#parts;
    const { steps, evalEvery, patience } = settings;
    const plan = { ...cadence, steps, evalEvery, patience };
    let layers: ReturnType<typeof observe> | undefined;
    let last = performance.now();
    /** Seconds since the last call. */
    const sinceLast = () => {
      const before = last;
      last = performance.now();
      return (last - before) / 1000;
    };
    for (const event of train(trainer, plan, this.#progress)) {
      if (event.kind !== 'checkpoint') this.#showEvaluation(); // after the checkpoint: what fails here must not cost it
      switch (event.kind) {
        case 'pause':
          this.#pace.addRest(sinceLast());
          await new Promise(setImmediate); // signals arrive here
          if (stop.requested !== undefined || trainer.step === cadence.stopAt) {
            this.#save();
            this.#leave();
            return 'stopped';
          }
          layers = trainer.step === 0 || isEvaluated(trainer.step + 1, plan) ? observe(trainer) : undefined;
          sinceLast();
          break;
        case 'step':
          this.#pace.add(sinceLast());
          this.#step(event, layers?.());
          break;
        case 'evaluation':
          this.#progress = event.progress;
          if (event.best) folder.saveBest(encodeCheckpoint(trainer.model, tokenizer));
          this.#notShown = this.#measured('evaluation', event.score, event.best);
          break;
        case 'checkpoint':
          this.#save();
          break;
        case 'sample':
          terminal.detail(`a sample after step ${trainer.step}:`);
          terminal.detail(indented(this.#sample()[0]!));
          break;
        case 'end':
          if (event.early) {
            const tries = counted(patience, 'evaluation');
            terminal.line(
              `no new best in ${tries}: stopping early with the best, of step ${this.#progress.best?.step}`,
            );
          }
      }
    }
    this.#takeBest();
    return 'finished';
  }

  /** The held-out loss over everything, and samples: both of the best model, as is `final.step`. */
  finish(samples = 1): { readonly final: EvaluationMetrics; readonly texts: readonly string[] } {
    const { trainer, terminal } = this.#parts;
    terminal.progress('validating on what was held out ...');
    const final = this.#measured('final', trainer.evaluate('full'), false);
    const texts = this.#sample(samples);
    this.#draw({ live: false });
    return { final, texts };
  }

  #step(record: StepRecord, layers: LayerMetrics['layers'] | undefined): void {
    const { trainer, settings, terminal } = this.#parts;
    const { step } = record;
    const { steps, batchSize, accumulate } = settings;
    this.#modelStep = step;
    const metrics: StepMetrics = {
      kind: 'step',
      ...record,
      tokensPerSecond: this.#pace.tokensPerSecond(
        batchSize * accumulate * trainer.model.config.contextLength,
      ),
      secondsLeft: this.#pace.secondsLeft(steps - step),
    };
    this.#record(metrics);
    if (layers !== undefined) this.#record({ kind: 'layers', step, layers });
    const logEvery = Math.max(1, Math.round(steps / 40));
    if (step % logEvery === 0 || step === 1 || step === steps) terminal.detail(stepLine(metrics, steps));
    terminal.status(metrics, steps);
    this.#foretell(metrics);
    this.#warn(this.#guards.step(step, record.loss, record.gradNorm));
  }

  /** Shows the last evaluation, unless it has been shown. */
  #showEvaluation(): void {
    const evaluation = this.#notShown;
    if (evaluation === undefined) return;
    this.#notShown = undefined;
    const { terminal, settings } = this.#parts;
    terminal.detail(evaluationLine(evaluation, settings.steps));
    this.#announceBaseline(evaluation);
    this.#warn(this.#guards.evaluation(evaluation.nll));
    this.#draw({ live: true });
  }

  /** Evaluates a run that is being stopped, for the terminal and the report only. This evaluation never becomes the
   * best nor counts for patience: without the stop there would be none, and a stop must change nothing. */
  #leave(): void {
    const { trainer, settings, terminal } = this.#parts;
    if (isEvaluated(trainer.step, settings)) return;
    terminal.progress('saved; validating what it has learned (Ctrl+C leaves at once) ...');
    const isBest = this.#progress.best?.step === trainer.step;
    const reached = this.#measured('evaluation', trainer.evaluate(), isBest);
    terminal.detail(evaluationLine(reached, settings.steps));
  }

  #measured(kind: EvaluationMetrics['kind'], score: Score, best: boolean): EvaluationMetrics {
    const { trainer, tokenizer } = this.#parts;
    const metrics: EvaluationMetrics = {
      ...{ kind, step: this.#modelStep, ...score, best },
      ...(tokenizer.kind === 'char' ? {} : { natsPerChar: score.nll / trainer.charactersPerToken }),
    };
    this.#record(metrics);
    return metrics;
  }

  /** Loads the best model, which is the one that npm run sample uses. */
  #takeBest(): void {
    const { trainer, folder, terminal } = this.#parts;
    const { best } = this.#progress;
    if (best === null || best.step === trainer.step) return;
    const path = join(folder.path, 'best');
    try {
      loadParameters(trainer.model, readCheckpoint(path), path);
      this.#modelStep = best.step;
    } catch (error) {
      terminal.warning(
        `${(error as Error).message}; what follows is about the last model instead of the best`,
      );
    }
  }

  #foretell({ step, secondsLeft, tokensPerSecond }: StepMetrics): void {
    if (secondsLeft === null || !this.#forecast.isNews(performance.now() / 1000, secondsLeft)) return;
    const end = new Date(Date.now() + 1000 * secondsLeft).toTimeString().slice(0, 5);
    const speed = `${Math.round(tokensPerSecond).toLocaleString('en-US')} tokens/s`;
    this.#parts.terminal.detail(
      `measured ${speed} by step ${step}: done in about ${duration(secondsLeft)}, at ${end}`,
    );
  }

  /** Draws and records texts. Their random numbers depend on the seed and the step only, so training is not affected. */
  #sample(count = 1): string[] {
    const { trainer, tokenizer, settings } = this.#parts;
    const texts = Array.from({ length: count }, (_, i) =>
      preview(trainer.model, tokenizer, settings.seed, this.#modelStep + i),
    );
    this.#record({ kind: 'sample', step: this.#modelStep, text: texts.join('\n') });
    return texts;
  }

  #draw(options: { readonly live: boolean }): void {
    writeReport(this.#parts.folder, this.#recorded, options);
  }

  #record(record: MetricsRecord): void {
    this.#parts.folder.record(record);
    this.#recorded.history.add(record);
  }

  #save(): void {
    const { trainer, tokenizer, identity, settings, folder, cadence } = this.#parts;
    if (this.#savedAt === trainer.step) return;
    trainer.checkParameters(); // the last good checkpoint stays
    folder.saveStep(
      trainer.step,
      encodeState(trainer, tokenizer, identity, settings, this.#progress),
      cadence.keep,
    );
    this.#savedAt = trainer.step;
  }

  /** Prints a line when the run gets below a stronger baseline than any before. */
  #announceBaseline(evaluation: EvaluationMetrics): void {
    const { baselines, terminal } = this.#parts;
    const beaten = this.#beaten(evaluation.natsPerChar ?? evaluation.nll);
    if (beaten === undefined || (this.#passed !== undefined && beaten.nll >= this.#passed.nll)) return;
    this.#passed = beaten;
    terminal.detail(passedLine(beaten, baselines, evaluation));
  }

  /** The strongest baseline that this loss is below. @param nll per character, as the baselines are */
  #beaten(nll: number): Baseline | undefined {
    return strongest(this.#parts.baselines.filter((baseline) => nll < baseline.nll));
  }

  #warn(message: string | undefined): void {
    if (message === undefined) return;
    const { trainer, terminal } = this.#parts;
    this.#record({ kind: 'warning', step: trainer.step, message });
    terminal.warning(message);
  }
}
