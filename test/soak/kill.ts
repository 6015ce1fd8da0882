/** npm run test:kill -- --kills 200: kill -9 at random instants of a run that saves every step.
 *
 * Each time: the run's folder loads as npm run sample and --resume would load it; its newest checkpoint has, byte for
 * byte, the numbers that an undisturbed run has at that step; nothing is lost but the step at work. Then it is resumed
 * and killed again, and at the end of the run its checkpoints are those of the undisturbed run.
 *
 * Half of the kills wait for a moment in which the disk is being written: a folder under one of its temporary names. */
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { parseArgs } from 'node:util';
import { findCheckpoint, newestState, readCheckpoint } from '../../src/cli/runs/folder.ts';
import { checksumFile } from '../../src/library/run-files.ts';
import { RandomStream } from '../../src/tensor/random.ts';
import { root } from '../support/root.ts';
import { scratchFolder, story, trainCommand } from '../support/runs.ts';

const { values } = parseArgs({
  options: { kills: { type: 'string', default: '200' }, seed: { type: 'string', default: '1' } },
});
const kills = Number(values.kills);
const random = new RandomStream(Number(values.seed), 'sample');
let drawn = 0;
const below = (n: number): number => random.below(n, drawn++);

const scratch = scratchFolder();
const text = join(scratch, 'text.txt');
writeFileSync(text, story.repeat(12));
const steps = 300;
const settings = [
  ...['--data', text, '--steps', String(steps), '--seed', '3', '--eval-every', '2', '--eval-tokens', '64'],
  ...['--layers', '1', '--channels', '8', '--heads', '2', '--context', '8', '--batch-size', '2'],
  ...['--dropout', '0.1', '--sampling', 'epoch', '--lr', '1e-3'],
];

/** What every checkpoint of the undisturbed run holds: the checksums of its files, by step. */
async function undisturbed(): Promise<Map<string, string>> {
  const run = join(scratch, 'undisturbed');
  const keep = ['--checkpoint-every', '1', '--keep', String(steps)];
  const { code, err } = await trainCommand([...settings, ...keep, '--out', run]);
  if (code !== 0) throw new Error(`the undisturbed run failed: ${err}`);
  const checkpoints = readdirSync(run).filter((name) => /^(best|step-)/.test(name));
  return new Map(checkpoints.map((name) => [name, checksums(join(run, name))]));
}
const checksums = (folder: string): string => readFileSync(join(folder, checksumFile), 'utf8');

/** The last step that metrics.jsonl speaks of; 0 for none. It is written before the step is saved. */
function lastStep(run: string): number {
  const path = join(run, 'metrics.jsonl');
  if (!existsSync(path)) return 0;
  const found = [...readFileSync(path, 'utf8').matchAll(/^\{"kind":"step","step":(\d+),.*\}$/gm)].at(-1);
  return found === undefined ? 0 : Number(found[1]);
}

const temporary = /^\.(best|step-\d{8})\.(new|old)$/;
const namesIn = (run: string): string[] => (existsSync(run) ? readdirSync(run) : []);

/** Starts or resumes the run and kills it; what its names looked like then, or undefined if it was done before that. */
async function killOnce(run: string): Promise<string[] | undefined> {
  const args = namesIn(run).some((name) => name.startsWith('step-'))
    ? ['--resume', run, '--checkpoint-every', '1']
    : [...settings, '--checkpoint-every', '1', '--out', run, '--overwrite'];
  const command = [join(root, 'bin/inkling.js'), 'train', ...args];
  const child: ChildProcess = spawn(process.execPath, command, {
    cwd: root,
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let errors = '';
  child.stderr!.on('data', (chunk) => {
    errors += chunk;
  });
  const ended = new Promise<{ code: number | null }>((resolve) =>
    child.on('close', (code) => resolve({ code })),
  );
  let running = true;
  ended.then(() => {
    running = false;
  });
  // How far to let it come, then what to wait for, then how many microseconds more.
  const target = lastStep(run) + below(12);
  const phase = [undefined, temporary, /^\.step-\d{8}\.new$/, /^\.best\.(new|old)$/][below(4)];
  const extra = below(phase === undefined ? 3000 : 300);
  // Now and then within the first 0.8 s, while it is still starting.
  const early = below(8) === 0 ? process.hrtime.bigint() + BigInt(below(800) * 1e6) : undefined;
  for (let tries = 0; running && tries < 3_000_000; tries++) {
    if (early !== undefined && process.hrtime.bigint() > early) break;
    if (lastStep(run) > target && (phase === undefined || namesIn(run).some((name) => phase.test(name))))
      break;
    // Let the child's end be noticed; without a rest while it starts, without any while it writes.
    if (tries % 50 === 0) await new Promise(setImmediate);
  }
  for (const until = process.hrtime.bigint() + BigInt(extra * 1000); process.hrtime.bigint() < until; );
  child.kill('SIGKILL');
  const { code } = await ended;
  if (code === null) return namesIn(run);
  if (code !== 0) throw new Error(`the run ended by itself with ${code}: ${errors.trim()}`);
  return undefined;
}

/** What must hold after a kill. @returns the step that the run can go on from; 0 for a new start. */
function check(run: string, before: number, truth: ReadonlyMap<string, string>): number {
  const reached = lastStep(run);
  if (!namesIn(run).some((name) => name.startsWith('step-'))) {
    if (before > 0 || reached > 1)
      throw new Error(`no checkpoint, but step ${Math.max(before, reached)} was done`);
    return 0;
  }
  const { folder, state, damaged } = newestState(run);
  if (damaged.length > 0) throw new Error(`a damaged checkpoint: ${damaged[0]}`);
  if (state.step < reached - 1 || state.step < before) {
    throw new Error(
      `step ${state.step} is the newest checkpoint, but ${before} was saved and ${reached} was done`,
    );
  }
  if (checksums(folder) !== truth.get(basename(folder))) throw new Error(`${folder} has other bytes`);
  const best = findCheckpoint(run);
  readCheckpoint(best);
  const model = (sums: string): string =>
    sums.split('\n').find((line) => line.endsWith('model.safetensors'))!;
  const known = [...truth.values()].map(model);
  if (!known.includes(model(checksums(best))))
    throw new Error(`${best} is of no step of the undisturbed run`);
  return state.step;
}

/** Lets the run come to its end and compares what it leaves. */
async function finish(run: string, truth: ReadonlyMap<string, string>): Promise<void> {
  const { code, err } = await trainCommand(['--resume', run]);
  if (code !== 0) throw new Error(`resuming to the end failed: ${err.trim()}`);
  const last = `step-${String(steps).padStart(8, '0')}`;
  for (const name of ['best', last]) {
    if (checksums(join(run, name)) !== truth.get(name)) throw new Error(`${name} has other bytes in the end`);
    readCheckpoint(join(run, name));
  }
  const odd = namesIn(run).filter((name) => name.startsWith('.') || name.startsWith('lock'));
  if (odd.length > 0) throw new Error(`left behind: ${odd.join(', ')}`);
  for (const line of readFileSync(join(run, 'metrics.jsonl'), 'utf8').trim().split('\n')) JSON.parse(line);
}

const truth = await undisturbed();
let failures = 0;
let whileWriting = 0;
let run = '';
let saved = 0;
for (let kill = 0, runs = 0; kill < kills; ) {
  if (run === '') {
    run = join(scratch, `run-${runs++}`);
    saved = 0;
  }
  let done = false;
  try {
    const names = await killOnce(run);
    done = names === undefined;
    if (names !== undefined) {
      kill += 1;
      const half = names.filter((name) => temporary.test(name));
      if (half.length > 0) whileWriting += 1;
      saved = check(run, saved, truth);
      console.log(
        `kill ${kill}/${kills}: loads, step ${saved} of ${steps}${half.length > 0 ? `, caught ${half.join(' ')}` : ''}`,
      );
    }
    if (done || kill === kills) {
      if (saved > 0) await finish(run, truth);
      console.log(`${basename(run)}: resumed to the end, same bytes as the undisturbed run`);
    }
  } catch (error) {
    failures += 1;
    done = true;
    kill += 1;
    console.log(`FAILED, kill ${kill} of ${run}: ${(error as Error).message}`);
  }
  if (done) {
    if (failures === 0) rmSync(run, { recursive: true, force: true });
    run = '';
  }
}
if (failures === 0) rmSync(scratch, { recursive: true, force: true });
else console.log(`kept for a look: ${scratch}`);
console.log(`${whileWriting} of them while a checkpoint was being written`);
console.log(`${kills} kills, ${failures} failures`);
process.exitCode = failures === 0 ? 0 : 1;
