/** Reads a run's files back for its report, and writes report.html.
 *
 * All of these files are by-products: damaged parts are skipped, with a warning that names them. */
import { existsSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { isObject } from '../../model/json.ts';
import { RunHistory } from '../../report/history.ts';
import { renderReport } from '../../report/report.ts';
import { clipLimit, type RunData } from '../../report/run.ts';
import { parseRecord } from '../../train/parse-metrics.ts';
import { attempt, isFile, readJson, type Warn, writeFile } from '../host/files.ts';
import { eachLine } from '../host/lines.ts';
import { readBaselines } from '../train/baselines.ts';
import type { RunFolder } from './writer.ts';

type Group = RunData['description'][string];

/** Everything that a run has recorded so far. New records can be added to its history. */
export function readRunData(path: string, warn: Warn): RunData {
  const [about, metrics, baselines] = ['run.json', 'metrics.jsonl', 'baselines.json'].map((name) =>
    join(path, name),
  ) as [string, string, string];
  const description = unlessDamaged(about, warn, {}, () => readDescription(about));
  const history = new RunHistory(clipLimit(description));
  if (existsSync(metrics)) unlessDamaged(metrics, warn, undefined, () => readHistory(metrics, history, warn));
  return {
    name: basename(resolve(path)),
    history,
    baselines: existsSync(baselines)
      ? unlessDamaged(baselines, warn, [], () => readBaselines(baselines, warn).baselines)
      : [],
    description,
  };
}

/** Writes the report of a run. With `live` the page reloads itself. */
export function writeReport(folder: RunFolder, run: RunData, options: { readonly live: boolean }): void {
  folder.byProduct('report.html', (path) => writeFile(path, renderReport(run, options)));
}

function readDescription(file: string): RunData['description'] {
  const { preset, data, corpusSha256, corpus, arithmetic, tokenizer, config, settings, environment } =
    readJson(file);
  return {
    training: { ...plain({ preset }), ...plain(settings) },
    model: { ...plain({ tokenizer }), ...plain(config) },
    data: { ...plain({ file: data, sha256: corpusSha256 }), ...plain(corpus) },
    environment: { ...plain({ arithmetic }), ...plain(environment) },
  };
}

/** Skips lines that are not records, with one warning for all. */
function readHistory(file: string, history: RunHistory, warn: Warn): void {
  if (!isFile(file)) throw new Error(`cannot read ${file}: expected a file`);
  let first = '';
  let damaged = 0;
  attempt('read', file, () =>
    eachLine(file, (line, number, unfinished) => {
      if (line?.trim() === '') return;
      try {
        if (line === undefined) throw new Error('expected a record, got more than a mebibyte');
        history.add(parseRecord(line));
      } catch (error) {
        if (unfinished) return; // a run at work, or one that was killed
        damaged += 1;
        if (damaged === 1) first = `${file}, line ${number}: ${(error as Error).message}`;
      }
    }),
  );
  if (damaged === 0) return;
  warn(file, `${first}; passed over ${damaged === 1 ? 'that line' : `${damaged} such lines`}`);
}

function unlessDamaged<T>(file: string, warn: Warn, otherwise: T, read: () => T): T {
  try {
    return read();
  } catch (error) {
    warn(file, `${(error as Error).message}; going on without it`);
    return otherwise;
  }
}

/** The entries that a table can show. */
function plain(values: unknown): Group {
  if (!isObject(values)) return {};
  return Object.fromEntries(
    Object.entries(values).filter((entry): entry is [string, string | number | boolean] =>
      ['string', 'number', 'boolean'].includes(typeof entry[1]),
    ),
  );
}
