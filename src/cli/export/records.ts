/** What an exported page tells of the run: the curves, the samples and the lines of the counting models, kept small. */
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import type { MetricsRecord } from '../../train/metrics.ts';
import { parseRecord } from '../../train/parse-metrics.ts';
import { attempt, readJson } from '../host/files.ts';
import { eachLine } from '../host/lines.ts';
import { readBaselines } from '../train/baselines.ts';

/** Of metrics.jsonl when gzipped: about 500 steps. */
const mostBytes = 24_000;

/** metrics.jsonl, run.json and baselines.json, as far as they are there and not damaged. Where the text was, and the machine, is
 * left out: the page is for others. */
export function recordsOf(run: string): Record<string, string> {
  const path = (name: string) => join(run, name);
  const files = {
    'metrics.jsonl': unlessDamaged(() => thinned(linesOf(path('metrics.jsonl')))),
    'run.json': unlessDamaged(() => {
      const { preset, tokenizer, config, settings } = readJson(path('run.json'));
      return JSON.stringify({ preset, tokenizer, config, settings });
    }),
    'baselines.json': unlessDamaged(() => {
      const { baselines } = readBaselines(path('baselines.json'), (_, message) => {
        throw new Error(message);
      });
      return JSON.stringify({ baselines });
    }),
  };
  const there = Object.entries(files).filter((file): file is [string, string] => file[1] !== undefined);
  return Object.fromEntries(there);
}

interface Line {
  readonly kind: MetricsRecord['kind'];
  readonly text: string;
}

/** The records of a file; other lines are passed over. */
function linesOf(path: string): Line[] {
  const lines: Line[] = [];
  attempt('read', path, () =>
    eachLine(path, (text = '') => {
      try {
        lines.push({ kind: parseRecord(text).kind, text });
      } catch {
        // half a line, or another version's
      }
    }),
  );
  return lines;
}

/** Every n-th step and every n-th look at the layers, counted from the last, and of long runs not every evaluation and
 * sample, so that it fits. A run that was resumed needs to say so: its steps come twice. */
function thinned(lines: readonly Line[]): string {
  for (let n = 1; n <= lines.length; n *= 2) {
    const seen = new Map<string, number>();
    const kept = lines.toReversed().filter(({ kind }) => {
      const before = seen.get(kind) ?? 0;
      seen.set(kind, before + 1);
      const every = kind === 'step' || kind === 'layers' ? n : Math.ceil(n / 64);
      return kind === 'resume' || before % every === 0;
    });
    const text = kept
      .toReversed()
      .map((line) => `${line.text}\n`)
      .join('');
    if (gzipSync(text).length <= mostBytes) return text;
  }
  return '';
}

function unlessDamaged(read: () => string): string | undefined {
  try {
    return read();
  } catch {
    return undefined; // the model can do without
  }
}
