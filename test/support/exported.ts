/** What npm run export writes, read back. */
import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import type { Packet } from '../../src/lab/packet.ts';
import type { Files } from '../../src/library/run-files.ts';

export function readExported(path: string): {
  readonly page: string;
  readonly packet: Packet;
  /** In base64. */
  readonly weights: string;
  /** As the page gives them to the engine. */
  readonly files: Files;
} {
  const page = readFileSync(path, 'utf8');
  const [packed, weights] = ['packet', 'weights'].map(
    (id) => new RegExp(`<script type="text/plain" id="${id}">([A-Za-z0-9+/=]*)</script>`).exec(page)![1]!,
  ) as [string, string];
  const packet = JSON.parse(gunzipSync(Buffer.from(packed, 'base64')).toString('utf8')) as Packet;
  const texts = Object.entries(packet.files).map(
    ([name, text]) => [name, new TextEncoder().encode(text)] as const,
  );
  const bytes = new Uint8Array(Buffer.from(weights, 'base64'));
  return { page, packet, weights, files: new Map([...texts, ['model.safetensors', bytes] as const]) };
}
