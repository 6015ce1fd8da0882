/** What `npm pack` makes, installed into an empty project: the examples and the command run there, the types hold, and a
 * bundler for browsers finds nothing of Node. */
import { type ExecFileSyncOptions, execFileSync } from 'node:child_process';
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { smallText } from '../lab/support.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));
const project = mkdtempSync(join(tmpdir(), 'inkling-package-'));
afterAll(() => rmSync(project, { recursive: true }));

/** npm of the test's own is none of the project's business. */
const env = Object.fromEntries(
  Object.entries(process.env).filter(([name]) => !/^(npm_|NODE_|VITEST)/.test(name)),
);
const inProject: ExecFileSyncOptions = { cwd: project, env, stdio: ['ignore', 'pipe', 'pipe'] };
const run = (file: string, ...args: string[]) => String(execFileSync(file, args, inProject));
const node = (...args: string[]) => run(process.execPath, ...args);

beforeAll(() => {
  execFileSync('npm', ['pack', '--silent', '--pack-destination', project], {
    cwd: root,
    env,
    stdio: 'ignore',
  });
  const [archive] = readdirSync(project);
  writeFileSync(join(project, 'package.json'), '{ "type": "module", "private": true }');
  run('npm', 'install', '--offline', '--no-audit', '--no-fund', `./${archive}`);
  cpSync(join(root, 'examples'), project, { recursive: true });
  writeFileSync(join(project, 'text.txt'), smallText);
});

describe('the package in an empty project', () => {
  it('has no dependency', () => {
    expect(readdirSync(join(project, 'node_modules')).filter((name) => !name.startsWith('.'))).toEqual([
      'inkling',
    ]);
  });

  it('runs the examples, each of at most 30 lines', () => {
    const examples = readdirSync(join(root, 'examples')).filter((name) => name.endsWith('.js'));
    expect(examples).toEqual(['choose.js', 'learn.js', 'write.js']);
    for (const name of examples) {
      expect(readFileSync(join(root, 'examples', name), 'utf8').split('\n').length).toBeLessThanOrEqual(31);
    }
    const learned = node('learn.js', 'text.txt', 'run', '20');
    expect(learned).toMatch(/^step 20: \d\.\d{3} nats, perplexity \d+\.\d\d\n/);
    const written = node('write.js', 'run', 'The ');
    expect(written).toHaveLength('The '.length + 300 + 1);
    expect(node('write.js', 'run', 'The ')).toBe(written);
    const command = run(
      'npx',
      'inkling',
      'sample',
      '--run',
      'run',
      '--prompt',
      'The ',
      '--tokens',
      '300',
      '--seed',
      '7',
    );
    expect(command).toBe(written);
    const chosen = node('choose.js', 'run', 'The cat ', 'sat', 'nnn').trimEnd().split('\n');
    expect(chosen.map((line) => line.slice(-3))).toEqual(['sat', 'nnn']);
  });

  it('has types that a strict project compiles with', () => {
    writeFileSync(
      join(project, 'use.ts'),
      `import { generate, loadModel, type Model, nextToken, score, train } from 'inkling';
      const model: Model = await loadModel('run', { threads: 1 });
      for await (const { id, text } of generate(model, { prompt: 'x', topP: 0.9 })) console.log(id.toFixed(), text.length);
      for await (const event of train({ text: 'x', layers: 2 })) if (event.kind === 'step') console.log(event.loss.toFixed());
      console.log(nextToken(model, 'x').candidates[0]!.probability + score(model, 'ab').nll);
      // @ts-expect-error a setting that there is not
      train({ text: 'x', layer: 2 });`,
    );
    const compilerOptions = {
      module: 'NodeNext',
      target: 'ES2023',
      lib: ['ES2023', 'DOM'],
      strict: true,
      noEmit: true,
    };
    writeFileSync(join(project, 'tsconfig.json'), JSON.stringify({ compilerOptions, files: ['use.ts'] }));
    expect(node(join(root, 'node_modules/typescript/bin/tsc'), '--project', project)).toBe('');
  });

  it('is bundled for browsers without anything of Node', async () => {
    writeFileSync(
      join(project, 'page.js'),
      `import { generate, loadModel, train } from 'inkling'; export { generate, loadModel, train };`,
    );
    const { outputFiles } = await build({
      ...{
        entryPoints: [join(project, 'page.js')],
        bundle: true,
        platform: 'browser',
        format: 'esm',
        write: false,
      },
    });
    expect(outputFiles[0]!.text).not.toContain('node:');
  });
});
