/** From a preset and what was chosen in its place to all that a run needs: settings, sizes and a tokenizer. */
import { configOf, feedForwardWidth, type ModelConfig, validateConfig } from '../model/config.ts';
import { trainBpe } from '../model/text/bpe-train.ts';
import { CharTokenizer, type Tokenizer } from '../model/text/tokenizer.ts';
import { withEndOfText } from '../model/text/tokenizer-file.ts';
import { type Corpus, joined, splitCorpus } from './documents.ts';
import type { Preset } from './presets.ts';
import type { RunSettings } from './state.ts';

/** Some of the fields. */
export type Chosen<T> = { readonly [K in keyof T]?: T[K] | undefined };

/** The preset's settings with the chosen ones over them: a learning rate brings its own end, a number of steps its own
 * warm-up. In this order they stand in state.json, which is compared byte for byte. */
export function chosenSettings(
  base: Preset['train'],
  given: Chosen<RunSettings> & Pick<RunSettings, 'seed'>,
): RunSettings {
  const steps = given.steps ?? base.steps;
  const learningRate = given.learningRate ?? base.learningRate;
  return {
    steps,
    batchSize: given.batchSize ?? base.batchSize,
    accumulate: given.accumulate ?? base.accumulate,
    sampling: given.sampling ?? base.sampling,
    initialization: given.initialization ?? base.initialization,
    optimizer: given.optimizer ?? base.optimizer,
    muonLearningRate: given.muonLearningRate ?? base.muonLearningRate,
    shape: given.shape ?? base.shape,
    learningRate,
    minLearningRate:
      given.minLearningRate ?? (given.learningRate === undefined ? base.minLearningRate : learningRate / 10),
    warmup: given.warmup ?? (given.steps === undefined ? base.warmup : Math.round(steps / 20)),
    weightDecay: given.weightDecay ?? base.weightDecay,
    beta1: given.beta1 ?? base.beta1,
    beta2: given.beta2 ?? base.beta2,
    clip: given.clip ?? base.clip,
    emaDecay: given.emaDecay ?? base.emaDecay,
    evalEvery: given.evalEvery ?? base.evalEvery,
    evalTokens: given.evalTokens ?? base.evalTokens,
    patience: given.patience ?? 0,
    seed: given.seed,
  };
}

/** A new model's sizes: the preset's with the chosen ones over them. */
export function chosenConfig(
  base: Preset['model'],
  given: Chosen<Preset['model']>,
  vocabSize: number,
): ModelConfig {
  const arch = given.arch ?? base.arch;
  const channels = given.channels ?? base.channels;
  return validateConfig(
    configOf(arch, {
      vocabSize,
      contextLength: given.contextLength ?? base.contextLength,
      channels,
      heads: given.heads ?? base.heads,
      layers: given.layers ?? base.layers,
      feedForward: feedForwardWidth(arch, channels),
      dropout: given.dropout ?? base.dropout,
    }),
  );
}

export const defaultVocabSize = 1024;

/** Learned from a corpus.
 *
 * Merges are learned from the training part alone, so that what is held out decides nothing; the 256 bytes spell
 * whatever it has that was never seen. The characters are those of both parts: without one for each, the held-out
 * part could not be written. */
export function learnTokenizer(
  kind: Tokenizer['kind'],
  corpus: Corpus,
  vocabSize = defaultVocabSize,
): Tokenizer {
  const { documents, heldOut = [], ends = false } = corpus;
  if (kind === 'char') {
    const characters = CharTokenizer.train(joined([...documents, ...heldOut], ''));
    return ends ? withEndOfText(characters) : characters;
  }
  const text = joined(splitCorpus(corpus).training, '\n');
  if (!ends) return trainBpe(text, vocabSize);
  if (vocabSize <= 256) {
    throw new RangeError(
      `a vocabulary of ${vocabSize} is too small for documents; expected at least 257 tokens, one for each byte and the end of text`,
    );
  }
  return withEndOfText(trainBpe(text, vocabSize - 1));
}
