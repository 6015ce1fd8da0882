/** An ensemble: several models as one, which predicts the mean of their probabilities.
 *
 *     nll = mean of -ln((p_1 + ... + p_n) / n)
 * As -ln is convex, that is at most the mean of what they have alone; and the more they differ, the less. */
import { exp, log } from '../tensor/math.ts';
import type { Split } from '../train/dataset.ts';
import { scoreTokens } from '../train/score.ts';
import { heldOutWindows } from '../train/windows.ts';
import type { Scorer } from './text-score.ts';

export interface EnsembleScore {
  /** Nats per token of each model by itself. */
  readonly alone: readonly number[];
  readonly together: number;
}

/** Scores what is held out, in blocks of T, or of a model's context where that is shorter. */
export function scoreEnsemble(scorers: readonly Scorer[], split: Split, T: number): EnsembleScore {
  const probabilities: number[] = [];
  const alone = scorers.map(({ model, buffers }) => {
    const windows = heldOutWindows(split, Math.min(T, model.config.contextLength), 'full');
    let [count, sum] = [0, 0];
    scoreTokens(model, buffers, split.validation, windows, (nll) => {
      probabilities[count] = (probabilities[count] ?? 0) + exp(-nll);
      sum += nll;
      count += 1;
    });
    return sum / count;
  });
  const sum = probabilities.reduce((total, p) => total - log(p / scorers.length), 0);
  return { alone, together: sum / probabilities.length };
}
