/** How the time of a step grows with the model, the context and the threads, compared with how its arithmetic grows. */
import type { ModelConfig } from '../src/model/config.ts';
import { trainingFlops } from '../src/model/flops.ts';
import type { PresetName } from '../src/train/presets.ts';
import type { Budget } from './measure.ts';
import { batchTokens, benchTrainer } from './model.ts';
import { compareSteps } from './step.ts';
import type { OpenedKernels } from './threads.ts';

export interface ScalingRow {
  readonly along: 'channels' | 'context';
  readonly channels: number;
  readonly context: number;
  readonly threads: number;
  readonly stepMs: number;
  readonly gflops: number;
  /** Growth of the time divided by growth of the FLOPs since the first row of this sweep: above 1 is slower than expected. */
  readonly relativeGrowth: number;
}

const channelCounts = [64, 128, 192, 256, 384];
const contextLengths = [32, 64, 128, 256];
/** The same in all rows, so that wider models have more heads, as is usual. */
const headSize = 32;

/** Both sweeps on every thread count; sizes for which there is no time are left out, and counted.
 * @param open fresh kernels, whose memory goes with them
 * @param gflops about the speed to expect, to tell what fits */
export async function measureScaling(
  base: ModelConfig,
  preset: PresetName,
  threads: readonly number[],
  open: (threads: number) => Promise<OpenedKernels>,
  budget: Budget,
  gflops: number,
): Promise<{ readonly scaling: ScalingRow[]; readonly leftOut: number }> {
  const sizes = [
    ...channelCounts.map((channels) => ({
      along: 'channels' as const,
      channels,
      context: base.contextLength,
    })),
    ...contextLengths.map((context) => ({ along: 'context' as const, channels: base.channels, context })),
  ];
  const rows: (ScalingRow & { readonly flops: number })[] = [];
  let leftOut = 0;
  for (const [index, { along, channels, context }] of sizes.entries()) {
    const sized = { channels, heads: channels / headSize, feedForward: 4 * channels, contextLength: context };
    const config: ModelConfig = { ...base, ...sized };
    const flops = trainingFlops(config, batchTokens(preset, context));
    const fewest = 3 * threads.length; // two steps to warm up and one to measure
    if ((fewest * flops) / gflops / 1e9 > budget.left) {
      leftOut++;
      continue;
    }
    const opened = await Promise.all(threads.map(open));
    // The time that a small size does not need goes to the sizes after it.
    const seconds = budget.left / (sizes.length - index);
    const trainers = opened.map(({ kernels }) => benchTrainer(config, preset, kernels));
    for (const [i, stepMs] of compareSteps(trainers, seconds).entries()) {
      const first = rows.find((row) => row.along === along && row.threads === threads[i]);
      const relativeGrowth = first === undefined ? 1 : stepMs / first.stepMs / (flops / first.flops);
      const speed = flops / stepMs / 1e6;
      rows.push({
        along,
        channels,
        context,
        threads: threads[i]!,
        stepMs,
        gflops: speed,
        relativeGrowth,
        flops,
      });
    }
    for (const { close } of opened) close();
  }
  return { scaling: rows.map(({ flops, ...row }) => row), leftOut };
}
