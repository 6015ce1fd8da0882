/** The results as one object and as text. */
import type { MatmulResult } from './matmul.ts';
import type { SamplerResult, SamplingResult } from './sampling.ts';
import type { ScalingRow } from './scaling.ts';
import type { StartResult } from './start.ts';
import type { StepResult } from './step.ts';
import { number, percent, table } from './table.ts';

export interface Speedup {
  readonly threads: number;
  readonly stepMs: number;
  /** Over one thread. */
  readonly speedup: number;
}

/** What --json prints. Times are medians; null means that this engine does not have it. */
export interface Results extends StepResult, StartResult {
  readonly node: string;
  readonly cpu: string;
  /** How many processes wanted to compute in the minute before. Above 0, others disturb the measurement. */
  readonly load: number;
  readonly preset: string;
  readonly arithmetic: string;
  readonly threads: number;
  readonly fma: boolean;
  readonly wide: boolean;
  /** All threads at once, on registers only. */
  readonly peakAllThreadsGflops: number | null;
  /** The best of the model's shapes, one thread. */
  readonly matmulGflops: number;
  readonly matmuls: readonly MatmulResult[];
  readonly tokensPerSecond: number;
  readonly stepGflops: number;
  /** stepGflops over threads * peakGflops. */
  readonly stepEfficiency: number | null;
  readonly speedups: readonly Speedup[];
  /** One stream, and 16 together. */
  readonly sampleTokensPerSecond: number;
  readonly batchSampleTokensPerSecond: number;
  /** One stream on one thread could have: its weights read, multiplied and added, and nothing else. */
  readonly limitTokensPerSecond: number | null;
  readonly sampling: readonly SamplingResult[];
  readonly sampler: readonly SamplerResult[];
  readonly checkpointMs: number;
  /** Share of a run's time at the default cadence. */
  readonly checkpointShare: number;
  readonly scaling: readonly ScalingRow[];
  readonly seconds: number;
}

const orDash = (x: number | null, text = number): string => (x === null ? '-' : text(x));

export function stepText(
  r: StepResult & Pick<Results, 'tokensPerSecond' | 'stepGflops' | 'stepEfficiency' | 'threads'>,
): string {
  const share = (ms: number) => percent(ms / r.stepMs);
  return [
    table(
      [`training step (${r.steps} measured)`, 'ms', 'share'],
      [
        ['median', number(r.stepMs), ''],
        ['best', number(r.bestStepMs), ''],
        ['forward', number(r.forwardMs), share(r.forwardMs)],
        ['backward', number(r.backwardMs), share(r.backwardMs)],
        ['optimizer', number(r.optimizerMs), share(r.optimizerMs)],
      ],
    ),
    `  ${number(r.tokensPerSecond)} tokens/s, ${number(r.stepGflops)} GFLOP/s: ${orDash(r.stepEfficiency, percent)} of ${r.threads} x ${orDash(r.peakGflops)} (peak of one thread)`,
    `  peak memory ${number(r.peakRssMb)} MB, heap growth ${r.heapGrowthMb.toFixed(3)} MB over ${r.steps} steps`,
  ].join('\n');
}

export function speedupText(speedups: readonly Speedup[], peakAllThreadsGflops: number | null): string {
  const rows = speedups.map((s) => [String(s.threads), number(s.stepMs), `${s.speedup.toFixed(2)} x`]);
  return [
    table(['threads', 'ms a step', 'speed-up'], rows),
    `  peak of ${speedups.at(-1)!.threads} threads at once: ${orDash(peakAllThreadsGflops)} GFLOP/s`,
  ].join('\n');
}

export function matmulText(matmuls: readonly MatmulResult[], threads: number): string {
  const onAll = (text: string) => (threads > 1 ? [text] : []);
  const rows = matmuls.map(({ layer, product, sizes, gflops, shareOfPeak, gflopsAllThreads }) => [
    `${layer}, ${product}`,
    sizes.join(' x '),
    number(gflops),
    orDash(shareOfPeak, percent),
    ...onAll(number(gflopsAllThreads)),
  ]);
  const header = ['matrix product', 'sizes', 'GFLOP/s, 1 thread', 'of peak', ...onAll(`${threads} threads`)];
  return table(header, rows);
}

export function samplingText(
  sampling: readonly SamplingResult[],
  limit: number | null,
  sampler: readonly SamplerResult[],
): string {
  const rows = sampling.map((s) => [
    s.streams === 1 ? '1 stream' : `${s.streams} streams`,
    String(s.threads),
    number(s.tokensPerSecond),
    number(s.stepTokensPerSecond),
  ]);
  const choices = sampler.map(({ vocabulary, microseconds }) => [
    `${vocabulary.toLocaleString('en-US')} tokens`,
    number(microseconds),
  ]);
  return [
    table(['sampling', 'threads', 'tokens/s', 'model alone'], rows),
    `  limit of 1 stream on 1 thread: ${orDash(limit)} tokens/s (all weights read, multiplied and added, nothing else)`,
    '',
    table(['choice of a token among', 'microseconds'], choices),
  ].join('\n');
}

export function scalingText(rows: readonly ScalingRow[], leftOut: number): string {
  const text = table(
    ['scaling along', 'channels', 'context', 'threads', 'ms a step', 'GFLOP/s', 'time / FLOPs'],
    rows.map((row) => [
      row.along,
      String(row.channels),
      String(row.context),
      String(row.threads),
      number(row.stepMs),
      number(row.gflops),
      row.relativeGrowth.toFixed(2),
    ]),
  );
  const note = `  ${leftOut} sizes left out for want of time; --seconds N gives more`;
  return leftOut === 0 ? text : rows.length === 0 ? note : `${text}\n${note}`;
}
