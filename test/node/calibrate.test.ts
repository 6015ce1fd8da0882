/** --minutes: how steps are counted from costs, and what it cannot go with. */
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { stepsWithin } from '../../src/train/budget.ts';
import { filesIn, scratchFolder, story, trainCommand } from '../support/runs.ts';

const folder = scratchFolder();
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('stepsWithin', () => {
  const costs = { step: 0.1, evaluation: 2, evalEvery: 100, checkpoint: 3, checkpointEvery: 200, once: 4 };

  it('is the time after what every run needs, over a step with its share of evaluations and checkpoints', () => {
    // 0.1 + 2 / 100 + 3 / 200 = 0.135 s a step.
    expect(stepsWithin(4 + 135.01, costs)).toBe(1000);
    expect(stepsWithin(4 + 134.99, costs)).toBe(999);
  });

  it('is at least one', () => {
    expect(stepsWithin(1, costs)).toBe(1);
  });
});

describe('npm run train -- --minutes', () => {
  it('says which --steps it is the same as, and leaves the bytes of that run', async () => {
    const data = join(folder, 'text.txt');
    writeFileSync(data, story.repeat(40));
    const [timed, counted] = [join(folder, 'timed'), join(folder, 'counted')];
    const tiny = ['--layers', '1', '--channels', '32', '--heads', '2', '--context', '16', '--threads', '2'];
    const args = ['--data', data, '--seed', '3', '--eval-every', '100000', ...tiny];
    const { code, out } = await trainCommand([...args, '--minutes', '0.03', '--out', timed]);
    expect(code).toBe(0);
    const steps = /the same as --steps (\d+) --seed 3\n/.exec(out)?.[1];
    expect(Number(steps)).toBeGreaterThan(0);
    expect((await trainCommand([...args, '--steps', steps!, '--out', counted])).code).toBe(0);
    const last = (run: string) => filesIn(join(run, `step-${steps!.padStart(8, '0')}`));
    expect(Object.keys(last(timed))).toContain('model.safetensors');
    expect(last(timed)).toEqual(last(counted));
  });

  it.each([
    [['--minutes', '1', '--steps', '5'], /--minutes cannot go with --steps/],
    [['--minutes', '1', '--resume', 'x'], /--minutes cannot go with --resume/],
    [['--minutes', '0'], /--minutes must be a number above 0/],
    [['--find-lr', '--plan'], /--find-lr cannot go with --plan/],
    [['--find-lr', '--resume', 'x'], /--find-lr cannot go with --resume/],
  ])('%j is a usage error', async (args, message) => {
    const { code, err } = await trainCommand(args);
    expect(err).toMatch(message);
    expect(code).toBe(2);
  });
});
