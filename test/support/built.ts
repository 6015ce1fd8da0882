/** Where Node strips no types, commands that tests start run what `npm pack` makes of src, built anew for each run of the
 * tests: under tsx a start takes twice as long. */
import { execFileSync } from 'node:child_process';
import { cpSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import type { TestProject } from 'vitest/node';
import { root, stripsTypes } from './root.ts';

/** Called by vitest before the first test. */
export function setup(project: TestProject): void {
  if (stripsTypes) return;
  // Below node_modules, where bin/inkling.js takes itself for installed.
  const built = mkdtempSync(join(root, 'node_modules/.inkling-'));
  process.on('exit', () => rmSync(built, { recursive: true, force: true })); // after Ctrl+C, too
  cpSync(join(root, 'bin'), join(built, 'bin'), { recursive: true });
  for (const name of ['package.json', 'src', 'data', 'docs']) {
    symlinkSync(join(root, name), join(built, name));
  }
  const build = () => {
    const tsc = [join(root, 'node_modules/typescript/bin/tsc'), '-p', join(root, 'tsconfig.build.json')];
    const quick = ['--noCheck', '--declaration', 'false', '--outDir', join(built, 'dist')];
    execFileSync(process.execPath, [...tsc, ...quick], { stdio: 'inherit' });
  };
  build();
  project.onTestsRerun(build);
  process.env['INKLING_BUILT'] = built;
}
