import {
  appendFileSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { replacements, sha256 } from '../../src/cli/host/files.ts';
import { findCheckpoint, freshRunPath, newestState, readCheckpoint } from '../../src/cli/runs/folder.ts';
import { RunFolder } from '../../src/cli/runs/writer.ts';
import { keptBaselines } from '../../src/cli/train/baselines.ts';
import { checksumFile } from '../../src/library/run-files.ts';
import { copyOf, records, trainIn } from '../support/runs.ts';
import { suiteFolder } from '../support/scratch.ts';

const scratch = suiteFolder();
const pristine = join(scratch, 'pristine');
beforeAll(() => trainIn(pristine, { checkpointEvery: 1, keep: 2 }));
let count = 0;
let run = '';
beforeEach(() => {
  run = copyOf(pristine, join(scratch, String(count++)));
});
const [before, newest] = ['step-00000011', 'step-00000012'];

describe('reopening a run', () => {
  it('cuts off a last line that was not written to its end, so that the next is not glued to it', async () => {
    const whole = readFileSync(join(run, 'metrics.jsonl'), 'utf8');
    appendFileSync(join(run, 'metrics.jsonl'), '{"kind":"step","step":13,"lo');
    const folder = RunFolder.reopen(run);
    folder.record({ kind: 'resume', step: 12 });
    folder.release();
    expect(readFileSync(join(run, 'metrics.jsonl'), 'utf8')).toBe(`${whole}{"kind":"resume","step":12}\n`);
    expect(records(run).at(-1)).toEqual({ kind: 'resume', step: 12 });
  });

  it.each([
    ['', ''],
    ['{"kind":', ''],
    ['{"a":1}\n', '{"a":1}\n'],
    ['{"a":1}\n{"b"', '{"a":1}\n'],
    ['{"a":"é"}\n\0\0\0', '{"a":"é"}\n'],
  ])('whose records are %j keeps %j', (text, kept) => {
    writeFileSync(join(run, 'metrics.jsonl'), text);
    RunFolder.reopen(run).release();
    expect(readFileSync(join(run, 'metrics.jsonl'), 'utf8')).toBe(kept);
  });

  it('puts away what was caught half done, and nothing else', () => {
    const names = readdirSync(run);
    mkdirSync(join(run, '.step-00000013.new'));
    writeFileSync(join(run, '.step-00000013.new', 'config.json'), '{');
    renameSync(join(run, before!), replacements(join(run, before!)).old);
    const best = replacements(join(run, 'best'));
    copyOf(join(run, 'best'), best.fresh);
    renameSync(join(run, 'best'), best.old);
    writeFileSync(join(run, '.notes'), 'mine');
    RunFolder.reopen(run).release();
    expect(readdirSync(run)).toEqual(['.notes', ...names.filter((name) => name !== before)]);
    expect(readCheckpoint(join(run, 'best'))).toEqual(readCheckpoint(join(pristine, 'best')));
  });

  it('refuses a folder that is no run, and leaves it as it is', () => {
    const folder = join(scratch, `other-${count++}`);
    mkdirSync(folder);
    writeFileSync(join(folder, 'metrics.jsonl'), 'not ours');
    expect(() => RunFolder.reopen(folder)).toThrow(
      new Error(`cannot resume ${folder}: it is not a run; expected run.json in it`),
    );
    expect(() => RunFolder.reopen(join(folder, 'no'))).toThrow(/no such run folder/);
    expect(readdirSync(folder)).toEqual(['metrics.jsonl']);
    expect(readFileSync(join(folder, 'metrics.jsonl'), 'utf8')).toBe('not ours');
  });
});

describe('creating a run', () => {
  it('refuses a folder that holds anything, and with overwrite removes what a run leaves and only that', () => {
    expect(() => RunFolder.create(run, false)).toThrow(/is not empty; .*--overwrite/);
    expect(readdirSync(run)).toEqual(readdirSync(pristine));
    for (const name of ['report.html', 'baselines.json', '.run.json.new', 'mine.txt', 'step-1']) {
      writeFileSync(join(run, name), '');
    }
    mkdirSync(join(run, '.best.new'));
    mkdirSync(join(run, '.step-00000004.old'));
    const folder = RunFolder.create(run, true);
    expect(readdirSync(run)).toEqual(['lock', 'mine.txt', 'step-1']);
    folder.release();
  });

  it('does not overwrite the run of a trainer at work', () => {
    const folder = RunFolder.reopen(run);
    expect(() => RunFolder.create(run, true)).toThrow(/in use by another trainer/);
    folder.release();
    expect(readdirSync(run)).toEqual(readdirSync(pristine));
  });

  it('keeps baselines of the same corpus, and counts again what is damaged', () => {
    const said: string[] = [];
    const folder = RunFolder.reopen(run, (message) => said.push(message));
    const baselines = [{ order: 0, nll: 2.5 }];
    folder.write('baselines.json', JSON.stringify({ corpusSha256: 'a', baselines }));
    expect(keptBaselines(folder, 'a')).toEqual(baselines);
    expect(keptBaselines(folder, 'b')).toBeUndefined();
    const damaged = [null, [], {}, { corpusSha256: 'a' }, { corpusSha256: 'a', baselines: [{ order: 0 }] }];
    for (const text of ['{', '', ...damaged.map((value) => JSON.stringify(value))]) {
      writeFileSync(join(run, 'baselines.json'), text);
      expect(keptBaselines(folder, 'a'), text).toBeUndefined();
    }
    expect(said).toEqual([`${join(run, 'baselines.json')}: expected JSON, got "{"; counting again`]); // once
    folder.release();
  });

  it('finds a name of its own for every run that is given none', () => {
    const home = process.cwd();
    try {
      mkdirSync(join(scratch, 'home'));
      process.chdir(join(scratch, 'home'));
      expect(['nano', 'nano', 'other', 'nano'].map(freshRunPath)).toEqual(
        ['nano', 'nano-2', 'other', 'nano-3'].map((name) => join('runs', name)),
      );
    } finally {
      process.chdir(home);
    }
  });
});

describe('keeping checkpoints', () => {
  it('keeps the newest of them only, whichever it was told last', async () => {
    const steps = (path: string) => readdirSync(path).filter((name) => name.startsWith('step-'));
    expect(steps(run)).toEqual([before, newest]);
    const folder = RunFolder.reopen(run);
    const files = new Map();
    folder.saveStep(13, files, 5);
    folder.saveStep(14, files, 3);
    folder.release();
    expect(steps(run)).toEqual(['step-00000012', 'step-00000013', 'step-00000014']);
  });
});

describe('newestState', () => {
  it('passes over damaged checkpoints, names them, and takes the newest that is whole', () => {
    writeFileSync(join(run, newest!, 'optimizer.safetensors'), 'x');
    const { folder, state, damaged } = newestState(run);
    expect([folder, state.step]).toEqual([join(run, before!), 11]);
    expect(damaged).toEqual([
      `${join(run, newest!, 'optimizer.safetensors')} is damaged: its checksum is not the one in checksums.txt`,
    ]);
  });

  it('takes no checkpoint without checksums: it has lost at least that file', () => {
    rmSync(join(run, newest!, checksumFile));
    expect(newestState(run).damaged[0]).toMatch(/step-00000012 has no checksums\.txt; it is damaged/);
  });

  it('says what is wrong with the newest if none can be used, or that there is none', () => {
    for (const name of [before, newest]) rmSync(join(run, name!, 'state.json'));
    expect(() => newestState(run)).toThrow(/step-00000012\/state\.json: no such file/);
    for (const name of [before, newest]) rmSync(join(run, name!), { recursive: true });
    expect(() => newestState(run)).toThrow(`cannot resume ${run}: it holds no checkpoint yet`);
  });

  /** Changes state.json as another program would that also knows of checksums. */
  const edit = (change: (state: Record<string, unknown>) => void) => {
    const path = join(run, newest!, 'state.json');
    const old = readFileSync(path, 'utf8');
    const state = JSON.parse(old);
    change(state);
    writeFileSync(path, JSON.stringify(state));
    const sums = join(run, newest!, checksumFile);
    writeFileSync(sums, readFileSync(sums, 'utf8').replace(sha256(old), sha256(JSON.stringify(state))));
  };
  it.each([
    [
      'of another version',
      (state) => {
        state['version'] = 4;
      },
      /written by another version: expected state version 3, got 4/,
    ],
    [
      'under the name of another step',
      (state) => {
        Object.assign(state, { step: 9, best: null });
      },
      /expected the step that the folder is named after, got 9/,
    ],
    [
      'with a setting missing',
      (state) => {
        delete (state['settings'] as Record<string, unknown>)['clip'];
      },
      /settings\.clip: expected a number of at least 0, got nothing/,
    ],
    [
      'with nonsense as best',
      (state) => {
        state['best'] = 3;
      },
      /best: expected step and nll, got 3/,
    ],
  ] as [string, (state: Record<string, unknown>) => void, RegExp][])(
    'refuses one that is whole but %s, rather than going back to an older one',
    (_, change, message) => {
      edit(change);
      expect(() => newestState(run)).toThrow(message);
    },
  );
});

describe('findCheckpoint', () => {
  it('means the best, else the newest, else the folder itself', () => {
    expect(findCheckpoint(run)).toBe(join(run, 'best'));
    expect(findCheckpoint(join(run, before!))).toBe(join(run, before!));
    rmSync(join(run, 'best'), { recursive: true });
    expect(findCheckpoint(run)).toBe(join(run, newest!));
  });

  it('finds the best under its other names while it is being replaced', () => {
    const { fresh, old } = replacements(join(run, 'best'));
    renameSync(join(run, 'best'), old);
    expect(findCheckpoint(run)).toBe(old);
    copyOf(old, fresh);
    expect(findCheckpoint(run)).toBe(fresh);
  });

  it.each(['config.json', checksumFile, 'model.safetensors'])(
    'does not quietly put another in the place of a best without %s',
    (file) => {
      rmSync(join(run, 'best', file));
      expect(findCheckpoint(run)).toBe(join(run, 'best'));
    },
  );
});

describe('a model folder from elsewhere', () => {
  const [model, tokens] = ['model.safetensors', 'tokenizer.json'];
  const save = 'from_pretrained(DIR).save_pretrained(DIR)';
  const has = (other: string, file: string) =>
    `has ${other} but no ${file}; this Python makes one: transformers`;

  it.each([
    ['pytorch_model.bin', model, `${has('pytorch_model.bin', model)}.AutoModelForCausalLM.${save}`],
    ['pytorch_model.bin.index.json', model, has('pytorch_model.bin.index.json', model)],
    ['vocab.json', tokens, `${has('vocab.json', tokens)}.AutoTokenizer.${save}`],
    [undefined, model, `cannot read .*/best/${model}: no such file or folder`],
    [undefined, tokens, `cannot read .*/best/${tokens}: no such file or folder`],
  ])('with %s instead of %s says what to do', (other, file, message) => {
    const folder = join(run, 'best');
    rmSync(join(folder, checksumFile));
    rmSync(join(folder, file!));
    if (other !== undefined) writeFileSync(join(folder, other), 'x');
    const pattern = message!.replaceAll(/[()]/g, '\\$&');
    expect(() => readCheckpoint(folder)).toThrow(new RegExp(pattern));
  });

  it('opens from several files, in and out of a folder that has a file of the old kind beside', () => {
    const folder = join(run, 'best');
    const whole = readCheckpoint(folder);
    rmSync(join(folder, checksumFile));
    renameSync(join(folder, model!), join(folder, 'model-00001-of-00001.safetensors'));
    const names = [...whole.tensors.keys()].map((name) => [name, 'model-00001-of-00001.safetensors']);
    const index = { metadata: {}, weight_map: Object.fromEntries(names) };
    writeFileSync(join(folder, 'model.safetensors.index.json'), JSON.stringify(index));
    writeFileSync(join(folder, 'pytorch_model.bin'), 'x');
    expect(readCheckpoint(folder)).toEqual(whole);
  });
});
