/** npm run compare: the curves of several runs on one page, and what differs between them. */
import { basename, dirname, isAbsolute, join, relative, resolve, sep } from 'node:path';
import { pathToFileURL } from 'node:url';
import { type Compared, renderComparison } from '../report/compare.ts';
import { runCommand, UsageError } from './command/command.ts';
import { isFile, makeFolder, writeFile } from './host/files.ts';
import { oneLine } from './host/printable.ts';
import { holdsRecords, runsFolder } from './runs/folder.ts';
import { readRunData } from './runs/report.ts';

const command = {
  name: 'compare',
  summary: 'Writes one page with the curves of several runs overlaid, and a table of what differs.',
  positionals: 'RUN RUN ...',
  flags: {
    out: { kind: 'text', value: 'FILE', help: 'where the page goes (default runs/compare.html)' },
  },
  examples: ['npm run compare -- runs/nano runs/nano-2'],
} as const;

await runCommand(command, (given, paths) => {
  if (paths.length < 2)
    throw new UsageError(
      `compare needs at least two runs, got ${paths.length}: npm run compare -- RUN RUN ...`,
    );
  const twice = paths.find((path, i) => paths.findIndex((other) => resolve(other) === resolve(path)) < i);
  if (twice !== undefined) throw new UsageError(`${twice} is given twice`);
  const out = given.out ?? join(runsFolder, 'compare.html');
  const page = renderComparison(nameApart(paths).map(({ path, name }) => read(path, name, out)));
  makeFolder(dirname(out));
  writeFile(out, page);
  console.log(`wrote ${oneLine(out)}`);
});

/** Runs are called by the names of their folders, or, where two have the same, by their paths. */
function nameApart(paths: readonly string[]): { readonly path: string; readonly name: string }[] {
  const names = paths.map((path) => basename(resolve(path)));
  return paths.map((path, i) => {
    const alone = names.filter((name) => name === names[i]).length === 1;
    return { path, name: alone ? names[i]! : path };
  });
}

function read(path: string, name: string, out: string): Compared {
  if (!holdsRecords(path)) {
    throw new Error(`${path} holds no run: expected run.json in it, as npm run train writes it`);
  }
  const data = readRunData(path, (_, message) => console.error(`warning: ${oneLine(message)}`));
  const report = join(path, 'report.html');
  return { ...data, name, ...(isFile(report) ? { report: addressFrom(dirname(out), report) } : {}) };
}

/** A link from a page in `folder` to a file. */
function addressFrom(folder: string, file: string): string {
  const path = relative(folder, file);
  if (isAbsolute(path)) return pathToFileURL(path).href; // another drive
  return path.split(sep).map(encodeURIComponent).join('/');
}
