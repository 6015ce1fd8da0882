/** The learning rate over a run: up in a straight line for `warmup` steps, then down along half a cosine to a floor.
 *
 *     rate(t) = floor + (peak - floor) * (1 + cos(pi * (t - warmup) / (steps - warmup))) / 2
 *
 * AdamW's moments are empty at first and its early steps are as large as later ones, hence the warm-up; small steps at
 * the end settle into the valley that large ones found. Loshchilov and Hutter, arXiv 1608.03983. */
import { cosSinTurns } from '../tensor/math.ts';

export interface Schedule {
  readonly learningRate: number;
  readonly minLearningRate: number;
  readonly warmup: number;
  readonly steps: number;
}

/** The rate of step t, counted from 0. */
export function learningRateAt(
  t: number,
  { learningRate, minLearningRate, warmup, steps }: Schedule,
): number {
  if (t < warmup) return (learningRate * (t + 1)) / (warmup + 1);
  if (t >= steps) return minLearningRate;
  const [cos] = cosSinTurns((t - warmup) / (steps - warmup) / 2);
  return minLearningRate + ((learningRate - minLearningRate) * (1 + cos)) / 2;
}
