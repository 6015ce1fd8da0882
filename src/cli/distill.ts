/** npm run distill: trains a model on a text and on what other runs predict about it. */
import { runCommand, UsageError } from './command/command.ts';
import { trainFlags } from './train/flags.ts';
import { startTraining } from './train/main.ts';
import { presetTable } from './train/settings.ts';

const command = {
  name: 'distill',
  summary: `Trains a model that learns half from the text, half from what other runs say.
One model then comes near to what several predict together.
Its tokens are those of the runs; so is its text, unless --data names another.
What it writes is a run: npm run train -- --resume goes on with it.`,
  positionals: '--from RUN RUN ...',
  flags: trainFlags,
  notes: presetTable(),
  examples: [
    'npm run distill -- --from runs/small runs/small-2 runs/small-3 --preset small',
    'npm run distill -- --from runs/small --preset shakespeare',
  ],
} as const;

await runCommand(command, async ({ from = [], ...given }, more) => {
  const runs = [...from, ...more];
  if (runs.length === 0) {
    throw new UsageError('distill needs a run to learn from: npm run distill -- --from RUN ...');
  }
  await startTraining({ ...given, from: runs });
});
