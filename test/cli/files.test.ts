import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import {
  attempt,
  readText,
  removeFolder,
  replacements,
  settleFolder,
  sha256,
  verifyFolder,
  writeFile,
  writeFolder,
} from '../../src/cli/host/files.ts';
import { checksumFile } from '../../src/library/run-files.ts';
import { filesIn } from '../support/runs.ts';
import { testFolder } from '../support/scratch.ts';

const { at } = testFolder();
let [parent, path] = ['', ''];
beforeEach(() => {
  [parent, path] = [at(), at('best')];
});

const content = (text: string) =>
  new Map(['a.json', 'b.bin'].map((name) => [name, new TextEncoder().encode(`${name} ${text}`)]));
const holds = (folder: string) => readFileSync(join(folder, 'a.json'), 'utf8').split(' ')[1];

describe('writeFolder', () => {
  it('writes the files and their checksums as sha256sum does, and nothing else', () => {
    writeFolder(path, content('one'));
    expect(readdirSync(parent)).toEqual(['best']);
    expect(readdirSync(path)).toEqual(['a.json', 'b.bin', checksumFile]);
    expect(readFileSync(join(path, checksumFile), 'utf8')).toBe(
      `${sha256('a.json one')}  a.json\n${sha256('b.bin one')}  b.bin\n`,
    );
    expect(sha256('abc')).toBe('ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad');
    expect(() => verifyFolder(path)).not.toThrow();
  });

  it('replaces a folder as a whole, and whatever an interruption left beside it', () => {
    const { fresh, old } = replacements(path);
    for (const folder of [path, fresh, old]) {
      mkdirSync(folder);
      writeFileSync(join(folder, 'left.txt'), 'over');
    }
    writeFolder(path, content('two'));
    expect(readdirSync(parent)).toEqual(['best']);
    expect(readdirSync(path)).toEqual(['a.json', 'b.bin', checksumFile]);
  });

  it('does not bring back a folder around it that was taken away', () => {
    rmSync(parent, { recursive: true });
    expect(() => writeFolder(path, content('one'))).toThrow(
      new Error(`cannot write ${path}: no such file or folder`),
    );
    expect(existsSync(parent)).toBe(false);
  });

  it('that fails leaves the folder that was there, and no half of the next', () => {
    writeFolder(path, content('one'));
    const broken = new Map([...content('two'), ['no/such/place', new Uint8Array(1)]]);
    expect(() => writeFolder(path, broken)).toThrow(`cannot write ${path}: no such file or folder`);
    expect(readdirSync(parent)).toEqual(['best']);
    expect(holds(path)).toBe('one');
    expect(() => verifyFolder(path)).not.toThrow();
  });
});

describe('settleFolder', () => {
  /** The folder and its two other names, as a kill at some instant of writeFolder or removeFolder leaves them. */
  const leave = (instant: { path?: string; fresh?: string; old?: string }) => {
    for (const [where, text] of Object.entries(instant)) {
      writeFolder(at('spare'), content(text));
      const { fresh, old } = replacements(path);
      renameSync(at('spare'), { path, fresh, old }[where]!);
    }
  };
  it.each([
    ['while the next was written', { path: 'one', fresh: 'two' }, 'one'],
    ['between the two renamings', { fresh: 'two', old: 'one' }, 'one'],
    ['before the last was removed', { path: 'two', old: 'one' }, 'two'],
    ['while the first ever was written', { fresh: 'one' }, undefined],
    ['while it was removed', { old: 'one' }, undefined],
    ['not at all', { path: 'one' }, 'one'],
  ])('after a kill %s', (_, instant, expected) => {
    leave(instant);
    settleFolder(path);
    expect(readdirSync(parent)).toEqual(expected === undefined ? [] : ['best']);
    if (expected !== undefined) {
      expect(holds(path)).toBe(expected);
      verifyFolder(path);
    }
  });
});

describe('removeFolder', () => {
  it('removes the folder and what an interrupted removal left', () => {
    writeFolder(path, content('one'));
    mkdirSync(replacements(path).old);
    removeFolder(path);
    expect(readdirSync(parent)).toEqual([]);
  });
});

describe('verifyFolder refuses', () => {
  const damage: [string, () => void, RegExp][] = [
    [
      'a changed file',
      () => writeFileSync(join(path, 'a.json'), 'a.json ten'),
      /a\.json is damaged: its checksum/,
    ],
    ['a missing file', () => rmSync(join(path, 'b.bin')), /cannot read .*b\.bin: no such file/],
    [
      'a file too many',
      () => writeFileSync(join(path, 'c'), ''),
      /: "c" has no checksum in .*this folder was changed/,
    ],
    ['a folder too many', () => mkdirSync(join(path, 'c')), /"c" has no checksum in/],
    [
      'a folder for a file',
      () => {
        rmSync(join(path, 'a.json'));
        mkdirSync(join(path, 'a.json'));
      },
      /a\.json: this is a folder; expected a file/,
    ],
    ['empty checksums', () => writeFileSync(join(path, checksumFile), ''), /"a\.json" has no checksum/],
    [
      'checksums of another form',
      () => writeFileSync(join(path, checksumFile), 'a.json\n'),
      /checksums\.txt is damaged/,
    ],
  ];
  it.each(damage)('%s, in one line', (_, change, message) => {
    writeFolder(path, content('one'));
    change();
    let text = '';
    try {
      verifyFolder(path);
    } catch (error) {
      text = (error as Error).message;
    }
    expect(text).toMatch(message);
    expect(text).not.toContain('\n');
  });

  it('nothing in a folder that never had checksums, as one from elsewhere', () => {
    mkdirSync(path);
    writeFileSync(join(path, 'config.json'), '{}');
    expect(() => verifyFolder(path)).not.toThrow();
  });
});

describe('writeFile and readText', () => {
  it('replace a file at once and read it back', () => {
    const file = at('run.json');
    writeFile(file, 'first, and longer');
    writeFile(file, 'sécond');
    expect(readText(file)).toBe('sécond');
    expect(Object.keys(filesIn(parent))).toEqual(['run.json']);
  });

  it.each([
    ['is empty', Buffer.from('')],
    ['is not UTF-8 text', Buffer.from([0x61, 0xff])],
    ['holds NUL bytes', Buffer.from('a\0b')],
  ])('refuse a text that %s', (message, bytes) => {
    const file = at('text.txt');
    writeFileSync(file, bytes);
    expect(() => readText(file)).toThrow(`${file} ${message}`);
  });

  it('refuse a text that is longer than a string may be, before reading it', () => {
    const file = at('text.txt');
    writeFileSync(file, '');
    truncateSync(file, 600e6); // takes no room on the disk
    expect(() => readText(file)).toThrow(
      `${file} is too long: 600 MB; expected at most 536 MB of text; take a part of it (npm run train reads larger ones`,
    );
  });
});

describe('attempt', () => {
  it.each([
    ['ENOSPC', 'cannot save x: the disk is full'],
    ['EROFS', 'cannot save x: the file system is read-only'],
    ['ESTRANGE', 'cannot save x: ESTRANGE'],
  ])('turns %s of the system into one line', (code, message) => {
    const fail = () => {
      throw Object.assign(new Error(`${code}: long\nand more`), { code });
    };
    expect(() => attempt('save', 'x', fail)).toThrow(new Error(message));
  });

  it('leaves other errors alone', () => {
    const fail = () => {
      throw new RangeError('mine');
    };
    expect(() => attempt('save', 'x', fail)).toThrow(new RangeError('mine'));
  });
});
