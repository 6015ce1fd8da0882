/** The training step: its time, the parts of forward, backward and optimizer, its memory, and what threads gain. */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import type { Trainer } from '../src/train/trainer.ts';
import { inTurns, median, warmUp } from './measure.ts';
import type { Peak } from './peak.ts';

export interface StepResult {
  /** How many were measured; the times are medians over them, in milliseconds. */
  readonly steps: number;
  readonly stepMs: number;
  readonly bestStepMs: number;
  readonly forwardMs: number;
  readonly backwardMs: number;
  /** The gradient's norm and AdamW. */
  readonly optimizerMs: number;
  /** The peak of one thread, measured in turns with the steps. */
  readonly peakGflops: number | null;
  readonly peakRssMb: number;
  /** How much more memory JavaScript holds after the steps than before them, after garbage collection. */
  readonly heapGrowthMb: number;
}

/** @param steps as many as time allows, at least 3 */
export function measureStep(
  trainer: Trainer,
  peak: Peak | undefined,
  limits: { readonly seconds: number; readonly steps: number },
): StepResult {
  const { seconds, steps: most } = limits;
  const clocks = watch(trainer);
  warmUp(() => trainer.train(), seconds / 8);
  const parts = { forward: [] as number[], backward: [] as number[], optimizer: [] as number[] };
  const step = () => {
    for (const name of names) clocks[name] = 0;
    trainer.train();
  };
  const note = () => {
    for (const name of names) parts[name].push(clocks[name]);
  };
  const heapBefore = heapUsed();
  const [times, , bursts] = inTurns([step, note, peak?.burst ?? note], { seconds, least: 3, most });
  const heapGrowthMb = (heapUsed() - heapBefore) / 2 ** 20;
  const stepMs = median(times!);
  return {
    steps: times!.length,
    stepMs,
    bestStepMs: Math.min(...times!),
    forwardMs: median(parts.forward),
    backwardMs: median(parts.backward),
    optimizerMs: median(parts.optimizer),
    peakGflops: peak === undefined ? null : peak.burstFlops / median(bursts!) / 1e6,
    peakRssMb: process.resourceUsage().maxRSS / 1024,
    heapGrowthMb,
  };
}

const names = ['forward', 'backward', 'optimizer'] as const;

/** Milliseconds spent in each part since they were last set to 0. */
function watch({ model, optimizer }: Trainer): Record<(typeof names)[number], number> {
  const clocks = { forward: 0, backward: 0, optimizer: 0 };
  const around = <A extends unknown[], R>(part: keyof typeof clocks, f: (...args: A) => R) => {
    return (...args: A): R => {
      const began = performance.now();
      const result = f(...args);
      clocks[part] += performance.now() - began;
      return result;
    };
  };
  model.forward = around('forward', model.forward.bind(model));
  model.backward = around('backward', model.backward.bind(model));
  optimizer.norm = around('optimizer', optimizer.norm.bind(optimizer));
  optimizer.update = around('optimizer', optimizer.update.bind(optimizer));
  return clocks;
}

function heapUsed(): number {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  for (let i = 0; i < 3; i++) collect();
  return process.memoryUsage().heapUsed;
}

/** Milliseconds a step of several trainers of one size, measured in turns. */
export function compareSteps(trainers: readonly Trainer[], seconds: number, most = 40): number[] {
  const steps = trainers.map((trainer) => () => void trainer.train());
  for (const step of steps) warmUp(step, seconds / 4 / steps.length);
  return inTurns(steps, { seconds: (3 * seconds) / 4, least: 1, most }).map(median);
}
