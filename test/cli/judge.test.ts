/** npm run judge: as a user runs it, with answers from a pipe, and what a terminal hears and shows. */
import { execFile } from 'node:child_process';
import { cpSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { setImmediate } from 'node:timers/promises';
import { beforeAll, describe, expect, it } from 'vitest';
import { parse } from '../../src/cli/command/command.ts';
import { type Answers, pipedAnswers, terminalAnswers } from '../../src/cli/judge/answers.ts';
import { VerdictFile } from '../../src/cli/judge/file.ts';
import { checkMerge, type JudgeFlags, judgeFlags, sidesOf } from '../../src/cli/judge/flags.ts';
import { mergedTable, pairText } from '../../src/cli/judge/screen.ts';
import { readVerdicts, verdictHeader, verdictLine } from '../../src/evaluate/verdict-file.ts';
import type { Verdict } from '../../src/evaluate/verdicts.ts';
import { wilsonInterval } from '../../src/evaluate/wilson.ts';
import { inklings } from '../support/command.ts';
import { bin, root } from '../support/root.ts';
import { suiteFolder } from '../support/scratch.ts';

const folder = suiteFolder();
const file = (name: string) => join(folder, name);

const given = (...args: string[]) =>
  parse({ name: 'judge', summary: '', flags: judgeFlags, examples: [] }, args) as JudgeFlags;
const verdict = (pair: string, choice: Verdict['verdict'], a = 'x'): Verdict => ({
  ...{ pair, first: 'a', verdict: choice, a, b: 'real text' },
});

describe('npm run judge', () => {
  const run = file('nano');
  const sizes = ['--length', '60', '--prompt-length', '20', '--threads', '1', '--math', 'portable'];
  let calls = 0;
  /** The command with these answers on standard input. */
  function judge(args: readonly string[], answers = ''): Promise<{ code: number; out: string; err: string }> {
    const typed = file(`answers-${calls++}`);
    writeFileSync(typed, answers);
    return start(args, typed);
  }
  function start(args: readonly string[], input: string): ReturnType<typeof judge> {
    const words = ['-c', 'exec "$0" "$@" < "$INPUT"', process.execPath, bin, 'judge', ...args];
    return new Promise((resolve) => {
      execFile('sh', words, { cwd: root, env: { ...process.env, INPUT: input } }, (error, out, err) => {
        resolve({ code: typeof error?.code === 'number' ? error.code : 0, out, err });
      });
    });
  }
  beforeAll(() => {
    cpSync(join(root, 'test/golden/gpt2-tiny'), join(run, 'best'), { recursive: true });
    const text = readFileSync(join(root, 'data/stories.txt'), 'utf8').slice(0, 30_000);
    writeFileSync(file('text.txt'), text);
    writeFileSync(join(run, 'run.json'), JSON.stringify({ data: file('text.txt') }));
  });

  it('keeps each verdict, goes on with the next pair after a restart, and tells nothing before', async () => {
    const out = file('new/mine.csv');
    const args = ['--run', run, '--pairs', '6', '--out', out, ...sizes];
    const first = await judge(args, '1\n2\n0\n');
    expect(first.code).toBe(0);
    const kept = readVerdicts(readFileSync(out, 'utf8'), out);
    expect(kept).toHaveLength(3);
    const [a, b] = ['model nano, temperature 0.8, top-p 0.95', 'real text'];
    kept.forEach((row, i) => {
      expect([row.a, row.b]).toEqual([a, b]);
      const other = row.first === 'a' ? 'b' : 'a';
      expect(row.verdict).toBe([row.first, other, 'same'][i]);
    });
    // Between a pair and its answer stands nothing but the two texts and the question.
    const shown = first.out.split(/pair \d of 6\n/).slice(1);
    expect(shown).toHaveLength(4);
    for (const text of shown) {
      const before = text.slice(0, text.indexOf('Which is better'));
      expect(before).toMatch(/^ {2}\S[\s\S]*\n1\n[\s\S]*\n2\n[\s\S]*\n$/);
      expect(before).not.toMatch(/nano|model|real|temperature/);
    }
    expect(shown[0]).toContain(`You chose 1.\n  1 was ${kept[0]!.first === 'a' ? `A, ${a}` : `B, ${b}`}\n`);
    expect(first.out).toContain(`3 verdicts in ${out}`);

    const second = await judge([...args, '--json'], '1\n1\n1\n');
    const all = readVerdicts(readFileSync(out, 'utf8'), out);
    expect(new Set(all.map(({ pair }) => pair)).size).toBe(6);
    expect(all.slice(0, 3)).toEqual(kept);
    const record = JSON.parse(second.out);
    const k = all.filter((row) => row.verdict === 'a').length;
    expect(record).toMatchObject({ a, b, verdicts: { a: k, b: 5 - k, same: 1 }, file: out });
    expect(record.interval).toEqual(wilsonInterval(k, 5));
    expect(second.err).toContain('pair 4 of 6');

    const third = await judge(args, '1\n');
    expect(third.out).toContain('All pairs of this seed are judged');
    expect(readFileSync(out, 'utf8')).toBe(verdictHeader + all.map(verdictLine).join(''));
  });

  it('compares settings, shows the same pairs for the same seed, and keeps what was judged before a wrong answer', async () => {
    const args = ['--run', run, '--b-temperature', '1.5', '--seed', '3', ...sizes];
    const [one, two] = await Promise.all([
      judge([...args, '--out', file('one.csv')], '1\n'),
      judge([...args, '--out', file('two.csv')], '1\nx\n1\n'),
    ]);
    expect(two.out.startsWith(one.out.slice(0, one.out.indexOf('1 verdict in')).trimEnd())).toBe(true);
    expect(two.code).toBe(1);
    expect(two.err).toMatch(/^error: standard input, line 2: expected 1, 2, 0 or q, got "x"$/m);
    expect(readFileSync(file('two.csv'), 'utf8')).toBe(readFileSync(file('one.csv'), 'utf8'));
    const [row] = readVerdicts(readFileSync(file('one.csv'), 'utf8'), 'one');
    expect(row).toMatchObject({
      a: 'model nano, temperature 0.8, top-p 0.95',
      b: 'model nano, temperature 1.5, top-p 0.95',
    });
    expect(row!.pair).toMatch(/^3-[0-9a-f]{8}$/);
  });

  it('tells two runs of the same name apart by their paths', async () => {
    const other = file('other/nano');
    cpSync(run, other, { recursive: true });
    const args = ['--run', run, '--b-run', other, '--out', file('runs.csv'), '--pairs', '1', ...sizes];
    expect((await judge(args, '2\n')).code).toBe(0);
    const [row] = readVerdicts(readFileSync(file('runs.csv'), 'utf8'), 'runs');
    expect(row!.a).toBe(`model ${join(run, 'best')}, temperature 0.8, top-p 0.95`);
    expect(row!.b).toBe(`model ${join(other, 'best')}, temperature 0.8, top-p 0.95`);
  });

  it('stays inside one document, masks the ends of texts, and says what B has learned', async () => {
    const tales = file('tales');
    cpSync(run, tales, { recursive: true });
    const config = JSON.parse(readFileSync(join(tales, 'best/config.json'), 'utf8'));
    writeFileSync(join(tales, 'best/config.json'), JSON.stringify({ ...config, eos_token_id: 5 })); // the d, of which it writes most
    const data = file('documents.txt');
    const sentence = (i: number, part: string) => `Fig ${i} had a ${part} and a bag of beef. `;
    const document = (i: number) => ['bed', 'cage', 'bike', 'face'].map((part) => sentence(i, part)).join('');
    writeFileSync(data, Array.from({ length: 60 }, (_, i) => document(i)).join('\n\n\n'));
    const corpus = { data: [data], documents: 'blocks' };
    writeFileSync(join(tales, 'run.json'), JSON.stringify({ data, corpus }));
    const args = ['--run', tales, '--pairs', '4', ...sizes];
    const { out } = await judge([...args, '--out', file('documents.csv')], '1\n'.repeat(4));
    const rows = readVerdicts(readFileSync(file('documents.csv'), 'utf8'), 'documents');
    const shown = out.split(/pair \d of 4\n/).slice(1);
    expect(rows).toHaveLength(4);
    for (const [i, { first }] of rows.entries()) {
      const [prompt, one, two] = shown[i]!.split(/\n1\n|\n2\n|\nWhich is better/);
      const [model, real] = first === 'a' ? [one!, two!] : [two!, one!];
      expect(model).not.toContain('d');
      expect(model.trim().length).toBeGreaterThan(20);
      const numbers = Array.from(`${prompt}\n${real}`.matchAll(/Fig\s+(\d+)/g), ([, number]) => number);
      expect(new Set(numbers).size).toBe(1);
    }
    const plain = file('plain');
    cpSync(run, plain, { recursive: true });
    writeFileSync(join(plain, 'run.json'), JSON.stringify({ data }));
    const both = await judge([...args, '--b-run', plain, '--out', file('both.csv')], 'q\n');
    expect(both.err).toMatch(/B has an advantage: it has learned [34] of these 4 texts/);
  });

  it('sums up the files of several judges', async () => {
    writeFileSync(file('anna.csv'), verdictHeader + verdictLine(verdict('1', 'a')).repeat(30));
    const theirs = [verdict('2', 'b'), verdict('3', 'same'), verdict('4', 'a', 'y')];
    writeFileSync(file('max.csv'), verdictHeader + theirs.map(verdictLine).join(''));
    const both = [file('anna.csv'), file('max.csv')];
    const { out, code } = await judge(['--merge', ...both]);
    expect(code).toBe(0);
    expect(out).toMatch(/^A: x\nB: real text\n/);
    expect(out).toMatch(/anna\.csv +30 +0 +0 +100\.0 % +88\.6 % to 100\.0 %\n/);
    expect(out).toMatch(/max\.csv +0 +1 +1 +0\.0 %/);
    expect(out).toMatch(/together +30 +1 +1 +96\.8 % .*\n\nA is preferred in 30 of 31 .*\nA is better\.\n/);
    const records = JSON.parse((await judge(['--merge', '--json', ...both])).out);
    expect(records.map(({ a, verdicts }: { a: string; verdicts: object }) => [a, verdicts])).toEqual([
      ['x', { a: 30, b: 1, same: 1 }],
      ['y', { a: 1, b: 0, same: 0 }],
    ]);
  });

  const refusals: [string, string[], number, RegExp][] = [
    ['a damaged file', ['--merge', file('bad.csv')], 1, /bad\.csv holds no verdicts: expected pair,/],
    ['one that is given twice', ['--merge', file('a'), file('a')], 2, /a is given twice/],
    ['files without --merge', ['a.csv'], 2, /unexpected argument "a\.csv"; files are summed up with --merge/],
    ['equal sides', ['--run', run, '--b-temperature', '0.8'], 2, /A and B are both model nano, temp/],
    ['a file of something else', ['--run', run, '--out', file('bad.csv'), ...sizes], 1, /holds no verdicts/],
    [
      'too long texts',
      ['--run', run, '--length', '9999'],
      1,
      /too short for a pair: expected more than 14999/,
    ],
  ];
  it('refuses in one line what it cannot judge, and changes nothing', async () => {
    writeFileSync(file('bad.csv'), 'shopping list\n');
    const refused = await inklings(refusals.map(([, args]) => ['judge', ...args]));
    for (const [i, [name, , code, message]] of refusals.entries()) {
      const errors = refused[i]!.err.split('\n').filter((line) => line.startsWith('error: '));
      expect(errors, name).toEqual([expect.stringMatching(message)]);
      expect(refused[i]!.code, name).toBe(code);
    }
    expect(readFileSync(file('bad.csv'), 'utf8')).toBe('shopping list\n');
    expect(existsSync(join(root, 'runs/verdicts.csv'))).toBe(false);
  });

  it('says where nobody can answer', async () => {
    const { err } = await start(['--run', run, '--out', file('no.csv'), ...sizes], '/dev/null');
    expect(err).toMatch(/^error: nobody is there to judge: run this in a terminal, or pipe answers in/m);
  });
});

describe('the two sides', () => {
  it('are a model and real text, or models where B has a flag; what B leaves out is as in A', () => {
    const plain = { temperature: 0.8, topP: 0.95, topK: 0, minP: 0 };
    expect(sidesOf(given())).toEqual({ a: { run: undefined, settings: plain }, b: undefined });
    expect(sidesOf(given('--temperature', '0', '--run', 'r', '--b-top-k', '5'))).toEqual({
      a: { run: 'r', settings: { ...plain, temperature: 0 } },
      b: { run: 'r', settings: { ...plain, temperature: 0, topK: 5 } },
    });
    expect(sidesOf(given('--min-p', '0.1', '--b-run', 's', '--b-min-p', '0')).b).toEqual({
      run: 's',
      settings: plain,
    });
  });

  it('do not go with --merge, which needs files', () => {
    expect(() => checkMerge(given('--merge', '--seed', '1'), ['a'])).toThrow(
      '--seed does not go with --merge',
    );
    expect(() => checkMerge(given('--merge'), [])).toThrow('--merge needs files');
  });
});

describe('answers', () => {
  /** A terminal's input with what is typed before and after each question. */
  function terminal() {
    const stdin = Object.assign(new PassThrough(), {
      raw: false,
      setRawMode(this: { raw: boolean }, raw: boolean) {
        this.raw = raw;
        return this;
      },
    });
    return { stdin, answers: terminalAnswers(stdin as unknown as NodeJS.ReadStream) };
  }
  const typed = async (answers: Answers, stdin: PassThrough, text: string) => {
    const next = answers.next();
    await setImmediate();
    await setImmediate();
    stdin.write(text);
    return next;
  };

  it.each([
    ['1', 'first'],
    ['\x1b[D', 'first'],
    ['2', 'second'],
    ['\x1b[C', 'second'],
    ['0', 'same'],
    [' ', 'same'],
    ['q', 'end'],
    ['\x03', 'end'],
    ['\x04', 'end'],
    ['x7\r2', 'second'],
    ['12', 'first'],
  ])('are keys of a terminal: %j', async (text, answer) => {
    const { stdin, answers } = terminal();
    expect(stdin.raw).toBe(true);
    expect(await typed(answers, stdin, text)).toBe(answer);
    answers.close();
    expect(stdin.raw).toBe(false);
  });

  it('are not what was typed before a pair was there', async () => {
    const { stdin, answers } = terminal();
    expect(await typed(answers, stdin, '11')).toBe('first');
    const next = answers.next();
    stdin.write('1'); // lay in the terminal's buffer while the pair was written
    await setImmediate();
    await setImmediate();
    stdin.write('2');
    expect(await next).toBe('second');
    answers.close();
  });

  it('end where a terminal is closed', async () => {
    const { stdin, answers } = terminal();
    const next = answers.next();
    await setImmediate();
    stdin.end();
    expect(await next).toBe('end');
  });

  it('are lines of a pipe, until its end', async () => {
    const stdin = new PassThrough();
    const answers = pipedAnswers(stdin);
    stdin.end('1\r\nright\n same \nconstructor\n');
    expect([await answers.next(), await answers.next(), await answers.next()]).toEqual([
      'first',
      'second',
      'same',
    ]);
    await expect(answers.next()).rejects.toThrow('line 4: expected 1, 2, 0 or q, got "constructor"');
    expect(await answers.next()).toBe('end');
  });
});

describe('what a terminal shows', () => {
  const screen = { isTTY: true, columns: 40 } as NodeJS.WriteStream;
  const obeyed = (text: string) => [...text].filter((c) => (c < ' ' && c !== '\n') || c === '\u202e');
  const bad = 'red \x1b[31m alert \x1b]0;title\x07 \u202e';

  it('never obeys a text, and breaks lines between words', () => {
    const pair = { id: '1', first: 'a', prompt: bad, texts: ['word '.repeat(20), bad] } as const;
    const plain = pairText(pair, { number: 1, of: 2 }, screen).replaceAll(/\p{Cc}\[(1|2|22)m/gu, '');
    expect(obeyed(plain)).toEqual([]);
    expect(plain).toContain('\\u001b]0;title\\u0007 \\u202e');
    for (const line of plain.split('\n')) expect(line.length).toBeLessThan(60);
    expect(plain).toContain(`  ${'word '.repeat(7).trimEnd()}\n`);
  });

  it('keeps names in a merged table on their lines', () => {
    const group = [verdict('1', 'a', bad)];
    expect(obeyed(mergedTable(group, [{ path: bad, verdicts: group }]))).toEqual([]);
  });
});

describe('the file of verdicts', () => {
  it('only grows, also where an editor has left out the last line break', () => {
    const path = file('grows.csv');
    const opened = new VerdictFile(path);
    expect(readFileSync(path, 'utf8')).toBe(verdictHeader);
    opened.add(verdict('1', 'a'));
    writeFileSync(path, readFileSync(path, 'utf8').trimEnd());
    const again = new VerdictFile(path);
    again.add(verdict('2', 'b'));
    opened.add(verdict('3', 'same')); // another judge at the same file loses nothing either
    const rows = readVerdicts(readFileSync(path, 'utf8'), path);
    expect(rows.map(({ pair }) => pair)).toEqual(['1', '2', '3']);
    expect(again.verdicts).toEqual(rows.slice(0, 2));
  });

  it('is refused where it cannot be written, before anything is judged', () => {
    expect(() => new VerdictFile(folder)).toThrow(/cannot read .*: this is a folder; expected a file/);
    expect(() => new VerdictFile(file('grows.csv/x.csv'))).toThrow(/cannot make the folder/);
  });
});
