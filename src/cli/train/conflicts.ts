/** Which flags of npm run train go together: one that would change nothing is refused, not passed over in silence. */

import { defaultPreset, presets } from '../../train/presets.ts';
import { UsageError } from '../command/command.ts';
import type { TrainFlags } from './flags.ts';
import { tokenizerKind } from './settings.ts';

type Name = keyof TrainFlags;

/** What only a run that is written and evaluated has a use for. */
const whileRunning = [
  ...['out', 'overwrite', 'stop-at', 'checkpoint-every', 'keep', 'sample-every'],
  ...['eval-every', 'eval-tokens', 'patience'],
] as const;
/** What has no place beside each of these. --plan is missing on purpose: it goes with whatever the run is to have. */
const excluded: { readonly [N in Name]?: readonly Name[] } = {
  steps: ['epochs', 'minutes'],
  epochs: ['minutes'],
  plan: ['overfit-batch', 'find-lr'],
  resume: [
    ...(['init', 'out', 'overwrite', 'preset', 'plan', 'overfit-batch', 'unknown'] as const),
    ...(['epochs', 'minutes', 'find-lr'] as const),
  ],
  init: ['initialization'],
  'overfit-batch': ['epochs', 'minutes', 'find-lr', 'init', ...whileRunning],
  'find-lr': ['epochs', 'minutes', 'init', 'steps', 'schedule', 'warmup', 'min-lr', ...whileRunning],
};
/** What each of these says something about. */
const needed: { readonly [N in Name]?: Name } = { unknown: 'init', overwrite: 'out' };

/** Throws for flags that ask for different things, or for nothing at all. */
export function refuseContradictions(given: TrainFlags): void {
  const names = Object.keys(given) as Name[];
  for (const name of names) {
    const idle = (excluded[name] ?? []).filter((other) => given[other] !== undefined);
    if (idle.length > 0) {
      const flags = idle.map((other) => `--${other}`).join(', ');
      const them = idle.length === 1 ? 'it' : 'them';
      throw new UsageError(`${flags} cannot go with --${name}; leave ${them} out`);
    }
  }
  for (const name of names) {
    const other = needed[name];
    if (other !== undefined && given[other] === undefined) {
      throw new UsageError(`--${name} goes with --${other} only; leave it out`);
    }
  }
  const kind = tokenizerKind(given, presets[given.preset ?? defaultPreset]);
  if (given['vocab-size'] !== undefined && kind === 'char') {
    throw new UsageError(
      '--vocab-size goes with --tokenizer bpe only; the text decides how many characters there are',
    );
  }
}

/** Throws unless the run comes by the step at which it is to stop. @param step that it has reached */
export function checkStop(stopAt: number | undefined, step: number, steps: number): void {
  if (stopAt === undefined || (stopAt >= step && stopAt <= steps)) return;
  throw new UsageError(
    stopAt > steps
      ? `--stop-at ${stopAt} is after the run's last step, ${steps}; leave it out or raise --steps`
      : `--stop-at ${stopAt} is before step ${step}, which the run has reached; leave it out`,
  );
}
