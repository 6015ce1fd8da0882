/** The learning rate over a run: it rises in a straight line for `warmup` steps, then follows one of four shapes. With
 * u, from 0 to 1, the share of the steps after the warm-up that is done,
 *     rate = floor + (peak - floor) * s
 *     cosine      s = (1 + cos(pi u)) / 2                       half a cosine
 *     linear      s = 1 - u
 *     constant    s = 1
 *     wsd         s = 1, then 1 - u' over the last fifth        warm-up, stable, decay
 * Why warm up: at first the optimizer has seen too few gradients to know good directions, yet its steps are as large as
 * later ones. Why decay: small steps at the end settle into the valley that large steps have found. Until its decay
 * begins, wsd does not depend on how long the run will be.
 * Loshchilov and Hutter, arXiv 1608.03983; Hu et al., arXiv 2404.06395. */
import { cosSinTurns } from '../tensor/math.ts';

export const shapes = ['cosine', 'linear', 'constant', 'wsd'] as const;

export interface Schedule {
  readonly learningRate: number;
  readonly minLearningRate: number;
  readonly warmup: number;
  readonly steps: number;
  /** Absent: cosine. */
  readonly shape?: (typeof shapes)[number];
}

const decayingShare = 0.2;

/** The learning rate of step t, counted from 0. */
export function learningRateAt(t: number, schedule: Schedule): number {
  const { learningRate, minLearningRate, warmup, steps, shape = 'cosine' } = schedule;
  if (t < warmup) return (learningRate * (t + 1)) / (warmup + 1);
  const done = t >= steps ? 1 : (t - warmup) / (steps - warmup);
  return minLearningRate + (learningRate - minLearningRate) * remaining(shape, done);
}

function remaining(shape: (typeof shapes)[number], done: number): number {
  switch (shape) {
    case 'cosine':
      return (1 + cosSinTurns(done / 2)[0]) / 2;
    case 'linear':
      return 1 - done;
    case 'constant':
      return 1;
    case 'wsd':
      return Math.min(1, (1 - done) / decayingShare);
  }
}
