/** Folders that tests write into; each is removed when its suite is over. */
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterAll, beforeEach } from 'vitest';
import { scratchFolder } from './runs.ts';

/** One for all tests of a suite. */
export function suiteFolder(): string {
  const folder = scratchFolder();
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** Paths where nothing is yet, each time another: for runs. */
export function freshPaths(): () => string {
  const folder = suiteFolder();
  let count = 0;
  return () => join(folder, `run-${count++}`);
}

/** An empty folder for each test: `at` gives paths in it, and `file` writes a file below it and gives its path. */
export function testFolder() {
  const fresh = freshPaths();
  let folder: string;
  beforeEach(() => {
    folder = fresh();
    mkdirSync(folder);
  });
  const at = (...names: string[]) => join(folder, ...names);
  const file = (name: string, content: string | Uint8Array) => {
    const path = at(name);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, content);
    return path;
  };
  return { at, file };
}
