/** The commands as a user runs them: what they print, how they exit, and what bad input does. */
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { version } from '../../src/cli/command/command.ts';
import { inklings, node, refuses, inkling as run } from '../support/command.ts';
import { root, stripsTypes } from '../support/root.ts';
import type { Exit } from '../support/runs.ts';
import { suiteFolder } from '../support/scratch.ts';

const folder = suiteFolder();

const text = join(folder, 'text.txt');
const small = ['--layers', '1', '--channels', '8', '--heads', '2', '--context', '8', '--batch-size', '2'];
const trained = join(folder, 'trained');
const story = 'the cat sat on the mat. the dog sat on the log. ';

const trainOnce = (out: string) =>
  run('train', '--data', text, '--out', out, ...'--steps 8 --eval-every 4 --seed 3'.split(' '), ...small);

beforeAll(async () => {
  writeFileSync(text, story.repeat(12));
  const result = await trainOnce(trained);
  expect(result.err).toBe('');
  expect(result.code).toBe(0);
});

describe('npm run train', () => {
  it('leaves the best and the last checkpoint and a record of every step and evaluation', () => {
    const model = ['checksums.txt', 'config.json', 'model.safetensors', 'tokenizer.json'];
    const state = [
      'checksums.txt',
      'config.json',
      'model.safetensors',
      'optimizer.safetensors',
      'state.json',
    ];
    expect(readdirSync(trained)).toEqual([
      'baselines.json',
      'best',
      'metrics.jsonl',
      'report.html',
      'run.json',
      'step-00000004',
      'step-00000008',
    ]);
    expect(readdirSync(join(trained, 'best'))).toEqual(model);
    // It is over: its report does not load itself anew any more.
    expect(readFileSync(join(trained, 'report.html'), 'utf8')).not.toContain('http-equiv="refresh"');
    for (const step of [4, 8]) {
      expect(readdirSync(join(trained, `step-0000000${step}`))).toEqual([...state, 'tokenizer.json']);
    }
    const records = readFileSync(join(trained, 'metrics.jsonl'), 'utf8')
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    const steps = records.filter(({ kind }) => kind === 'step');
    expect(steps.map(({ step }) => step)).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
    for (const record of steps) {
      for (const key of ['loss', 'learningRate', 'gradNorm', 'tokensPerSecond']) {
        expect(record[key], key).toBeGreaterThanOrEqual(0);
      }
      expect(record.secondsLeft).toBeNull(); // eight steps are too few to know
    }
    expect(records.filter(({ kind }) => kind === 'evaluation').map(({ step }) => step)).toEqual([4, 8]);
    const final = records.find(({ kind }) => kind === 'final');
    expect(final).toMatchObject({ kind: 'final', step: 8, tokensScored: 57 });
    expect(final.perplexity).toBeCloseTo(Math.exp(final.nll), 10);
    expect(final.bitsPerChar).toBeCloseTo(final.nll / Math.LN2, 10);
  });

  it('gives the same bytes for the same seed, and starts from another run with --init', async () => {
    const again = join(folder, 'again');
    await trainOnce(again);
    const weights = (path: string) => readFileSync(join(path, 'step-00000008', 'model.safetensors'));
    expect(weights(again).equals(weights(trained))).toBe(true);
    // A learning rate of 1e-30 moves nothing in float32: what comes out is what --init read, the best checkpoint.
    const more = join(folder, 'more');
    const init = [
      '--init',
      again,
      '--steps',
      '1',
      '--lr',
      '1e-30',
      '--batch-size',
      '2',
      '--optimizer',
      'adamw',
    ];
    const result = await run('train', '--data', text, '--out', more, ...init);
    expect(result).toMatchObject({ code: 0, err: '' });
    const best = (path: string) => readFileSync(join(path, 'best', 'model.safetensors'));
    expect(best(more).equals(best(again))).toBe(true);
  });
});

describe('npm run sample', () => {
  const sample = (...args: string[]) => run('sample', '--run', trained, '--tokens', '20', ...args);

  it('prints the prompt and its continuation, the same for the same seed', async () => {
    const [first, second, third] = await Promise.all([
      sample('--prompt', 'the ', '--seed', '1'),
      sample('--prompt', 'the ', '--seed', '1'),
      sample('--prompt', 'the ', '--seed', '2'),
    ]);
    expect(first.code).toBe(0);
    expect(first.err).toMatch(
      /^.*\/best, step \d+, \d\.\d{3} nats per token\n20 tokens, [\d,]+ tokens\/s\n$/,
    );
    expect(first.out).toMatch(/^the .{20}\n$/s);
    expect(second.out).toBe(first.out);
    expect(third.out).not.toBe(first.out);
  });

  it('prints a JSON object a line for each sample, of which row i is stream i', async () => {
    const { out } = await sample('--prompt', 'the ', '--seed', '1', '--samples', '3', '--json');
    const rows = out
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(rows.map(({ stream }) => stream)).toEqual([0, 1, 2]);
    for (const row of rows) {
      expect(Object.keys(row).slice(0, 6)).toEqual([
        'prompt',
        'text',
        'tokens',
        'finishReason',
        'seed',
        'stream',
      ]);
      expect(row).toMatchObject({ prompt: 'the ', finishReason: 'max-tokens', seed: 1 });
      expect(row.tokens.length).toBe(20);
    }
    const plain = await sample('--prompt', 'the ', '--seed', '1');
    expect(plain.out).toBe(`the ${rows[0].text}\n`);
  });

  it('prints the seed it picked', async () => {
    const first = await sample('--prompt', 'the ');
    const seed = /^seed (\d+)$/m.exec(first.err)![1]!;
    expect((await sample('--prompt', 'the ', '--seed', seed)).out).toBe(first.out);
  });

  it('leaves unknown characters out when told so, and reads a prompt with CRLF from a file', async () => {
    const file = join(folder, 'prompt.txt');
    writeFileSync(file, 'the\u{1F600} ');
    const skipped = await sample('--prompt-file', file, '--unknown', 'skip', '--seed', '1', '--json');
    const plain = await sample('--prompt', 'the ', '--seed', '1', '--json');
    expect(JSON.parse(skipped.out).tokens).toEqual(JSON.parse(plain.out).tokens);
  });
});

describe('npm run eval', () => {
  it('scores the held-out part of the run, as training did at its end', async () => {
    const { out } = await run('eval', '--run', trained, '--json');
    const lines = readFileSync(join(trained, 'metrics.jsonl'), 'utf8').trim().split('\n');
    const final = lines.map((line) => JSON.parse(line)).find(({ kind }) => kind === 'final');
    const { tokensScored, nll, perplexity, bitsPerChar } = JSON.parse(out);
    expect({ tokensScored, nll, perplexity, bitsPerChar }).toEqual({
      tokensScored: final.tokensScored,
      nll: final.nll,
      perplexity: final.perplexity,
      bitsPerChar: final.bitsPerChar,
    });
  });

  it('scores the PyTorch folder to five digits of its perplexity', async () => {
    const golden = join(root, 'test/golden/gpt2-tiny');
    const { out } = await run('eval', '--run', golden, '--data', join(golden, 'text.txt'), '--json');
    expect(JSON.parse(out).tokensScored).toBe(84);
    expect(JSON.parse(out).perplexity).toBeCloseTo(18.326446, 3);
  });

  it('scores parts: train and val add up to all but the token between them', async () => {
    const parts = await Promise.all(
      ['all', 'train', 'val'].map((split) =>
        run('eval', '--run', trained, '--data', text, '--split', split, '--json'),
      ),
    );
    expect(parts.map(({ out }) => JSON.parse(out).tokensScored)).toEqual([575, 517, 57]);
  });
});

describe('bad input gives one line, an exit code, and nothing else', () => {
  const empty = join(folder, 'empty.txt');
  const binary = join(folder, 'binary.bin');
  const hollow = join(folder, 'hollow');
  const nul = join(folder, 'nul.txt');
  const short = join(folder, 'short.txt');
  const busy = join(folder, 'busy');
  const broken = join(folder, 'broken');
  beforeAll(() => {
    writeFileSync(empty, '');
    mkdirSync(hollow);
    writeFileSync(binary, Buffer.from([0x7f, 0xfe, 0x80, 0x00]));
    writeFileSync(nul, 'a\0b');
    writeFileSync(short, 'only a few words');
    mkdirSync(busy);
    writeFileSync(join(busy, 'precious.txt'), 'mine');
    mkdirSync(broken);
    for (const file of ['config.json', 'tokenizer.json', 'model.safetensors']) {
      const bytes = readFileSync(join(root, 'test/golden/gpt2-tiny', file));
      writeFileSync(join(broken, file), file === 'model.safetensors' ? bytes.subarray(0, 5000) : bytes);
    }
  });

  const train = (...args: string[]) =>
    ['train', ...args, '--steps', '1', '--out', join(folder, 'never')] as const;
  const sample = (...args: string[]) => ['sample', '--run', trained, ...args] as const;
  const cases: [string, readonly [string, ...string[]], number, RegExp][] = [
    [
      'a missing file',
      train('--data', join(folder, 'no.txt')),
      1,
      /cannot read .*no\.txt: no such file or folder/,
    ],
    ['an empty file', train('--data', empty), 1, /empty\.txt is empty/],
    [
      'a folder as data',
      train('--data', hollow),
      1,
      /hollow is a folder without text; expected text files in it/,
    ],
    ['a binary file', train('--data', binary), 1, /binary\.bin is not UTF-8 text/],
    ['a file with NUL bytes', train('--data', nul), 1, /nul\.txt holds NUL bytes/],
    [
      'a file shorter than the context',
      train('--data', short),
      1,
      /part of the text is too short: expected at least context \+ 1 = 129 tokens/,
    ],
    [
      'heads that do not divide channels',
      train('--channels', '130', '--heads', '4'),
      1,
      /130 channels cannot be shared by 4 heads; nearest: 128 or 132/,
    ],
    ['zero steps', ['train', '--steps', '0'], 2, /--steps must be a whole number above 0, got "0"/],
    ['a negative learning rate', ['train', '--lr', '-1'], 2, /--lr must be a number above 0, got "-1"/],
    [
      'NaN dropout',
      ['train', '--dropout', 'NaN'],
      2,
      /--dropout must be a number of at least 0 and below 1; "NaN" is not/,
    ],
    ['a floor above the peak', train('--lr', '1e-3', '--min-lr', '1'), 2, /--min-lr must not exceed --lr/],
    [
      'nonsense eval tokens',
      train('--eval-tokens', 'some'),
      2,
      /--eval-tokens must be a positive integer or full/,
    ],
    ['an unknown preset', ['train', '--preset', 'nanno'], 2, /--preset must be one of .*did you mean nano\?/],
    ['an unknown flag', ['train', '--stepz', '1'], 2, /unknown flag --stepz; did you mean --steps\?/],
    [
      'an out folder in use',
      ['train', '--steps', '1', '--data', text, '--out', busy, ...small],
      1,
      /busy is not empty; .*--overwrite/,
    ],
    [
      'an out path that is a file',
      ['train', '--steps', '1', '--data', text, '--out', text, ...small],
      1,
      /this is a file; expected a folder/,
    ],
    [
      'sizes that contradict --init',
      ['train', '--init', trained, '--data', text, '--layers', '2'],
      2,
      /--layers 2 contradicts --init/,
    ],
    [
      'text the initial model has no token for',
      ['train', '--init', trained, '--data', 'data/tales.txt'],
      1,
      /not in the vocabulary/,
    ],
    ['a missing run', ['sample', '--run', join(folder, 'no')], 1, /no such folder/],
    ['a folder without a model', ['sample', '--run', busy], 1, /holds no model/],
    ['a truncated model', ['sample', '--run', broken], 1, /model\.safetensors/],
    [
      'a prompt outside the vocabulary',
      sample('--prompt', 'Wörter'),
      1,
      /not in the vocabulary of \d+: "?W.*--unknown skip/,
    ],
    [
      'a prompt of unknown characters only',
      sample('--prompt', '\u{1F600}', '--unknown', 'skip'),
      1,
      /the prompt is empty/,
    ],
    ['two prompts', sample('--prompt', 'a', '--prompt-file', text), 2, /both given/],
    ['greedy with a temperature', sample('--greedy', '--temperature', '1'), 2, /both given/],
    ['several greedy samples', sample('--greedy', '--samples', '2'), 2, /would print one text 2 times/],
    ['top-p above 1', sample('--top-p', '1.5'), 2, /--top-p must be a number from 0 to 1, got "1.5"/],
    [
      'a prompt that fills the context under stop',
      sample('--prompt', 'the cat sat', '--context-policy', 'stop'),
      1,
      /expected fewer than 8 tokens, got 11/,
    ],
    [
      'a text to score that is too short',
      ['eval', '--run', trained, '--data', short, '--split', 'val'],
      1,
      /not in the vocabulary|too short to score/,
    ],
    ['nothing to score', ['eval', '--run', join(root, 'test/golden/gpt2-tiny')], 1, /--data FILE/],
  ];

  refuses(cases);

  it('overwrites and creates nothing', () => {
    expect(readFileSync(join(busy, 'precious.txt'), 'utf8')).toBe('mine');
    expect(readdirSync(busy)).toEqual(['precious.txt']);
    expect(readFileSync(text, 'utf8')).toBe(story.repeat(12));
    expect(existsSync(join(folder, 'never'))).toBe(false);
  });

  it('--overwrite replaces a run and keeps what is not one', async () => {
    const { code } = await run(
      'train',
      '--steps',
      '1',
      '--data',
      text,
      '--out',
      busy,
      '--overwrite',
      ...small,
    );
    expect(code).toBe(0);
    expect(readFileSync(join(busy, 'precious.txt'), 'utf8')).toBe('mine');
  });

  it.skipIf(process.getuid?.() === 0)('an out folder without permission', async () => {
    const locked = join(folder, 'locked');
    mkdirSync(locked);
    chmodSync(locked, 0o555);
    const result = await run('train', '--steps', '1', '--data', text, '--out', join(locked, 'run'), ...small);
    expect(result).toMatchObject({
      code: 1,
      err: expect.stringMatching(/^error: cannot make the folder .*no permission\n$/),
    });
  });

  it('an out folder inside a file', async () => {
    const result = await run('train', '--steps', '1', '--data', text, '--out', join(text, 'run'), ...small);
    expect(result).toMatchObject({
      code: 1,
      err: expect.stringMatching(/^error: cannot make the folder .*expected a folder\n$/),
    });
  });
});

describe('--help', () => {
  const commands = ['train', 'sample', 'eval', 'compare', 'micro', 'gradcheck', 'bench'];
  let exits: readonly Exit[];
  beforeAll(async () => {
    exits = await inklings(commands.map((command) => [command, '--help']));
  });
  it.each(commands.map((command, i) => [command, i] as const))(
    'of %s says how it is started, and fits 80 columns',
    (command, i) => {
      const { code, out } = exits[i]!;
      expect(code).toBe(0);
      expect(out).toMatch(new RegExp(`^npm run ${command} -- .*\nnpx inkling ${command} `));
      expect(out).toContain('Examples:\n  npm run');
      expect(out.split('\n').filter((line) => line.length > 80)).toEqual([]);
    },
  );
});

describe('inkling', () => {
  it('shows its commands, each of which is a script of npm, too', async () => {
    const { code, out } = await run('--help');
    const { scripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
    const names = [...out.matchAll(/^ {2}(\w+) {2,}/gm)].map((match) => match[1]!);
    expect(names.slice(0, 3)).toEqual(['train', 'sample', 'eval']);
    for (const name of names) expect(scripts[name]).toBe(`node bin/inkling.js ${name}`);
    expect([code, out.split('\n').filter((line) => line.length > 80)]).toEqual([0, []]);
  });

  it('tells what it does not know, and its version', async () => {
    const cases = [
      [['tarin'], 2, '', 'error: unknown command "tarin"; did you mean train?\n'],
      [['--steps', '5'], 2, '', 'error: unknown command "--steps"; see inkling --help\n'],
      [['toString'], 2, '', 'error: unknown command "toString"; see inkling --help\n'],
      [['--version'], 0, `inkling ${version()}\n`, ''],
      [['train', '--steps', '5', '--version'], 0, `inkling ${version()}\n`, ''],
    ] as const;
    const exits = await inklings(cases.map(([args]) => ['inkling', ...args]));
    expect(exits).toEqual(cases.map(([, code, out, err]) => ({ code, out, err })));
  });

  it('needs nothing that is not here where Node strips types, and says what to do where it does not', async () => {
    const clone = join(folder, 'clone');
    cpSync(join(root, 'bin'), join(clone, 'bin'), { recursive: true });
    symlinkSync(join(root, 'src'), join(clone, 'src')); // tsx is looked for beside bin
    const result = await node([join(clone, 'bin/inkling.js'), '--version']);
    expect(result).toEqual(
      stripsTypes
        ? { code: 0, out: `inkling ${version()}\n`, err: '' }
        : {
            ...{ code: 1, out: '' },
            err: `error: Node ${process.version} does not read TypeScript by itself: use Node 22.18 or newer, or run: npm install --include=dev\n`,
          },
    );
  });

  it('stops when npm took a flag for itself', async () => {
    const npm = {
      npm_lifecycle_event: 'train',
      npm_config_user_agent: 'npm/11.0.0',
      npm_config_steps: 'true',
    };
    expect(await node(['bin/inkling.js', 'train', '100'], { env: npm })).toEqual({
      ...{ code: 2, out: '' },
      err: 'error: npm took --steps for itself; write: npm run train -- --steps 100\n',
    });
  });
});
