/** npm run distill: trains a model on a text and on what other runs predict about it. */
import { runCommand, UsageError } from './command/command.ts';
import { trainFlags } from './train/flags.ts';
import { startTraining } from './train/main.ts';
import { presetTable } from './train/settings.ts';

const command = {
  name: 'distill',
  summary: `Trains a model that learns half from the text, half from what other runs predict about it.
One small model then comes near to what several predict together, which is better than each of them.
Its tokens are those of the runs, its text is theirs unless --data names another. What it writes is a run
like any other: npm run train -- --resume goes on with it.`,
  positionals: 'RUN ...',
  flags: trainFlags,
  notes: presetTable(),
  examples: [
    'npm run distill -- --from runs/small runs/small-2 runs/small-3 --preset small',
    'npm run distill -- --from runs/large --preset nano',
  ],
} as const;

await runCommand(command, async ({ from = [], ...given }, more) => {
  const runs = [...from, ...more];
  if (runs.length === 0) {
    throw new UsageError('distill needs a run to learn from: npm run distill -- --from RUN ...');
  }
  await startTraining({ ...given, from: runs });
});
