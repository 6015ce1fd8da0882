import { describe, expect, it } from 'vitest';
import { type Command, parse, rules, UsageError } from '../../src/node/command.ts';
import { helpText } from '../../src/node/help.ts';

const command = {
  name: 'demo',
  summary: 'Shows flags.',
  flags: {
    steps: { kind: 'integer', value: 'N', rule: rules.positive, help: 'how many' },
    lr: { kind: 'number', value: 'X', rule: rules.positive, help: 'how fast' },
    dropout: { kind: 'number', value: 'X', rule: rules.belowOne, help: 'how much' },
    mode: { kind: 'choice', choices: ['shift', 'slide'], value: 'M', help: 'which\nof two' },
    data: { kind: 'text', value: 'FILE', help: 'where' },
    ref: { kind: 'text', value: 'FILE', multiple: true, help: 'which, several times' },
    json: { kind: 'switch', help: 'machine' },
  },
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
    [['--Data', 'x'], 'unknown flag --Data; did you mean --data? (--help lists all)'],
    [['-s'], 'unknown flag -s; did you mean --lr? (--help lists all)'],
    [['20'], 'unexpected argument "20"; see --help'],
    [['--steps'], '--steps needs a value: --steps N'],
    [['--steps', '0'], '--steps must be an integer and must be positive, got "0"'],
    [['--steps', '-5'], '--steps must be an integer and must be positive, got "-5"'],
    [['--steps', '2.5'], '--steps must be an integer and must be positive, got "2.5"'],
    [['--steps', 'NaN'], '--steps must be an integer and must be positive, got "NaN"'],
    [['--steps', '0x10'], '--steps must be an integer and must be positive, got "0x10"'],
    [['--steps', ''], '--steps must be an integer and must be positive, got ""'],
    [['--lr', '-1'], '--lr must be positive, got "-1"'],
    [['--lr', '-Infinity'], '--lr must be positive, got "-Infinity"'],
    [['--lr', '1e999'], '--lr must be positive, got "1e999"'],
    [['--dropout', '1'], '--dropout must be at least 0 and below 1, got "1"'],
    [['--mode', 'slid'], '--mode must be one of shift, slide, got "slid"; did you mean slide?'],
    [['--mode', 'something-else'], '--mode must be one of shift, slide, got "something-else"'],
    [['--json=yes'], '--json takes no value, got "yes"'],
    [['--steps', '1', '--steps', '2'], '--steps is given twice'],
  ])('%j: %s', (args, message) => {
    expect(() => parse(command, args)).toThrow(new UsageError(message));
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
    expect(helpText(withRuns).split('\n')[0]).toBe('npm run demo -- RUN RUN ... [flags]');
  });
});

describe('helpText', () => {
  it('lists every flag with its value and its help in one column', () => {
    const lines = helpText(command).split('\n');
    expect(lines[0]).toBe('npm run demo -- [flags]');
    expect(lines).toContain('  --steps N    how many');
    expect(lines).toContain('  --mode M     which');
    expect(lines).toContain('               of two');
    expect(lines).toContain('  --json       machine');
    expect(lines.at(-1)).toBe('  npm run demo');
  });

  it('ends with the notes', () => {
    expect(helpText({ ...command, notes: 'By the way' })).toMatch(/npm run demo\n\nBy the way$/);
  });

  it('puts a heading before the flag that begins a section', () => {
    const flags = { ...command.flags, json: { ...command.flags.json, section: 'For machines' } };
    expect(helpText({ ...command, flags })).toContain('\n\nFor machines\n  --json       machine\n');
  });
});
