#!/usr/bin/env node
/** The command `inkling`: lets Node run the TypeScript of this folder, then hands over to src/cli/inkling.ts.
 *
 * Node 22.18 and newer strip types by themselves. On an older Node tsx does it, in this process, so that signals reach the
 * command. This one file is JavaScript, because it runs before there is anything that reads TypeScript. */
import module from 'node:module';

/** Keeps compiled code in the system's temporary folder, by checksum of its text; Node 20 has no such store. */
module.enableCompileCache?.();

/** Node strips no types in a package that is installed: there is what `npm pack` has built. */
const installed = import.meta.url.includes('/node_modules/');

if (installed) {
  // Nothing to do.
} else if (process.features.typescript) {
  // Node 22 to 24.2 strip types, too, but call it an experiment on every start.
  const { emitWarning } = process;
  process.emitWarning = (warning, ...rest) => {
    if (!/^(Type Stripping|stripTypeScriptTypes) is/.test(String(warning)))
      emitWarning.call(process, warning, ...rest);
  };
} else {
  const tsx = await import('tsx/esm/api').catch(() => {
    console.error(
      `error: Node ${process.version} does not read TypeScript by itself: use Node 22.18 or newer, or run: npm install --include=dev`,
    );
    process.exit(1);
  });
  tsx.register();
}

await import(installed ? '../dist/cli/inkling.js' : '../src/cli/inkling.ts');
