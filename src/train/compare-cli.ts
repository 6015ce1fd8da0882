/** npm run compare: the curves of several runs on one page, and what differs between them. */
import { runCommand, UsageError } from '../node/command.ts';
import { writeFile } from '../node/files.ts';
import { readRunData } from '../node/run-report.ts';
import { renderComparison } from '../report/compare.ts';

const command = {
  name: 'compare',
  summary: 'Writes one page with the curves of several runs overlaid, and a table of what differs.',
  positionals: 'RUN RUN ...',
  flags: { out: { kind: 'text', value: 'FILE', help: 'where the page goes (default compare.html)' } },
  examples: ['npm run compare -- runs/nano runs/nano-2'],
} as const;

await runCommand(command, (given, runs) => {
  if (runs.length < 2)
    throw new UsageError(
      `compare needs at least two runs, got ${runs.length}: npm run compare -- RUN RUN ...`,
    );
  const page = renderComparison(runs.map((run) => readRunData(run)));
  const out = given.out ?? 'compare.html';
  writeFile(out, page);
  console.log(`wrote ${out}`);
});
