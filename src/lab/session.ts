/** The model that the page is about, and how it came to be: trained here, opened, or watched while a command trains it.
 *
 * All views share one session and are told when something has changed; training goes on whichever is shown. */

import { breathe } from '../library/browser-host.ts';
import type { Files } from '../library/run-files.ts';
import type { TrainingEnd } from '../library/training.ts';
import { RunHistory } from '../report/history.ts';
import type { RunData } from '../report/run.ts';
import type { Baseline, MetricsRecord, SampleMetrics } from '../train/metrics.ts';
import { parseRecord } from '../train/parse-metrics.ts';
import { Engine, type Stream } from './engine/client.ts';
import type { LabTrainRequest, ModelInfo, TrainingEvent } from './engine/protocol.ts';
import { keepRun, keptRuns } from './store.ts';

/** Milliseconds that the page's own thread may be taken without a pause. */
const mostAtOnce = 20;

/** 'opened': a model without a training here. 'watched': a command trains it. */
export type Phase = 'empty' | 'starting' | 'training' | 'paused' | 'finished' | 'opened' | 'watched';

export class Session {
  readonly engine: Engine;
  phase: Phase = 'empty';
  /** Of the run, for files and titles. */
  name = '';
  model: ModelInfo | undefined;
  /** Steps asked for, where that is known. */
  steps: number | undefined;
  /** What trained it, where that is known: what sizes an update should have depends on it. */
  optimizer: string | undefined;
  samples: readonly SampleMetrics[] = [];
  /** A text that was pasted or came from a file, for every view that takes one. */
  ownText = '';
  /** What went wrong last, in a sentence. */
  problem: string | undefined;
  /** The last step on record. */
  step = 0;
  secondsLeft: number | null = null;
  tokensPerSecond: number | null = null;
  /** Every record so far counts one: whoever draws sees by it whether there is something new. */
  records = 0;
  baselines: readonly number[] | undefined;
  #history = new RunHistory();
  #stream: Stream<TrainingEvent, TrainingEnd> | undefined;
  /** Over when nothing comes from the stream any more; never rejects. */
  #followed = Promise.resolve();
  #counting = Promise.resolve();
  #source: EventSource | undefined;
  #keptAs: string | undefined;
  readonly #listeners = new Set<() => void>();

  constructor(engine: Engine) {
    this.engine = engine;
  }

  /** Calls back after every change; returns what ends that. */
  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** What the charts of a report are drawn from. */
  get data(): RunData {
    const baselines: Baseline[] = (this.baselines ?? []).map((nll, order) => ({ order, nll }));
    const description: RunData['description'] =
      this.optimizer === undefined ? {} : { settings: { optimizer: this.optimizer } };
    return { name: this.name, history: this.#history, baselines, description };
  }

  /** Trains a new model, or on from the one at hand, which stays if that cannot be. */
  async train(name: string, request: LabTrainRequest): Promise<void> {
    await this.#leave();
    await this.#follow(this.engine.stream('train', request), () => {
      this.#begin(name);
      this.#countBaselines(request.text);
    });
  }

  /** Trains on after a pause. */
  goOn(): Promise<void> {
    return this.#follow(this.engine.stream('goOn', {}));
  }

  /** Pauses after the step at work. */
  pause(): void {
    this.#stream?.cancel();
  }

  /** Opens a model, or a run that somebody has trained, with all that it recorded. */
  async open(name: string, files: Files): Promise<void> {
    await this.#leave();
    await this.#attempt(async () => {
      const model = await this.engine.call('load', { files, name });
      this.#begin(name);
      await this.#recorded(files);
      [this.model, this.phase] = [model, 'opened'];
    });
  }

  /** Takes up a run that has stopped; it is paused until it is told to go on. */
  async reopen(name: string, files: Files, text: string): Promise<void> {
    await this.#leave();
    await this.#attempt(async () => {
      const model = await this.engine.call('reopen', { files, name, text });
      this.#begin(name);
      await this.#recorded(files);
      this.#countBaselines(text);
      [this.model, this.phase] = [model, 'paused'];
    });
  }

  /** Follows the records of a run of the server's while they are written. */
  async watch(name: string): Promise<void> {
    await this.#leave();
    this.#begin(name);
    this.phase = 'watched';
    this.#source = new EventSource(`/runs/${encodeURIComponent(name)}/events`);
    this.#source.onmessage = ({ data }: MessageEvent<string>) => {
      if (data !== '') this.#line(data);
    };
    this.#source.addEventListener('again', () => this.#forget());
    this.#changed();
  }

  /** The files of the run that was trained here, with the losses of counting models, which may still be counted. */
  async files(): Promise<Files> {
    await this.#counting;
    return this.engine.call('files', { baselines: this.baselines });
  }

  /** Lets the browser keep the run, under a name that no other has; once more replaces what it kept of this one. */
  async keep(): Promise<void> {
    const files = await this.files();
    const taken = await keptRuns();
    for (let n = 1; this.#keptAs === undefined; n++) {
      const name = n === 1 ? this.name : `${this.name}-${n}`;
      if (!taken.includes(name)) this.#keptAs = name;
    }
    await keepRun(this.#keptAs, files);
  }

  /** Takes in what a training tells, to its end. @param begin is called when it begins, if it does */
  #follow(stream: Stream<TrainingEvent, TrainingEnd>, begin = () => {}): Promise<void> {
    const { phase } = this;
    this.#stream = stream;
    this.problem = undefined;
    this.phase = 'starting';
    this.#changed();
    const follow = async () => {
      await this.#attempt(async () => {
        for await (const event of stream) {
          if (event.kind === 'begin') {
            begin();
            const { model, settings } = event;
            [this.model, this.steps, this.optimizer] = [model, settings.steps, settings.optimizer];
          } else this.#record(event.record);
          this.phase = 'training';
          this.#changed();
        }
        this.phase = (await stream.end).outcome;
      });
      if (this.phase === 'starting') this.phase = phase;
      if (this.phase === 'training') this.phase = 'paused';
      this.#stream = undefined;
      this.#changed();
    };
    this.#followed = follow();
    return this.#followed;
  }

  /** Ends a training that is going on, so that another model can take its place. */
  #leave(): Promise<void> {
    this.#stream?.cancel();
    return this.#followed;
  }

  #begin(name: string): void {
    this.#source?.close();
    this.#source = undefined;
    this.name = name;
    this.model = undefined;
    this.steps = undefined;
    this.optimizer = undefined;
    this.baselines = undefined;
    this.problem = undefined;
    this.#keptAs = undefined;
    this.#forget();
  }

  #forget(): void {
    this.#history = new RunHistory();
    [this.samples, this.step, this.records] = [[], 0, 0];
    [this.secondsLeft, this.tokensPerSecond] = [null, null];
    this.#changed();
  }

  /** Reads what a run's files tell of it; what is damaged there is left out. Of a long run it reads a part, lets the page do what
   * waits, and goes on. */
  async #recorded(files: Files): Promise<void> {
    const history = this.#history;
    const text = (name: string) => new TextDecoder().decode(files.get(name) ?? new Uint8Array());
    let began = performance.now();
    for (const line of text('metrics.jsonl').split('\n')) {
      if (line !== '') this.#line(line);
      if (performance.now() - began < mostAtOnce) continue;
      await breathe();
      if (this.#history !== history) return; // another run has taken its place
      began = performance.now();
    }
    try {
      const { settings } = JSON.parse(text('run.json')) as { settings: { steps: number; optimizer: string } };
      [this.steps, this.optimizer] = [settings.steps, settings.optimizer];
      const counted = JSON.parse(text('baselines.json')) as { baselines: Baseline[] };
      this.baselines = counted.baselines.map(({ nll }) => nll);
    } catch {
      // A model that Inkling has not trained has neither.
    }
  }

  #line(line: string): void {
    try {
      this.#record(parseRecord(line));
    } catch {
      return; // half a line, or another version's: the curve goes on without it
    }
    this.#changed();
  }

  #record(record: MetricsRecord): void {
    this.#history.add(record);
    this.records += 1;
    this.step = Math.max(this.step, record.step);
    if (record.kind === 'sample') this.samples = [...this.samples, record];
    if (record.kind === 'step') {
      this.secondsLeft = record.secondsLeft;
      this.tokensPerSecond = record.tokensPerSecond;
    }
  }

  /** Counting takes seconds, so another worker does it. */
  #countBaselines(text: string): void {
    const history = this.#history;
    const counter = new Engine();
    this.#counting = counter
      .call('baselines', { text })
      .then((baselines) => {
        if (this.#history === history) this.baselines = baselines;
        this.#changed();
      })
      .catch(() => {}) // a text without them has no lines in its chart
      .finally(() => counter.close());
  }

  async #attempt(action: () => Promise<void>): Promise<void> {
    try {
      await action();
      this.problem = undefined;
    } catch (error) {
      this.problem = (error as Error).message;
    }
    this.#changed();
  }

  #changed(): void {
    for (const listener of this.#listeners) listener();
  }
}
