/** Gives a model that was trained without ends of documents an end-of-text token. */
import { architectureOf } from '../gpt.ts';
import { withEndOfText } from '../text/tokenizer-file.ts';
import { type Checkpoint, head } from './checkpoint.ts';

/** The same model with a tokenizer that has an end-of-text token. If the token is new, its row in the embedding, and in a head of
 * its own, is the mean of the others: as likely as the average token, and nothing else changes. */
export function withEnds(checkpoint: Checkpoint): Checkpoint {
  const tokenizer = withEndOfText(checkpoint.tokenizer);
  const { vocabSize } = tokenizer;
  if (vocabSize === checkpoint.config.vocabSize) return { ...checkpoint, tokenizer };
  const tensors = new Map(checkpoint.tensors);
  for (const name of [architectureOf(checkpoint.config).embedding, head]) {
    const tensor = tensors.get(name);
    if (tensor !== undefined) tensors.set(name, tensor.withMeanRow());
  }
  return { ...checkpoint, config: { ...checkpoint.config, vocabSize }, tokenizer, tensors };
}
