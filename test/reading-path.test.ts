/** The reading path in README.md: its files are as long as it says, few enough to read, and all of them run. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { beforeAll, describe, expect, it } from 'vitest';
import { root } from './support/root.ts';
import { suiteFolder } from './support/scratch.ts';

/** Lines of all files together, without micro.ts. */
const most = 2000;
const page = 'src/model/micro.ts';

const readme = readFileSync(join(root, 'README.md'), 'utf8');
const section = /^### The reading path$([\s\S]*?)^##/m.exec(readme)![1]!;
/** Every file on the path, and how long README.md says it is. */
const said = [...section.matchAll(/`(src\/[\w./-]+\.ts)` \(([\d,]+) lines\)/g)].map(
  ([, file, lines]) => [file!, Number(lines!.replace(',', ''))] as const,
);
const path = said.map(([file]) => file).filter((file) => file !== page);
const linesOf = (file: string) => readFileSync(join(root, file), 'utf8').split('\n').length - 1;
const total = path.reduce((sum, file) => sum + linesOf(file), 0);

describe('the reading path', () => {
  it('begins with the page and names each file once, in about 14 stops', () => {
    expect(said[0]![0]).toBe(page);
    expect(new Set(path).size).toBe(path.length);
    const stops = [...section.matchAll(/^(\d+)\. /gm)].map((match) => Number(match[1]));
    expect(stops).toEqual(Array.from(stops, (_, i) => i));
    expect(stops.length).toBeGreaterThan(12);
    expect(stops.length).toBeLessThan(17);
  });

  it('says how many lines each file has, and all together', () => {
    expect(said).toEqual(said.map(([file]) => [file, linesOf(file)]));
    const sum = /([\d,]+) files and ([\d,]+) lines/.exec(section)!;
    expect([sum[1], sum[2]]).toEqual([String(path.length), total.toLocaleString('en-US')]);
  });

  it(`has at most ${most} lines: an afternoon`, () => {
    expect(total).toBeLessThanOrEqual(most);
  });
});

describe('a default training step and a drawn token', () => {
  const folder = suiteFolder();
  /** The functions of each file of src that ran, by name. */
  const ran = new Map<string, string[]>();

  beforeAll(() => {
    const [text, run, coverage] = ['text.txt', 'run', 'coverage'].map((name) => join(folder, name));
    mkdirSync(coverage!);
    writeFileSync(text!, 'the cat sat on the mat. the dog sat on the log. '.repeat(12));
    const tiny = '--steps 2 --seed 1 --layers 1 --channels 16 --heads 2 --context 8 --batch-size 2 --quiet';
    const commands = {
      train: [...tiny.split(' '), '--backend', 'reference', '--data', text, '--out', run],
      sample: ['--run', run, '--prompt', 'the', '--tokens', '12', '--seed', '1', '--backend', 'reference'],
    };
    // A command runs when it is imported, on the arguments of the process.
    const program = Object.entries(commands).map(([name, args]) => {
      const file = pathToFileURL(join(root, `src/cli/${name}.ts`)).href;
      return `process.argv.splice(1, Infinity, 'inkling', ...${JSON.stringify(args)}); await import('${file}');`;
    });
    execFileSync(process.execPath, ['--import', 'tsx', '--input-type=module', '--eval', program.join('\n')], {
      cwd: root,
      env: { ...process.env, NODE_V8_COVERAGE: coverage! },
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    const source = pathToFileURL(join(root, 'src/')).href;
    for (const file of readdirSync(coverage!)) {
      const { result } = JSON.parse(readFileSync(join(coverage!, file), 'utf8')) as Coverage;
      for (const { url, functions } of result.filter((script) => script.url.startsWith(source))) {
        // The first function of a script is its top level, which runs when the file is loaded; __name is esbuild's.
        const entered = functions.slice(1).filter(({ ranges }) => ranges[0]!.count > 0);
        const names = entered.map(({ functionName }) => functionName);
        const own = names.filter((name) => name !== '' && name !== '__name');
        ran.set(`src/${url.slice(source.length).split('?')[0]}`, own);
      }
    }
  });

  it.each(path)('enter %s', (file) => {
    expect(ran.get(file) ?? []).not.toEqual([]);
  });

  it('are told from what is only loaded', () => {
    expect(ran.get('src/model/gpt2.ts')).toEqual([]);
    expect(ran.get('src/train/dataset.ts')).toContain('fill');
    expect(ran.get('src/sample/generate.ts')).toContain('generate');
  });
});

interface Coverage {
  readonly result: readonly {
    readonly url: string;
    readonly functions: readonly {
      readonly functionName: string;
      readonly ranges: readonly { readonly count: number }[];
    }[];
  }[];
}
