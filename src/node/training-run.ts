/** The loop around the trainer: evaluates, samples, warns, logs, saves, and stops when asked to.
 *
 * Nothing in here changes what is learned: whenever it looks, saves or draws, the weights go the same way. */
import { join } from 'node:path';
import { encodeCheckpoint, loadParameters } from '../model/checkpoint.ts';
import { type Tokenizer, wholeText } from '../model/tokenizer.ts';
import type { RunData } from '../report/run.ts';
import { generateAll } from '../sample/generate.ts';
import { samplingSettings } from '../sample/settings.ts';
import type { Guards } from '../train/guards.ts';
import {
  type Baseline,
  duration,
  type EvaluationMetrics,
  evaluationLine,
  type MetricsRecord,
  Pace,
  type StepMetrics,
  stepLine,
} from '../train/metrics.ts';
import { trainObserved } from '../train/observe.ts';
import { encodeState, type Progress, type RunIdentity, type RunSettings } from '../train/state.ts';
import type { Trainer } from '../train/trainer.ts';
import { type RunFolder, readCheckpoint } from './run-folder.ts';
import { readRunData, writeReport } from './run-report.ts';
import type { StopSignal } from './stop-signal.ts';
import type { Terminal } from './terminal.ts';

export interface TrainingRunParts {
  readonly trainer: Trainer;
  readonly tokenizer: Tokenizer;
  readonly folder: RunFolder;
  readonly settings: RunSettings;
  readonly identity: RunIdentity;
  readonly progress: Progress;
  readonly baselines: readonly Baseline[];
  readonly guards: Guards;
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
/** Steps after which the speed is known well enough to say when the run will be done. */
const calibrationSteps = 8;

export class TrainingRun {
  readonly #parts: TrainingRunParts;
  readonly #pace = new Pace();
  /** What the report shows: read back once, then kept up to date. */
  readonly #recorded: RunData;
  #progress: Progress;
  #passed: number | undefined;
  #savedAt = -1;

  constructor(parts: TrainingRunParts) {
    this.#parts = parts;
    this.#progress = parts.progress;
    this.#savedAt = parts.trainer.step;
    const { folder, baselines } = parts;
    this.#recorded = { ...readRunData(folder.path, folder.warn), baselines };
  }

  /** Trains to the end, or until asked to stop; 'stopped' means that a checkpoint waits for --resume. */
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
    const { trainer, settings, stop, cadence, terminal } = this.#parts;
    const first = trainer.step;
    while (trainer.step < settings.steps && !this.#outOfPatience()) {
      if (stop.requested !== undefined || trainer.step === cadence.stopAt) {
        this.#save();
        return 'stopped';
      }
      this.#step(trainer.step - first);
      await new Promise(setImmediate); // signals arrive between steps
    }
    this.#save();
    if (this.#outOfPatience() && this.#progress.best !== null) {
      terminal.line(
        `no new best in ${settings.patience} evaluations: stopping early with the best, of step ${this.#progress.best.step}`,
      );
      const best = join(this.#parts.folder.path, 'best');
      loadParameters(trainer.model, readCheckpoint(best), best);
    }
    return 'finished';
  }

  /** The held-out loss over everything, and a sample. */
  finish(): { readonly final: EvaluationMetrics; readonly text: string } {
    this.#parts.terminal.progress('validating on all that was held out ...');
    const result = { final: this.#evaluate('final'), text: this.#sample() };
    this.#draw({ live: false });
    return result;
  }

  #step(done: number): void {
    const { trainer, settings, guards, terminal, cadence } = this.#parts;
    const { steps, evalEvery } = settings;
    const began = performance.now();
    const evaluating = (trainer.step + 1) % evalEvery === 0 || trainer.step + 1 === steps;
    const observed = evaluating || trainer.step === 0 ? trainObserved(trainer) : undefined;
    const record = observed?.record ?? trainer.train();
    this.#pace.add((performance.now() - began) / 1000);
    const tokens = settings.batchSize * settings.accumulate * trainer.model.config.contextLength;
    const metrics: StepMetrics = {
      kind: 'step',
      ...record,
      tokensPerSecond: this.#pace.tokensPerSecond(tokens),
      secondsLeft: this.#pace.secondsLeft(steps - record.step),
    };
    this.#record(metrics);
    if (observed !== undefined) this.#record({ kind: 'layers', step: record.step, layers: observed.layers });
    const logEvery = Math.max(1, Math.round(steps / 40));
    const line = stepLine(metrics, steps);
    if (record.step % logEvery === 0 || record.step === 1 || record.step === steps) terminal.detail(line);
    terminal.status(metrics, steps);
    if (done + 1 === calibrationSteps && steps - record.step > calibrationSteps) {
      const end = new Date(Date.now() + 1000 * metrics.secondsLeft).toTimeString().slice(0, 5);
      terminal.detail(
        `measured ${Math.round(metrics.tokensPerSecond).toLocaleString('en-US')} tokens/s: done in about ${duration(metrics.secondsLeft)}, at ${end}`,
      );
    }
    this.#warn(guards.step(record.step, record.loss, record.gradNorm));
    if (evaluating) {
      const evaluation = this.#evaluate('evaluation');
      terminal.detail(evaluationLine(evaluation, steps));
      this.#draw({ live: true });
      this.#announceBaseline(evaluation.natsPerChar ?? evaluation.nll);
      this.#warn(guards.evaluation(evaluation.nll));
    }
    if (cadence.sampleEvery !== undefined && record.step % cadence.sampleEvery === 0)
      terminal.detail(this.#sample());
    if (record.step % cadence.checkpointEvery === 0) this.#save();
  }

  #evaluate(kind: EvaluationMetrics['kind']): EvaluationMetrics {
    const { trainer, tokenizer, folder } = this.#parts;
    const result = trainer.evaluate(kind === 'final' ? 'full' : 'settings');
    const { best, evaluationsSinceBest } = this.#progress;
    const isBest = kind === 'evaluation' && (best === null || result.nll < best.nll);
    const metrics: EvaluationMetrics = {
      ...{ kind, step: trainer.step, ...result, best: isBest },
      ...(tokenizer.kind === 'char' ? {} : { natsPerChar: result.nll / trainer.charactersPerToken }),
    };
    this.#record(metrics);
    if (isBest) {
      folder.saveBest(encodeCheckpoint(trainer.model, tokenizer));
      this.#progress = { best: { step: trainer.step, nll: result.nll }, evaluationsSinceBest: 0 };
    } else if (kind === 'evaluation') {
      this.#progress = { best, evaluationsSinceBest: evaluationsSinceBest + 1 };
    }
    return metrics;
  }

  /** Text after a line break, on the random numbers of (seed, this step): training never notices. */
  #sample(): string {
    const { trainer, tokenizer, settings } = this.#parts;
    const lineBreak = tokenizer.encode('\n', 'skip');
    const prompt = lineBreak.length > 0 ? lineBreak : [0];
    const [generation] = generateAll(trainer.model, [{ prompt, stream: trainer.step }], {
      settings: samplingSettings({ temperature: 0.8 }),
      maxNewTokens: previewLength,
      seed: settings.seed,
      contextPolicy: 'shift',
    });
    const text = wholeText(tokenizer, generation!.tokens);
    this.#record({ kind: 'sample', step: trainer.step, text });
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

  /** @param nll per character, as the baselines are */
  #announceBaseline(nll: number): void {
    const beaten = this.#parts.baselines.filter((baseline) => nll < baseline.nll);
    const strongest = beaten.reduce<Baseline | undefined>(
      (a, b) => (a === undefined || b.nll < a.nll ? b : a),
      undefined,
    );
    if (strongest === undefined || strongest.order === this.#passed) return;
    this.#passed = strongest.order;
    this.#parts.terminal.detail(
      `  passed the ${baselineName(strongest.order)} (${strongest.nll.toFixed(3)} nats)`,
    );
  }

  #warn(message: string | undefined): void {
    if (message === undefined) return;
    const { trainer, terminal } = this.#parts;
    this.#record({ kind: 'warning', step: trainer.step, message });
    terminal.warning(message);
  }

  #outOfPatience(): boolean {
    const { patience } = this.#parts.settings;
    return patience > 0 && this.#progress.evaluationsSinceBest >= patience;
  }
}

export function baselineName(order: number): string {
  return order === 0 ? 'uniform guess' : order === 1 ? 'unigram' : `${order}-gram`;
}
