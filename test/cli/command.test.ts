import { describe, expect, it, vi } from 'vitest';
import { printError } from '../../src/cli/command/command.ts';
import { evalAnswers, sampleAnswers, trainAnswers } from '../../src/cli/command/field-names.ts';
import {
  type Command,
  type Flag,
  type Flags,
  parse,
  rules,
  UsageError,
} from '../../src/cli/command/flags.ts';
import { helpText } from '../../src/cli/command/help.ts';
import { evalFlags } from '../../src/cli/eval/flags.ts';
import { sampleFlags } from '../../src/cli/sample/flags.ts';
import { trainFlags } from '../../src/cli/train/flags.ts';

const command = {
  name: 'demo',
  summary: 'Shows flags.',
  flags: {
    steps: {
      kind: 'integer',
      value: 'N',
      rule: rules.positive,
      help: 'how many',
      aliases: ['max-iters', 'n'],
    },
    threads: { kind: 'integer', value: 'N', rule: rules.positive, most: 256, help: 'at once' },
    lr: { kind: 'number', value: 'X', rule: rules.positive, help: 'how fast' },
    dropout: { kind: 'number', value: 'X', rule: rules.belowOne, help: 'how much' },
    mode: { kind: 'choice', choices: ['shift', 'slide'], value: 'M', help: 'which\nof two' },
    data: { kind: 'text', value: 'FILE', help: 'where' },
    ref: { kind: 'text', value: 'FILE', multiple: true, help: 'which, several times' },
    json: { kind: 'switch', help: 'machine' },
  },
  answers: { device: 'only the CPU computes' },
  examples: ['npm run demo'],
} as const satisfies Command<Record<string, never>> | object;

describe('parse', () => {
  it('gives numbers, texts and switches, and only what was there', () => {
    const values = parse(command, [
      '--steps',
      '20',
      '--lr=1e-3',
      '--json',
      '--data',
      'a b.txt',
      '--mode',
      'slide',
    ]);
    expect(values).toEqual({ steps: 20, lr: 1e-3, json: true, data: 'a b.txt', mode: 'slide' });
    expect(parse(command, [])).toEqual({});
  });

  it('gives a list for a flag that may be repeated, in order, also for a single one', () => {
    expect(parse(command, ['--ref', 'a', '--steps', '1', '--ref=b'])).toEqual({ steps: 1, ref: ['a', 'b'] });
    expect(parse(command, ['--ref', 'a'])).toEqual({ ref: ['a'] });
  });

  it.each([
    [['--step', '3'], 'unknown flag --step; did you mean --steps? (--help lists all)'],
    [['--setps', '3'], 'unknown flag --setps; did you mean --steps? (--help lists all)'],
    [['--max-iter', '3'], 'unknown flag --max-iter; did you mean --steps? (--help lists all)'],
    [['--Data', 'x'], 'unknown flag --Data; did you mean --data? (--help lists all)'],
    [['-s'], 'unknown flag -s; see --help'],
    [['--overwrite'], 'unknown flag --overwrite; see --help'],
    [['--constructor'], 'unknown flag --constructor; see --help'],
    [['--device', 'cuda'], 'unknown flag --device; only the CPU computes'],
    [['20'], 'unexpected argument "20"; see --help'],
    [
      ['--ref', 'a.txt', 'b.txt'],
      'unexpected argument "b.txt"; --ref takes one at a time: repeat it before each',
    ],
    [['--steps'], '--steps needs a value: --steps N'],
    [['--steps', '--json'], '--steps needs a value: --steps N'],
    [['--steps', '0'], '--steps must be a whole number above 0, got "0"'],
    [['--steps', '-5'], '--steps must be a whole number above 0, got "-5"'],
    [['--steps', '2.5'], '--steps must be a whole number above 0, got "2.5"'],
    [['--steps', 'NaN'], '--steps must be a whole number above 0; "NaN" is not a number'],
    [['--steps', '0x10'], '--steps must be a whole number above 0; "0x10" is not a number'],
    [['--steps', ''], '--steps must be a whole number above 0; "" is not a number'],
    [['--steps', '1e99'], '--steps must be at most 9007199254740991, got "1e99"'],
    [['--threads', '257'], '--threads must be at most 256, got "257"'],
    [['--max-iters', '0'], '--max-iters (--steps) must be a whole number above 0, got "0"'],
    [['-n', '-1'], '-n (--steps) must be a whole number above 0, got "-1"'],
    [['--lr', '-1'], '--lr must be a number above 0, got "-1"'],
    [['--lr', '1e-3x'], '--lr must be a number above 0; "1e-3x" is not a number'],
    [['--lr', '-Infinity'], '--lr must be a number above 0; "-Infinity" is not a number'],
    [['--lr', '1e999'], '--lr must be at most 1.7976931348623157e+308, got "1e999"'],
    [['--dropout', '1'], '--dropout must be a number of at least 0 and below 1, got "1"'],
    [['--mode', 'slid'], '--mode must be one of shift, slide, got "slid"; did you mean slide?'],
    [['--mode', 'foo'], '--mode must be one of shift, slide, got "foo"'],
    [['--json=yes'], '--json takes no value, got "yes"'],
    [['--steps', '1', '--steps', '2'], '--steps is given twice'],
    [['--steps', '1', '--max-iters', '2'], '--max-iters (--steps) is given twice'],
  ])('%j: %s', (args, message) => {
    expect(() => parse(command, args)).toThrow(new UsageError(message));
  });

  it.each([
    [['--max-iters', '5'], { steps: 5 }],
    [['--max_iters=5'], { steps: 5 }],
    [['-n', '5'], { steps: 5 }],
    [['-steps', '5'], { steps: 5 }],
    [['--data', '- an item'], { data: '- an item' }],
    [['--data', '---'], { data: '---' }],
    [['--data', '-x_y'], { data: '-x_y' }],
    [['--data', '--x_y=1'], { data: '--x_y=1' }],
    [['--data=--x_y'], { data: '--x_y' }],
    [['--data', '-'], { data: '-' }],
  ])('%j means %j', (args, values) => {
    expect(parse(command, args)).toEqual(values);
  });

  it.each([[['--help']], [['-h']], [['--steps', '3', '--help']]])('%j asks for help', (args) => {
    expect(parse(command, args)).toBe('help');
  });
});

describe('positionals', () => {
  const withRuns = { ...command, positionals: 'RUN RUN ...' };

  it('are collected in order where the command takes them', () => {
    const runs: string[] = [];
    expect(parse(withRuns, ['a', '--steps', '2', 'b'], runs)).toEqual({ steps: 2 });
    expect(runs).toEqual(['a', 'b']);
    expect(helpText(withRuns).split('\n').slice(0, 2)).toEqual([
      'npm run demo -- RUN RUN ... [flags]',
      'npx inkling demo RUN RUN ... [flags]',
    ]);
  });
});

describe('helpText', () => {
  it('lists every flag with its value and its help in one column', () => {
    const lines = helpText(command).split('\n');
    expect(lines.slice(0, 4)).toEqual([
      'npm run demo -- [flags]',
      'npx inkling demo [flags]',
      '',
      'Shows flags.',
    ]);
    expect(lines).toContain('  --steps N    how many');
    expect(lines).toContain('  --mode M     which of two');
    expect(lines).toContain('  --json       machine');
    expect(lines).toContain('  --help       this text');
    expect(lines.at(-1)).toBe('  npm run demo');
  });

  it('has a column for --help alone', () => {
    expect(helpText({ ...command, flags: {} })).toContain('\n  --help  this text\n');
  });

  it('ends with the notes', () => {
    expect(helpText({ ...command, notes: 'By the way' })).toMatch(/npm run demo\n\nBy the way$/);
  });

  it('begins with what is to be typed', () => {
    expect(helpText({ ...command, start: 'node demo.ts' })).toMatch(/^node demo\.ts \[flags\]\n\nShows/);
  });

  it('puts a heading before the flag that begins a section', () => {
    const flags = { ...command.flags, json: { ...command.flags.json, section: 'For machines' } };
    expect(helpText({ ...command, flags })).toContain('\n\nFor machines\n  --json       machine\n');
  });

  it('breaks long lines between words, and gives a long flag a line of its own', () => {
    const name = 'a-flag-with-a-very-long-name';
    const help = 'word '.repeat(15).trim();
    const text = helpText({ ...command, flags: { [name]: { kind: 'switch', help } } });
    const lines = text.split('\n');
    const at = lines.indexOf(`  --${name}`);
    const column = ' '.repeat(26);
    expect(lines.slice(at + 1, at + 3)).toEqual([
      `${column}${'word '.repeat(10)}word`,
      `${column}word word word word`,
    ]);
  });
});

describe('the flags of each command', () => {
  const commands = { train: trainFlags, sample: sampleFlags, eval: evalFlags };
  const answers = { train: trainAnswers, sample: sampleAnswers, eval: evalAnswers };
  const of = (name: keyof typeof commands, args: string[]) =>
    parse({ ...command, flags: commands[name] as Flags, answers: answers[name] }, args);

  it.each(Object.keys(commands) as (keyof typeof commands)[])('%s: no name stands for two', (name) => {
    const names = Object.entries<Flag>(commands[name]).flatMap(([flag, { aliases = [] }]) => [
      flag,
      ...aliases,
    ]);
    expect(names.filter((alias, i) => names.indexOf(alias) !== i)).toEqual([]);
    expect(Object.keys(answers[name]).filter((alias) => names.includes(alias))).toEqual([]);
  });

  it.each([
    [
      'train --learning-rate 0.001 --max-iters 5 --block-size 64 --n_layer 2',
      { lr: 0.001, steps: 5, context: 64, layers: 2 },
    ],
    [
      'train --gradient_accumulation_steps=2 --grad-clip 1 --eval_interval 9',
      { accumulate: 2, clip: 1, 'eval-every': 9 },
    ],
    ['train --num_train_epochs 2.5 --output_dir runs/x', { epochs: 2.5, out: 'runs/x' }],
    ['sample --max-new-tokens 20 --temp 0.5 --model x', { tokens: 20, temperature: 0.5, run: 'x' }],
    ['sample -n 20 -p Wren -s 4', { tokens: 20, prompt: ['Wren'], seed: 4 }],
    ['sample --n-predict 3 --repeat-penalty 1.1', { tokens: 3, 'repetition-penalty': 1.1 }],
    ['eval --model x --max_new_tokens 9 --generate 2', { run: 'x', tokens: 9, generate: 2 }],
  ] as const)('%s', (line, values) => {
    const [name, ...args] = line.split(' ');
    expect(of(name as 'train', args)).toEqual(values);
  });

  it.each([
    ['train --device cuda', /--device; Inkling computes on the CPU/],
    ['train --config f', /--config; --preset NAME/],
    ['train --early-stopping 5', /--early-stopping; --patience N/],
    ['train --preset foo', /got "foo"$/],
    ['eval --split foo', /got "foo"$/],
    ['train --threads 1000', /at most 256/],
    ['train --layers 1e99', /at most 10000/],
    ['train --batch-size 1e99', /at most 1000000/],
    ['train --accumulate 1e99', /at most 1000000/],
    ['train --minutes 1e99', /at most 1000000/],
    ['sample --samples 1e12', /at most 1000000/],
    ['sample --beam 1e99', /at most 1000000/],
    ['sample --tokens 1e99', /at most 9007199254740991/],
  ])('%s: %s', (line, message) => {
    const [name, ...args] = line.split(' ');
    expect(() => of(name as 'train', args)).toThrow(message);
  });
});

describe('printError', () => {
  it.each([
    [new UsageError('--x is wrong'), 2, 'error: --x is wrong'],
    [new Error('two\nlines\u001b[2J'), 1, 'error: two\\nlines\\u001b[2J'],
    [
      new RangeError('Invalid typed array length: 1e99'),
      1,
      'error: out of memory (Invalid typed array length: 1e99); choose smaller sizes',
    ],
    [
      new RangeError('Array buffer allocation failed'),
      1,
      'error: out of memory (Array buffer allocation failed); choose smaller sizes',
    ],
    [new RangeError('heads must divide channels'), 1, 'error: heads must divide channels'],
  ])('%s', (error, code, line) => {
    const before = process.exitCode;
    const written = vi.spyOn(console, 'error').mockImplementation(() => {});
    try {
      printError(error);
      expect(written.mock.calls).toEqual([[line]]);
      expect(process.exitCode).toBe(code);
    } finally {
      process.exitCode = before;
      written.mockRestore();
    }
  });
});
