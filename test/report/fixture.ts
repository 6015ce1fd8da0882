/** A run that looks like a real one, made of formulas and a seeded stream: no training needed to look at a report. */
import { RunHistory } from '../../src/report/history.ts';
import { clipLimit, type RunData } from '../../src/report/run.ts';
import type { Baseline, EvaluationMetrics, MetricsRecord } from '../../src/train/metrics.ts';

/** Numerical Recipes' linear congruential generator: good enough for noise on a curve. */
function uniform(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

/** n-grams of order 0 to 6 on the shipped tales. */
export const baselines: readonly Baseline[] = [4.127, 3.046, 2.3029, 1.742, 1.394, 1.261, 1.232].map(
  (nll, order) => ({ order, nll }),
);

const texts = [
  'e  nhot aeil\n  rdsn tH,ouk..\n\n eea;hw "n ,t',
  'The was and the sing of the her, and he the\nwood was a the king the.\n\n"I har the sonde," said the',
  'Once upon a time there was a king who had a\ndaughter, and she was so beautiful that the sun\nitself, which has seen so much, wondered.\n\n\t"Dear child," said the old woman, "do not\n\tbe afraid; stay with me."\n',
];

/** A run that has recorded these; what is left out is empty. */
export function runOf({
  records = [],
  ...given
}: Partial<RunData> & { readonly records?: readonly MetricsRecord[] }): RunData {
  const data = { name: 'empty', baselines: [], description: {}, ...given };
  const history = new RunHistory(clipLimit(data.description));
  for (const record of records) history.add(record);
  return { ...data, history };
}

export interface FixtureOptions {
  readonly seed?: number;
  readonly floor?: number;
}

/** What a run of `steps` steps might have recorded. */
export function exampleRecords(
  steps: number,
  { seed = 1, floor = 1.24 }: FixtureOptions = {},
): MetricsRecord[] {
  const next = uniform(seed);
  const noise = () => next() + next() + next() - 1.5;
  const records: MetricsRecord[] = [];
  const curve = (step: number) => floor + (4.2 - floor) / (1 + step / (0.015 * 2000)) ** 0.95;
  const evaluated = (kind: EvaluationMetrics['kind'], step: number, nll: number): EvaluationMetrics => ({
    kind,
    step,
    tokensScored: kind === 'final' ? 86_610 : 20_480,
    nll,
    standardError: kind === 'final' ? 0.0061 : 0.013,
    perplexity: Math.exp(nll),
    bitsPerChar: nll / Math.LN2,
    best: true,
  });
  const groups = ['wte', ...[0, 1, 2, 3].flatMap((l) => [`h.${l}.attn`, `h.${l}.mlp`]), 'ln_f'];
  for (let step = 1; step <= steps; step++) {
    const share = step / steps;
    const learningRate = 3e-3 * (step < 100 ? step / 100 : 0.1 + 0.45 * (1 + Math.cos(Math.PI * share)));
    const spike = step > 640 && step < 652 ? 0.7 * Math.exp(-(step - 641) / 4) : 0;
    const loss = curve(step) - 0.06 * share + 0.09 * noise() + spike;
    const gradNorm = (0.35 + 2.4 / (1 + step / 40)) * Math.exp(0.45 * noise()) + 6 * spike;
    const tokensPerSecond = 10_400 + 500 * noise() - (step > 1200 && step < 1300 ? 3000 : 0);
    records.push({
      kind: 'step',
      step,
      loss,
      learningRate,
      gradNorm,
      tokensPerSecond,
      secondsLeft: (steps - step) * 0.074,
    });
    if (step % 100 === 0 || step === steps)
      records.push(evaluated('evaluation', step, curve(step) + 0.012 * noise()));
    if (step % 20 === 0) {
      records.push({
        kind: 'layers',
        step,
        layers: groups.map((group, i) => {
          const gradient = (0.02 / (1 + i)) * (0.2 + 1 / (1 + step / 100)) * Math.exp(0.5 * noise());
          const weight = 0.02 + 0.06 * share;
          return {
            name: group,
            gradient,
            weight,
            update: weight * learningRate * (0.25 + 0.12 * i) * Math.exp(0.2 * noise()),
          };
        }),
      });
    }
    if (step % 250 === 0)
      records.push({ kind: 'sample', step, text: texts[Math.min(2, Math.floor(3 * share))]! });
    if (step === 641) {
      records.push({
        kind: 'warning',
        step,
        message:
          'The loss jumped to 2.31, 5.2 standard deviations above the last 100 steps; clipping held the update to 0.18 of its length.',
      });
    }
    if (step === 1000) records.push({ kind: 'resume', step });
  }
  records.push(evaluated('final', steps, curve(steps) + 0.004));
  return records;
}

export function exampleRun(
  steps: number,
  { name = 'tales-qwen3', seed = 1, ...options }: FixtureOptions & { readonly name?: string } = {},
): RunData {
  return runOf({
    name,
    records: exampleRecords(steps, { seed, ...options }),
    baselines,
    description: {
      Model: {
        architecture: 'qwen3',
        layers: 4,
        heads: 4,
        channels: 128,
        context: 128,
        vocabulary: 62,
        parameters: 807_296,
      },
      Training: { steps, batch: 8, learningRate: 0.003, warmup: 100, weightDecay: 0.1, clip: 1, seed },
      Corpus: {
        file: 'data/tales.txt',
        characters: 866_744,
        training: 780_069,
        heldOut: 86_675,
        epochs: 2.6,
      },
      Environment: { backend: 'simd', threads: 2, math: 'fma', node: 'v20.20.2', platform: 'linux x64' },
    },
  });
}

/** Every place a run can put text in, filled with attempts to become markup. */
const attack = `"'></title></style></pre></svg></script><script>document.title='broken out'</script><img src=x onerror="document.title='broken out'">&lt;b&gt;<!--<![CDATA[<iframe src=javascript:alert(1)>\u202e`;
export const hostileText = `\n  ${attack}\n\t<marquee>tab & two  spaces</marquee>\n`;
export const hostileRun = runOf({
  name: attack,
  baselines,
  records: [
    ...exampleRecords(120).filter((r) => r.kind !== 'sample'),
    { kind: 'sample', step: 60, text: hostileText },
    { kind: 'warning', step: 70, message: attack },
    { kind: 'layers', step: 80, layers: [{ name: attack, gradient: 1, weight: 1, update: 1e-3 }] },
  ],
  description: { [attack]: { [attack]: attack, clip: 1 }, Corpus: { '<b>': true } },
});

export const empty = runOf({});
export const measured = (
  step: number,
  nll: number,
  kind: EvaluationMetrics['kind'] = 'evaluation',
): EvaluationMetrics => ({
  kind,
  step,
  tokensScored: 1000,
  nll,
  standardError: 0.01,
  perplexity: Math.exp(nll),
  bitsPerChar: nll / Math.LN2,
  best: kind === 'evaluation',
});
export const stepped = (step: number, loss: number, gradNorm = 1): MetricsRecord => ({
  kind: 'step',
  step,
  loss,
  learningRate: 0.1,
  gradNorm,
  tokensPerSecond: 100,
  secondsLeft: 1,
});
