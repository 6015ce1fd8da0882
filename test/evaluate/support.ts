/** A small random model over the characters of a text, ready to score and generate. */
import type { Scorer } from '../../src/evaluate/text-score.ts';
import { Gpt } from '../../src/model/gpt.ts';
import { CharTokenizer, type Tokenizer } from '../../src/model/text/tokenizer.ts';
import { reference } from '../../src/tensor/reference/index.ts';
import { randomize, tinyConfig } from '../support/models.ts';

export const story = 'the cat sat on the mat. the dog sat on the log.\nno owl saw it; a rat did. ';

/** @param options.batch windows in one pass; `zero` leaves every weight 0, which predicts all tokens alike. */
export function openTiny({
  batch = 2,
  slots = 0,
  zero = false,
  text = story,
  tokenizer = CharTokenizer.train(text) as Tokenizer,
} = {}): Scorer {
  const config = { ...tinyConfig, vocabSize: tokenizer.vocabSize };
  const model = new Gpt(config, { kernels: reference, batch, slots, gradients: false });
  const rows = batch * config.contextLength;
  const buffers = { inputs: model.arena.ids('inputs', rows), targets: model.arena.ids('targets', rows) };
  model.arena.allocate(reference.memory);
  return { model: zero ? model : randomize(model, 1), tokenizer, buffers };
}
