/** Which flags of npm run train cannot go together. A flag that would have no effect is refused, not silently
 * ignored. */

import type { Corpus } from '../../train/documents.ts';
import { defaultPreset, presets } from '../../train/presets.ts';
import { UsageError } from '../command/command.ts';
import type { TrainFlags } from './flags.ts';
import { tokenizerKind } from './settings.ts';

type Name = keyof TrainFlags;

/** Flags that only matter to a run that is written to disk and evaluated. */
const whileRunning = [
  ...['out', 'overwrite', 'stop-at', 'checkpoint-every', 'keep', 'sample-every'],
  ...['eval-every', 'eval-tokens', 'patience'],
] as const;
/** For each of these flags, those that cannot go with it. --plan is missing on purpose: it goes with all flags of a
 * run. */
const excluded: { readonly [N in Name]?: readonly Name[] } = {
  steps: ['epochs', 'minutes'],
  epochs: ['minutes'],
  plan: ['overfit-batch', 'find-lr'],
  resume: [
    ...(['init', 'out', 'overwrite', 'preset', 'plan', 'overfit-batch', 'unknown', 'field'] as const),
    ...(['epochs', 'minutes', 'find-lr', 'documents', 'loss', 'from'] as const),
  ],
  init: ['initialization'],
  from: ['init', 'tokenizer', 'vocab-size', 'overfit-batch', 'find-lr'],
  'overfit-batch': ['epochs', 'minutes', 'find-lr', 'init', ...whileRunning],
  'find-lr': ['epochs', 'minutes', 'init', 'steps', 'schedule', 'warmup', 'min-lr', ...whileRunning],
};
/** For each of these flags, the one that it needs. */
const needed: { readonly [N in Name]?: Name } = { unknown: 'init', overwrite: 'out' };

/** Throws a UsageError for flags that contradict each other, or that have no effect. */
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

/** Throws a UsageError unless the run still has to pass the step at which it is to stop.
 * @param step the step that it has reached */
export function checkStop(stopAt: number | undefined, step: number, steps: number): void {
  if (stopAt === undefined || (stopAt >= step && stopAt <= steps)) return;
  throw new UsageError(
    stopAt > steps
      ? `--stop-at ${stopAt} is after the run's last step, ${steps}; leave it out or raise --steps`
      : `--stop-at ${stopAt} is before step ${step}, which the run has reached; leave it out`,
  );
}

/** Throws a UsageError for --field where nothing has fields, and for --loss where there are no prompts. */
export function checkFields(
  { field, loss }: TrainFlags,
  { jsonLines, corpus }: { readonly jsonLines: boolean; readonly corpus: Pick<Corpus, 'loss'> },
): void {
  if (field !== undefined && !jsonLines) {
    throw new UsageError(
      '--field is where JSON lines have their text, and there are none in --data; leave it out, or say --documents jsonl',
    );
  }
  if (loss !== undefined && corpus.loss === undefined) {
    throw new UsageError(
      '--loss goes with JSON lines that have "prompt" and "completion", and there are none in --data; leave it out',
    );
  }
}
