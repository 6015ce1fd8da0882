/** How well a model predicts a text: the mean negative log-likelihood of its tokens, in nats.
 *
 *     nll = mean of -ln p(token | the tokens before it in its window)
 *
 * Every token is scored once and has the same weight, except the first, which has nothing before it, and those of prompts.
 * Log-likelihoods are computed in float64 from the logits and added in order, so the result does not depend on how many
 * windows are computed at a time. */
import type { Gpt } from '../model/gpt.ts';
import { negativeLogLikelihood } from '../tensor/reference/cross-entropy.ts';
import type { Floats, Ids } from '../tensor/tensor.ts';
import { copyWindow, type Tokens } from './dataset.ts';
import { bitsPer, meanAndError, perplexity } from './perplexity.ts';
import type { ScoredWindow } from './windows.ts';

/** Where windows are laid out for the model: ids (B * T each) in its memory. */
export interface WindowBuffers {
  readonly inputs: Ids;
  readonly targets: Ids;
}
export interface Score {
  readonly tokensScored: number;
  /** Mean, in nats. */
  readonly nll: number;
  /** Standard error of nll, from how much the windows differ; null for a single window. */
  readonly standardError: number | null;
  readonly perplexity: number;
  readonly bitsPerChar: number;
}

/** Receives one scored token: its -ln p, its index in `tokens`, the logits that predicted it: elements `at` to `at` + V - 1
 * of a larger array, which the next forward pass overwrites; and which window it is in. */
export type Visit = (nll: number, index: number, logits: Floats, at: number, window: number) => void;

/** Calls `visit` for each scored token, window by window. */
export function scoreTokens(
  model: Gpt,
  buffers: WindowBuffers,
  tokens: Tokens,
  windows: readonly ScoredWindow[],
  visit: Visit,
): void {
  const V = model.config.vocabSize;
  for (let first = 0; first < windows.length; ) {
    const time = windows[first]!.length;
    const capacity = Math.max(1, Math.floor(buffers.inputs.size / model.config.contextLength));
    let batch = 0;
    while (batch < capacity && windows[first + batch]?.length === time) {
      copyWindow(buffers.inputs, buffers.targets, batch * time, tokens, windows[first + batch]!);
      batch += 1;
    }
    const logits = model.forward(buffers.inputs.rows(batch * time), { batch, time });
    for (let n = 0; n < batch * time; n++) {
      const window = first + Math.floor(n / time);
      const { start, scored = time } = windows[window]!;
      const place = n % time;
      const target = buffers.targets.data[n]!;
      if (place < time - scored || target < 0) continue;
      const nll = negativeLogLikelihood(logits.data, n * V, V, target);
      visit(nll, start + 1 + place, logits.data, n * V, window);
    }
    first += batch;
  }
}

/** The mean over the windows' tokens. `charactersPerToken` is 1 for a character tokenizer. */
export function score(
  model: Gpt,
  buffers: WindowBuffers,
  tokens: Tokens,
  windows: readonly ScoredWindow[],
  {
    charactersPerToken = 1,
    visit,
  }: { readonly charactersPerToken?: number | undefined; readonly visit?: Visit } = {},
): Score {
  const [sums, sizes] = [new Float64Array(windows.length), new Float64Array(windows.length)];
  let sum = 0;
  let count = 0;
  scoreTokens(model, buffers, tokens, windows, (nll, index, logits, at, window) => {
    visit?.(nll, index, logits, at, window);
    sum += nll;
    count += 1;
    sums[window]! += nll;
    sizes[window]! += 1;
  });
  if (count === 0) throw new RangeError('score: expected at least two tokens, got none to score');
  const some = (_: number, window: number) => sizes[window]! > 0;
  const { standardError } = meanAndError(sums.filter(some), sizes.filter(some));
  return {
    tokensScored: count,
    nll: sum / count,
    standardError,
    perplexity: perplexity(sum / count),
    bitsPerChar: bitsPer(sum, count * charactersPerToken),
  };
}
