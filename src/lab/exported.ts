/** The page as one file, as npm run export writes it: model and engine stand in it, and nothing is fetched. */

import type { Files } from '../library/run-files.ts';
import { workers } from './engine/client.ts';
import type { Packet } from './packet.ts';
import { startPage } from './page.ts';
import { views } from './views/list.ts';

/** What stands in an element in base64. The element goes, so that a large model is not held twice. */
function bytesOf(id: string): Uint8Array<ArrayBuffer> {
  const element = document.getElementById(id)!;
  const binary = atob(element.textContent);
  element.remove();
  const bytes = new Uint8Array(binary.length);
  for (let i = 0; i < bytes.length; i++) bytes[i] = binary.charCodeAt(i);
  return bytes;
}

async function unpacked(): Promise<Packet> {
  if (typeof DecompressionStream === 'undefined') {
    throw new Error('this browser is too old; Chromium 91, Firefox 113 and Safari 16.4 are new enough');
  }
  const stream = new Blob([bytesOf('packet')]).stream().pipeThrough(new DecompressionStream('gzip'));
  return (await new Response(stream).json()) as Packet;
}

const nothingThere = async (name: string): Promise<never> => {
  throw new Error(`this page has no server to ask for ${name}`);
};

startPage(async () => {
  const { version, name, weights, worker, files } = await unpacked();
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
