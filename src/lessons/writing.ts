/** Texts that a subject writes for a lesson, and what is measured of them. */
import {
  chooseExcerpts,
  continuationPerplexity,
  continuePrompts,
  type ExcerptSizes,
} from '../evaluate/continuations.ts';
import { measureTexts, type TextMeasures } from '../evaluate/measures.ts';
import { wholeText } from '../model/text/tokenizer.ts';
import { beamSearch } from '../sample/beam.ts';
import type { SamplingSettings } from '../sample/settings.ts';
import { log } from '../tensor/math.ts';
import type { Subject } from './lesson.ts';

export interface Written {
  readonly prompts: readonly Int32Array[];
  readonly texts: readonly Int32Array[];
}

const usual: ExcerptSizes = { count: 24, promptTokens: 48, newTokens: 320 };
const seed = 1;

/** Continues the same held-out prompts: with these settings, by beam search, or as the text really went on. */
export function written(
  { model, tokenizer, heldOut }: Subject,
  how: Partial<SamplingSettings> | { readonly beam: number } | 'truth',
  sizes: Partial<ExcerptSizes> = {},
): Written {
  const chosen = { ...usual, ...sizes };
  const excerpts = chooseExcerpts(tokenizer, heldOut, chosen, seed);
  const prompts = excerpts.map(({ prompt }) => prompt);
  const { newTokens } = chosen;
  if (how === 'truth') return { prompts, texts: excerpts.map(({ truth }) => truth) };
  if (!('beam' in how))
    return { prompts, texts: continuePrompts(model, prompts, { settings: how, newTokens, seed }) };
  const best = (prompt: Int32Array) =>
    beamSearch(model, prompt, {
      ...{ settings: {}, maxNewTokens: newTokens, contextPolicy: 'shift' as const },
      ...{ width: how.beam, lengthPenalty: 0 },
    })[0]!;
  return { prompts, texts: prompts.map((prompt) => Int32Array.from(best(prompt).tokens)) };
}

/** The measures of `npm run eval -- --generate`, and the surprise in nats a token. */
export function measured(
  subject: Subject,
  { prompts, texts }: Written,
): TextMeasures & { readonly nats: number } {
  const { tokenizer, corpus } = subject;
  const perplexity = continuationPerplexity(subject, prompts, texts);
  const continuations = texts.map((text, i) => ({
    prompt: tokenizer.decode(prompts[i]!),
    text: wholeText(tokenizer, text),
  }));
  return { ...measureTexts(continuations, corpus, { perplexity, seed }), nats: log(perplexity) };
}
