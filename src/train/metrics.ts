/** What a run reports: the records in metrics.jsonl, one JSON object a line, and the same as lines for people. */
import type { Score } from './score.ts';
import type { StepRecord } from './trainer.ts';

export interface StepMetrics extends StepRecord {
  readonly kind: 'step';
  readonly tokensPerSecond: number;
  /** null while it is not known yet. */
  readonly secondsLeft: number | null;
}
export interface EvaluationMetrics extends Score {
  /** 'final' is over the whole held-out part. */
  readonly kind: 'evaluation' | 'final';
  readonly step: number;
  /** Whether this is the lowest so far of the run's own evaluations: then its model is in best/. */
  readonly best: boolean;
  /** nll divided by characters instead of tokens, which can be compared between tokenizers. Absent where both are
   * equal. */
  readonly natsPerChar?: number;
}
/** Text drawn during or after training. */
export interface SampleMetrics {
  readonly kind: 'sample';
  readonly step: number;
  readonly text: string;
}
/** The state of each group of parameters: 'wte', 'h.0.attn', 'h.0.mlp', 'ln_f', ... */
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

/** The held-out loss of an n-gram model on the same split, in nats per character whatever the run's tokens are. Order 0
 * is the uniform guess. */
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
    ...(m.secondsLeft === null ? {} : { left: `${duration(m.secondsLeft)} left` }),
  };
}

export function stepLine(m: StepMetrics, steps: number): string {
  return Object.values(stepParts(m, steps)).join('  ');
}

export function evaluationLine(m: EvaluationMetrics, steps: number): string {
  const { nll, perplexity, bitsPerChar, natsPerChar } = m;
  const nats =
    natsPerChar === undefined
      ? `${nll.toFixed(4)} nats`
      : `${nll.toFixed(4)} nats/token  ${natsPerChar.toFixed(4)} nats/char`;
  const measures = `${nats}  perplexity ${perplexity.toFixed(2)}  ${bitsPerChar.toFixed(3)} bits/char`;
  return `${stepLabel(m.step, steps)}  validation ${measures}${m.best ? '  (best)' : ''}`;
}

/** 2h 05m, 3m 20s, 45s */
export function duration(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  const [h, m, s] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  const two = (n: number) => String(n).padStart(2, '0');
  return h > 0 ? `${h}h ${two(m)}m` : m > 0 ? `${m}m ${two(s)}s` : `${s}s`;
}

/** A short time in two digits: 3.3 s, 13 s, 78 ms. */
export function briefly(seconds: number): string {
  if (seconds >= 59.5) return duration(seconds);
  const [value, unit] = seconds >= 0.9995 ? [seconds, 's'] : [1000 * seconds, 'ms'];
  return `${value >= 9.95 ? Math.round(value) : Number(value.toPrecision(2))} ${unit}`;
}

/** 1 step, 2 steps, 1,234 steps */
export function counted(n: number, noun: string): string {
  return `${n.toLocaleString('en-US')} ${noun}${n === 1 ? '' : 's'}`;
}

function stepLabel(step: number, steps: number): string {
  return `step ${String(step).padStart(String(steps).length)}/${steps}`;
}
