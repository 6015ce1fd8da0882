/** A model's continuations of prompts from the held-out text, to compare with what really came next. */
import type { Gpt } from '../model/gpt.ts';
import type { Tokenizer } from '../model/text/tokenizer.ts';
import { generateAll } from '../sample/generate.ts';
import type { SamplingSettings } from '../sample/settings.ts';
import { RandomStream } from '../tensor/random.ts';
import { perplexity } from '../train/perplexity.ts';
import { scoreTokens } from '../train/score.ts';
import { chooseWindows } from '../train/windows.ts';
import type { Scorer } from './text-score.ts';

/** A place in the held-out text: the prompt that the model is given, and the true text after it, both of whole characters. */
export interface Excerpt {
  readonly prompt: Int32Array;
  readonly truth: Int32Array;
}

export interface ExcerptSizes {
  readonly count: number;
  readonly promptTokens: number;
  readonly newTokens: number;
}

/** Excerpts that do not overlap: the text is divided into `count` equal stretches, and one excerpt is taken at a random place
 * of each. The place of excerpt i depends on the seed and the sizes only. A cut inside a character moves to the next token
 * that begins one, so prompts and truths may have a few tokens more than asked for. */
export function chooseExcerpts(
  tokenizer: Pick<Tokenizer, 'beginsCharacter'>,
  heldOut: Int32Array,
  { count, promptTokens, newTokens }: ExcerptSizes,
  seed: number,
): Excerpt[] {
  const cut = (at: number): number => {
    let begin = at;
    while (begin < heldOut.length && !tokenizer.beginsCharacter(heldOut[begin])) begin++;
    return begin;
  };
  const furthest = heldOut.reduce((most, _, at) => Math.max(most, cut(at) - at), 0);
  const length = promptTokens + newTokens + 3 * furthest; // each of three cuts may move
  const stretch = Math.floor(heldOut.length / count);
  if (stretch < length) {
    const more = furthest === 0 ? '' : ` (and ${3 * furthest} to cut between characters)`;
    throw new RangeError(
      `continuations: the held-out text is too short; expected ${count} times ${promptTokens} + ${newTokens} tokens${more}, ` +
        `got ${heldOut.length}; take at most ${Math.floor(heldOut.length / length)}, or shorter ones`,
    );
  }
  const random = new RandomStream(seed, 'evaluate');
  return Array.from({ length: count }, (_, i) => {
    const start = cut(i * stretch + random.below(stretch - length + 1, i));
    const middle = cut(start + promptTokens);
    return {
      prompt: heldOut.subarray(start, middle),
      truth: heldOut.subarray(middle, cut(middle + newTokens)),
    };
  });
}

/** The same number of new tokens for each prompt, drawn in batches that fill the model's cache. Prompt i draws with stream i. */
export function continuePrompts(
  model: Gpt,
  prompts: readonly ArrayLike<number>[],
  options: {
    readonly settings: Partial<SamplingSettings>;
    readonly newTokens: number;
    readonly seed: number;
  },
): Int32Array[] {
  const { settings, newTokens, seed } = options;
  const { slots } = model.cache;
  const texts: Int32Array[] = [];
  for (let first = 0; first < prompts.length; first += slots) {
    const requests = prompts.slice(first, first + slots).map((prompt, i) => ({ prompt, stream: first + i }));
    const generations = generateAll(model, requests, {
      settings,
      maxNewTokens: newTokens,
      seed,
      contextPolicy: 'shift',
    });
    texts.push(...generations.map(({ tokens }) => Int32Array.from(tokens)));
  }
  return texts;
}

/** The model's perplexity of texts that follow prompts, over all tokens of all texts. It is that of the model's own
 * distribution, whatever the texts were sampled with. Windows overlap by half (stride T / 2), so that every token is predicted
 * from enough context. */
export function continuationPerplexity(
  { model, buffers }: Pick<Scorer, 'model' | 'buffers'>,
  prompts: readonly Int32Array[],
  texts: readonly Int32Array[],
): number {
  const T = model.config.contextLength;
  const size = prompts.reduce((sum, prompt, i) => sum + prompt.length + texts[i].length, 0);
  // All texts one after the other. No window reaches into the next text; windows of equal length go through the model together.
  const tokens = new Int32Array(size);
  const counts = new Uint8Array(size);
  let at = 0;
  const windows = prompts.flatMap((prompt, i) => {
    const base = at;
    tokens.set(prompt, base);
    tokens.set(texts[i], base + prompt.length);
    at += prompt.length + texts[i].length;
    counts.fill(1, Math.max(base + prompt.length, base + 1), at);
    return chooseWindows(at - base, T, { mode: 'stride' }).windows.map((window) => ({
      ...window,
      start: base + window.start,
    }));
  });
  windows.sort((a, b) => b.length - a.length);
  let nats = 0;
  let scored = 0;
  scoreTokens(model, buffers, tokens, windows, (nll, index) => {
    if (counts[index] === 0) return;
    nats += nll;
    scored++;
  });
  return perplexity(nats / scored);
}
