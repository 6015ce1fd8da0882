/** The train command in a process of its own: how long until its first step is done, and how much memory it takes. */
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export interface StartResult {
  /** From the start of Node to the line of the first step; npm adds to it. */
  readonly firstStepSeconds: number;
  readonly trainPeakRssMb: number;
}

const steps = 3;
const mark = 'peak memory in kB:';

/** @param flags for the train command: preset, threads and so on */
export async function measureStart(flags: readonly string[]): Promise<StartResult> {
  const root = fileURLToPath(new URL('..', import.meta.url));
  const folder = mkdtempSync(join(tmpdir(), 'inkling-bench-'));
  const atExit = `process.on('exit', () => console.log('${mark}', process.resourceUsage().maxRSS))`;
  const args = ['--import', `data:text/javascript,${encodeURIComponent(atExit)}`];
  args.push(
    'bin/inkling.js',
    'train',
    '--out',
    join(folder, 'run'),
    '--stop-at',
    String(steps),
    '--seed',
    '1',
    ...flags,
  );
  const began = performance.now();
  let [out, err, firstStepSeconds] = ['', '', Number.NaN];
  try {
    const child = spawn(process.execPath, args, { cwd: root });
    child.stderr.on('data', (text) => {
      err += text;
    });
    child.stdout.on('data', (text) => {
      out += text;
      if (Number.isNaN(firstStepSeconds) && /^step +1\//m.test(out)) {
        firstStepSeconds = (performance.now() - began) / 1000;
      }
    });
    await new Promise((resolve) => child.once('close', resolve));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  const peak = out.match(new RegExp(`^${mark} (\\d+)$`, 'm'))?.[1];
  if (peak === undefined || Number.isNaN(firstStepSeconds)) {
    throw new Error(`bench: the train command did not get to its first step: ${err.trim() || out.trim()}`);
  }
  return { firstStepSeconds, trainPeakRssMb: Number(peak) / 1024 };
}
