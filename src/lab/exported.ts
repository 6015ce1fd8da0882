/** The page as one file, as npm run export writes it: model and engine stand in it, and nothing is fetched. */

import type { Files } from '../library/run-files.ts';
import { workers } from './engine/client.ts';
import { bytesOf, unpacked } from './packed.ts';
import type { Packet } from './packet.ts';
import { startPage } from './page.ts';
import { views } from './views/list.ts';

const nothingThere = async (name: string): Promise<never> => {
  throw new Error(`this page has no server to ask for ${name}`);
};

startPage(async () => {
  const { version, name, weights, worker, files }: Packet = JSON.parse(await unpacked('packet'));
  const code = URL.createObjectURL(new Blob([worker], { type: 'text/javascript' }));
  workers.start = () => new Worker(code);
  return {
    ...{ version, home: 'file', title: `${name}, Inkling`, texts: [], runs: [] },
    view: views.some(({ id }) => id === 'write') ? 'write' : 'next-token',
    remark: weights === 'f16' ? 'its weights are rounded to 16 bits' : undefined,
    opens: {
      name,
      files: async (): Promise<Files> => {
        const texts = Object.entries(files).map(
          ([path, text]) => [path, new TextEncoder().encode(text)] as const,
        );
        return new Map([...texts, ['model.safetensors', bytesOf('weights')] as const]);
      },
    },
    text: nothingThere,
    run: nothingThere,
  };
});
