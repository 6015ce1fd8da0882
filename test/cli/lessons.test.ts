/** npm run lessons as people start it. */
import { describe, expect, it } from 'vitest';
import { inklingIn, inklings } from '../support/command.ts';
import { suiteFolder } from '../support/scratch.ts';

const folder = suiteFolder();
const lessons = (...args: string[]) => inklingIn(folder, 'lessons', ...args);

describe('npm run lessons', () => {
  it('lists them, runs those that are named, in their order, and gives their numbers as JSON', async () => {
    const listed = await lessons();
    expect(listed.out.split('\n')[16]).toMatch(/^17 {2}Two rules for one nucleus$/);
    const { out } = await lessons('26', '17', '--json');
    const [first, second] = out
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect([first.number, second.number, second.verdict]).toEqual([26, 17, 'wrong']);
    expect(second.numbers.cases[1]).toMatchObject({ atMost: 1, reaches: 2 });
  });

  it('ends with one line and an exit code where there is nothing to do', async () => {
    const cases = [
      [['34'], 2, 'error: no lesson "34"; expected a number from 1 to 33'],
      [['0'], 2, 'error: no lesson "0"; expected a number from 1 to 33'],
      [['--all', '3'], 2, 'error: --all runs every lesson; leave out 3'],
      [['--answer'], 2, 'error: --answer goes with a lesson: lessons 3 --answer'],
      [
        ['--write', '--json'],
        2,
        'error: --write takes no lesson, --run or --json: the page has all, on their own model',
      ],
      [['2', '--run', 'nowhere'], 1, 'error: cannot read nowhere: no such folder; npm run train makes a run'],
    ] as const;
    const ended = await inklings(
      cases.map(([args]) => ['lessons', ...args]),
      { cwd: folder },
    );
    expect(ended).toEqual(cases.map(([, code, line]) => ({ code, out: '', err: `${line}\n` })));
  });
});
