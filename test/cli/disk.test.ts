/** What a disk can do to a run: be full, become read-only, or be taken away. One clear line, and the last checkpoint stays. */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { newestState, readCheckpoint } from '../../src/cli/runs/folder.ts';
import { copyOf, story, trainCommand } from '../support/runs.ts';
import { suiteFolder } from '../support/scratch.ts';

const scratch = suiteFolder();
const text = join(scratch, 'text.txt');
const mounted: string[] = [];
afterAll(() => {
  for (const folder of mounted) execFileSync('umount', ['-l', folder]);
});
beforeAll(() => writeFileSync(text, story.repeat(12)));

/** Runs `mount`, which only root may, and not in every container. */
function mount(folder: string, ...options: string[]): boolean {
  try {
    execFileSync('mount', [...options, folder], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}
/** A file system of its own in a new folder, or undefined where that is not allowed. */
function smallDisk(name: string, size: string): string | undefined {
  const folder = join(scratch, name);
  mkdirSync(folder);
  if (!mount(folder, '-t', 'tmpfs', '-o', `size=${size}`, 'tmpfs')) return undefined;
  mounted.push(folder);
  return folder;
}
const canMount = smallDisk('probe', '64k') !== undefined;
const whyNot = canMount ? '' : ' (skipped: needs the right to mount a small tmpfs)';

const begin = (out: string, ...more: string[]) => [
  ...['--data', text, '--out', out, '--steps', '4000', '--seed', '3', '--eval-every', '1000'],
  ...['--layers', '1', '--channels', '8', '--heads', '2', '--context', '8', '--batch-size', '2', ...more],
];
const steps = (run: string) => readdirSync(run).filter((name) => name.startsWith('step-'));
/** One line, the program's own, and exit code 1. */
function expectOneLine({ code, err }: { code: number; err: string }, message: RegExp) {
  expect(err).toMatch(message);
  expect(err.trimEnd().split('\n')).toHaveLength(1);
  expect(code).toBe(1);
}

describe('a full disk', () => {
  it.skipIf(!canMount)(`ends the run with one line; all checkpoints on it load${whyNot}`, async () => {
    const disk = smallDisk('full', '400k')!;
    const run = join(disk, 'run');
    const result = await trainCommand(begin(run, '--checkpoint-every', '3', '--keep', '1000'));
    expectOneLine(result, /^error: cannot write .*full\/run\/.*: the disk is full\n$/);
    const saved = steps(run);
    expect(saved.length).toBeGreaterThan(1);
    for (const name of saved) readCheckpoint(join(run, name));
    expect(newestState(run)).toMatchObject({ folder: join(run, saved.at(-1)!), damaged: [] });
    expect(readdirSync(run).filter((name) => /^(\.|lock)/.test(name))).toEqual([]);
    // With some room again it goes on.
    rmSync(join(run, saved[0]!), { recursive: true });
    const more = await trainCommand(['--resume', run, '--stop-at', String(3 * saved.length + 1)]);
    expect([more.code, more.err]).toEqual([0, '']);
  });

  it.skipIf(process.platform === 'win32')(
    'or a limit on the size of files, met in the middle of a record, costs the records and nothing else',
    async () => {
      const run = join(scratch, 'limited');
      const limited = { shell: 'ulimit -f 30' };
      const result = await trainCommand(begin(run, '--stop-at', '200'), limited);
      expect([result.code, result.err]).toEqual([0, '']);
      const warnings = result.out.split('\n').filter((line) => line.startsWith('warning: cannot write'));
      for (const name of ['metrics.jsonl', 'report.html']) {
        const told = `warning: cannot write ${join(run, name)}: the file would be larger than allowed; going on without it`;
        expect(warnings.filter((line) => line === told)).toHaveLength(1);
      }
      const { state, damaged } = newestState(run);
      expect([state.step, damaged]).toEqual([200, []]);
      const records = readFileSync(join(run, 'metrics.jsonl'), 'utf8');
      const more = await trainCommand(['--resume', run, '--stop-at', '204']);
      expect([more.code, more.err]).toEqual([0, '']);
      const whole = records.slice(0, records.lastIndexOf('\n') + 1);
      const resumed = `${whole}{"kind":"resume","step":200}\n`;
      expect(readFileSync(join(run, 'metrics.jsonl'), 'utf8').startsWith(resumed)).toBe(true);
    },
  );
});

describe('a read-only folder', () => {
  it.skipIf(!canMount)(
    `is refused at the start, and ends a run that is on it, with one line${whyNot}`,
    async () => {
      const disk = smallDisk('fixed', '4m')!;
      const run = join(disk, 'run');
      let locked = false;
      const result = await trainCommand(begin(run, '--checkpoint-every', '4'), {
        onLine: () => {
          if (locked || !existsSync(run) || steps(run).length < 2) return;
          // Busy while a file is open for writing; there are many moments between.
          for (let tries = 0; tries < 100 && !locked; tries++) locked = mount(disk, '-o', 'remount,ro');
        },
      });
      expect(locked).toBe(true);
      expectOneLine(
        result,
        /^error: cannot (write|remove) .*fixed\/run\/.*: the file system is read-only\n$/,
      );
      const { state } = newestState(run);
      expect(state.step % 4).toBe(0);
      expectOneLine(
        await trainCommand(['--resume', run]),
        /^error: cannot take over .*fixed\/run\/lock: the file system is read-only\n$/,
      );
      expectOneLine(
        await trainCommand(begin(join(disk, 'other'))),
        /^error: cannot make the folder .*fixed\/other: the file system is read-only\n$/,
      );
      expect(mount(disk, '-o', 'remount,rw')).toBe(true);
      const more = await trainCommand(['--resume', run, '--stop-at', String(state.step + 2)]);
      expect([more.code, more.err]).toEqual([0, '']);
    },
  );
});

describe('a run folder', () => {
  it('that is taken away ends the run with one line, and is not made again', async () => {
    const run = join(scratch, 'gone');
    const kept = join(scratch, 'kept');
    let taken = false;
    const result = await trainCommand(begin(run, '--checkpoint-every', '4'), {
      onLine: () => {
        if (taken || !existsSync(run) || steps(run).length < 2) return;
        renameSync(run, kept);
        taken = true;
      },
    });
    expectOneLine(result, /^error: cannot write .*gone\/.*: no such file or folder\n$/);
    expect(existsSync(run)).toBe(false);
    // What it holds is whole, wherever it is now, and can be gone on with from there: its lock is of a dead process.
    const { state, damaged } = newestState(copyOf(kept, join(scratch, 'copy')));
    expect([state.step % 4, damaged]).toEqual([0, []]);
    const more = await trainCommand(['--resume', kept, '--stop-at', String(state.step + 2)]);
    expect([more.code, more.err]).toEqual([0, '']);
  });
});
