/** A TypeScript file as a browser runs it: the types blanked out, so that every line stays where it is. */
import module from 'node:module';

/** Turns the text of one file; an error names a way out where this Node cannot. */
export type BlankTypes = (source: string, name: string) => string;

/** Node's own (22.13 and newer) blanks types out. An older one has esbuild's transform, which comes with tsx: it prints the
 * code anew, so it adds a source map for the debugger to show the file that one reads. */
export async function typeBlanker(): Promise<BlankTypes> {
  const { stripTypeScriptTypes } = module as { stripTypeScriptTypes?: (code: string) => string };
  if (stripTypeScriptTypes !== undefined) return (source) => stripTypeScriptTypes(source);
  const esbuild = await import('esbuild').catch(() => undefined);
  if (esbuild === undefined) {
    throw new Error(
      `Node ${process.version} cannot blank types out of TypeScript: use Node 22.18 or newer, or run: npm install --include=dev`,
    );
  }
  return (source, name) =>
    esbuild.transformSync(source, {
      loader: 'ts',
      target: 'esnext',
      sourcemap: 'inline',
      sourcefile: name.split('/').at(-1)!,
      tsconfigRaw: { compilerOptions: { verbatimModuleSyntax: true } },
    }).code;
}
