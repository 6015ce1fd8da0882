/** The house: which folders may import which, and that only cli knows Node, so that all else runs in a browser page. */
import { readdirSync, readFileSync } from 'node:fs';
import { builtinModules } from 'node:module';
import { dirname, join, normalize } from 'node:path/posix';
import { describe, expect, it } from 'vitest';

const root = new URL('../src/', import.meta.url);
const files = readdirSync(root, { recursive: true, encoding: 'utf8' })
  .map((file) => file.replaceAll('\\', '/'))
  .filter((file) => file.endsWith('.ts'));
const sourceOf = (file: string) => readFileSync(new URL(file, root), 'utf8');
const imports = (source: string) =>
  [...source.matchAll(/(?:\bfrom\s+|\bimport\s*\(?\s*)['"]([^'"]+)['"]/g)].map((match) => match[1]!);

/** From the top floor down: a file imports from its own folder and from the floors below it, never from beside or above. */
const floors = [
  ['cli'],
  ['lab'],
  ['lessons'],
  ['library'],
  ['evaluate', 'report'],
  ['sample', 'train'],
  ['model'],
  ['tensor'],
];
const floorOf = (folder: string) => floors.findIndex((floor) => floor.includes(folder));
const folderOf = (file: string) => file.split('/')[0]!;

/** The imports of a file that do not lead down, each as 'a.ts imports b.ts'. */
function arrowsUp(file: string, source: string): string[] {
  const [folder, from] = [folderOf(file), floorOf(folderOf(file))];
  return imports(source)
    .filter((name) => name.startsWith('.'))
    .map((name) => normalize(join(dirname(file), name)))
    .filter((target) => folderOf(target) !== folder && !(floorOf(folderOf(target)) > from))
    .map((target) => `${file} imports ${target}`);
}

/** What makes a file depend on Node, as a list of findings. */
function node(file: string, source: string): string[] {
  const found = imports(source)
    .filter((name) => !name.startsWith('.') || builtinModules.includes(name.split('/')[0]!))
    .map((name) => `${file} imports ${name}`);
  const code = source.replace(/\/\*[\s\S]*?\*\//g, '').replace(/\/\/.*$/gm, '');
  const global = /\b(process|Buffer|__dirname|setImmediate)\s*[.(]/.exec(code);
  return global === null ? found : [...found, `${file} uses ${global[1]}`];
}

describe('the floors of src', () => {
  it('are its folders', () => {
    expect([...new Set(files.map(folderOf))].sort()).toEqual(floors.flat().sort());
  });

  it('are connected downwards only', () => {
    expect(files.flatMap((file) => arrowsUp(file, sourceOf(file)))).toEqual([]);
  });

  it('would show an arrow that leads up, or to the neighbour', () => {
    expect(arrowsUp('train/a.ts', "import { b } from '../cli/b.ts';")).toEqual([
      'train/a.ts imports cli/b.ts',
    ]);
    expect(arrowsUp('model/text/a.ts', "export * from '../../train/b.ts';")).toHaveLength(1);
    expect(arrowsUp('sample/a.ts', "const b = await import('../train/b.ts');")).toHaveLength(1);
    expect(
      arrowsUp('train/a.ts', "import '../model/b.ts'; import './c.ts'; import '../tensor/d/e.ts';"),
    ).toEqual([]);
  });
});

describe('every floor but cli', () => {
  const pure = files.filter((file) => folderOf(file) !== 'cli');

  it('imports no Node module and no package, and uses no global of Node', () => {
    expect(pure.length).toBeGreaterThan(30);
    expect(pure.flatMap((file) => node(file, sourceOf(file)))).toEqual([]);
  });

  it('would be found out', () => {
    for (const source of [
      "import { readFileSync } from 'node:fs';",
      "import fs from 'fs';",
      "const x = await import('worker_threads');",
      "import fc from 'fast-check';",
      'const v = process.version;',
      'const b = Buffer.from(x);',
    ]) {
      expect(node('x.ts', source), source).not.toEqual([]);
    }
  });

  it('draws no random number and reads no clock, but for trainings in memory, which show how long a training takes', () => {
    const impure = pure.filter(
      (file) =>
        !['lab', 'library'].includes(folderOf(file)) &&
        /Math\.random|Date\.now|new Date|performance\.now/.test(sourceOf(file)),
    );
    expect(impure).toEqual([]);
  });
});
