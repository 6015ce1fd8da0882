import { describe, expect, it } from 'vitest';
import { UsageError } from '../../src/cli/command/command.ts';
import { checkStop, refuseContradictions } from '../../src/cli/train/conflicts.ts';
import type { TrainFlags } from '../../src/cli/train/flags.ts';
import {
  chooseConfig,
  chooseSettings,
  presetTable,
  resumedSettings,
  shippedText,
} from '../../src/cli/train/settings.ts';
import { CharTokenizer } from '../../src/model/text/tokenizer.ts';
import { presetNames, presets } from '../../src/train/presets.ts';
import { tinyConfig } from '../support/models.ts';
import { runSettings } from '../support/runs.ts';

const tokenizer = CharTokenizer.train('abc');

describe('the settings of a resumed run', () => {
  const resume = (given: TrainFlags) => {
    const flags = { resume: 'runs/x', ...given };
    refuseContradictions(flags);
    return resumedSettings(flags, runSettings, { config: tinyConfig, tokenizer });
  };

  it('are those it began with, in their order; steps may be raised', () => {
    expect(JSON.stringify(resume({}))).toBe(JSON.stringify(runSettings));
    expect(JSON.stringify(resume({ steps: 20 }))).toBe(JSON.stringify({ ...runSettings, steps: 20 }));
    expect(resume({ steps: 12 })).toEqual(runSettings);
  });

  it('may be said again, and what is not learned from may change', () => {
    const said: TrainFlags = { lr: 1e-2, seed: 7, layers: 2, sampling: 'random', 'eval-tokens': '20' };
    const free: TrainFlags = { keep: 5, 'checkpoint-every': 3, 'sample-every': 2, 'stop-at': 9, quiet: true };
    expect(resume({ ...said, ...free, data: ['elsewhere.txt'] })).toEqual(runSettings);
    expect(resume({ 'eval-tokens': '2e1' })).toEqual(runSettings);
  });

  it.each([
    [{ steps: 11 }, "--steps 11 is less than the run's 12; it can only be raised"],
    [{ context: 13 }, '--context 13 contradicts --resume runs/x, which has 12; leave it out'],
    [{ layers: 3 }, '--layers 3 contradicts --resume runs/x, which has 2; leave it out'],
    [{ heads: 2 }, '--heads 2 contradicts --resume runs/x, which has 3; leave it out'],
    [{ channels: 24 }, '--channels 24 contradicts --resume runs/x, which has 12; leave it out'],
    [{ dropout: 0.1 }, '--dropout 0.1 contradicts --resume runs/x, which has 0; leave it out'],
    [{ 'batch-size': 3 }, '--batch-size 3 contradicts --resume runs/x, which has 2; leave it out'],
    [{ accumulate: 2 }, '--accumulate 2 contradicts --resume runs/x, which has 1; leave it out'],
    [{ sampling: 'epoch' }, '--sampling epoch contradicts --resume runs/x, which has random; leave it out'],
    [{ lr: 1 }, '--lr 1 contradicts --resume runs/x, which has 0.01; leave it out'],
    [{ 'min-lr': 0 }, '--min-lr 0 contradicts --resume runs/x, which has 0.001; leave it out'],
    [{ warmup: 0 }, '--warmup 0 contradicts --resume runs/x, which has 2; leave it out'],
    [{ 'weight-decay': 0 }, '--weight-decay 0 contradicts --resume runs/x, which has 0.1; leave it out'],
    [{ beta1: 0 }, '--beta1 0 contradicts --resume runs/x, which has 0.9; leave it out'],
    [{ beta2: 0 }, '--beta2 0 contradicts --resume runs/x, which has 0.99; leave it out'],
    [{ clip: 0 }, '--clip 0 contradicts --resume runs/x, which has 1; leave it out'],
    [{ 'eval-every': 4 }, '--eval-every 4 contradicts --resume runs/x, which has 3; leave it out'],
    [{ 'eval-tokens': 'full' }, '--eval-tokens full contradicts --resume runs/x, which has 20; leave it out'],
    [{ patience: 1 }, '--patience 1 contradicts --resume runs/x, which has 0; leave it out'],
    [{ seed: 8 }, '--seed 8 contradicts --resume runs/x, which has 7; leave it out'],
    [{ init: 'y' }, '--init cannot go with --resume; leave it out'],
    [{ out: 'y' }, '--out cannot go with --resume; leave it out'],
    [{ overwrite: true }, '--overwrite cannot go with --resume; leave it out'],
    [{ preset: 'nano' }, '--preset cannot go with --resume; leave it out'],
    [{ plan: true }, '--plan cannot go with --resume; leave it out'],
    [{ 'overfit-batch': true }, '--overfit-batch cannot go with --resume; leave it out'],
    [{ unknown: 'skip' }, '--unknown cannot go with --resume; leave it out'],
    [{ documents: 'none' }, '--documents cannot go with --resume; leave it out'],
  ] as [TrainFlags, string][])('refuse %j', (given, message) => {
    expect(() => resume(given)).toThrow(new UsageError(message));
  });
});

describe('every preset', () => {
  it.each(presetNames)('has enough points in its validation curve to see one: %s', (name) => {
    const { steps, evalEvery } = presets[name].train;
    expect(steps / evalEvery).toBeGreaterThanOrEqual(6);
  });
});

describe('the settings of a new run', () => {
  it('are complete, so that a checkpoint of it can be read again', () => {
    const settings = chooseSettings({ seed: 1 }, presets.nano);
    expect(Object.keys(settings).sort()).toEqual(Object.keys(runSettings).sort());
  });
});

describe('the sizes of a run that starts from a model folder', () => {
  const config = { ...tinyConfig, dropout: 0.1 };
  const choose = (given: TrainFlags, unequalDropouts?: string) =>
    chooseConfig({ init: 'gpt2', ...given }, presets.nano, config.vocabSize, {
      config,
      tokenizer,
      unequalDropouts,
    });

  it('are those of the folder; dropouts that differ ask for one', () => {
    const differ = 'resid_pdrop 0.1, embd_pdrop 0, attn_pdrop 0';
    expect(choose({})).toEqual(config);
    expect(() => choose({}, differ)).toThrow(
      new UsageError(`--init gpt2 has ${differ}, and here there is one dropout; choose it with --dropout X`),
    );
    expect(choose({ dropout: 0.2 }, differ)).toEqual({ ...config, dropout: 0.2 });
  });
});

describe('the table of presets', () => {
  const lines = presetTable().split('\n');
  const row = (flag: string) =>
    lines
      .find((line) => line.startsWith(`  --${flag} `))!
      .trim()
      .split(/ +/);

  it('has what each preset says, by the flag that changes it', () => {
    const steps = presetNames.map((name) => String(presets[name].train.steps));
    expect(row('steps')).toEqual(['--steps', ...steps]);
    expect(row('context')).toEqual([
      '--context',
      ...presetNames.map((name) => String(presets[name].model.contextLength)),
    ]);
    expect(row('lr')).toEqual([
      '--lr',
      ...presetNames.map((name) => String(presets[name].train.learningRate)),
    ]);
    expect(row('tokenizer').slice(0, 3)).toEqual(['--tokenizer', 'char', 'bpe']);
  });

  it('says once what all have in common, and misses nothing that a preset decides', () => {
    expect(lines.filter((line) => line.includes('--beta1'))).toHaveLength(1);
    const settings = Object.keys({
      tokenizer: 'char',
      documents: 'none',
      ...presets.nano.model,
      ...presets.nano.train,
    });
    const shown = presetTable().match(/--[a-z0-9-]+/g)!;
    expect(new Set(shown).size).toBe(settings.length);
  });
});

describe('the shipped text', () => {
  it('is found from wherever the command was started, and named as ever in its own folder', () => {
    expect(shippedText()).toBe('data/stories.txt');
    const here = process.cwd();
    process.chdir('src/cli');
    try {
      expect(shippedText()).toBe('../../data/stories.txt');
    } finally {
      process.chdir(here);
    }
  });
});

describe('flags that change nothing', () => {
  it.each([
    [{ plan: true, 'overfit-batch': true }, '--overfit-batch cannot go with --plan; leave it out'],
    [{ plan: true, 'find-lr': true }, '--find-lr cannot go with --plan; leave it out'],
    [{ 'find-lr': true, resume: 'x' }, '--find-lr cannot go with --resume; leave it out'],
    [{ steps: 1, epochs: 1 }, '--epochs cannot go with --steps; leave it out'],
    [{ epochs: 1, minutes: 1 }, '--minutes cannot go with --epochs; leave it out'],
    [{ epochs: 1, resume: 'x' }, '--epochs cannot go with --resume; leave it out'],
    [{ steps: 1, minutes: 1 }, '--minutes cannot go with --steps; leave it out'],
    [{ minutes: 1, resume: 'x' }, '--minutes cannot go with --resume; leave it out'],
    [{ init: 'x', initialization: 'gpt2' }, '--initialization cannot go with --init; leave it out'],
    [
      { 'overfit-batch': true, out: 'x', keep: 3, patience: 2 },
      '--out, --keep, --patience cannot go with --overfit-batch; leave them out',
    ],
    [{ 'overfit-batch': true, init: 'x' }, '--init cannot go with --overfit-batch; leave it out'],
    [
      { 'find-lr': true, steps: 5, warmup: 2, schedule: 'wsd' },
      '--steps, --schedule, --warmup cannot go with --find-lr; leave them out',
    ],
    [{ unknown: 'skip' }, '--unknown goes with --init only; leave it out'],
    [{ overwrite: true }, '--overwrite goes with --out only; leave it out'],
  ] as [TrainFlags, string][])('are refused: %j', (given, message) => {
    expect(() => refuseContradictions(given)).toThrow(new UsageError(message));
  });

  it.each([
    [
      { 'muon-lr': 1, optimizer: 'adamw' },
      '--muon-lr goes with --optimizer muon only, got adamw; leave it out',
    ],
    [
      { 'min-lr': 0, schedule: 'constant' },
      '--min-lr cannot go with --schedule constant, which never falls; leave it out',
    ],
  ] as [TrainFlags, string][])('are refused where the settings make them so: %j', (given, message) => {
    expect(() => chooseSettings(given, presets.nano)).toThrow(new UsageError(message));
  });

  it.each([
    { plan: true, out: 'x', overwrite: true, keep: 3, minutes: 2, init: 'y', unknown: 'skip' },
    { 'overfit-batch': true, steps: 9, dropout: 0.1, quiet: true, seed: 1 },
    { 'find-lr': true, lr: 1e-3, optimizer: 'adamw', data: 'x' },
    { resume: 'x', steps: 9, 'stop-at': 8, keep: 1, data: 'y' },
  ] as TrainFlags[])('are not these: %j', (given) => {
    expect(() => refuseContradictions(given)).not.toThrow();
  });

  it('are a --stop-at that the run does not come by', () => {
    for (const step of [undefined, 8, 20]) expect(() => checkStop(step, 8, 20)).not.toThrow();
    expect(() => checkStop(7, 8, 20)).toThrow('--stop-at 7 is before step 8, which the run has reached');
    expect(() => checkStop(21, 8, 20)).toThrow("--stop-at 21 is after the run's last step, 20");
  });
});
