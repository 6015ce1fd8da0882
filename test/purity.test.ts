/** The same code runs in a browser page: only commands and adapters may know Node. */
import { readdirSync, readFileSync } from 'node:fs';
import { builtinModules } from 'node:module';
import { describe, expect, it } from 'vitest';

const root = new URL('../src/', import.meta.url);
const files = readdirSync(root, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.ts'));
const mayUseNode = (file: string) => file.startsWith('node/') || /[/-]cli\.ts$/.test(file);
const imports = (source: string) =>
  [...source.matchAll(/(?:from|import)\s*\(?\s*['"]([^'"]+)['"]/g)].map((match) => match[1]!);

/** What makes a source file depend on Node, as a list of findings. */
function findings(file: string, source: string): string[] {
  const found = imports(source)
    .filter((name) => name.startsWith('node:') || builtinModules.includes(name.split('/')[0]!))
    .concat(imports(source).filter((name) => !name.startsWith('.') && !name.startsWith('node:')))
    .concat(imports(source).filter((name) => name.includes('/node/') || /[/-]cli\.ts$/.test(name)))
    .map((name) => `${file} imports ${name}`);
  const code = source.replace(/\/\*[\s\S]*?\*\//g, '').replace(/\/\/.*$/gm, '');
  const global = /\b(process|Buffer|__dirname|setImmediate)\s*[.(]/.exec(code);
  return global === null ? found : [...found, `${file} uses ${global[1]}`];
}

describe('the pure part of src', () => {
  const pure = files.filter((file) => !mayUseNode(file));

  it('holds every folder but node and every file but the commands', () => {
    expect(pure.length).toBeGreaterThan(30);
    expect(new Set(files.filter(mayUseNode).map((file) => file.replace(/[^/]+$/, '')))).toEqual(
      new Set(['node/', 'train/', 'sample/', 'evaluate/']),
    );
  });

  it('imports no Node module, no package, no adapter, and uses no global of Node', () => {
    expect(pure.flatMap((file) => findings(file, readFileSync(new URL(file, root), 'utf8')))).toEqual([]);
  });

  it('would be found out', () => {
    for (const source of [
      "import { readFileSync } from 'node:fs';",
      "import fs from 'fs';",
      "import { readText } from '../node/files.ts';",
      "const x = await import('worker_threads');",
      "import fc from 'fast-check';",
      'const v = process.version;',
      'const b = Buffer.from(x);',
    ]) {
      expect(findings('x.ts', source), source).not.toEqual([]);
    }
  });

  it('draws no random number and reads no clock', () => {
    const impure = pure.filter((file) =>
      /Math\.random|Date\.now|new Date|performance\.now/.test(readFileSync(new URL(file, root), 'utf8')),
    );
    expect(impure).toEqual([]);
  });
});
