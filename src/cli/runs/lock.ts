/** Allows only one trainer in a folder: a lock file names the process that holds it. If that process is gone, the lock
 * can be taken over.
 *
 *     4711 myhost 1234567      number, machine, and when the process began
 *
 * Process numbers are used again, so the time of its beginning tells a process from others with its number: in clock
 * ticks since the machine started, as Linux counts them. Other systems and older locks leave it out. A file with other
 * content, such as the empty one that a power failure leaves, is no lock. */
import { linkSync, lstatSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join, resolve } from 'node:path';
import { attempt } from '../host/files.ts';

interface Holder {
  readonly pid: number;
  readonly host: string;
  readonly began: string | undefined;
}
/** No lock is longer. */
const mostBytes = 1000;
/** Locks of this process. One that has its number and is not among them is of another process: containers reuse
 * numbers. */
const held = new Set<string>();

/** Takes the folder's lock or throws. Returns the function that releases it. */
export function lockFolder(folder: string): () => void {
  const path = join(folder, 'lock');
  const own = `${[process.pid, machine(), statusOf(process.pid)?.began ?? ''].join(' ').trimEnd()}\n`;
  for (;;) {
    const found = look(path);
    if (found !== undefined) {
      const holder = holderOf(found, path);
      if (holder !== undefined) {
        throw new Error(
          `${folder} is in use by another trainer (process ${holder.pid} on ${holder.host}); wait for it, or remove ${path} if it is gone`,
        );
      }
      takeAway(path, found);
    }
    if (!attempt('write', path, () => create(path, own))) continue; // another was faster
    held.add(resolve(path));
    return () => {
      if (!held.delete(resolve(path)) || look(path) !== own) return;
      try {
        rmSync(path, { force: true });
      } catch {
        // A disk that has become read-only keeps it; it is taken over once this process is gone.
      }
    };
  }
}

/** Whether a trainer is at work in the folder. */
export function isLocked(folder: string): boolean {
  const path = join(folder, 'lock');
  try {
    return holderOf(look(path) ?? '', path) !== undefined;
  } catch {
    return false; // nothing that a trainer made
  }
}

/** The content of the lock; '' if no trainer wrote it; undefined if there is none. */
function look(path: string): string | undefined {
  const there = lstatSync(path, { throwIfNoEntry: false });
  if (there === undefined) return undefined;
  if (there.isDirectory()) {
    throw new Error(`${path} is a folder; a trainer makes a file of that name there: move it away`);
  }
  if (!there.isFile() || there.size > mostBytes) return '';
  return attempt('read', path, () => {
    try {
      return readFileSync(path, 'utf8');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined; // given back just now
      throw error;
    }
  });
}

/** This machine's name, in letters that a lock may hold. */
function machine(): string {
  return hostname().replaceAll(/[^\p{L}\p{N}_.-]/gu, '-') || 'unnamed';
}

/** Who holds the lock at `path` that says `lock`; undefined for nobody, or nobody any more. */
function holderOf(lock: string, path: string): Holder | undefined {
  const [, pid, host, began] = /^(\d{1,10}) ([\p{L}\p{N}_.-]+)(?: (\d+))?\n?$/u.exec(lock) ?? [];
  if (host === undefined) return undefined;
  const holder = { pid: Number(pid), host, began };
  return host !== machine() || isRunning(holder, path) ? holder : undefined;
}

/** Removes the lock whose content is `found`. It is renamed first, so that only one of several processes removes it. */
function takeAway(path: string, found: string): void {
  const taken = `${path}.${process.pid}.stale`;
  try {
    attempt('take over', path, () => renameSync(path, taken));
  } catch (failure) {
    if (look(path) === found) throw failure; // nobody can, on a read-only disk
    return; // another was faster
  }
  if (look(taken) === found) rmSync(taken, { force: true });
  else renameSync(taken, path); // that was a newcomer's lock: put it back
}

/** Makes the file with its content at once: a link appears whole, a new file empty. False if it is there already. */
function create(path: string, content: string): boolean {
  const own = `${path}.${process.pid}`;
  try {
    writeFileSync(own, content);
    linkSync(own, path);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  } finally {
    rmSync(own, { force: true });
  }
}

/** Whether the process that wrote the lock at `path` on this machine is still at work. */
function isRunning({ pid, began }: Holder, path: string): boolean {
  if (pid === 0 || (pid === process.pid && !held.has(resolve(path)))) return false;
  try {
    process.kill(pid, 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EPERM') return false;
  }
  const status = statusOf(pid);
  return status === undefined || (!status.dead && (began === undefined || began === status.began));
}

/** What Linux tells of a process, man 5 proc: after its name in brackets come its state, and as field 22 its beginning.
 * A dead one (Z, X) keeps its number until its parent has asked how it ended, which some parents never do. */
function statusOf(pid: number): { readonly dead: boolean; readonly began: string } | undefined {
  try {
    const line = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fields = line.slice(line.lastIndexOf(')') + 2).split(' ');
    return { dead: /[ZXx]/.test(fields[0]!), began: fields[22 - 3]! };
  } catch {
    return undefined;
  }
}
