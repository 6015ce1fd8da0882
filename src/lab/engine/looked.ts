import type { Training } from '../../library/training.ts';
import type { Gpt } from '../../model/gpt.ts';
import type { Tokenizer } from '../../model/text/tokenizer.ts';
import type { Ids } from '../../tensor/tensor.ts';

/** The model that is looked at; `eosTokens` and `unequalDropouts` as in a Checkpoint. */
export interface Looked {
  readonly gpt: Gpt;
  /** Room for a text in the model's memory. */
  readonly inputs: Ids;
  readonly tokenizer: Tokenizer;
  readonly eosTokens: readonly number[];
  readonly unequalDropouts: string | undefined;
  readonly name: string;
  step: number | undefined;
  /** Where it is a copy of. */
  readonly training: Training | undefined;
}
