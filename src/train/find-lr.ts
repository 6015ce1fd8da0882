/** The learning-rate range test: a short training whose learning rate grows from far too small to far too large, and
 * what rate it suggests.
 *
 *     factor_i = from * (to / from)^(i / (steps - 1))        of the schedule's peak, for every optimizer alike
 * While the rate is too small the loss hardly moves, then it falls, and in the end it rises or becomes NaN. At the rate
 * where it falls fastest, training is still stable. At the minimum the rate is already too large: there learning and
 * divergence are in balance. So the suggestion is a fraction of the minimum's rate. Smith, arXiv 1506.01186 and
 * 1803.09820. */
import { exp, log } from '../tensor/math.ts';
import { DivergenceError } from './divergence.ts';
import { train } from './train.ts';
import type { Trainer } from './trainer.ts';

export interface RangeStep {
  /** What multiplies the peak learning rate of the settings, and Muon's as well. */
  readonly factor: number;
  /** Of the batch, before the update at this rate. */
  readonly loss: number;
}
export interface RangeTest {
  readonly steps: readonly RangeStep[];
  /** The losses, each averaged with its neighbours. */
  readonly smoothed: readonly number[];
  /** Why it ended: the range was done, the loss exceeded `blowUp` times its lowest, or the loss or gradient was not
   * finite. */
  readonly end: 'done' | 'blown up' | 'not finite';
}
export interface Suggestion {
  /** Factors: where the loss falls fastest, where it is lowest, and the one to try. */
  readonly steepest: number;
  readonly minimum: number;
  readonly suggested: number;
}

export const rangeDefaults = { from: 1e-4, to: 1e2, steps: 100 } as const;
/** A loss of more than this times the lowest so far: no larger rate can be good. */
const blowUp = 4;
/** The suggested rate is the minimum's divided by this; the usual advice is 3 to 10. */
export const belowMinimum = 3;
/** A smoothed loss is a mean over so many steps on both sides: batches differ more than neighbouring rates do. */
const reach = 4;

/** Trains `trainer`, which must be fresh, and whose model is of no use afterwards. */
export function rangeTest(
  trainer: Trainer,
  range: Readonly<Record<keyof typeof rangeDefaults, number>>,
): RangeTest {
  const { from, to, steps: most } = range;
  const factorOf = (i: number) => from * exp((log(to / from) * i) / Math.max(1, most - 1));
  const rate = (done: number) => factorOf(done) * trainer.settings.learningRate;
  const steps: RangeStep[] = [];
  let end: RangeTest['end'] = 'done';
  let best = Number.POSITIVE_INFINITY;
  try {
    for (const event of train(trainer, { steps: most, rate })) {
      if (event.kind !== 'step') continue;
      const { loss } = event;
      steps.push({ factor: factorOf(steps.length), loss });
      best = Math.min(best, loss);
      if (loss > blowUp * best) {
        end = 'blown up';
        break;
      }
    }
  } catch (error) {
    if (!(error instanceof DivergenceError)) throw error;
    end = 'not finite';
  }
  return { steps, smoothed: smoothLosses(steps.map(({ loss }) => loss)), end };
}

/** Weighted means over neighbours; those further away count less. Near the ends, over as many as both sides have. */
export function smoothLosses(losses: readonly number[]): number[] {
  return losses.map((_, i) => {
    const wide = Math.min(reach, i, losses.length - 1 - i);
    let [sum, weights] = [0, 0];
    for (let j = -wide; j <= wide; j++) {
      const weight = wide + 1 - Math.abs(j);
      sum += weight * losses[i + j]!;
      weights += weight;
    }
    return sum / weights;
  });
}

/** The rates that the test suggests; undefined if the loss never fell. */
export function suggest({ steps, smoothed }: RangeTest): Suggestion | undefined {
  let lowest = 0;
  for (let i = 1; i < smoothed.length; i++) if (smoothed[i]! < smoothed[lowest]!) lowest = i;
  // The factors are evenly spaced in their logarithm: the slope is a difference of neighbours.
  let [steepest, fall] = [0, 0];
  for (let i = 1; i < lowest; i++) {
    const slope = smoothed[i - 1]! - smoothed[i + 1]!;
    if (slope > fall) [steepest, fall] = [i, slope];
  }
  if (fall === 0) return undefined;
  const minimum = steps[lowest]!.factor;
  return { steepest: steps[steepest]!.factor, minimum, suggested: minimum / belowMinimum };
}
