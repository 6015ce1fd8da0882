import { type ChildProcess, spawn } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { isLocked, lockFolder } from '../../src/cli/runs/lock.ts';
import { root } from '../support/root.ts';
import { testFolder } from '../support/scratch.ts';

const { at } = testFolder();
let [folder, path] = ['', ''];
beforeEach(() => {
  [folder, path] = [at(), at('lock')];
});

/** What a lock of this process says: its number, its machine and, where the system tells, when it began. */
const linux = existsSync('/proc/self/stat');
const mine = new RegExp(`^${process.pid} ${hostname()}${linux ? ' \\d+' : ''}\n$`);

/** A process that is gone: its number is free, for a while at least. */
function deadPid(): Promise<number> {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, ['-e', '']);
    child.on('exit', () => resolve(child.pid!));
  });
}

/** Another process that tries to lock the folder, says how that went, and holds on until its input ends. */
function locker(): { said: Promise<string>; child: ChildProcess; gone: Promise<unknown> } {
  const script = `
    import { isLocked, lockFolder } from ${JSON.stringify(join(root, 'src/cli/runs/lock.ts'))};
    let said = 'locked';
    try { lockFolder(process.argv[1]); } catch (error) { said = error.message; }
    console.log(said);
    process.stdin.resume();`;
  const child = spawn(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', script, folder], {
    cwd: root,
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const said = new Promise<string>((resolve) => {
    let text = '';
    child.stdout!.setEncoding('utf8').on('data', (chunk: string) => {
      text += chunk;
      if (text.endsWith('\n')) resolve(text.trim());
    });
  });
  return { said, child, gone: new Promise((resolve) => child.on('close', resolve)) };
}

describe('a folder lock', () => {
  it('names the process and its machine, and is gone when given back', () => {
    const release = lockFolder(folder);
    expect(readFileSync(path, 'utf8')).toMatch(mine);
    expect([readdirSync(folder), isLocked(folder)]).toEqual([['lock'], true]);
    release();
    expect([readdirSync(folder), isLocked(folder)]).toEqual([[], false]);
  });

  it('is refused a second time, in one line that says who has it', () => {
    const release = lockFolder(folder);
    expect(() => lockFolder(folder)).toThrow(
      new Error(
        `${folder} is in use by another trainer (process ${process.pid} on ${hostname()}); wait for it, or remove ${path} if it is gone`,
      ),
    );
    release();
    lockFolder(folder)();
  });

  it('of another machine is never taken over', async () => {
    writeFileSync(path, `${await deadPid()} elsewhere\n`);
    expect(() => lockFolder(folder)).toThrow(/in use by another trainer \(process \d+ on elsewhere\)/);
  });

  it.each([
    ['a dead process', async () => `${await deadPid()} ${hostname()}\n`],
    ['an earlier process of the same number', async () => `${process.pid} ${hostname()}\n`],
    ['nobody: garbage', async () => `x ${hostname()}\n`],
    ['nobody: an empty file', async () => ''],
    ['nobody: a number alone', async () => '1'],
    ['nobody: 100 KB', async () => `1 ${'x'.repeat(100_000)}\n`],
    ['nobody: bytes', async () => `1 \0\u001b]0;x\u0007 elsewhere\n`],
  ])('of %s is taken over', async (_, content) => {
    writeFileSync(path, await content());
    expect(isLocked(folder)).toBe(false);
    const release = lockFolder(folder);
    expect(readFileSync(path, 'utf8')).toMatch(mine);
    expect(readdirSync(folder)).toEqual(['lock']);
    release();
    expect(readdirSync(folder)).toEqual([]);
  });

  it.skipIf(!linux)('of a process that is there is its own only if that began when the lock says', () => {
    const stat = readFileSync(`/proc/${process.ppid}/stat`, 'utf8');
    const began = stat.slice(stat.lastIndexOf(')')).split(' ')[20];
    for (const holder of [`${process.ppid} ${hostname()} ${began}`, `${process.ppid} ${hostname()}`]) {
      writeFileSync(path, `${holder}\n`);
      expect(() => lockFolder(folder)).toThrow(`in use by another trainer (process ${process.ppid} on`);
    }
    writeFileSync(path, `${process.ppid} ${hostname()} ${Number(began) - 1}\n`);
    lockFolder(folder)();
    expect(readdirSync(folder)).toEqual([]);
  });

  it.skipIf(!linux)('of a dead process that nobody has asked how it ended is taken over', async () => {
    // The shell becomes a program that never asks.
    const parent = spawn('sh', ['-c', 'sleep 60 & echo $!; exec sleep 60'], {
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    const pid = await new Promise<string>((resolve) => {
      parent.stdout.once('data', (chunk: Buffer) => resolve(chunk.toString().trim()));
    });
    try {
      while (readFileSync(`/proc/${parent.pid}/comm`, 'utf8') !== 'sleep\n') await new Promise(setImmediate);
      process.kill(Number(pid), 'SIGKILL');
      while (!readFileSync(`/proc/${pid}/stat`, 'utf8').includes(') Z ')) await new Promise(setImmediate);
      writeFileSync(path, `${pid} ${hostname()}\n`);
      lockFolder(folder)();
      expect(readdirSync(folder)).toEqual([]);
    } finally {
      parent.kill('SIGKILL');
    }
  });

  it('that is a link to nowhere is taken over, and a folder is left alone and named', () => {
    symlinkSync(at('nowhere'), path);
    lockFolder(folder)();
    expect(readdirSync(folder)).toEqual([]);
    mkdirSync(path);
    expect(() => lockFolder(folder)).toThrow(
      new Error(`${path} is a folder; a trainer makes a file of that name there: move it away`),
    );
    expect(readdirSync(folder)).toEqual(['lock']);
  });

  it.skipIf(process.getuid?.() === 0)("that may not be read is somebody else's", () => {
    writeFileSync(path, '');
    chmodSync(path, 0);
    expect(() => lockFolder(folder)).toThrow(new Error(`cannot read ${path}: no permission`));
  });

  it('given back twice does not take away the next one', () => {
    const release = lockFolder(folder);
    release();
    writeFileSync(path, '1 elsewhere\n');
    release();
    expect(readFileSync(path, 'utf8')).toBe('1 elsewhere\n');
  });

  it('in a folder that is not there is an error of one line', () => {
    rmSync(folder, { recursive: true });
    expect(() => lockFolder(folder)).toThrow(new Error(`cannot write ${path}: no such file or folder`));
  });

  it('of a dead process goes to exactly one of several that want it at once, and again when that one is killed', async () => {
    writeFileSync(path, `${await deadPid()} ${hostname()}\n`);
    for (let round = 0; round < 2; round++) {
      const lockers = Array.from({ length: 3 }, locker);
      const said = await Promise.all(lockers.map((each) => each.said));
      const winner = said.indexOf('locked');
      expect(said.filter((text) => text === 'locked')).toHaveLength(1);
      for (const text of said.filter((_, i) => i !== winner)) {
        expect(text).toMatch(`in use by another trainer (process ${lockers[winner]!.child.pid} on`);
      }
      for (const { child } of lockers) child.kill('SIGKILL');
      await Promise.all(lockers.map((each) => each.gone));
    }
    lockFolder(folder)();
    expect(readdirSync(folder)).toEqual([]);
  });
});
