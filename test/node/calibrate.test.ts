/** --minutes: how steps are counted from costs, and what it cannot go with. */
import { describe, expect, it } from 'vitest';
import { stepsWithin } from '../../src/train/budget.ts';
import { trainCommand } from '../support/runs.ts';

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
  it.each([
    [['--minutes', '1', '--steps', '5'], /--minutes cannot go with --steps/],
    [['--minutes', '1', '--resume', 'x'], /--minutes cannot go with --resume/],
    [['--minutes', '0'], /--minutes must be positive/],
    [['--find-lr', '--plan'], /--find-lr cannot go with --plan/],
    [['--find-lr', '--resume', 'x'], /--find-lr cannot go with --resume/],
  ])('%j is a usage error', async (args, message) => {
    const { code, err } = await trainCommand(args);
    expect(err).toMatch(message);
    expect(code).toBe(2);
  });
});
