/** npm run bench: how fast training and sampling are on this machine, and how close to its limit.
 *
 * All runs in one process, except the start of the train command. Memory is measured first, before other measurements use
 * some; measure.ts says how times are measured. */
import { availableParallelism, cpus, loadavg } from 'node:os';
import { type Command, rules, runCommand, UsageError, type Values } from '../src/cli/command/command.ts';
import { describeKernels, kernelFlags } from '../src/cli/host/kernels.ts';
import { trainingFlops } from '../src/model/flops.ts';
import type { SimdKernels } from '../src/tensor/simd/index.ts';
import { hasSimd } from '../src/tensor/simd/machine/target.ts';
import { presetNames, presets } from '../src/train/presets.ts';
import { measureCheckpoint } from './checkpoint.ts';
import { measureLimit } from './limit.ts';
import { measureMatmuls } from './matmul.ts';
import { Budget } from './measure.ts';
import { batchTokens, benchConfig, benchTrainer } from './model.ts';
import { Peak } from './peak.ts';
import { measureProfile, profileText, timed } from './profile.ts';
import { raceOn } from './race.ts';
import { matmulText, type Results, samplingText, scalingText, speedupText, stepText } from './report.ts';
import { measureSampler, measureSampling } from './sampling.ts';
import { measureScaling } from './scaling.ts';
import { measureStart } from './start.ts';
import { compareSteps, measureStep } from './step.ts';
import { number, percent } from './table.ts';
import { open, threadCounts } from './threads.ts';

const flags = {
  preset: {
    kind: 'choice',
    choices: presetNames,
    value: 'NAME',
    help: 'the model and batch to measure (default nanogpt-cpu; for a race shakespeare)',
  },
  race: { kind: 'switch', help: 'train on --data, and tell when the held-out loss is how low' },
  data: { kind: 'text', value: 'FILE', help: 'for --race: the text to learn' },
  seed: { kind: 'integer', value: 'N', rule: rules.seed, help: 'for --race: of all randomness (default 1)' },
  seconds: {
    kind: 'number',
    value: 'S',
    rule: rules.positive,
    help: 'about how long to measure in all (default 90); less is less exact',
  },
  profile: { kind: 'switch', help: 'only where the time of a training step goes, operation by operation' },
  json: { kind: 'switch', help: 'print one object and nothing else' },
  ...kernelFlags,
} as const;

const command: Command<typeof flags> = {
  name: 'bench',
  summary: 'Measures the speed of training and sampling, and the limits of the machine.',
  flags,
  examples: [
    'npm run bench',
    'npm run bench -- --math portable --threads 1',
    'npm run bench -- --seconds 20 --json',
    'npm run bench -- --profile --seconds 10 --wide off',
    'npm run bench -- --race --data shakespeare.txt',
  ],
};

async function runRace(given: Values<typeof flags>): Promise<void> {
  const { data, preset = 'shakespeare', seed = 1, json = false } = given;
  if (data === undefined) throw new UsageError('--race needs a text to learn: --data FILE');
  if (given.seconds !== undefined) {
    throw new UsageError('--seconds cannot go with --race, which trains to the end; leave one out');
  }
  const opened = await open(kernelsOf(given));
  raceOn(data, { preset, seed, json }, opened);
  opened.close();
}

async function runProfile(given: Values<typeof flags>): Promise<void> {
  const { preset = 'nanogpt-cpu', json = false, seconds = 90 } = given;
  const opened = await open(kernelsOf(given));
  const { kernels, spent } = timed(opened.kernels);
  const rows = measureProfile(benchTrainer(benchConfig(preset), preset, kernels), spent, seconds);
  opened.close();
  if (json) console.log(JSON.stringify({ preset, kernels: describeKernels(opened), rows }));
  else console.log(`${preset}: ${describeKernels(opened)}\n\n${profileText(rows)}`);
}

function kernelsOf(given: Values<typeof flags>): Values<typeof kernelFlags> {
  return {
    ...(given.threads !== undefined && { threads: given.threads }),
    ...(given.backend !== undefined && { backend: given.backend }),
    ...(given.math !== undefined && { math: given.math }),
    ...(given.wide !== undefined && { wide: given.wide }),
  };
}

async function bench(given: Values<typeof flags>): Promise<void> {
  if (given.race) return runRace(given);
  for (const flag of ['data', 'seed'] as const) {
    if (given[flag] !== undefined) throw new UsageError(`--${flag} goes with --race only; leave it out`);
  }
  if (given.profile) return runProfile(given);
  const { preset = 'nanogpt-cpu', json = false, seconds = 90 } = given;
  const say = (text: string) => (json ? undefined : console.log(`${text}\n`));
  const began = performance.now();
  const budget = new Budget(seconds);
  const config = benchConfig(preset);
  const kernelChoice = kernelsOf(given);
  const all = await open(kernelChoice);
  const { threads, arithmetic, kernels } = all;
  const openWith = (n: number) => open({ ...kernelChoice, threads: n });
  const target = kernels.name === 'simd' ? (kernels as SimdKernels).target : { fma: false, wide: false };
  const cpu = cpus()[0]?.model.trim() ?? 'unknown';
  say(`${preset} on Node ${process.version}, ${cpu}: ${describeKernels(all)}`);
  const load = loadavg()[0]!;
  if (load > availableParallelism() / 2)
    say(`note: this machine is busy (load ${number(load)}), so everything will look slower than it is`);

  const peak = hasSimd() ? new Peak(target) : undefined;
  peak?.warmUp();
  const trainer = benchTrainer(config, preset, kernels);
  const step = measureStep(trainer, peak, { seconds: budget.share(0.3), steps: 200 });
  const tokens = batchTokens(preset, config.contextLength);
  const flops = trainingFlops(config, tokens) + trainer.optimizer.flops;
  const tokensPerSecond = (1000 * tokens) / step.stepMs;
  const stepGflops = flops / step.stepMs / 1e6;
  const stepEfficiency = step.peakGflops === null ? null : stepGflops / (threads * step.peakGflops);
  say(stepText({ ...step, tokensPerSecond, stepGflops, stepEfficiency, threads }));

  const counts = threadCounts(threads);
  const opened = [...(await Promise.all(counts.slice(0, -1).map(openWith))), all];
  const times = compareSteps(
    opened.map(({ kernels }) => benchTrainer(config, preset, kernels)),
    budget.share(0.12),
  );
  const speedups = times.map((stepMs, i) => ({ threads: counts[i]!, stepMs, speedup: times[0]! / stepMs }));
  const peakAllThreadsGflops = peak === undefined ? null : await peak.together(threads);
  if (threads > 1) say(speedupText(speedups, peakAllThreadsGflops));

  const one = opened[0]!.kernels;
  const rows = trainer.settings.batchSize * config.contextLength;
  const matmuls = measureMatmuls(config, rows, { one, all: kernels, peak }, budget.share(0.1));
  const matmulGflops = Math.max(...matmuls.map(({ gflops }) => gflops));
  say(matmulText(matmuls, threads));

  const samplingOn = threads === 1 ? [all] : [opened[0]!, all];
  const sampling = [1, 16].flatMap((streams) =>
    samplingOn.map(({ kernels, threads }) =>
      measureSampling(config, { kernels, threads, streams }, budget.share(0.05) / samplingOn.length),
    ),
  );
  const speedOf = (streams: number) =>
    sampling.find((s) => s.streams === streams && s.threads === threads)!.tokensPerSecond;
  const sampler = [config.vocabSize, 50_257].map((V) => measureSampler(V, budget.share(0.01)));
  const limitTokensPerSecond = hasSimd() ? measureLimit(config, target, budget.share(0.02)) : null;
  say(samplingText(sampling, limitTokensPerSecond, sampler));

  const checkpointMs = measureCheckpoint(trainer, preset, budget.share(0.02));
  const checkpointShare = checkpointMs / (presets[preset].train.evalEvery * step.stepMs + checkpointMs);
  for (const { close } of opened) close();
  const start = await measureStart([
    ...['--preset', preset],
    ...Object.entries(kernelChoice).flatMap(([name, value]) => [`--${name}`, String(value)]),
  ]);
  say(
    [
      `  a checkpoint takes ${number(checkpointMs)} ms: ${percent(checkpointShare)} of a run that saves every ${presets[preset].train.evalEvery} steps`,
      `  the train command: ${number(start.firstStepSeconds)} s to its first step, peak memory ${number(start.trainPeakRssMb)} MB`,
    ].join('\n'),
  );

  const speed = flops / times[0]! / 1e6;
  const { scaling, leftOut } = await measureScaling(config, preset, counts, openWith, budget, speed);
  say(scalingText(scaling, leftOut));

  const results: Results = {
    node: process.version,
    cpu,
    load,
    preset,
    arithmetic,
    threads,
    fma: target.fma,
    wide: target.wide,
    ...step,
    peakAllThreadsGflops,
    matmulGflops,
    tokensPerSecond,
    stepGflops,
    stepEfficiency,
    speedups,
    sampleTokensPerSecond: speedOf(1),
    batchSampleTokensPerSecond: speedOf(16),
    limitTokensPerSecond,
    checkpointMs,
    checkpointShare,
    ...start,
    sampler,
    sampling,
    matmuls,
    scaling,
    seconds: (performance.now() - began) / 1000,
  };
  if (json) console.log(JSON.stringify(results));
}

await runCommand(command, bench);
