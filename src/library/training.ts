/** A training run in memory: the command's loop, with records and a map of files where that has a terminal and a folder.
 *
 * Looking, sampling, pausing change nothing of what is learned, so the files have the bytes of the command's. */
import { decodeCheckpoint, encodeCheckpoint, loadParameters } from '../model/files/checkpoint.ts';
import type { Tokenizer } from '../model/text/tokenizer.ts';
import { preview } from '../sample/prompt.ts';
import { Guards, preflightWarnings } from '../train/guards.ts';
import type { EvaluationMetrics, MetricsRecord } from '../train/metrics.ts';
import { observe } from '../train/observe.ts';
import { Pace } from '../train/pace.ts';
import { preflight } from '../train/preflight.ts';
import { encodeState, type RunIdentity, type RunSettings, type StateFile } from '../train/state.ts';
import { isEvaluated, type Progress, type TrainEvent, train } from '../train/train.ts';
import type { Trainer } from '../train/trainer.ts';
import { breathe } from './browser-host.ts';
import { stepName, withChecksums } from './run-files.ts';
import type { Model, TrainingParts } from './training-parts.ts';

export interface TrainingEnd {
  readonly outcome: 'paused' | 'finished';
  readonly step: number;
}

export class Training {
  readonly trainer: Trainer;
  readonly tokenizer: Tokenizer;
  readonly settings: RunSettings;
  readonly identity: RunIdentity;
  /** The step whose weights the model has: the trainer's, until the best are put in their place at the end. */
  modelStep: number;
  readonly #parts: TrainingParts;
  readonly #pace = new Pace();
  readonly #guards: Guards;
  readonly #lines: string[];
  /** Records that nobody has been told yet. */
  #untold: MetricsRecord[] = [];
  readonly #kept = new Map<number, Model>();
  #progress: Progress;
  #best: Model | undefined;
  /** The last checkpoint of a run that is over. */
  #last: Map<StateFile, Uint8Array> | undefined;
  #running = false;
  /** Of the step at work: what will be said of its layers, when it began, and when the one before was done. */
  #layers: ReturnType<typeof observe> | undefined;
  #beganAt = 0;
  #trained = 0;
  /** Taken up from files, and not gone on with yet. */
  #reopened: boolean;

  constructor(parts: TrainingParts) {
    this.#parts = parts;
    this.trainer = parts.trainer;
    this.tokenizer = parts.tokenizer;
    this.settings = parts.settings;
    this.identity = parts.identity;
    this.#progress = parts.progress;
    this.#best = parts.best;
    this.#lines = parts.lines;
    this.#reopened = parts.reopened ?? false;
    this.#guards = new Guards(parts.settings.clip);
    this.modelStep = parts.trainer.step;
    if (parts.lines.some((line) => line.startsWith('{"kind":"final"'))) this.#last = this.#state();
  }

  /** Trains on until it is over or the signal comes, which pauses it after the step at work. Yields the records of
   * metrics.jsonl, those of a step once all of it is done: so whoever stops listening pauses it as well. */
  async *run(signal?: AbortSignal): AsyncGenerator<MetricsRecord, TrainingEnd> {
    if (this.#running) throw new Error('this training is running already');
    const { trainer, settings } = this;
    this.#running = true;
    try {
      if (this.#reopened) this.#record({ kind: 'resume', step: trainer.step });
      else if (trainer.step === 0) this.#preflight();
      this.#reopened = false;
      for (const event of train(trainer, settings, this.#progress)) {
        if (event.kind === 'pause') {
          yield* this.#untold.splice(0);
          await breathe();
          if (signal?.aborted) return { outcome: 'paused', step: trainer.step };
        }
        this.#heed(event);
      }
      if (this.#last === undefined) this.#finish();
      yield* this.#untold.splice(0);
      return { outcome: 'finished', step: trainer.step };
    } finally {
      this.#running = false;
    }
  }

  /** The run's files, those that the command writes; `baselines` are the losses of counting models by order. */
  async files(baselines?: readonly number[]): Promise<Map<string, Uint8Array>> {
    const { trainer, tokenizer, settings, identity } = this;
    const json = (value: object) => new TextEncoder().encode(`${JSON.stringify(value, null, 2)}\n`);
    const { config } = trainer.model;
    const { environment } = this.#parts;
    const about = { ...identity, tokenizer: tokenizer.kind, config, settings, environment };
    const { corpusSha256 } = identity;
    return new Map([
      ['run.json', json(about)],
      ['metrics.jsonl', new TextEncoder().encode(this.#lines.map((line) => `${line}\n`).join(''))],
      ...(baselines === undefined
        ? []
        : [
            [
              'baselines.json',
              json({ corpusSha256, baselines: baselines.map((nll, order) => ({ order, nll })) }),
            ] as const,
          ]),
      ...(this.#best === undefined ? [] : await withChecksums('best', this.#best)),
      ...(await withChecksums(stepName(trainer.step), this.#last ?? this.#state())),
    ]);
  }

  /** The model at an evaluation. */
  kept(step: number): Model {
    const model = this.#kept.get(step);
    if (model === undefined) throw new RangeError(`no model was kept of step ${step}`);
    return model;
  }

  #state() {
    const { trainer, tokenizer, identity, settings } = this;
    return encodeState(trainer, tokenizer, identity, settings, this.#progress);
  }

  #preflight(): void {
    const { trainer } = this;
    const tokens = this.#parts.trainTokens;
    for (const message of preflightWarnings(trainer.model.config, preflight(trainer, tokens), tokens)) {
      this.#record({ kind: 'warning', step: 0, message });
    }
  }

  #heed(event: TrainEvent): void {
    if (event.kind === 'pause') this.#began();
    else if (event.kind === 'step') this.#stepped(event);
    else if (event.kind === 'evaluation') this.#evaluated(event);
  }

  /** Before a step: looks at the weights if it is to be observed. */
  #began(): void {
    const next = this.trainer.step + 1;
    const { observeEvery = Number.POSITIVE_INFINITY } = this.#parts;
    const observing = next === 1 || isEvaluated(next, this.settings) || next % observeEvery === 0;
    this.#layers = observing ? observe(this.trainer) : undefined;
    const now = performance.now();
    if (this.#trained > 0) this.#pace.addRest((now - this.#trained) / 1000);
    this.#beganAt = now;
  }

  #stepped({ kind, ...record }: Extract<TrainEvent, { kind: 'step' }>): void {
    const { trainer, settings } = this;
    this.#trained = performance.now();
    this.#pace.add((this.#trained - this.#beganAt) / 1000);
    this.modelStep = record.step;
    const tokens = settings.batchSize * settings.accumulate * trainer.model.config.contextLength;
    this.#record({
      ...{ kind, ...record },
      tokensPerSecond: this.#pace.tokensPerSecond(tokens),
      secondsLeft: this.#pace.secondsLeft(settings.steps - record.step),
    });
    if (this.#layers !== undefined)
      this.#record({ kind: 'layers', step: record.step, layers: this.#layers() });
    this.#warn(this.#guards.step(record.step, record.loss, record.gradNorm));
  }

  #evaluated({ score, best, progress }: Extract<TrainEvent, { kind: 'evaluation' }>): void {
    const { trainer, tokenizer } = this;
    const model = encodeCheckpoint(trainer.model, tokenizer);
    this.#kept.set(trainer.step, model);
    if (best) this.#best = model;
    this.#progress = progress;
    this.#measured('evaluation', score, best);
    this.#warn(this.#guards.evaluation(score.nll));
    this.#sample();
  }

  /** Keeps the last checkpoint, then makes the model the best one and measures it on all that was held out. */
  #finish(): void {
    const { trainer } = this;
    trainer.checkParameters();
    this.#last = this.#state();
    const { best } = this.#progress;
    if (best !== null && best.step !== trainer.step && this.#best !== undefined) {
      const files: ReadonlyMap<string, Uint8Array> = this.#best;
      loadParameters(
        trainer.model,
        decodeCheckpoint((file) => files.get(file), 'best'),
        'best',
      );
      this.modelStep = best.step;
    }
    this.#measured('final', trainer.evaluate('full'), false);
    this.#sample();
  }

  /** On the random numbers of (seed, this step): training never notices. */
  #sample(): void {
    const { trainer, tokenizer, settings, modelStep } = this;
    const text = preview(trainer.model, tokenizer, settings.seed, modelStep);
    this.#record({ kind: 'sample', step: modelStep, text });
  }

  #measured(kind: EvaluationMetrics['kind'], score: ReturnType<Trainer['evaluate']>, best: boolean): void {
    const { trainer, tokenizer } = this;
    this.#record({
      ...{ kind, step: this.modelStep, ...score, best },
      ...(tokenizer.kind === 'char' ? {} : { natsPerChar: score.nll / trainer.charactersPerToken }),
    });
  }

  #warn(message: string | undefined): void {
    if (message !== undefined) this.#record({ kind: 'warning', step: this.trainer.step, message });
  }

  #record(record: MetricsRecord): void {
    this.#lines.push(JSON.stringify(record));
    this.#untold.push(record);
  }
}
