/** Which tokenizer npm run train uses: one that it learns from the text, or the one stored with a checkpoint. */
import { trainBpe } from '../../model/text/bpe-train.ts';
import { CharTokenizer, type Tokenizer } from '../../model/text/tokenizer.ts';
import { splitText } from '../../train/dataset.ts';
import { defaultPreset, type Preset, presets } from '../../train/presets.ts';
import { UsageError } from '../command/command.ts';
import type { TrainFlags } from './flags.ts';

export const defaultVocabSize = 1024;

const kindOf = (given: TrainFlags, { tokenizer = 'char' }: Preset) => given.tokenizer ?? tokenizer;

/** A UsageError for --vocab-size where the text decides: a character tokenizer has as many tokens as characters. */
export function checkTokenizerFlags(given: TrainFlags): void {
  if (given['vocab-size'] === undefined) return;
  if (kindOf(given, presets[given.preset ?? defaultPreset]) === 'bpe') return;
  throw new UsageError(
    '--vocab-size goes with --tokenizer bpe only; the text decides how many characters there are',
  );
}

/** Learned from the normalized text.
 *
 * Merges are learned from the training part alone, so that what is held out decides nothing; the 256 bytes spell
 * whatever it has that was never seen. The characters are those of the whole text: without one for each, the held-out
 * part could not be written. */
export function learnTokenizer(given: TrainFlags, preset: Preset, text: string): Tokenizer {
  if (kindOf(given, preset) === 'char') return CharTokenizer.train(text);
  return trainBpe(splitText(text).training, given['vocab-size'] ?? defaultVocabSize);
}
