import { spawn } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { StopSignal } from '../../src/cli/host/stop-signal.ts';
import { root } from '../support/root.ts';
import { freshPaths } from '../support/scratch.ts';

const fresh = freshPaths();

describe('a stop signal', () => {
  it.each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
    ['SIGHUP', 129],
  ] as const)('remembers %s and its exit code, and leaves the next to the system', (name, code) => {
    const before = process.listenerCount(name);
    const stop = new StopSignal();
    expect([stop.requested, stop.exitCode]).toEqual([undefined, 0]);
    expect(process.listenerCount(name)).toBe(before + 1);
    process.listeners(name).at(-1)!(name);
    expect([stop.requested, stop.exitCode]).toEqual([name, code]);
    expect(process.listenerCount(name)).toBe(before);
  });

  it('ends the process at once when it comes a second time, even while that is at work', async () => {
    const script = `
      import { StopSignal } from ${JSON.stringify(join(root, 'src/cli/host/stop-signal.ts'))};
      const stop = new StopSignal();
      console.log('ready');
      while (stop.requested === undefined) await new Promise(setImmediate);
      (await import('node:fs')).writeSync(1, 'asked');
      for (;;);`;
    const child = spawn(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', script], {
      cwd: root,
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let said = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      said += text;
      child.kill(said.includes('asked') ? 'SIGTERM' : 'SIGINT');
    });
    const ended = await new Promise((resolve) => child.on('close', (_, signal) => resolve(signal)));
    expect([said, ended]).toEqual(['ready\nasked', 'SIGTERM']);
  });

  it('saves when Ctrl+C reaches npm, its shell and the run together, as it does in a terminal', async () => {
    const run = fresh();
    // A step of a quarter of a second or so: a wrapper that passes signals on loses patience within it.
    const small = [
      '--layers',
      '1',
      '--channels',
      '8',
      '--heads',
      '2',
      '--context',
      '8',
      '--batch-size',
      '128',
    ];
    const flags = [
      '--steps',
      '100000',
      '--eval-every',
      '100000',
      '--backend',
      'reference',
      '--out',
      run,
      ...small,
    ];
    const child = spawn('npm', ['run', 'train', '--', ...flags], {
      cwd: root,
      stdio: ['ignore', 'pipe', 'ignore'],
      detached: true, // a process group of its own, which gets the signal as a whole
    });
    let said = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      const before = said.includes('to beat:');
      said += text;
      if (!before && said.includes('to beat:')) process.kill(-child.pid!, 'SIGINT');
    });
    await new Promise((resolve) => child.on('close', resolve));
    expect(said).toMatch(/stopped after step \d+ of 100000; to go on: npm run train -- --resume /);
    expect(readdirSync(run).filter((name) => name.startsWith('step-') || name === 'lock')).toHaveLength(1);
  });
});
