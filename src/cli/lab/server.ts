/** The lab's server: the page, the TypeScript that it runs, texts and runs, to this machine alone and read only.
 *
 *     /                            src/lab/index.html, and /lab.css beside it
 *     /src/lab/main.ts             a file of src, but for the commands, with its types blanked out
 *     /source/src/lab/main.ts      the same as one reads it; and /source/docs/lessons.md
 *     /lab.json                    what there is: version, texts, runs
 *     /data/NAME                   a text
 *     /runs/NAME                   a run's files as a list; /runs/NAME/PATH one of them; /runs/NAME/events its records, live
 *
 * Whatever is not in a list of these does not exist, so there is no path to climb out of. A name that another site has
 * pointed at this machine (DNS rebinding) is refused, and with these headers the page loads nothing from elsewhere, may
 * share memory between its threads, and no other page may hold or read it. */
import { createReadStream, readdirSync, readFileSync, statSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { labStyle } from '../../lab/style.ts';
import { version } from '../command/command.ts';
import { sendRecords } from './records.ts';
import type { Shelf } from './shelf.ts';
import type { BlankTypes } from './typescript.ts';

export interface LabFiles {
  /** Where each text is, by the name that the page calls it; the first is what it begins with. */
  readonly texts: ReadonlyMap<string, string>;
  readonly shelf: Shelf;
  readonly blankTypes: BlankTypes;
}

/** Also where this file has been built into dist/. */
const source = new URL('../../../src/', import.meta.url);
const policy = [
  "default-src 'none'",
  "script-src 'self' 'wasm-unsafe-eval'",
  "worker-src 'self' blob:", // the threads of the kernels are started from text
  "style-src 'self'",
  "connect-src 'self'",
  "img-src 'self' data: blob:",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');
const headers = {
  'Content-Security-Policy': policy,
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Embedder-Policy': 'require-corp',
  'Cross-Origin-Resource-Policy': 'same-origin',
  'X-Content-Type-Options': 'nosniff',
  'Referrer-Policy': 'no-referrer',
  'Cache-Control': 'no-store',
} as const;
const types = {
  html: 'text/html; charset=utf-8',
  css: 'text/css; charset=utf-8',
  script: 'text/javascript; charset=utf-8',
  json: 'application/json; charset=utf-8',
  text: 'text/plain; charset=utf-8',
  bytes: 'application/octet-stream',
  events: 'text/event-stream',
} as const;

/** Content, a file to send as it is, or records to follow. */
type Answer = { readonly type: keyof typeof types } & (
  | { readonly content: string }
  | { readonly file: string }
  | { readonly records: string }
);

export function labServer(files: LabFiles): Server {
  const answer = answers(files);
  const server = createServer((request, response) => {
    for (const [name, value] of Object.entries(headers)) response.setHeader(name, value);
    const { address, port } = server.address() as { address: string; port: number };
    const { host = '' } = request.headers;
    if (![`${address}:${port}`, `localhost:${port}`].includes(host)) {
      return refuse(response, 421, `this is the lab at ${address}:${port}; it answers to no other name`);
    }
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      response.setHeader('Allow', 'GET, HEAD');
      return refuse(response, 405, 'the lab only reads: GET and HEAD');
    }
    try {
      const found = answer(request.url ?? '/');
      if (found === undefined) return refuse(response, 404, 'there is no such page in the lab');
      send(request, response, found);
    } catch (error) {
      refuse(response, 500, (error as Error).message);
    }
  });
  return server;
}

function answers({ texts, shelf, blankTypes }: LabFiles): (url: string) => Answer | undefined {
  const scripts = new Set(
    readdirSync(source, { recursive: true, encoding: 'utf8' })
      .map((file) => `src/${file.replaceAll('\\', '/')}`)
      .filter((file) => file.endsWith('.ts') && !file.startsWith('src/cli/')),
  );
  const read = (file: string) => readFileSync(new URL(file.slice('src/'.length), source), 'utf8');
  return (url) => {
    const path = decoded(url);
    if (path === '/') return { type: 'html', content: read('src/lab/index.html') };
    if (path === '/lab.css') return { type: 'css', content: labStyle };
    if (path === '/lab.json') {
      const { chosen = null } = shelf;
      const found = {
        version: version(),
        texts: [...texts].map(([name, path]) => ({ name, path })),
        runs: shelf.names(),
        chosen,
      };
      return { type: 'json', content: JSON.stringify(found) };
    }
    const [, shelfName, name = '', ...rest] = path.split('/');
    const within = rest.join('/');
    if (shelfName === 'data' && rest.length === 0) {
      const file = texts.get(name);
      return file === undefined ? undefined : { type: 'text', file };
    }
    if (shelfName === 'runs') {
      if (rest.length === 0) {
        const list = shelf.files(name);
        return list && { type: 'json', content: JSON.stringify(list) };
      }
      const records = within === 'events';
      const file = shelf.file(name, records ? 'metrics.jsonl' : within);
      if (file === undefined) return undefined;
      return records ? { type: 'events', records: file } : { type: 'bytes', file };
    }
    if (path === '/source/docs/lessons.md') return { type: 'text', content: read('src/../docs/lessons.md') };
    const script = path.replace(/^\/(source\/)?/, '');
    if (!scripts.has(script)) return undefined;
    if (shelfName === 'source') return { type: 'text', content: read(script) };
    return { type: 'script', content: blankTypes(read(script), script) };
  };
}

/** The path of an address, or one that nothing has. */
function decoded(url: string): string {
  try {
    return decodeURIComponent(url.split(/[?#]/, 1)[0]!);
  } catch {
    return '';
  }
}

function send(request: IncomingMessage, response: ServerResponse, answer: Answer): void {
  response.setHeader('Content-Type', types[answer.type]);
  const only = request.method === 'HEAD';
  if ('content' in answer) {
    response.end(only ? undefined : answer.content);
  } else if ('file' in answer) {
    response.setHeader('Content-Length', statSync(answer.file).size);
    if (only) response.end();
    else
      createReadStream(answer.file)
        .on('error', () => response.destroy())
        .pipe(response);
  } else if (only) response.end();
  else sendRecords(response, answer.records, Number(request.headers['last-event-id'] ?? 0) || 0);
}

function refuse(response: ServerResponse, status: number, reason: string): void {
  response.statusCode = status;
  response.setHeader('Content-Type', types.text);
  response.end(`${reason}\n`);
}
