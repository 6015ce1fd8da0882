/** What one call of npm run sample works with. */
import type { Checkpoint } from '../../model/files/checkpoint.ts';
import type { Gpt } from '../../model/gpt.ts';
import type { Tokenizer } from '../../model/text/tokenizer.ts';
import type { GenerateOptions } from '../../sample/generate.ts';
import { note } from '../host/output.ts';
import { answerTokens, defaultTokens, type SampleFlags } from './flags.ts';
import { modelLine } from './remarks.ts';
import { chooseSettings, loopRule, stopStrings } from './settings.ts';

export interface Session {
  readonly given: SampleFlags;
  /** The checkpoint folder. */
  readonly source: string;
  readonly model: Gpt;
  readonly tokenizer: Tokenizer;
  /** The folder's end tokens. */
  readonly eosTokens: readonly number[];
  readonly options: GenerateOptions;
}
export interface Prompt {
  /** As the model sees it. */
  readonly text: string;
  readonly ids: Int32Array;
}

/** The options that the flags ask for; a UsageError for a text that the tokenizer has no tokens for. */
export function optionsOf(
  given: SampleFlags,
  { tokenizer, eosTokens }: Pick<Checkpoint, 'tokenizer' | 'eosTokens'>,
  seed: number,
): GenerateOptions {
  return {
    settings: { ...chooseSettings(given, tokenizer), eosTokens: given['ignore-eos'] ? [] : eosTokens },
    maxNewTokens: given.tokens ?? (given.interactive ? answerTokens : defaultTokens),
    seed,
    contextPolicy: given['context-policy'] ?? 'shift',
    tokenizer,
    stop: stopStrings(given),
    includeStop: given['include-stop'] ?? false,
    loop: given['stop-on-loop'] ? loopRule : undefined,
  };
}

/** The remarks before the first text, to standard error: which model it is, how much of the prompts it does not see, and which
 *  seed was picked. */
export function introduce({ given, source, model, options }: Session, prompts: readonly Prompt[]): void {
  const parameters = model.parameters.reduce((sum, { value }) => sum + value.size, 0);
  note(modelLine(source, parameters));
  const { contextLength } = model.config;
  for (const { ids } of prompts) {
    const unseen = ids.length - contextLength;
    if (unseen <= 0) continue;
    note(
      `note: the model sees ${contextLength} tokens; the first ${unseen} of the prompt's ${ids.length} are not seen`,
    );
  }
  const draws = options.settings.temperature !== 0 && given.beam === undefined && !given.explain;
  if (draws && given.seed === undefined) note(`seed ${options.seed}`);
}
