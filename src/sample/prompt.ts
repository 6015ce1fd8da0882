/** What a text begins with, and a text as training shows it. */
import type { Gpt } from '../model/gpt.ts';
import { type Tokenizer, wholeText } from '../model/text/tokenizer.ts';
import { generateAll } from './generate.ts';
import { defaultSampling, samplingSettings } from './settings.ts';

/** The tokens of a prompt. A model that knows documents is given the end-of-text token before it, because there a document
 * begins; for others an empty prompt is a line break, or the first token of a vocabulary without one. */
export function promptTokens(tokenizer: Tokenizer, text: string, unknown?: 'error' | 'skip'): Int32Array {
  const ids = tokenizer.encode(text, unknown);
  const { endOfText } = tokenizer;
  if (endOfText !== undefined) {
    const prompt = new Int32Array(1 + ids.length).fill(endOfText, 0, 1);
    prompt.set(ids, 1);
    return prompt;
  }
  if (ids.length > 0 || text !== '') return ids;
  const lineBreak = tokenizer.encode('\n', 'skip');
  return lineBreak.length > 0 ? lineBreak : Int32Array.of(0);
}

const previewLength = 300;

/** A text of at most 300 tokens without a prompt, at the settings of npm run sample, up to the end of a document. */
export function preview(model: Gpt, tokenizer: Tokenizer, seed: number, stream: number): string {
  const { endOfText } = tokenizer;
  const [generation] = generateAll(model, [{ prompt: promptTokens(tokenizer, ''), stream }], {
    settings: samplingSettings({
      ...defaultSampling,
      eosTokens: endOfText === undefined ? [] : [endOfText],
    }),
    maxNewTokens: previewLength,
    seed,
    contextPolicy: 'shift',
  });
  const { tokens, finishReason } = generation!;
  return wholeText(tokenizer, finishReason === 'eos' ? tokens.slice(0, -1) : tokens);
}
