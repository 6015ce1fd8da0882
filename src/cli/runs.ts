/** npm run runs: what has been trained so far. */
import { runCommand, UsageError } from './command/command.ts';
import { isFolder } from './host/files.ts';
import { oneLine } from './host/printable.ts';
import { runsFolder } from './runs/folder.ts';
import { listRuns, runsTable } from './runs/list.ts';

const command = {
  name: 'runs',
  summary:
    'Lists the runs in a folder (default runs), newest first: steps done and asked for,\nthe lowest held-out loss in nats per character, the size of all files, and when\neach was last at work.',
  positionals: '[FOLDER]',
  flags: { json: { kind: 'switch', help: 'as JSON, one list; sizes in bytes, times in UTC' } },
  examples: ['npm run runs', 'npm run runs -- experiments --json'],
} as const;

await runCommand(command, (given, folders) => {
  if (folders.length > 1) throw new UsageError(`runs takes one folder, got ${folders.length}`);
  const folder = folders[0] ?? runsFolder;
  const runs = folders.length === 0 && !isFolder(folder) ? [] : listRuns(folder);
  if (given.json) console.log(JSON.stringify(runs, null, 2));
  else if (runs.length > 0) console.log(runsTable(runs));
  else console.log(`no run in ${oneLine(folder)} yet; npm run train makes one`);
});
