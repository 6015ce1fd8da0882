import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Command, Flags } from '../../src/cli/command/flags.ts';
import { takenByNpm } from '../../src/cli/command/npm.ts';
import { sampleFlags } from '../../src/cli/sample/flags.ts';
import { trainFlags } from '../../src/cli/train/flags.ts';
import { suiteFolder } from '../support/scratch.ts';

const folder = suiteFolder();

const commands: Record<string, Command<Flags>> = {
  train: { name: 'train', summary: '', flags: trainFlags, examples: [] },
  sample: { name: 'sample', summary: '', flags: sampleFlags, examples: [] },
  compare: {
    ...{ name: 'compare', summary: '', examples: [], positionals: 'RUN RUN ...' },
    flags: { out: { kind: 'text', value: 'FILE', help: '' } },
  },
};

/** What npm 11 leaves: the arguments, and its settings. */
function taken(
  name: string,
  args: string[],
  settings: Record<string, string>,
  more: Record<string, string> = {},
) {
  const env = {
    npm_lifecycle_event: name,
    npm_config_user_agent: 'npm/11.19.1 node/v20.20.2 linux x64 workspaces/false',
    npm_config_local_prefix: folder,
    ...Object.fromEntries(Object.entries(settings).map(([key, value]) => [`npm_config_${key}`, value])),
    ...more,
  };
  return takenByNpm(commands[name]!, args, env);
}

describe('a forgotten --', () => {
  it.each([
    ['train', '--steps 100', ['100'], { steps: 'true' }, '--steps', '--steps 100'],
    ['train', '--steps=100', [], { steps: '100' }, '--steps', '--steps 100'],
    ['train', '--steps=1e99', [], { steps: '1e99' }, '--steps', '--steps 1e99'],
    ['train', '--arch=gpt2', [], { arch: 'gpt2' }, '--arch', '--arch gpt2'],
    ['train', '--plan', [], { parseable: 'true', long: 'true', all: 'true' }, '--plan', '--plan'],
    ['train', '--quiet', [], { loglevel: 'warn' }, '--quiet', '--quiet'],
    ['train', '--find-lr', [], { find_lr: 'true' }, '--find-lr', '--find-lr'],
    ['train', '--max_iters=5', [], { max_iters: '5' }, '--max-iters', '--max-iters 5'],
    [
      'train',
      '--lr 1 --steps 5',
      ['1', '5'],
      { lr: 'true', steps: 'true' },
      '--steps, --lr',
      '--steps N --lr X',
    ],
    ['train', '--steps 5 -- --lr 1', ['5', '--lr', '1'], { steps: 'true' }, '--steps', '--steps 5 --lr 1'],
    ['train', '--plan -- --lr 1', ['--lr', '1'], { parseable: 'true' }, '--plan', '--plan --lr 1'],
    ['train', '--data "my text.txt"', ['my text.txt'], { data: 'true' }, '--data', "--data 'my text.txt'"],
    ['sample', '--json', [], { json: 'true' }, '--json', '--json'],
    ['sample', '--prompt="It\'s"', [], { prompt: "It's" }, '--prompt', "--prompt 'It'\\''s'"],
    [
      'sample',
      '--no-repeat-ngram 5',
      ['5'],
      { repeat_ngram: '' },
      '--no-repeat-ngram',
      '--no-repeat-ngram 5',
    ],
    ['sample', '-p Wren', ['Wren'], { parseable: 'true' }, '-p', '-p Wren'],
    ['sample', '-m runs/x', [], { message: 'runs/x' }, '-m', '-m runs/x'],
    ['compare', 'a b --out c', ['a', 'b', 'c'], { out: 'true' }, '--out', 'RUN RUN ... --out FILE'],
  ] as const)('npm run %s %s', (name, _, args, settings, names, words) => {
    expect(taken(name, [...args], settings)).toBe(
      `npm took ${names} for itself; write: npm run ${name} -- ${words}`,
    );
  });

  it('is thought of where a value is left over', () => {
    expect(taken('sample', ['20'], {})).toBe(
      'unexpected argument "20"; flags go behind a --, or npm takes them: npm run sample -- [flags]',
    );
  });
});

describe('nothing is stopped', () => {
  it.each([
    ['train', 'no flags', [], {}],
    ['train', 'flags behind the --', ['--steps', '5'], {}],
    ['train', "npm's own --quiet", ['--steps', '5'], { loglevel: 'warn' }],
    ['sample', "npm's own --silent", ['--json'], { loglevel: 'silent' }],
    ['compare', 'what stands without a flag', ['a', 'b'], {}],
    ['train', "a setting of npm's for other programs", [], { arch: 'x64' }],
    ['train', 'a switch that is off', [], { dry_run: '' }],
  ] as const)('of npm run %s with %s', (name, _, args, settings) => {
    expect(taken(name, [...args], settings)).toBeUndefined();
  });

  it('that a person has set in .npmrc', () => {
    writeFileSync(join(folder, '.npmrc'), 'fund = false\njson=true\n find-lr = true\n');
    expect(taken('sample', [], { json: 'true' })).toBeUndefined();
    expect(taken('train', [], { find_lr: 'true' })).toBeUndefined();
    expect(taken('train', [], { steps: '5' })).toMatch(/^npm took --steps/);
    const user = join(folder, 'userconfig');
    writeFileSync(user, 'steps=5\n');
    expect(taken('train', [], { steps: '5', userconfig: user })).toBeUndefined();
  });

  it('outside of npm run, and under other package managers, which hand flags over', () => {
    expect(taken('train', [], { steps: '5' }, { npm_lifecycle_event: 'npx' })).toBeUndefined();
    expect(taken('train', [], { steps: '5', user_agent: 'pnpm/10.0.0 node/v24' })).toBeUndefined();
    expect(takenByNpm(commands['train']!, ['5'], {})).toBeUndefined();
  });
});
