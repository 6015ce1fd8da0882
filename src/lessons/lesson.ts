/** A lesson is a claim and the function that checks it by running; here is what such a function gets and returns.
 *
 * Lessons whose claim says `needs: 'nothing'` are exact: they compute with the plain kernels, draw what a seed says, and give
 * the same numbers on every machine. The others look at a trained model, or train small ones. */
import { type Corpus, prepareCorpus } from '../evaluate/measures.ts';
import { type Scorer, scorerOf } from '../evaluate/text-score.ts';
import { configOf, type ModelConfig } from '../model/config.ts';
import type { Checkpoint } from '../model/files/checkpoint.ts';
import { freeze } from '../model/freeze.ts';
import { Gpt, type GptOptions } from '../model/gpt.ts';
import { initialize } from '../model/initialize.ts';
import type { Tokenizer } from '../model/text/tokenizer.ts';
import type { Kernels } from '../tensor/kernels.ts';
import { type Chosen, chosenConfig, chosenSettings } from '../train/choices.ts';
import type { Split } from '../train/dataset.ts';
import { type Preset, presets } from '../train/presets.ts';
import type { WindowBuffers } from '../train/score.ts';
import { freshTrainer, type RunSettings } from '../train/state.ts';
import type { Trainer } from '../train/trainer.ts';

/** What a lesson works with. */
export interface Bench {
  readonly kernels: Kernels;
  /** Milliseconds on any clock. */
  readonly now: () => number;
  /** Shows how far it is. */
  readonly say: (progress: string) => void;
  /** The shipped stories. */
  readonly text: string;
  /** The model at hand; where there is none, one is trained first. */
  readonly subject: () => Promise<Subject>;
}

/** A trained model, the text it learned from, and the text that was held out. */
export interface Subject extends Scorer {
  readonly heldOut: Int32Array;
  readonly training: Int32Array;
  readonly corpus: Corpus;
}

/** The first row is the head; the first column is flush left. */
export type Table = readonly (readonly string[])[];

export interface Finding {
  /** What came out, in sentences with its numbers. */
  readonly found: string;
  /** Whether this bears out the verdict that stands in the claim's entry. */
  readonly confirmed: boolean;
  readonly tables?: readonly Table[];
  /** The same for programs. */
  readonly numbers: Readonly<Record<string, unknown>>;
}

export type Run = (bench: Bench) => Finding | Promise<Finding>;

/** Texts that a subject writes at a time. */
const slots = 16;

/** @param texts.training the text that the model learned from */
export function subjectOf(
  checkpoint: Checkpoint,
  kernels: Kernels,
  texts: { readonly heldOut: Int32Array; readonly training: string; readonly source: string },
): Subject {
  const { heldOut, training, source } = texts;
  const scorer = scorerOf(checkpoint, { kernels, slots, source });
  freeze(scorer.model);
  const { tokenizer } = checkpoint;
  return {
    ...scorer,
    heldOut,
    training: tokenizer.encode(training, 'skip'),
    corpus: prepareCorpus(training),
  };
}

/** Some held-out text: n tokens from its beginning on. */
export const sampleOf = ({ heldOut }: Subject, n: number): Int32Array => heldOut.subarray(0, n);

/** A model that fits on a page: what holds for it by construction holds for every size. */
export const tiny: ModelConfig = configOf('gpt2', {
  vocabSize: 59,
  contextLength: 32,
  channels: 16,
  heads: 2,
  layers: 2,
  feedForward: 64,
  dropout: 0,
});

/** A model with random weights. @param spread multiplies them: 1 is how a training starts, 10 gives decided opinions */
export function untrained(
  config: ModelConfig,
  { spread = 10, ...options }: Partial<GptOptions> & Pick<GptOptions, 'kernels'> & { spread?: number },
): { readonly model: Gpt; readonly buffers: WindowBuffers } {
  const model = new Gpt(config, { batch: 1, slots: 1, gradients: false, ...options });
  const { arena } = model;
  const rows = Math.max(1, options.batch ?? 1) * config.contextLength;
  const buffers = { inputs: arena.ids('inputs', rows), targets: arena.ids('targets', rows) };
  arena.allocate(options.kernels.memory);
  initialize(model, 1);
  for (const { value } of model.parameters) {
    if (value.shape.length > 1) for (let i = 0; i < value.size; i++) value.data[i]! *= spread;
  }
  return { model, buffers };
}

/** A trainer by the recipe of the preset nano, seed 1, with what is chosen in its place. */
export function trainerOf(
  { kernels }: Bench,
  split: Split,
  { vocabSize }: Pick<Tokenizer, 'vocabSize'>,
  sizes: Chosen<Preset['model']>,
  settings: Chosen<RunSettings>,
): Trainer {
  const { model, train } = presets.nano;
  return freshTrainer(
    chosenConfig(model, sizes, vocabSize),
    chosenSettings(train, { ...settings, seed: 1 }),
    split,
    { kernels },
  );
}
