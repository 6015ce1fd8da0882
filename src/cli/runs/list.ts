/** The list of runs: a summary of each, made without reading all of its files. */
import { existsSync, lstatSync, statSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { textTable, wrapped } from '../../evaluate/table.ts';
import type { EvaluationMetrics } from '../../train/metrics.ts';
import { parseRecord } from '../../train/parse-metrics.ts';
import { decodeState, type TrainingState } from '../../train/state.ts';
import { isFile, isFolder, listFolder, readBytes, readJson } from '../host/files.ts';
import { lastIndexIn, lineAt } from '../host/lines.ts';
import { oneLine } from '../host/printable.ts';
import { holdsRecords, stepFolders } from './folder.ts';

export interface RunSummary {
  readonly name: string;
  readonly path: string;
  /** Of the newest checkpoint that can be read; if there is none, of the last evaluation. */
  readonly step: number;
  /** How many steps were asked for. */
  readonly steps: number | null;
  /** The lowest held-out loss, in nats per character, so that tokenizers compare; over the whole held-out part where
   * that was measured for the best model, else over the sample that evaluations take. */
  readonly loss: number | null;
  /** Of all its files. */
  readonly bytes: number;
  /** When the run was last at work. */
  readonly changed: Date;
  /** What cannot be read. */
  readonly damaged: readonly string[];
}

/** The runs in a folder, or the one that it is itself, newest first. */
export function listRuns(folder: string): RunSummary[] {
  if (!isFolder(folder)) throw new Error(`cannot read ${folder}: no such folder`);
  const paths = isRun(folder)
    ? [folder]
    : listFolder(folder)
        .map((name) => join(folder, name))
        .filter(isRun);
  return paths.map(summarize).sort((a, b) => b.changed.getTime() - a.changed.getTime());
}

function isRun(path: string): boolean {
  if (!isFolder(path)) return false;
  try {
    return holdsRecords(path) || existsSync(join(path, 'best')) || stepFolders(path).length > 0;
  } catch {
    return true; // one that cannot be looked into is listed, with the reason
  }
}

function summarize(path: string): RunSummary {
  const damaged: string[] = [];
  /** Undefined, with a note, for what cannot be read. */
  const read = <T>(operation: () => T): T | undefined => {
    try {
      return operation();
    } catch (error) {
      damaged.push((error as Error).message.replaceAll(join(path, '/'), ''));
      return undefined;
    }
  };
  const about = read(() => readJson(join(path, 'run.json')));
  const state = newestReadable(path, read);
  const metrics = join(path, 'metrics.jsonl');
  const last = isFile(metrics) ? read(() => lastMeasurement(metrics)) : undefined;
  const asked = state?.settings.steps ?? (about?.settings as { steps?: unknown } | undefined)?.steps;
  const loss = bestLoss(state?.best ?? null, last, about?.tokenizer === 'char');
  return {
    name: basename(resolve(path)),
    path,
    step: state?.step ?? last?.step ?? 0,
    steps: typeof asked === 'number' ? asked : null,
    loss: Number.isFinite(loss) ? loss : null,
    bytes: read(() => sizeOf(path)) ?? 0,
    changed: statSync(existsSync(metrics) ? metrics : path).mtime,
    damaged,
  };
}

function newestReadable(
  path: string,
  read: <T>(operation: () => T) => T | undefined,
): TrainingState | undefined {
  for (const name of read(() => stepFolders(path)) ?? []) {
    const file = join(path, name, 'state.json');
    const state = read(() => decodeState(readBytes(file), file));
    if (state !== undefined) return state;
  }
  return undefined;
}

/** Nats per character of the best model. The last measurement says how many characters a token has, and more exactly
 * how good the best is, if it was the best that was measured over everything. */
function bestLoss(
  best: TrainingState['best'],
  last: EvaluationMetrics | undefined,
  characters: boolean,
): number | null {
  if (last === undefined) return characters && best !== null ? best.nll : null;
  const measured = last.bitsPerChar * Math.LN2;
  if (best === null) return last.best ? measured : null;
  return last.kind === 'final' && last.step === best.step ? measured : (best.nll * measured) / last.nll;
}

/** Found from the end of the records: they may be many. */
function lastMeasurement(metrics: string): EvaluationMetrics | undefined {
  const evaluation = lastIndexIn(metrics, '{"kind":"evaluation"');
  const final = lastIndexIn(metrics, '{"kind":"final"', Math.max(0, evaluation));
  const at = Math.max(evaluation, final);
  if (at < 0) return undefined;
  try {
    return parseRecord(lineAt(metrics, at)) as EvaluationMetrics;
  } catch (error) {
    throw new Error(`${metrics}: the last measurement: ${(error as Error).message}`);
  }
}

function sizeOf(path: string): number {
  const status = lstatSync(path);
  if (!status.isDirectory()) return status.size;
  return listFolder(path).reduce((sum, name) => sum + sizeOf(join(path, name)), 0);
}

/** A table of at most `columns` characters a line, and below it what is wrong with which run. */
export function runsTable(runs: readonly RunSummary[], columns = 80): string {
  const head = ['run', 'steps', 'nats/char', 'size', 'last at work'];
  const rows = runs.map(({ step, steps, loss, bytes, changed }) => [
    `${step}/${steps ?? '?'}`,
    loss === null ? '-' : loss.toFixed(4),
    `${(bytes / 1e6).toFixed(1)} MB`,
    localTime(changed),
  ]);
  const rest = textTable([head.slice(1), ...rows], { left: 0 }).split('\n')[0]!.length;
  const names = runs.map(({ name }) => cut(oneLine(name), Math.max(8, columns - rest - 2)));
  const notes = runs.flatMap(({ damaged }, i) =>
    damaged.map((what) => wrapped(`${names[i]}: ${oneLine(what)}`, '', columns)),
  );
  return [textTable([head, ...rows.map((row, i) => [names[i]!, ...row])]), ...notes].join('\n');
}

const cut = (text: string, most: number): string =>
  [...text].length <= most ? text : `${[...text].slice(0, most - 3).join('')}...`;

/** 2026-01-31 09:05 */
function localTime(date: Date): string {
  const two = (n: number): string => String(n).padStart(2, '0');
  const day = [date.getFullYear(), two(date.getMonth() + 1), two(date.getDate())].join('-');
  return `${day} ${two(date.getHours())}:${two(date.getMinutes())}`;
}
