/** --minutes: how steps are counted from costs, and what it cannot go with. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { secondsOf, stepsWithin, timeLine } from '../../src/cli/train/calibrate.ts';
import { reference } from '../../src/tensor/reference/index.ts';
import { inklings } from '../support/command.ts';
import { tinyConfig } from '../support/models.ts';
import { filesIn, runSettings, story, trainCommand } from '../support/runs.ts';
import { suiteFolder } from '../support/scratch.ts';

const folder = suiteFolder();

describe('stepsWithin', () => {
  const costs = { step: 0.1, evaluation: 2, evalEvery: 100, checkpoint: 3, checkpointEvery: 200, once: 4 };

  it('is the time after what every run needs, over a step with its share of evaluations and checkpoints', () => {
    // 0.1 + 2 / 100 + 3 / 200 = 0.135 s a step.
    expect(stepsWithin(4 + 135.01, costs)).toBe(1000);
    expect(stepsWithin(4 + 134.99, costs)).toBe(999);
  });

  it('is the inverse of the time that so many steps take', () => {
    expect(secondsOf(1000, costs)).toBeCloseTo(4 + 135, 10);
  });

  it('is at least one', () => {
    expect(stepsWithin(1, costs)).toBe(1);
  });
});

describe('npm run train -- --plan', () => {
  it('of a model too large for the memory shows what would take it, and then refuses', async () => {
    const data = join(folder, 'plan.txt');
    writeFileSync(data, story.repeat(40));
    const huge = [
      '--layers',
      '4',
      '--channels',
      '1024',
      '--heads',
      '4',
      '--context',
      '128',
      '--batch-size',
      '64',
    ];
    const { code, out, err } = await trainCommand(['--plan', '--data', data, '--seed', '1', ...huge]);
    expect(out).toContain(`${data}: `);
    expect(out).toMatch(/\n {2}saved +\d+ +[\d,]+ +[\d.]+ MB {2}what forward keeps for backward\n/);
    expect(out).toMatch(/\ndisk: \d+\.\d MB: the best model with \d+\.\d MB, and the newest 2 checkpoints/);
    expect(out).toMatch(/\nwarning: \d+ passes over a text of 0\.\d+ training tokens a parameter/);
    expect(err).toMatch(/^error: simd memory: too much is asked for; .*use a smaller model or batch\n$/);
    expect(code).toBe(1);
  });
});

describe('npm run train -- --minutes', () => {
  it('says which --steps it is the same as, and leaves the bytes of that run', async () => {
    const data = join(folder, 'text.txt');
    writeFileSync(data, story.repeat(40));
    const [timed, counted] = [join(folder, 'timed'), join(folder, 'counted')];
    const tiny = ['--layers', '1', '--channels', '32', '--heads', '2', '--context', '16', '--threads', '2'];
    const args = ['--data', data, '--seed', '3', '--eval-every', '100000', ...tiny];
    const { code, out } = await trainCommand([...args, '--minutes', '0.015', '--out', timed]);
    expect(code).toBe(0);
    const steps = /the same as --steps (\d+) --seed 3\n/.exec(out)?.[1];
    expect(Number(steps)).toBeGreaterThan(0);
    expect((await trainCommand([...args, '--steps', steps!, '--out', counted])).code).toBe(0);
    const last = (run: string) => filesIn(join(run, `step-${steps!.padStart(8, '0')}`));
    expect(Object.keys(last(timed))).toContain('model.safetensors');
    expect(last(timed)).toEqual(last(counted));
  });

  it('prints times as people say them, and --plan adds up what they make', async () => {
    const parts = { config: { ...tinyConfig, vocabSize: 30 }, settings: runSettings };
    const tokens = Int32Array.from({ length: 400 }, (_, i) => i % 30);
    const split = { train: tokens, validation: tokens.subarray(0, 80) };
    const line = timeLine({ ...parts, split, teachers: [] }, reference, 0.1);
    const [, , each] =
      /^time: about ([\d.]+) (?:ms|s) on this machine as it is now, at ([\d.]+) ms a step$/.exec(line)!;
    expect(Number(each)).toBeGreaterThan(0);
  });

  it('and flags that do not go together are usage errors', async () => {
    const cases: [string[], RegExp][] = [
      [['--minutes', '0'], /--minutes must be a number above 0/],
      [['--find-lr', '--plan'], /--find-lr cannot go with --plan/],
    ];
    const ended = await inklings(cases.map(([args]) => ['train', ...args]));
    expect(ended).toMatchObject(
      cases.map(([, message]) => ({ code: 2, err: expect.stringMatching(message) })),
    );
  });
});
