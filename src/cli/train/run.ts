/** What npm run train makes of the events of the training loop: it logs, warns, saves, samples, and stops when asked to.
 *
 * Nothing in here changes what is learned: whenever it looks, saves or draws, the weights go the same way. */
import { join } from 'node:path';
import { encodeCheckpoint, loadParameters } from '../../model/files/checkpoint.ts';
import { type Tokenizer, wholeText } from '../../model/text/tokenizer.ts';
import type { RunData } from '../../report/run.ts';
import { generateAll } from '../../sample/generate.ts';
import { defaultSampling, samplingSettings } from '../../sample/settings.ts';
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
import { type RunFolder, readCheckpoint } from '../runs/folder.ts';
import { readRunData, writeReport } from '../runs/report.ts';
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
  /** What a restart may choose anew. */
  readonly cadence: {
    readonly checkpointEvery: number;
    readonly keep: number;
    readonly sampleEvery: number | undefined;
    readonly stopAt: number | undefined;
  };
}
const previewLength = 300;

export class TrainingRun {
  readonly #parts: TrainingRunParts;
  readonly #pace = new Pace();
  readonly #forecast = new Forecast();
  readonly #guards: Guards;
  /** What the report shows: read back once, then kept up to date. */
  readonly #recorded: RunData;
  #progress: Progress;
  /** The strongest baseline that the run is known to have passed. */
  #passed: Baseline | undefined;
  #savedAt: number;
  /** An evaluation that is recorded and not yet shown. */
  #untold: EvaluationMetrics | undefined;
  /** The step whose weights the model has: the trainer's, until the best are put in their place. */
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
    // Of long runs these are the ups and downs, which scatter more than all losses: a guard warns later then, not earlier.
    this.#guards = new Guards(settings.clip);
    this.#guards.remember(
      history.points('loss').map(({ x, y }) => ({ step: x, loss: y })),
      history.evaluations
        .filter(({ step }) => isEvaluated(step, settings)) // without those that a stop added
        .map(({ step, nll }) => ({ step, loss: nll })),
    );
  }

  /** Trains to the end, or until asked to stop; 'stopped' means that a checkpoint waits for --resume. Afterwards the
   * model of a finished run is its best one. */
  async run(): Promise<'finished' | 'stopped'> {
    let outcome: 'finished' | 'stopped' = 'stopped';
    try {
      outcome = await this.#train();
      return outcome;
    } finally {
      if (outcome === 'stopped') this.#draw({ live: false });
    }
  }

  async #train(): Promise<'finished' | 'stopped'> {
    const { trainer, tokenizer, folder, settings, stop, cadence, terminal } = this.#parts;
    const { steps, evalEvery, patience } = settings;
    const plan = { ...cadence, steps, evalEvery, patience };
    let layers: ReturnType<typeof observe> | undefined;
    let last = performance.now();
    const sinceLast = (now = performance.now()) => {
      const seconds = (now - last) / 1000;
      last = now;
      return seconds;
    };
    for (const event of train(trainer, plan, this.#progress)) {
      if (event.kind !== 'checkpoint') this.#tell(); // nothing that only tells comes before a checkpoint
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
          this.#untold = this.#measured('evaluation', event.score, event.best);
          break;
        case 'checkpoint':
          this.#save();
          break;
        case 'sample':
          terminal.detail(`a sample after step ${trainer.step}:`);
          terminal.detail(indented(this.#sample()));
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

  /** The held-out loss over everything, and a sample: both of the best model, as is `final.step`. */
  finish(): { readonly final: EvaluationMetrics; readonly text: string } {
    const { trainer, terminal } = this.#parts;
    terminal.progress('validating on all that was held out ...');
    const final = this.#measured('final', trainer.evaluate('full'), false);
    const text = this.#sample();
    this.#draw({ live: false });
    return { final, text };
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

  /** Shows the last evaluation, unless that is done. */
  #tell(): void {
    const evaluation = this.#untold;
    if (evaluation === undefined) return;
    this.#untold = undefined;
    const { terminal, settings } = this.#parts;
    terminal.detail(evaluationLine(evaluation, settings.steps));
    this.#announceBaseline(evaluation);
    this.#warn(this.#guards.evaluation(evaluation.nll));
    this.#draw({ live: true });
  }

  /** Shows and records what a run that is stopped has reached. The run does not know of this evaluation: without the
   * stop there would be none, and stopping must change nothing. */
  #leave(): void {
    const { trainer, settings, terminal } = this.#parts;
    if (!isEvaluated(trainer.step, settings)) {
      terminal.progress('saved; validating what it has learned (Ctrl+C leaves at once) ...');
      const isBest = this.#progress.best?.step === trainer.step;
      const reached = this.#measured('evaluation', trainer.evaluate(), isBest);
      terminal.detail(evaluationLine(reached, settings.steps));
    }
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

  /** Makes the model the best one, which is what npm run sample loads. */
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

  /** Text after a line break, on the random numbers of (seed, this step): training never notices. */
  #sample(): string {
    const { trainer, tokenizer, settings } = this.#parts;
    const lineBreak = tokenizer.encode('\n', 'skip');
    const prompt = lineBreak.length > 0 ? lineBreak : [0];
    const [generation] = generateAll(trainer.model, [{ prompt, stream: this.#modelStep }], {
      settings: samplingSettings(defaultSampling),
      maxNewTokens: previewLength,
      seed: settings.seed,
      contextPolicy: 'shift',
    });
    const text = wholeText(tokenizer, generation!.tokens);
    this.#record({ kind: 'sample', step: this.#modelStep, text });
    return text;
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

  /** Says so when the run passes a stronger baseline than any before; one that falls back has passed nothing. */
  #announceBaseline(evaluation: EvaluationMetrics): void {
    const { baselines, terminal } = this.#parts;
    const beaten = this.#beaten(evaluation.natsPerChar ?? evaluation.nll);
    if (beaten === undefined || (this.#passed !== undefined && beaten.nll >= this.#passed.nll)) return;
    this.#passed = beaten;
    terminal.detail(passedLine(beaten, baselines, evaluation));
  }

  /** The strongest baseline above this loss. @param nll per character, as the baselines are */
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
