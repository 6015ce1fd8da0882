/** Reads a run's files back for its report, and writes report.html. */
import { existsSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { isObject } from '../model/json.ts';
import { renderReport } from '../report/report.ts';
import type { Baseline, RunData } from '../train/metrics.ts';
import { parseMetrics } from '../train/parse-metrics.ts';
import { isFolder, readText, writeFile } from './files.ts';

type Group = RunData['description'][string];

/** Everything a run has recorded so far. Throws if the folder holds no run. */
export function readRunData(path: string): RunData {
  const file = join(path, 'run.json');
  if (!isFolder(path) || !existsSync(file)) {
    throw new Error(`${path} holds no run: expected run.json in it, as npm run train writes it`);
  }
  const description = JSON.parse(readText(file)) as Record<string, unknown>;
  const { preset, data, corpusSha256, arithmetic, tokenizer, config, settings, environment } = description;
  const metrics = join(path, 'metrics.jsonl');
  const baselines = join(path, 'baselines.json');
  return {
    name: basename(resolve(path)),
    records: existsSync(metrics) ? parseMetrics(readText(metrics)) : [],
    baselines: existsSync(baselines)
      ? (JSON.parse(readText(baselines)) as { baselines: Baseline[] }).baselines
      : [],
    description: {
      training: { ...plain({ preset }), ...plain(settings) },
      model: { ...plain({ tokenizer }), ...plain(config) },
      data: plain({ file: data, sha256: corpusSha256 }),
      environment: { ...plain({ arithmetic }), ...plain(environment) },
    },
  };
}

/** Writes the report of what the run has recorded so far. */
export function writeReport(path: string): void {
  writeFile(join(path, 'report.html'), renderReport(readRunData(path)));
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
