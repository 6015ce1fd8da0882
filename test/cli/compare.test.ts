/** npm run compare as a user runs it: where the page goes, how runs are told apart, and what damage does. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { exampleRecords } from '../report/fixture.ts';
import { elementsOf } from '../report/markup.ts';
import { inklingIn } from '../support/command.ts';
import { suiteFolder } from '../support/scratch.ts';

const scratch = suiteFolder();
beforeAll(() => {
  for (const name of ['runs/nano', 'other #1/nano', 'runs/damaged']) {
    mkdirSync(join(scratch, name), { recursive: true });
    const lines = exampleRecords(50).map((record) => JSON.stringify(record));
    if (name === 'runs/damaged') lines[9] = '{"kind":"st\u202e\x07';
    writeFileSync(join(scratch, name, 'metrics.jsonl'), `${lines.join('\n')}\n`);
    writeFileSync(join(scratch, name, 'run.json'), JSON.stringify({ settings: { seed: name.length } }));
    if (name !== 'runs/damaged') writeFileSync(join(scratch, name, 'report.html'), '');
  }
  writeFileSync(join(scratch, 'runs/damaged/run.json'), '{"settings":{"seed":');
});

const compare = (...args: string[]) => inklingIn(scratch, 'compare', ...args);

describe('npm run compare', () => {
  it('writes runs/compare.html, tells runs of one name apart by their paths, and links to their reports', async () => {
    expect(await compare('runs/nano', 'other #1/nano/', 'runs/damaged')).toEqual({
      code: 0,
      out: `wrote ${join('runs', 'compare.html')}\n`,
      err: [
        'warning: runs/damaged/run.json: expected JSON, got "{\\"settings\\":{\\"seed\\":"; going on without it\n',
        'warning: runs/damaged/metrics.jsonl, line 10: expected JSON, got "{\\"kind\\":\\"st\\u202e\\u0007"; passed over that line\n',
      ].join(''),
    });
    const page = readFileSync(join(scratch, 'runs/compare.html'), 'utf8');
    const elements = elementsOf(page);
    const links = elements.filter((e) => e.name === 'a').map((e) => e.attributes.get('href'));
    expect(links).toEqual(['nano/report.html', '../other%20%231/nano/report.html']);
    const names = elements.flatMap((e) => e.attributes.get('data-name') ?? []);
    expect(new Set(names)).toEqual(new Set(['runs/nano', 'other #1/nano/', 'damaged']));
    expect(page).not.toMatch(/NaN|undefined/);
  });

  it('writes where it is told, and refuses one run twice and what is none', async () => {
    const [told, twice, none] = await Promise.all([
      compare('runs/nano', 'other #1/nano', '--out', 'pages/two.html'),
      compare('runs/nano', 'runs/../runs/nano/'),
      compare('runs/nano', 'other #1'),
    ]);
    expect([told.code, told.out]).toEqual([0, 'wrote pages/two.html\n']);
    expect(readFileSync(join(scratch, 'pages/two.html'), 'utf8')).toContain(
      'href="../runs/nano/report.html"',
    );
    expect([twice.code, twice.err]).toEqual([2, 'error: runs/../runs/nano/ is given twice\n']);
    expect([none.code, none.err]).toEqual([
      1,
      'error: other #1 holds no run: expected run.json in it, as npm run train writes it\n',
    ]);
    expect(existsSync(join(scratch, 'compare.html'))).toBe(false);
  });
});
