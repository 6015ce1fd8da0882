/** Stopping and going on as a user does it: signals, --resume, and what cannot be gone on with. */
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { constants, hostname } from 'node:os';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { sha256 } from '../../src/cli/host/files.ts';
import { newestState } from '../../src/cli/runs/folder.ts';
import { checksumFile } from '../../src/library/run-files.ts';
import { presets } from '../../src/train/presets.ts';
import { inklings } from '../support/command.ts';
import { copyOf, filesIn, records, story, trainCommand } from '../support/runs.ts';
import { suiteFolder } from '../support/scratch.ts';

const scratch = suiteFolder();
const text = join(scratch, 'text.txt');
const small = ['--layers', '1', '--channels', '8', '--heads', '2', '--context', '8', '--batch-size', '2'];
/** A run in which everything random takes part. */
const begin = (out: string, steps: number, ...more: string[]) => [
  ...['--data', text, '--out', out, '--steps', String(steps), '--seed', '3', '--eval-every', '7'],
  ...['--dropout', '0.1', '--accumulate', '2', '--sampling', 'epoch', ...small, ...more],
];
const resume = (out: string, ...more: string[]) => ['--resume', out, ...more];

/** All files of all checkpoints of a run. */
function checkpoints(run: string): Record<string, string> {
  const files = Object.entries(filesIn(run)).filter(([name]) => /^(best|\.best|step|\.step)/.test(name));
  return Object.fromEntries(files.map(([name, bytes]) => [name, sha256(bytes)]));
}
const steps = (run: string) => readdirSync(run).filter((name) => name.startsWith('step-'));

beforeAll(() => writeFileSync(text, story.repeat(12)));

describe('a run stopped with --stop-at', () => {
  const [straight, pieces] = [join(scratch, 'straight'), join(scratch, 'pieces')];

  it('says how to go on, exits with 0, and ends as the straight run does', async () => {
    const [whole, first] = await Promise.all([
      trainCommand(begin(straight, 40)),
      trainCommand(begin(pieces, 40, '--stop-at', '18')),
    ]);
    expect([whole.code, whole.err]).toEqual([0, '']);
    expect([first.code, first.err]).toEqual([0, '']);
    expect(first.out.trim().split('\n').slice(-3)).toEqual([
      expect.stringMatching(/^step 18\/40 {2}validation /),
      `stopped after step 18 of 40; to go on: npm run train -- --resume ${pieces}`,
      `what it has learned so far is in report.html there; to sample: npm run sample -- --run ${pieces}`,
    ]);
    expect(steps(pieces)).toEqual(['step-00000014', 'step-00000018']);
    expect(existsSync(join(pieces, 'lock'))).toBe(false);
    const second = await trainCommand(resume(pieces));
    expect([second.code, second.err]).toEqual([0, '']);
    expect(second.out).toContain(`resuming ${pieces} after step 18 of 40, seed 3`);
    expect(Object.keys(checkpoints(pieces))).toHaveLength(4 + 2 * 6);
    expect(checkpoints(pieces)).toEqual(checkpoints(straight));
    const results = (out: string) => out.slice(out.indexOf('\nvalidation '), out.indexOf('\nsaved in'));
    expect(results(whole.out)).toMatch(/^\nvalidation .* nats per token[\s\S]+\na sample, .*:\n {4}/);
    expect(results(second.out)).toBe(results(whole.out));
    expect(second.out).toMatch(
      /\ntrained in .*, since the resume after step 18\nbest: the model of step \d+/,
    );
  });

  it('is left as it is, and costs nothing, where nothing is left to do', async () => {
    const before = filesIn(straight);
    const again = await trainCommand(resume(straight));
    expect(again).toMatchObject({ code: 0, err: '' });
    expect(again.out).toBe(
      `this run is complete: 40 of 40 steps; raise --steps to go on\nto sample: npm run sample -- --run ${straight}\n`,
    );
    expect(filesIn(straight)).toEqual(before);
  });

  it('goes on with more steps', async () => {
    const run = copyOf(straight, join(scratch, 'longer'));
    const longer = await trainCommand(resume(run, '--steps', '50', '--keep', '3'));
    expect([longer.code, longer.err]).toEqual([0, '']);
    expect(steps(run)).toEqual(['step-00000042', 'step-00000049', 'step-00000050']);
    const kept = records(run).filter((record) => record.kind === 'step');
    expect(kept.map(({ step }) => step)).toEqual(Array.from({ length: 50 }, (_, i) => i + 1));
    const state = JSON.parse(readFileSync(join(run, 'step-00000050', 'state.json'), 'utf8'));
    expect(state).toMatchObject({ step: 50, settings: { steps: 50 } });
  });

  describe('is refused with one line and left as it is', () => {
    const at = (name: string) => join(scratch, name);
    /** Changes the newest state.json, and its checksum too. */
    const edit = (path: string, from: RegExp, to: string) => {
      const folder = join(path, steps(path).at(-1)!);
      const state = readFileSync(join(folder, 'state.json'), 'utf8');
      expect(state).toMatch(from);
      const changed = state.replace(from, to);
      const sums = readFileSync(join(folder, checksumFile), 'utf8');
      writeFileSync(join(folder, 'state.json'), changed);
      writeFileSync(join(folder, checksumFile), sums.replace(sha256(state), sha256(changed)));
    };
    const cases: [string, string[], (run: string) => void, number, RegExp][] = [
      [
        'a changed corpus',
        ['--data', at('other.txt'), '--steps', '50'],
        () => writeFileSync(at('other.txt'), `${story.repeat(12)}!`),
        1,
        /other\.txt is not the text that .*a-changed-corpus was trained on: its sha256 is [0-9a-f]{12}\.\.\., expected [0-9a-f]{12}/,
      ],
      [
        'a conflicting flag',
        ['--lr', '0.5'],
        () => {},
        2,
        new RegExp(
          `--lr 0\\.5 contradicts --resume .*a-conflicting-flag, which has ${presets.nano.train.learningRate}; leave it out`,
        ),
      ],
      [
        'another state version',
        [],
        (run) => edit(run, /"version": 3/, '"version": 99'),
        1,
        /written by another version: expected state version 3, got 99/,
      ],
      [
        'other arithmetic',
        ['--steps', '50'],
        (run) => edit(run, /"arithmetic": "[^"]+"/, '"arithmetic": "abacus"'),
        1,
        /was computed with abacus arithmetic, and here it would go on with/,
      ],
      [
        'no checkpoint',
        [],
        (run) => {
          for (const name of steps(run)) rmSync(join(run, name), { recursive: true });
        },
        1,
        /cannot resume .*no-checkpoint: it holds no checkpoint yet/,
      ],
    ];
    it('for each of these reasons', async () => {
      const tried = cases.map(([name, more, change]) => {
        const run = copyOf(straight, at(name.replaceAll(' ', '-')));
        change(run);
        return { run, more, before: filesIn(run) };
      });
      const results = await inklings(tried.map(({ run, more }) => ['train', ...resume(run, ...more)]));
      for (const [i, [name, , , code, message]] of cases.entries()) {
        const result = results[i]!;
        expect(result.err.trim(), name).toMatch(message);
        expect(result.err.trim().split('\n'), name).toHaveLength(1);
        expect([result.code, result.out], name).toEqual([code, '']);
        expect(filesIn(tried[i]!.run), name).toEqual(tried[i]!.before);
      }
    });
  });
});

describe('a run that is sent signals', () => {
  it('saves after its step, says how to go on, exits with 128 and the number of the signal, and in the end equals the straight run', async () => {
    const [straight, pieces] = [join(scratch, 'undisturbed'), join(scratch, 'disturbed')];
    const whole = trainCommand(begin(straight, 400, '--checkpoint-every', '100'));
    let args = begin(pieces, 400, '--checkpoint-every', '100');
    const stops: number[] = [];
    // Lines come at the head of a run, every few steps, and at evaluations: so these are varied moments.
    for (const [signal, line] of [
      ['SIGINT', 6],
      ['SIGTERM', 4],
      ['SIGHUP', 15],
    ] as const) {
      const result = await trainCommand(args, {
        onLine: (_, count, child) => {
          if (count === line) child.kill(signal);
        },
      });
      expect([result.code, result.err], result.out).toEqual([128 + constants.signals[signal], '']);
      const last = result.out.trim().split('\n').at(-2)!;
      expect(last).toMatch(/^stopped after step \d+ of 400; to go on: npm run train -- --resume /);
      stops.push(Number(/\d+/.exec(last)![0]));
      expect(steps(pieces).at(-1)).toBe(`step-${String(stops.at(-1)).padStart(8, '0')}`);
      expect(existsSync(join(pieces, 'lock'))).toBe(false);
      args = last.split(' -- ')[1]!.split(' ');
    }
    expect(stops).toEqual([...new Set(stops)].sort((a, b) => a - b));
    expect((await trainCommand(args)).code).toBe(0);
    expect((await whole).code).toBe(0);
    const last = (run: string) =>
      Object.fromEntries(
        Object.entries(checkpoints(run)).filter(([name]) => /^(best|step-00000400)/.test(name)),
      );
    expect(Object.keys(last(pieces))).toHaveLength(4 + 6);
    expect(last(pieces)).toEqual(last(straight));
  });
});

describe('two trainers in one folder', () => {
  it('the second is refused while the first is at work; once that is killed, --resume takes over', async () => {
    const run = join(scratch, 'shared');
    const others: ReturnType<typeof trainCommand>[] = [];
    const first = await trainCommand(begin(run, 100_000, '--checkpoint-every', '5'), {
      onLine: (line, _, child) => {
        if (others.length > 0 || !line.startsWith('step ') || steps(run).length === 0) return;
        others.push(trainCommand(begin(run, 1, '--overwrite')), trainCommand(resume(run)));
        Promise.all(others).then(() => child.kill('SIGKILL'));
      },
    });
    for (const other of await Promise.all(others)) {
      expect(other).toMatchObject({ code: 1, out: '' });
      expect(other.err).toMatch(
        /^error: .*shared is in use by another trainer \(process \d+ on .*\); wait for it, or remove .*lock if it is gone\n$/,
      );
    }
    expect([first.code, first.err]).toEqual([137, '']);
    expect(readFileSync(join(run, 'lock'), 'utf8')).toMatch(new RegExp(`^\\d+ ${hostname()}( \\d+)?\n$`));
    const { step } = newestState(run).state;
    // Stopped twice at once this time: whether or not there was time to save, nothing older is lost.
    const second = await trainCommand(resume(run), {
      onLine: (line, _, child) => {
        if (!line.startsWith('to beat')) return;
        child.kill('SIGINT');
        child.kill('SIGINT');
      },
    });
    expect([second.code, second.err]).toEqual([130, '']);
    expect(second.out).toContain(`resuming ${run} after step ${step} of 100000`);
    expect(newestState(run).state.step).toBeGreaterThanOrEqual(step);
    expect(readdirSync(run).filter((name) => name.startsWith('lock.'))).toEqual([]);
  });
});

describe('a run that began with --init and --unknown skip', () => {
  it('can be gone on with', async () => {
    const run = join(scratch, 'skipping');
    const strange = join(scratch, 'strange.txt');
    writeFileSync(strange, story.repeat(12).replaceAll('fox', 'f\u00f6x'));
    const source = ['--init', join(scratch, 'straight'), '--data', strange, '--unknown', 'skip'];
    const first = await trainCommand([
      ...[...source, '--batch-size', '2', '--seed', '1'],
      ...['--out', run, '--steps', '4', '--stop-at', '2'],
    ]);
    expect([first.code, first.err]).toEqual([0, '']);
    const second = await trainCommand(resume(run));
    expect([second.code, second.err]).toEqual([0, '']);
  });
});
