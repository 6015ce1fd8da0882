/** By-products of a run, damaged in every way: training, resuming and saving go on with one warning for each file. */
import { appendFileSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { heldOutAndTraining, openSource, pictureFolder } from '../../src/cli/eval/model.ts';
import { sha256 } from '../../src/cli/host/files.ts';
import { readRunData } from '../../src/cli/runs/report.ts';
import { RunFolder } from '../../src/cli/runs/writer.ts';
import { renderReport } from '../../src/report/report.ts';
import { script } from '../../src/report/style.ts';
import { copyOf, filesIn, trainIn } from '../support/runs.ts';
import { suiteFolder } from '../support/scratch.ts';

const scratch = suiteFolder();
const [straight, stopped] = [join(scratch, 'straight'), join(scratch, 'stopped')];
beforeAll(async () => {
  await trainIn(straight, { checkpointEvery: 1, keep: 2 });
  await trainIn(stopped, { checkpointEvery: 1, keep: 2, stopAt: 7 });
  writeFileSync(join(stopped, 'baselines.json'), '{"corpusSha256":"x","baselines":[{"order":0,"nll":2.5}]}');
});
let count = 0;
let run = '';
beforeEach(() => {
  run = copyOf(stopped, join(scratch, String(count++)));
});
const at = (name: string) => join(run, name);
const checkpoints = (path: string) =>
  Object.entries(filesIn(path))
    .filter(([name]) => /^(best|step-)/.test(name))
    .map(([name, bytes]) => [name, sha256(bytes)]);
const linesOf = (path: string) => readFileSync(path, 'utf8').split('\n');
/** Puts `text` in the place of line `n`. */
const putLine = (n: number, text: string) => {
  const lines = linesOf(at('metrics.jsonl'));
  lines[n - 1] = text;
  writeFileSync(at('metrics.jsonl'), lines.join('\n'));
};
const folderFor = (name: string) => {
  rmSync(at(name), { recursive: true, force: true });
  mkdirSync(join(at(name), 'inner'), { recursive: true });
};
const deep = `${'['.repeat(100_000)}${']'.repeat(100_000)}`;

describe('a run with a damaged by-product', () => {
  const cases: [string, string, () => void, RegExp][] = [
    [
      'a line that is cut',
      'metrics.jsonl',
      () => putLine(5, 'XX"step":4}'),
      /, line 5: expected JSON, got "XX\\"step\\":4}"; passed over that line$/,
    ],
    [
      'lines of NUL bytes',
      'metrics.jsonl',
      () => appendFileSync(at('metrics.jsonl'), '\0\0\0\n\0\n'),
      /, line \d+: expected JSON, got "\\u0000\\u0000\\u0000"; passed over 2 such lines$/,
    ],
    [
      'a line without end',
      'metrics.jsonl',
      () => putLine(3, 'x'.repeat(3_000_000)),
      /, line 3: expected a record, got more than a mebibyte; passed over that line$/,
    ],
    [
      'a line with a renamed key',
      'metrics.jsonl',
      () => putLine(4, '{"kind":"step","stop":3}'),
      /, line 4: step of step; expected a whole number from 0 to 99999999, got nothing; passed/,
    ],
    [
      'a depth bomb',
      'metrics.jsonl',
      () => putLine(4, deep),
      /, line 4: expected an object, got \[a list\]; passed over that line$/,
    ],
    [
      'control characters',
      'metrics.jsonl',
      () => putLine(4, '\x1b]0;x\x07\x9b\u202e'),
      /, line 4: expected JSON, got "\\u001b\]0;x\\u0007\\u009b\\u202e"; passed/,
    ],
    [
      'no records',
      'metrics.jsonl',
      () => rmSync(at('metrics.jsonl')),
      / is missing; the report goes on without it$/,
    ],
    [
      'a folder for records',
      'metrics.jsonl',
      () => folderFor('metrics.jsonl'),
      /^cannot write .*: expected a file; going on without it$/,
    ],
    [
      'half a description',
      'run.json',
      () => writeFileSync(at('run.json'), '{"preset":"na'),
      /: expected JSON, got "\{\\"preset\\":\\"na"; going on without it$/,
    ],
    [
      'an empty description',
      'run.json',
      () => writeFileSync(at('run.json'), ''),
      / is empty; expected a text; going on without it$/,
    ],
    [
      'a list as description',
      'run.json',
      () => writeFileSync(at('run.json'), deep),
      /: expected a JSON object, got \[a list\]; going on without it$/,
    ],
    [
      'no description',
      'run.json',
      () => rmSync(at('run.json')),
      / is missing; the report goes on without it$/,
    ],
    [
      'a folder for a description',
      'run.json',
      () => folderFor('run.json'),
      /^cannot read .*: expected a file; going on without it$/,
    ],
    [
      'a depth bomb of baselines',
      'baselines.json',
      () => writeFileSync(at('baselines.json'), `{"baselines":${deep}}`),
      /: baselines; expected numbers order and nll in each, got \[a list\]; left out 1 of 1$/,
    ],
    [
      'renamed baselines',
      'baselines.json',
      () => writeFileSync(at('baselines.json'), '{"corpusSha256":"x","baseline":[]}'),
      /: baselines; expected a list, got nothing; going on without it$/,
    ],
    [
      'a renamed order',
      'baselines.json',
      () => writeFileSync(at('baselines.json'), '{"baselines":[{"orden":0,"nll":2.5},{"order":1,"nll":2}]}'),
      /: baselines; expected numbers order and nll in each, got order nothing and nll 2.5; left out 1 of 2$/,
    ],
    [
      'a folder for a report',
      'report.html',
      () => folderFor('report.html'),
      /^cannot write .*: this is a folder; expected a file; going on without it$/,
    ],
    [
      'a folder for the next report',
      'report.html',
      () => folderFor('.report.html.new'),
      /^cannot write .*: this is a folder; expected a file; going on without it$/,
    ],
  ];

  it.each(cases)('goes on from %s with one warning, to the same bytes', async (_, name, damage, message) => {
    damage();
    const said: string[] = [];
    const result = await trainIn(run, { checkpointEvery: 1, keep: 2, say: (text) => said.push(text) });
    expect(result.outcome).toBe('finished');
    expect(said).toHaveLength(1);
    expect(said[0]).toContain(at(name));
    expect(said[0]).toMatch(message);
    expect(said[0]).not.toMatch(/[\p{Cc}\p{Bidi_Control}]/u);
    expect(checkpoints(run)).toEqual(checkpoints(straight));
    if (name === 'report.html') return;
    const page = readFileSync(at('report.html'), 'utf8').replace(script, '');
    expect(page).toContain('12 steps.');
    expect(page).not.toMatch(/NaN|undefined|Infinity/);
  });

  it('reads what was recorded once, not at every evaluation', async () => {
    const said: string[] = [];
    const say = (text: string) => said.push(text);
    // After the reading, nothing that happens to the file is noticed any more.
    const wiped = trainIn(run, { checkpointEvery: 1, keep: 2, say });
    writeFileSync(at('metrics.jsonl'), 'not a record\n');
    await wiped;
    expect(said).toEqual([]);
    expect(readFileSync(at('report.html'), 'utf8')).toContain('12 steps.');
  });

  it('has the report that reading its files gives', async () => {
    await trainIn(run, { checkpointEvery: 1, keep: 2 });
    const damage: string[] = [];
    const again = renderReport({ ...readRunData(run, (file) => damage.push(file)), baselines: [] });
    expect(readFileSync(at('report.html'), 'utf8').replace(/<meta http-equiv="refresh"[^>]*>\n/, '')).toBe(
      again,
    );
    expect(damage).toEqual([]);
  });
});

describe('what eval asks of a run', () => {
  const source = () => openSource({ run });
  const flags = { unknown: 'skip' } as const;

  it('names the description that cannot be read, and without one asks for the text', async () => {
    writeFileSync(at('run.json'), '{"data":');
    await expect(heldOutAndTraining(source(), flags)).rejects.toThrow(
      new Error(`${at('run.json')}: expected JSON, got "{\\"data\\":"`),
    );
    rmSync(at('run.json'));
    await expect(heldOutAndTraining(source(), flags)).rejects.toThrow(
      /does not say what it was trained on; .*--data FILE/,
    );
    expect(pictureFolder(source())).toBe(run);
  });
});

describe('a run at work', () => {
  it('has a report that loads itself anew; one that has stopped has not', () => {
    expect(readFileSync(join(stopped, 'report.html'), 'utf8')).not.toContain('http-equiv="refresh"');
    expect(readFileSync(join(straight, 'report.html'), 'utf8')).toContain('http-equiv="refresh"');
  });
});

describe('a folder with checkpoints', () => {
  it('is a run, also without a description', () => {
    rmSync(at('run.json'));
    const said: string[] = [];
    RunFolder.reopen(run, (text) => said.push(text)).release();
    expect(said).toEqual([`${at('run.json')} is missing; the report goes on without it`]);
    expect(existsSync(at('lock'))).toBe(false);
  });
});
