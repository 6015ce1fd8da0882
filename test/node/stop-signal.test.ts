import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { StopSignal } from '../../src/node/stop-signal.ts';
import { root } from '../support/runs.ts';

describe('a stop signal', () => {
  it.each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
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
      import { StopSignal } from ${JSON.stringify(join(root, 'src/node/stop-signal.ts'))};
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
});
