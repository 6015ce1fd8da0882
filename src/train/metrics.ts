/** What a run says about itself: records in metrics.jsonl, one JSON object a line, and the lines people read. */
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
  /** nll over characters instead of tokens: compares tokenizers. Absent where every token is a character. */
  readonly natsPerChar?: number;
}
/** Text drawn during or after training. */
export interface SampleMetrics {
  readonly kind: 'sample';
  readonly step: number;
  readonly text: string;
}
/** How each group of parameters is doing: 'wte', 'h.0.attn', 'h.0.mlp', 'ln_f', ... */
export interface LayerMetrics {
  readonly kind: 'layers';
  readonly step: number;
  /** gradient and weight are root mean squares; update is the root mean square change of one step. */
  readonly layers: readonly {
    readonly name: string;
    readonly gradient: number;
    readonly weight: number;
    readonly update: number;
  }[];
}
/** Something the user should know, in plain words. */
export interface WarningMetrics {
  readonly kind: 'warning';
  readonly step: number;
  readonly message: string;
}
/** The run went on here after a stop. */
export interface ResumeMetrics {
  readonly kind: 'resume';
  readonly step: number;
}
export type MetricsRecord =
  | StepMetrics
  | EvaluationMetrics
  | SampleMetrics
  | LayerMetrics
  | WarningMetrics
  | ResumeMetrics;

/** The held-out loss of counting models on the same split, nats per character whatever the run's tokens are; order 0 is
 * the uniform guess. */
export interface Baseline {
  readonly order: number;
  readonly nll: number;
}

/** The numbers of a step as people read them, by name. */
export function stepParts(m: StepMetrics, steps: number) {
  return {
    step: stepLabel(m.step, steps),
    loss: `loss ${m.loss.toFixed(4)}`,
    lr: `lr ${m.learningRate.toExponential(2)}`,
    norm: `norm ${m.gradNorm.toFixed(2)}`,
    speed: `${Math.round(m.tokensPerSecond).toLocaleString('en-US')} tok/s`,
    left: `${duration(m.secondsLeft)} left`,
  };
}

export function stepLine(m: StepMetrics, steps: number): string {
  return Object.values(stepParts(m, steps)).join('  ');
}

export function evaluationLine(m: EvaluationMetrics, steps: number): string {
  const { nll, perplexity, bitsPerChar, natsPerChar } = m;
  const perChar = natsPerChar === undefined ? '' : `${natsPerChar.toFixed(4)} nats/char  `;
  const measures = `${nll.toFixed(4)} nats  perplexity ${perplexity.toFixed(2)}  ${perChar}${bitsPerChar.toFixed(3)} bits/char`;
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
