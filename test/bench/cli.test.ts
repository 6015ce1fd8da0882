/** The command as a user runs it, with hardly any time: what it prints, not how fast anything is. */
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';

const root = fileURLToPath(new URL('../..', import.meta.url));
const bench = (...args: string[]) =>
  promisify(execFile)(process.execPath, ['bin/inkling.js', 'bench', ...args], { cwd: root });

describe('npm run bench', () => {
  it('prints one object with every number that is promised', async () => {
    const { stdout } = await bench('--json', '--preset', 'nanogpt-cpu', '--threads', '2', '--seconds', '0.1');
    const results = JSON.parse(stdout) as Record<string, unknown>;
    expect(results).toMatchObject({ node: process.version, preset: 'nanogpt-cpu', threads: 2 });
    expect(typeof results['fma']).toBe('boolean');
    const positive = ['peakGflops', 'matmulGflops', 'stepMs', 'stepGflops', 'stepEfficiency'];
    positive.push('tokensPerSecond', 'sampleTokensPerSecond', 'batchSampleTokensPerSecond', 'peakRssMb');
    positive.push('limitTokensPerSecond');
    positive.push('forwardMs', 'backwardMs', 'optimizerMs', 'checkpointMs', 'firstStepSeconds');
    for (const key of positive) expect(results[key], key).toBeGreaterThan(0);
    expect(Number.isFinite(results['heapGrowthMb'])).toBe(true);
    expect(results['matmuls']).toHaveLength(15);
    expect(results['speedups']).toMatchObject([{ threads: 1, speedup: 1 }, { threads: 2 }]);
    expect(results['sampler']).toMatchObject([{ vocabulary: 65 }, { vocabulary: 50_257 }]);
  });

  it('prints tables that a person can read', async () => {
    const { stdout } = await bench('--preset', 'nanogpt-cpu', '--threads', '1', '--seconds', '0.1');
    expect(stdout).toMatch(/^ {2}median +[\d.,]+$/m);
    expect(stdout).toMatch(/^ {2}feed-forward in, forward +768 x 128 x 512 /m);
    expect(stdout).toMatch(/^ {2}1 stream +1 +[\d.,]+ +[\d.,]+$/m);
    expect(stdout).toMatch(/s to its first step/);
  });

  it('refuses flags that make no sense in one line', async () => {
    await expect(bench('--seconds', '0')).rejects.toMatchObject({
      code: 2,
      stderr: 'error: --seconds must be a number above 0, got "0"\n',
    });
  });
});
