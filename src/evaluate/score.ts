/** How well a model predicts a text: the mean negative log-likelihood of its tokens, in nats.
 *
 *     nll = mean of -ln p(token | what came before it in its window)
 *
 * Log-likelihoods are taken in float64 from the logits and added in order, so the number does not depend on how many
 * windows are computed at a time. */
import type { Gpt } from '../model/gpt.ts';
import { negativeLogLikelihood } from '../tensor/reference/cross-entropy.ts';
import type { Ids } from '../tensor/tensor.ts';
import { copyWindow, type Window } from '../train/dataset.ts';
import { bitsPer, meanAndError, perplexity } from './perplexity.ts';

/** Where windows are laid out for the model: ids (B * T each) in its memory. */
export interface WindowBuffers {
  readonly inputs: Ids;
  readonly targets: Ids;
}
export interface Score {
  readonly tokensScored: number;
  /** Mean, in nats. */
  readonly nll: number;
  /** Standard error of nll, from the scatter of the windows' means; null for a single window. */
  readonly standardError: number | null;
  readonly perplexity: number;
  readonly bitsPerChar: number;
}

/** Calls `visit` with each scored token's -ln p in order: (nll, index of the token in `tokens`). */
export function scoreTokens(
  model: Gpt,
  buffers: WindowBuffers,
  tokens: Int32Array,
  windows: readonly Window[],
  visit: (nll: number, index: number) => void,
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
      const window = windows[first + Math.floor(n / time)]!;
      const nll = negativeLogLikelihood(logits.data, n * V, V, buffers.targets.data[n]!);
      visit(nll, window.start + 1 + (n % time));
    }
    first += batch;
  }
}

/** The mean over the windows' tokens. @param charactersPerToken 1 for a character tokenizer. */
export function score(
  model: Gpt,
  buffers: WindowBuffers,
  tokens: Int32Array,
  windows: readonly Window[],
  charactersPerToken = 1,
): Score {
  const sums = new Float64Array(windows.length);
  let sum = 0;
  let count = 0;
  let window = 0;
  let left = windows[0]?.length ?? 0;
  scoreTokens(model, buffers, tokens, windows, (nll) => {
    sum += nll;
    count += 1;
    sums[window]! += nll;
    left -= 1;
    if (left === 0) left = windows[++window]?.length ?? 0;
  });
  if (count === 0) throw new RangeError('score: expected at least two tokens, got none to score');
  const { standardError } = meanAndError(sums.map((total, i) => total / windows[i]!.length));
  return {
    tokensScored: count,
    nll: sum / count,
    standardError,
    perplexity: perplexity(sum / count),
    bitsPerChar: bitsPer(sum, count * charactersPerToken),
  };
}
