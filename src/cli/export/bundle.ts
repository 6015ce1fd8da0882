/** The page's code as one script, the one that unpacks it, and the engine's worker: bundled and made small by esbuild. */
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../../../', import.meta.url));

export interface Bundle {
  readonly loader: string;
  readonly page: string;
  readonly worker: string;
}

/** Rejects with advice where esbuild is not installed. */
export async function bundlePage(): Promise<Bundle> {
  const esbuild = await import('esbuild').catch(() => undefined);
  if (esbuild === undefined) {
    throw new Error(
      'the page is bundled by esbuild, which is not installed; run: npm install --include=dev, or in a project of your own: npm install esbuild',
    );
  }
  const bundle = async (entry: string, format: 'esm' | 'iife'): Promise<string> => {
    const { outputFiles } = await esbuild.build({
      ...{ absWorkingDir: root, entryPoints: [entry], format, target: 'es2022' },
      ...{ bundle: true, minify: true, write: false, logLevel: 'silent' },
      ...{ charset: 'utf8', legalComments: 'none' },
    });
    return outputFiles[0]!.text;
  };
  const [loader, page, worker] = await Promise.all([
    bundle('src/lab/loader.ts', 'esm'),
    bundle('src/lab/exported.ts', 'esm'),
    bundle('src/lab/engine/worker.ts', 'iife'),
  ]);
  return { loader, page, worker };
}
