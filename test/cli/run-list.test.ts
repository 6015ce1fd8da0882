import {
  appendFileSync,
  mkdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { listRuns, type RunSummary, runsTable } from '../../src/cli/runs/list.ts';
import { inkling } from '../support/command.ts';
import { copyOf, filesIn, records, trainIn } from '../support/runs.ts';
import { suiteFolder } from '../support/scratch.ts';

const scratch = suiteFolder();
const runs = join(scratch, 'runs');
const at = (...names: string[]) => join(runs, ...names);
const longName = 'a-name-that-goes-on-'.repeat(8);
let best = Number.NaN;

beforeAll(async () => {
  mkdirSync(runs);
  await trainIn(at('whole'), { checkpointEvery: 6, keep: 2 });
  writeFileSync(at('whole', 'run.json'), '{"tokenizer":"char"}');
  const evaluations = records(at('whole')).flatMap((r) => (r.kind === 'evaluation' ? [r] : []));
  best = Math.min(...evaluations.map((r) => r.nll));
  expect(evaluations.at(-1)!.nll).toBe(best); // so the last evaluation is of the best step, 12

  // Tokens of two characters, and then everything measured with the best model.
  const last = { ...evaluations.at(-1)!, bitsPerChar: evaluations.at(-1)!.nll / 2 / Math.LN2 };
  appendFileSync(join(copyOf(at('whole'), at('longer')), 'metrics.jsonl'), `${JSON.stringify(last)}\n`);
  const final = { ...last, kind: 'final', best: false, nll: 1, bitsPerChar: 0.5 / Math.LN2 };
  appendFileSync(join(copyOf(at('longer'), at('measured')), 'metrics.jsonl'), `${JSON.stringify(final)}\n`);
  const earlier = { ...final, step: 9 };
  appendFileSync(join(copyOf(at('longer'), at('earlier')), 'metrics.jsonl'), `${JSON.stringify(earlier)}\n`);

  copyOf(at('whole'), at('broken'));
  writeFileSync(at('broken', 'run.json'), '{"tok');
  truncateSync(at('broken', 'step-00000012', 'state.json'), 30);
  copyOf(at('whole'), at('unmeasured'));
  rmSync(at('unmeasured', 'metrics.jsonl'));
  copyOf(at('whole'), at('best only'));
  for (const name of ['step-00000006', 'step-00000012']) rmSync(at('best only', name), { recursive: true });
  mkdirSync(at('fresh'));
  writeFileSync(at('fresh', 'run.json'), '{"settings":{"steps":50}}');
  mkdirSync(at('odd\u001b[2J', 'metrics.jsonl'), { recursive: true });
  writeFileSync(at('odd\u001b[2J', 'run.json'), '[]');
  copyOf(at('whole'), at(longName));
  mkdirSync(at('no run', 'at all'), { recursive: true });
  writeFileSync(at('find-lr.html'), '');
});

const found = (name: string): RunSummary => listRuns(runs).find((run) => run.name === name)!;

describe('the list of runs', () => {
  it('has every run, be it damaged, and nothing else', () => {
    expect(
      listRuns(runs)
        .map(({ name }) => name)
        .sort(),
    ).toEqual(
      [
        'best only',
        'broken',
        'earlier',
        'fresh',
        'longer',
        'measured',
        'odd\u001b[2J',
        'unmeasured',
        'whole',
        longName,
      ].sort(),
    );
    expect(listRuns(at('whole')).map(({ name }) => name)).toEqual(['whole']);
    expect(listRuns(at('no run'))).toEqual([]);
    expect(() => listRuns(at('nowhere'))).toThrow(/^cannot read .*nowhere: no such folder$/);
  });

  it('says how far each has come, how good it is, and how large', () => {
    const size = Object.values(filesIn(at('whole'))).reduce((sum, bytes) => sum + bytes.length, 0);
    expect(found('whole')).toMatchObject({ step: 12, steps: 12, bytes: size, damaged: [] });
    expect(found('whole').loss).toBeCloseTo(best, 12);
    expect(found('fresh')).toMatchObject({ step: 0, steps: 50, loss: null, damaged: [] });
    expect(found('unmeasured')).toMatchObject({ step: 12, loss: best });
    expect(found('best only')).toMatchObject({ step: 12, steps: null });
    expect(found('best only').loss).toBeCloseTo(best, 12);
  });

  it('gives losses by character, over everything where the best was measured so', () => {
    expect(found('longer').loss).toBeCloseTo(best / 2, 12);
    expect(found('measured').loss).toBeCloseTo(0.5, 12);
    expect(found('earlier').loss).toBeCloseTo(best / 2, 12);
  });

  it('says what is wrong with damaged ones, and what can be read all the same', () => {
    expect(found('broken')).toMatchObject({
      step: 6,
      steps: 12,
      damaged: ['run.json: expected JSON, got "{\\"tok"', 'step-00000012/state.json: expected JSON'],
    });
    expect(found('odd\u001b[2J').damaged).toEqual(['run.json: expected a JSON object, got []']);
  });

  it('begins with the newest', () => {
    utimesSync(at('whole', 'metrics.jsonl'), 2_000_000_000, 2_000_000_000);
    expect(listRuns(runs)[0]?.name).toBe('whole');
    utimesSync(at('whole', 'metrics.jsonl'), 1, 1);
    expect(listRuns(runs).at(-1)?.name).toBe('whole');
  });

  it('fits 80 columns, and no name reaches the terminal raw', () => {
    const table = runsTable(listRuns(runs));
    expect(table).not.toMatch(/(?!\n)\p{Cc}/u);
    expect(table).toContain('odd\\u001b[2J');
    for (const line of table.split('\n')) expect(line.length, line).toBeLessThanOrEqual(80);
    expect(table).toMatch(/^run +steps +nats\/char +size +last at work\n/);
    expect(table).toMatch(/\na-name-that-goes-on-[a-z-]*\.\.\. +12\/12 /);
    expect(table).toContain('\nbroken: step-00000012/state.json: expected JSON');
  });

  it('finds the last measurement in a long file from its end', () => {
    const run = copyOf(at('longer'), at('..', 'long'));
    const line =
      '{"kind":"step","step":12,"loss":1,"learningRate":1,"gradNorm":1,"tokensPerSecond":1,"secondsLeft":1}\n';
    const before = readFileSync(join(run, 'metrics.jsonl'), 'utf8');
    writeFileSync(join(run, 'metrics.jsonl'), `not a record\n${before}${line.repeat(30_000)}`);
    expect(listRuns(run)[0]?.loss).toBeCloseTo(best / 2, 12);
  });
});

describe('npm run runs', () => {
  it('prints the list as JSON', async () => {
    const list = JSON.parse((await inkling('runs', at('fresh'), '--json')).out);
    expect(list).toMatchObject([
      { name: 'fresh', path: at('fresh'), step: 0, steps: 50, loss: null, bytes: 25 },
    ]);
    expect(list[0].changed).toMatch(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/);
  });
});
