/** One trainer a folder: a lock file that holds the process's number, and is taken over when that process is gone. */
import { linkSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join, resolve } from 'node:path';
import { attempt } from './files.ts';

/** Locks of this process: one that names it and is not among them is a namesake's, as containers reuse numbers. */
const held = new Set<string>();

/** Takes the folder's lock or throws; returns the function that gives it back. */
export function lockFolder(folder: string): () => void {
  const path = join(folder, 'lock');
  const own = `${process.pid} ${hostname()}\n`;
  for (;;) {
    try {
      attempt('write', path, () => create(path, own));
      held.add(resolve(path));
      return () => {
        if (!held.delete(resolve(path)) || read(path) !== own) return;
        try {
          rmSync(path, { force: true });
        } catch {
          // A disk that has become read-only keeps it; it is taken over once this process is gone.
        }
      };
    } catch (error) {
      const holder = read(path);
      if (holder === undefined) throw error; // something else stood in the way
      const [pid, host] = holder.trim().split(' ');
      const namesake = Number(pid) === process.pid && !held.has(resolve(path));
      if (host !== hostname() || (isAlive(Number(pid)) && !namesake)) {
        throw new Error(
          `${folder} is in use by another trainer (process ${pid} on ${host}); wait for it, or remove ${path} if it is gone`,
        );
      }
      // The holder is gone. Renaming lets only one of several newcomers take its lock away.
      const taken = `${path}.${process.pid}.stale`;
      try {
        attempt('take over', path, () => renameSync(path, taken));
      } catch (failure) {
        if (read(path) === holder) throw failure; // nobody can, on a read-only disk
        continue; // another was faster
      }
      if (read(taken) !== holder)
        renameSync(taken, path); // that was a newcomer's lock: put it back
      else rmSync(taken, { force: true });
    }
  }
}

/** Makes the file with its content at once, or fails if it is there: a link appears whole, a new file empty. */
function create(path: string, content: string): void {
  const own = `${path}.${process.pid}`;
  try {
    writeFileSync(own, content);
    linkSync(own, path);
  } finally {
    rmSync(own, { force: true });
  }
}

function read(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}

function isAlive(pid: number): boolean {
  if (!(Number.isInteger(pid) && pid > 0)) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/** Whether a trainer is at work in the folder. */
export function isLocked(folder: string): boolean {
  const [pid, host] = (read(join(folder, 'lock')) ?? '').trim().split(' ');
  return host !== undefined && (host !== hostname() || isAlive(Number(pid)));
}
