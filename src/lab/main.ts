/** The lab as its server hands it out: what there is, and each text and run, is fetched from there. See
 * src/cli/lab/server.ts. */
import type { Lab } from './lab.ts';
import { startPage } from './page.ts';

/** /lab.json */
interface Served {
  readonly version: string;
  readonly texts: Lab['texts'];
  readonly runs: readonly string[];
  readonly chosen: string | null;
}

async function fetched(path: string): Promise<Response> {
  const response = await fetch(path);
  if (!response.ok) throw new Error(`the lab's server says: ${(await response.text()).trim()}`);
  return response;
}

async function run(name: string): Promise<ReadonlyMap<string, Uint8Array>> {
  const path = `/runs/${encodeURIComponent(name)}`;
  const list = (await (await fetched(path)).json()) as { readonly path: string }[];
  const bytes = async (file: string) =>
    new Uint8Array(await (await fetched(`${path}/${file}`)).arrayBuffer());
  return new Map(await Promise.all(list.map(async (file) => [file.path, await bytes(file.path)] as const)));
}

startPage(async () => {
  const { chosen, ...found } = (await (await fetched('/lab.json')).json()) as Served;
  return {
    ...found,
    home: 'server',
    title: 'Inkling, the lab',
    opens: chosen === null ? undefined : { name: chosen, files: () => run(chosen) },
    text: async (name) => (await fetched(`/data/${encodeURIComponent(name)}`)).text(),
    run,
  };
});
