/** npm run eval as a user runs it: what each job prints, and what bad input does. */
import { cpSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { inkling, refuses } from '../support/command.ts';
import { root } from '../support/root.ts';
import { suiteFolder } from '../support/scratch.ts';

const golden = join(root, 'test/golden/gpt2-tiny');
const folder = suiteFolder();
const file = (name: string) => join(folder, name);

const evaluate = (...args: string[]) => inkling('eval', ...args);

// A run: the PyTorch model under best/, and a text it could have learned.
const run = file('run');
const sizes = ['--run', run, '--generate', '3', '--prompt-tokens', '5', '--tokens', '12'];
beforeAll(() => {
  cpSync(golden, join(run, 'best'), { recursive: true });
  // Nine tenths are one text over and over; what is held out is the same backwards, of which little is in the rest.
  const once = readFileSync(join(golden, 'text.txt'), 'utf8');
  writeFileSync(file('text.txt'), once.repeat(18) + [...once].reverse().join('').repeat(2));
  writeFileSync(join(run, 'run.json'), JSON.stringify({ data: file('text.txt') }));
  writeFileSync(
    file('hyp.txt'),
    "The dog bit the man.\nIt wasn't surprising.\nThe man had just bitten him.\n",
  );
  writeFileSync(file('ref1.txt'), 'The dog bit the man.\nIt was not unexpected.\nThe man bit him first.\n');
  writeFileSync(
    file('ref2.txt'),
    'The dog had bit the man.\r\nNo one was surprised.\r\nThe man had bitten the dog.',
  );
  writeFileSync(file('two.txt'), 'one\ntwo\n');
  writeFileSync(file('empty.txt'), '');
});

describe('npm run eval', () => {
  it('scores in the mode it is told and says so', async () => {
    const { code, out, err } = await evaluate('--run', run, '--mode', 'stride', '--stride', '3', '--json');
    expect({ code, err }).toEqual({ code: 0, err: '' });
    const score = JSON.parse(out);
    expect(Object.keys(score).slice(0, 4)).toEqual(['tokensScored', 'nll', 'perplexity', 'bitsPerChar']);
    const n = score.tokensScored;
    expect(score).toMatchObject({ mode: 'stride', stride: 3, contextLength: 16, characters: n, bytes: n });
  });

  it('--score prints a plain table when piped, and JSON that adds up', async () => {
    const text = readFileSync(join(golden, 'text.txt'), 'utf8').slice(0, 20);
    const [table, json] = await Promise.all([
      evaluate('--run', golden, '--score', text),
      evaluate('--run', golden, '--score', text, '--json'),
    ]);
    const lines = table.out.split('\n');
    expect(lines[0]).toMatch(/^token +nats +bits +rank$/);
    expect(lines[1]).toMatch(/ +- +- +unscored$/);
    expect(lines.slice(2, 21).every((line) => / +\d+\.\d{3} +\d+\.\d{3} +\d+$/.test(line))).toBe(true);
    expect(table.out).not.toContain('\x1b');
    const { tokens, ...totals } = JSON.parse(json.out);
    expect(totals.tokensScored).toBe(19);
    expect(tokens.map((token: { text: string }) => token.text).join('')).toBe(text);
    const sum = tokens.reduce((all: number, { nll }: { nll: number | null }) => all + (nll ?? 0), 0);
    expect(sum / 19).toBeCloseTo(totals.nll, 12);
  });

  it('--generate reports both sides, with seed 1 unless told otherwise', async () => {
    const [first, table] = await Promise.all([
      evaluate(...sizes, '--json'),
      evaluate(...sizes, '--temperature', '0.5', '--top-k', '4'),
    ]);
    expect(first).toMatchObject({ code: 0, err: '' });
    const report = JSON.parse(first.out);
    expect(report.settings).toEqual({
      ...{ count: 3, promptTokens: 5, newTokens: 12, temperature: 1, topK: 0, topP: 1, seed: 1 },
    });
    expect(report.continuations).toHaveLength(3);
    // Copies are looked for in the training part alone: in the whole text the true continuations would have all 12.
    expect(report.truth.longestOverlap).toBeGreaterThan(1);
    expect(report.truth.longestOverlap).toBeLessThan(6);
    expect(Object.keys(report.generated)).toEqual(Object.keys(report.truth));
    expect(table.out).toMatch(/top-k 4, seed 1, temperature 0.5, top-p 1\n/);
    expect(table.out).toMatch(new RegExp(`^longest copy +\\d+ +${report.truth.longestOverlap}$`, 'm'));
  });

  it('--sweep writes its picture into the run and its table to the screen', async () => {
    const { code, out, err } = await evaluate(
      ...sizes,
      '--sweep',
      '--temperature',
      '0.5,1',
      '--top-p',
      '0.9',
    );
    expect({ code, err }).toEqual({ code: 0, err: '' });
    expect(out).toMatch(/^0\.9 +0\.5 .*\n0\.9 +1 .*\ntrue text /m);
    expect(out).toContain(`drawn in ${join(run, 'sweep.svg')}`);
    expect(readFileSync(join(run, 'sweep.svg'), 'utf8')).toMatch(/^<svg [\s\S]*<\/svg>\n$/);
    expect(readdirSync(join(run, 'best'))).toEqual(readdirSync(golden));
  });

  it('--choices lets the model choose, as a table and as JSON', async () => {
    const text = readFileSync(file('text.txt'), 'utf8');
    const [first, second] = [text.slice(0, 6), text.slice(6, 10)];
    const line = (label: number) => JSON.stringify({ prompt: first, choices: [second, first], label });
    writeFileSync(file('tasks.jsonl'), `${line(0)}\n${line(1)}\n`);
    const args = ['--run', run, '--choices', file('tasks.jsonl')];
    const [json, table] = await Promise.all([evaluate(...args, '--json'), evaluate(...args)]);
    const report = JSON.parse(json.out);
    expect(report).toMatchObject({ questions: 2, chance: 0.5, raw: { right: 1, share: 0.5 } });
    expect(report.answers[0].logProbabilities).toEqual(report.answers[1].logProbabilities);
    expect(table.out).toMatch(
      /^2 questions\n\nthe likeliest +right +accuracy +95 % interval\nas it is +1 +50\.0 % +9\.5 % to 90\.5 %$/m,
    );
  });

  it('--hyp and --ref score text files without a model', async () => {
    const pair = ['--hyp', file('hyp.txt'), '--ref', file('ref1.txt'), '--ref', file('ref2.txt')];
    const json = await evaluate(...pair, '--json');
    const report = JSON.parse(json.out);
    expect(report.bleu.score).toBeCloseTo(48.530827, 6);
    expect(report.bleu.referenceLength).toBe(18);
    expect(report.rouge1.f).toBeCloseTo(0.638888888888889, 12);
    expect(report).toMatchObject({ segments: 3, rep2: 0, diversity: 1, distinct2: 1 });
  });
});

describe('bad input gives one line and an exit code', () => {
  const pair = (...refs: string[]) => [
    '--hyp',
    file('hyp.txt'),
    ...refs.flatMap((ref) => ['--ref', file(ref)]),
  ];
  const cases: [string, string[], number, RegExp][] = [
    ['unequal lines', pair('ref1.txt', 'two.txt'), 1, /two\.txt: expected 3 lines as in .*hyp\.txt, got 2/],
    ['an empty reference', pair('empty.txt'), 1, /empty\.txt is empty/],
    ['a missing reference', pair('no.txt'), 1, /cannot read .*no\.txt: no such file/],
    [
      'no question',
      ['--choices', file('two.txt'), '--run', run],
      1,
      /two\.txt line 1: expected a JSON object in one line, got "one"/,
    ],
    ['a flag of another job', [...pair('ref1.txt'), '--run', run], 2, /--run does not go with --hyp/],
  ];
  refuses(cases.map(([name, args, code, message]) => [name, ['eval', ...args], code, message]));
});
