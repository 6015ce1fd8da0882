/** What a run says about itself: one record a step and an evaluation, as a JSON line and as a line for people. */
import type { Score } from '../evaluate/score.ts';
import type { StepRecord } from './trainer.ts';

export interface StepMetrics extends StepRecord {
  readonly kind: 'step';
  readonly tokensPerSecond: number;
  readonly secondsLeft: number;
}
export interface EvaluationMetrics extends Score {
  /** 'final' is over the whole held-out part. */
  readonly kind: 'evaluation' | 'final';
  readonly step: number;
  /** Whether this is the lowest so far. */
  readonly best: boolean;
}

export function stepLine(m: StepMetrics, steps: number): string {
  return [
    stepLabel(m.step, steps),
    `loss ${m.loss.toFixed(4)}`,
    `lr ${m.learningRate.toExponential(2)}`,
    `norm ${m.gradNorm.toFixed(2)}`,
    `${Math.round(m.tokensPerSecond).toLocaleString('en-US')} tok/s`,
    `${duration(m.secondsLeft)} left`,
  ].join('  ');
}

export function evaluationLine(m: EvaluationMetrics, steps: number): string {
  const { nll, perplexity, bitsPerChar } = m;
  const measures = `${nll.toFixed(4)} nats  perplexity ${perplexity.toFixed(2)}  ${bitsPerChar.toFixed(3)} bits/char`;
  return `${stepLabel(m.step, steps)}  validation ${measures}${m.best ? '  (best)' : ''}`;
}

/** 2h 05m, 3m 20s, 45s */
export function duration(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  const [h, m, s] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  const two = (n: number) => String(n).padStart(2, '0');
  return h > 0 ? `${h}h ${two(m)}m` : m > 0 ? `${m}m ${two(s)}s` : `${s}s`;
}

function stepLabel(step: number, steps: number): string {
  return `step ${String(step).padStart(String(steps).length)}/${steps}`;
}

/** How fast, and how long yet: an average in which the last dozen steps or so count most. */
export class Pace {
  #average = 0;

  /** @param seconds what the last step took */
  add(seconds: number): void {
    this.#average = this.#average === 0 ? seconds : 0.92 * this.#average + 0.08 * seconds;
  }

  tokensPerSecond(tokensPerStep: number): number {
    return tokensPerStep / this.#average;
  }

  secondsLeft(stepsLeft: number): number {
    return stepsLeft * this.#average;
  }
}
