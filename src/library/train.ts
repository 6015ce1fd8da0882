/** Training in another program: the records of the command's metrics.jsonl as they are made, then files and a model. */
import type { Tokenizer } from '../model/text/tokenizer.ts';
import type { SimdHost } from '../tensor/simd/machine/pool.ts';
import type { Chosen } from '../train/choices.ts';
import type { MetricsRecord } from '../train/metrics.ts';
import type { Preset } from '../train/presets.ts';
import { defaultPreset, type PresetName, presetNames, presets } from '../train/presets.ts';
import type { RunSettings } from '../train/state.ts';
import { type MachineOptions, openMachine } from './machine.ts';
import { type Model, modelOf } from './model.ts';
import { type Files, readModel } from './run-files.ts';
import { Training } from './training.ts';
import { newRun, savedRun } from './training-parts.ts';

type Sizes = Preset['model'];
const sizeNames = [
  'arch',
  'contextLength',
  'channels',
  'heads',
  'layers',
  'dropout',
] as const satisfies readonly (keyof Sizes)[];

/** A preset's sizes and settings (src/train/presets.ts), and what replaces some of them. */
export interface TrainOptions extends Chosen<Sizes>, Chosen<RunSettings>, MachineOptions {
  /** What is learned; its last tenth is held out. */
  readonly text: string;
  /** 'nano' if absent. */
  readonly preset?: PresetName;
  readonly tokenizer?: Tokenizer['kind'] | undefined;
  /** Of a BPE. */
  readonly vocabSize?: number | undefined;
  /** What run.json calls the text. */
  readonly data?: string;
  /** The files of a run that was paused: it goes on exactly, on the same text, with its own settings. */
  readonly resume?: Files;
  /** Pauses after the step at work. */
  readonly signal?: AbortSignal;
}

export type TrainEvent =
  | MetricsRecord
  | {
      readonly kind: 'end';
      readonly outcome: 'paused' | 'finished';
      /** The files of the run folder, as the command writes them, byte for byte. */
      readonly files: Files;
      /** The best model so far; of a run without an evaluation its last one. */
      readonly model: Model;
    };

/** Trains a model. Stopping the iteration ends it after the step at work. RangeError for a setting that does not fit. */
export async function* train(host: SimdHost, options: TrainOptions): AsyncGenerator<TrainEvent, void> {
  const { text, preset = defaultPreset, data = 'text.txt', resume, signal, seed = 1, ...rest } = options;
  const { tokenizer, vocabSize, threads, math, ...chosen } = rest;
  if (!presetNames.includes(preset)) {
    throw new RangeError(
      `preset does not fit; expected ${presetNames.join(', ')}, got ${JSON.stringify(preset)}`,
    );
  }
  checkNames(chosen);
  const sizes = Object.fromEntries(Object.entries(chosen).filter(([name]) => isSize(name)));
  const settings = Object.fromEntries(Object.entries(chosen).filter(([name]) => !isSize(name)));
  const machine = await openMachine(host, { threads, math });
  try {
    const parts =
      resume === undefined
        ? await newRun(
            { text, data, preset, tokenizer, vocabSize, sizes, settings: { ...settings, seed } },
            machine,
          )
        : await savedRun(resume, 'resume', text, machine);
    const training = new Training(parts);
    const { outcome } = yield* training.run(signal);
    const files = await training.files();
    const model = modelOf(await readModel(files, preset), await openMachine(host, { threads, math }), preset);
    yield { kind: 'end', outcome, files, model };
  } finally {
    machine.close();
  }
}

const isSize = (name: string): boolean => (sizeNames as readonly string[]).includes(name);

/** A misspelt setting would be left at its default without a word. */
function checkNames(chosen: object): void {
  const known = [...sizeNames, ...Object.keys(presets.nano.train), 'patience'];
  const stray = Object.keys(chosen).find((name) => !known.includes(name));
  if (stray !== undefined)
    throw new RangeError(`train has no setting ${JSON.stringify(stray)}; expected ${known.join(', ')}`);
}
