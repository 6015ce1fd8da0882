/** The exported page: the lab's page with its style, its scripts and a model in it.
 *
 * Its policy lets only these scripts run, and lets it load nothing from anywhere: what is trained and written stays in the tab. */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';
import type { Packet } from '../../lab/packet.ts';
import { labStyle } from '../../lab/style.ts';
import { html } from '../../report/html.ts';
import type { Bundle } from './bundle.ts';

const index = new URL('../../../src/lab/index.html', import.meta.url);
const charset = '<meta charset="utf-8">';

/** @param scripts no text in the loader ends its element @param weights model.safetensors */
export function exportedPage(
  { loader, page: script }: Pick<Bundle, 'loader' | 'page'>,
  packet: Packet,
  weights: Uint8Array,
): string {
  const policy = [
    "default-src 'none'",
    `script-src ${hash(loader)} ${hash(script)} 'wasm-unsafe-eval'`,
    'worker-src blob:', // the engine's, whose code is in the packet
    `style-src ${hash(labStyle)}`,
    'img-src data: blob:',
    "base-uri 'none'",
    "form-action 'none'",
  ].join('; ');
  const packed = { script, packet: JSON.stringify(packet) };
  const elements = Object.entries(packed).map(([id, text]) => element(id, gzipSync(text, { level: 9 })));
  const parts: readonly (readonly [from: string, to: string])[] = [
    [charset, `${charset}\n<meta http-equiv="Content-Security-Policy" content="${policy}">`],
    ['<link rel="stylesheet" href="/lab.css">', `<style>${labStyle}</style>`],
    ['<title>Inkling – the lab</title>', html`<title>${packet.name}, Inkling</title>`.text],
    ['<h1>The lab</h1>', html`<h1>${packet.name}</h1>`.text],
    [
      '<script type="module" src="/src/lab/main.ts"></script>',
      [...elements, element('weights', weights), `<script type="module">${loader}</script>`].join('\n'),
    ],
  ];
  return parts.reduce(
    (page, [from, to]) => {
      if (page.split(from).length !== 2) throw new Error(`src/lab/index.html: expected ${from} once`);
      return page.replace(from, () => to);
    },
    readFileSync(index, 'utf8'),
  );
}

function element(id: string, bytes: Uint8Array): string {
  const base64 = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('base64');
  return `<script type="text/plain" id="${id}">${base64}</script>`;
}

const hash = (text: string): string => `'sha256-${createHash('sha256').update(text).digest('base64')}'`;
