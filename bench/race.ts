/** npm run bench -- --race: wall seconds from the start of the process until a model predicts held-out text well enough.
 *
 * Training is the preset's, without files. Every few steps the loss over the whole held-out part is measured; the clock
 * does not count that time, because training does not need these evaluations. */

import { readText } from '../src/cli/host/files.ts';
import { describeKernels } from '../src/cli/host/kernels.ts';
import { chooseConfig, chooseSettings } from '../src/cli/train/settings.ts';
import { CharTokenizer, normalizeText } from '../src/model/text/tokenizer.ts';
import { splitTokens } from '../src/train/check-split.ts';
import { type PresetName, presets } from '../src/train/presets.ts';
import { freshTrainer } from '../src/train/state.ts';
import { train } from '../src/train/train.ts';
import type { Trainer } from '../src/train/trainer.ts';
import type { OpenedKernels } from './threads.ts';

/** Nats, highest first: on Tiny Shakespeare a mediocre model, nanoGPT's quick start for a CPU, the best 5-gram, a good
 * model, and nanoGPT's result on a GPU. */
export const goals = ['2.0', '1.886', '1.669', '1.55', '1.4697'] as const;
/** Evaluations are this many steps apart, or a hundredth of a long run. */
const evalEvery = 25;

export interface RaceResults {
  /** Seconds; null for what was never reached. */
  readonly timeTo: Readonly<Record<(typeof goals)[number], number | null>>;
  /** The loss at the end, nats. */
  readonly final: number;
  readonly seconds: number;
}

/** Trains to the end. @param now milliseconds since the start of the process */
export function race(
  trainer: Pick<Trainer, 'step' | 'train' | 'evaluate'> & {
    readonly settings: Pick<Trainer['settings'], 'steps'>;
  },
  { now, say }: { readonly now: () => number; readonly say: (line: string) => void },
): RaceResults {
  const timeTo: Record<string, number | null> = Object.fromEntries(goals.map((goal) => [goal, null]));
  let [began, evaluating] = [0, 0];
  let [seconds, final] = [0, Number.NaN];
  const { steps } = trainer.settings;
  const every = Math.max(evalEvery, Math.floor(steps / 100));
  for (const event of train(trainer, { steps, evalEvery: every })) {
    if (event.kind === 'step') began = now();
    if (event.kind !== 'evaluation') continue;
    final = event.score.nll;
    seconds = (began - evaluating) / 1000;
    evaluating += now() - began;
    for (const goal of goals) if (final <= Number(goal)) timeTo[goal] ??= seconds;
    say(`step ${trainer.step}  ${seconds.toFixed(1)} s  ${final.toFixed(4)} nats`);
  }
  return { timeTo: timeTo as RaceResults['timeTo'], final, seconds };
}

/** The race of a preset on a text file, printed. */
export function raceOn(
  data: string,
  options: { readonly preset: PresetName; readonly seed: number; readonly json: boolean },
  opened: OpenedKernels,
): void {
  const { preset, seed, json } = options;
  const say = (line: string) => (json ? undefined : console.log(line));
  const text = normalizeText(readText(data));
  const tokenizer = CharTokenizer.train(text);
  const config = chooseConfig({}, presets[preset], tokenizer.vocabSize, undefined);
  const settings = chooseSettings({ seed, 'eval-tokens': 'full' }, presets[preset]);
  const split = splitTokens(tokenizer.encode(text), config.contextLength);
  const trainer = freshTrainer(config, settings, split, { kernels: opened.kernels });
  say(`${preset}, seed ${seed}, on Node ${process.version}: ${describeKernels(opened)}`);
  const results = race(trainer, { now: () => performance.now(), say });
  if (json) {
    console.log(JSON.stringify(results));
    return;
  }
  for (const goal of goals) {
    const at = results.timeTo[goal];
    say(`${goal} nats ${at === null ? 'not reached' : `in ${at.toFixed(1)} s`}`);
  }
  say(`${results.final.toFixed(4)} nats at the end, after ${results.seconds.toFixed(1)} s`);
}
