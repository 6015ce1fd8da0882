/** Which tokenizer npm run train uses: one that it learns from the text, or the one stored with a checkpoint. */
import type { Tokenizer } from '../../model/text/tokenizer.ts';
import { learnTokenizer as learn } from '../../train/choices.ts';
import { defaultPreset, type Preset, presets } from '../../train/presets.ts';
import { UsageError } from '../command/command.ts';
import type { TrainFlags } from './flags.ts';

const kindOf = (given: TrainFlags, { tokenizer = 'char' }: Preset) => given.tokenizer ?? tokenizer;

/** A UsageError for --vocab-size where the text decides: a character tokenizer has as many tokens as characters. */
export function checkTokenizerFlags(given: TrainFlags): void {
  if (given['vocab-size'] === undefined) return;
  if (kindOf(given, presets[given.preset ?? defaultPreset]) === 'bpe') return;
  throw new UsageError(
    '--vocab-size goes with --tokenizer bpe only; the text decides how many characters there are',
  );
}

/** Learned from the normalized text. */
export function learnTokenizer(given: TrainFlags, preset: Preset, text: string): Tokenizer {
  return learn(kindOf(given, preset), text, given['vocab-size']);
}
