/** The lab's server: what it hands out, and to whom it does not. */
import { appendFileSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { request, type Server } from 'node:http';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { labServer } from '../../src/cli/lab/server.ts';
import { Shelf } from '../../src/cli/lab/shelf.ts';
import { typeBlanker } from '../../src/cli/lab/typescript.ts';
import { suiteFolder } from '../support/scratch.ts';

const folder = suiteFolder();
const runs = join(folder, 'runs');
const chosen = join(folder, 'elsewhere', 'model');
let server: Server;
let port: number;

const write = (path: string, content: string) => {
  mkdirSync(join(path, '..'), { recursive: true });
  writeFileSync(path, content);
};

beforeAll(async () => {
  write(join(runs, 'a run', 'run.json'), '{}');
  write(join(runs, 'a run', 'metrics.jsonl'), '{"kind":"resume","step":1}\n{"kind":');
  write(join(runs, 'a run', 'best', 'config.json'), '{"best":true}');
  write(join(runs, 'a run', 'step-00000004', 'state.json'), '{}');
  write(join(runs, 'a run', 'report.html'), '<p>');
  write(join(runs, 'a run', '.hidden.json'), '{}');
  write(join(runs, 'no run', 'notes.json'), '{}');
  write(join(folder, 'secret.json'), 'secret');
  write(join(folder, 'outside', 'run.json'), 'secret');
  write(join(chosen, 'config.json'), '{"chosen":true}');
  write(join(folder, 'text.txt'), 'A text.\n');
  symlinkSync(join(folder, 'secret.json'), join(runs, 'a run', 'link.json'));
  symlinkSync(join(folder, 'outside'), join(runs, 'linked'));
  server = labServer({
    texts: new Map([['text.txt', join(folder, 'text.txt')]]),
    shelf: new Shelf(runs, chosen),
    blankTypes: await typeBlanker(),
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  port = (server.address() as { port: number }).port;
});
afterAll(() => {
  server.close();
  server.closeAllConnections();
});

interface Got {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}
/** Asks as no browser would: paths go out as they are written. `until` ends an answer that has no end. */
function ask(
  path: string,
  {
    host = `127.0.0.1:${port}`,
    method = 'GET',
    until,
    headers = {},
  }: {
    readonly host?: string;
    readonly method?: string;
    readonly until?: string;
    readonly headers?: Record<string, string>;
  } = {},
): Promise<Got> {
  return new Promise((resolve, reject) => {
    const asked = request(
      { host: '127.0.0.1', port, path, method, headers: { host, ...headers } },
      (answer) => {
        let body = '';
        const end = () =>
          resolve({ status: answer.statusCode!, headers: answer.headers as Record<string, string>, body });
        answer.setEncoding('utf8').on('data', (piece: string) => {
          body += piece;
          if (until === undefined || !body.includes(until)) return;
          end();
          asked.destroy();
        });
        answer.on('end', end);
      },
    );
    asked.on('error', reject).end();
  });
}
const statusOf = async (path: string, options = {}) => (await ask(path, options)).status;

describe('the page', () => {
  it('comes with headers that isolate it and keep everything else out', async () => {
    const { status, headers, body } = await ask('/');
    expect(status).toBe(200);
    expect(body).toContain('<script type="module" src="/src/lab/main.ts">');
    expect(headers['cross-origin-opener-policy']).toBe('same-origin');
    expect(headers['cross-origin-embedder-policy']).toBe('require-corp');
    const policy = headers['content-security-policy']!;
    expect(policy).toContain("default-src 'none'");
    expect(policy).toContain("script-src 'self' 'wasm-unsafe-eval'");
    expect(policy).not.toContain('unsafe-inline');
    expect(policy).not.toMatch(/https?:|\*/);
    expect(body).not.toMatch(/<script(?![^>]* src=)|<style|\bstyle=|\bon\w+=/);
  });

  it('sends the same headers with every answer, refusals too', async () => {
    for (const path of ['/lab.css', '/lab.json', '/src/lab/main.ts', '/nothing', '/data/text.txt']) {
      const { headers } = await ask(path);
      expect(headers['content-security-policy'], path).toContain("default-src 'none'");
      expect(headers['cross-origin-embedder-policy'], path).toBe('require-corp');
      expect(headers['cross-origin-resource-policy'], path).toBe('same-origin');
      expect(headers['x-content-type-options'], path).toBe('nosniff');
    }
  });

  it('gets scripts without types, line for line, and the source as it is read', async () => {
    const [script, source] = [await ask('/src/tensor/tensor.ts'), await ask('/source/src/tensor/tensor.ts')];
    expect(script.headers['content-type']).toBe('text/javascript; charset=utf-8');
    expect(script.body).not.toMatch(/interface Check|: readonly number\[\]/);
    expect(script.body).toContain('this.#data = data');
    expect(source.headers['content-type']).toBe('text/plain; charset=utf-8');
    expect(source.body).toContain('export interface Check');
    expect((await ask('/source/docs/lessons.md')).body).toContain('\n## 14. Cold and hot\n');
    if (!script.body.includes('sourceMappingURL')) {
      expect(script.body.split('\n')).toHaveLength(source.body.split('\n').length);
    }
  });

  it('learns what there is', async () => {
    const found = JSON.parse((await ask('/lab.json')).body);
    expect(found).toMatchObject({
      texts: [{ name: 'text.txt', path: join(folder, 'text.txt') }],
      runs: ['a run', 'model'],
      chosen: 'model',
    });
    expect((await ask('/data/text.txt')).body).toBe('A text.\n');
  });
});

describe('a stranger', () => {
  it('is refused under any other name, port or method', async () => {
    expect(await statusOf('/', { host: `localhost:${port}` })).toBe(200);
    for (const host of [
      'evil.example',
      `evil.example:${port}`,
      '127.0.0.1',
      `127.0.0.1:${port + 1}`,
      `127.0.0.1.evil.example:${port}`,
    ]) {
      expect(await statusOf('/lab.json', { host }), host).toBe(421);
    }
    for (const method of ['POST', 'PUT', 'DELETE', 'OPTIONS', 'PATCH', 'TRACE']) {
      expect(await statusOf('/', { method }), method).toBe(405);
    }
  });

  it('gets the head alone where it asks for that', async () => {
    for (const path of ['/', '/data/text.txt', '/runs/a%20run/events']) {
      const { status, body } = await ask(path, { method: 'HEAD' });
      expect([status, body], path).toEqual([200, '']);
    }
  });

  it.each([
    '/src/cli/lab.ts',
    '/src/../package.json',
    '/src/lab/../cli/lab.ts',
    '/src/lab/%2e%2e/cli/lab.ts',
    '/source/src/cli/lab.ts',
    '/source/package.json',
    '/source/docs/lab.md',
    '/package.json',
    '/data/..%2fsecret.json',
    '/data/stories.txt',
    '/runs/..',
    '/runs/%2e%2e/secret.json',
    '/runs/a%20run/..%2f..%2f..%2fsecret.json',
    '/runs/a%20run/../../secret.json',
    '/runs/a%20run/link.json',
    '/runs/a%20run/.hidden.json',
    '/runs/a%20run/report.html',
    '/runs/a%20run/best/../run.json',
    '/runs/linked/run.json',
    '/runs/no%20run/notes.json',
    '/runs//run.json',
    '/runs/a%20run%00/run.json',
    '//evil.example/',
    '/%',
    '/__proto__',
    '/data/constructor',
  ])('finds nothing at %s', async (path) => {
    const { status, body } = await ask(path);
    expect(status).toBe(404);
    expect(body).toBe('there is no such page in the lab\n');
  });
});

describe('runs', () => {
  it('are listed file by file, and only what a page can use', async () => {
    const list = JSON.parse((await ask('/runs/a%20run')).body);
    expect(list).toEqual([
      { path: 'best/config.json', bytes: 13 },
      { path: 'metrics.jsonl', bytes: 35 },
      { path: 'run.json', bytes: 2 },
      { path: 'step-00000004/state.json', bytes: 2 },
    ]);
    expect((await ask('/runs/a%20run/best/config.json')).body).toBe('{"best":true}');
    expect((await ask('/runs/model/config.json')).body).toBe('{"chosen":true}');
  });

  it('tell their records while they are written, whole lines only, and go on where a page stopped', async () => {
    const events = '/runs/a%20run/events';
    const first = await ask(events, { until: 'id: 27\n' });
    expect(first.headers['content-type']).toBe('text/event-stream');
    expect(first.body).toBe('data: {"kind":"resume","step":1}\n\nid: 27\ndata:\n\n');
    appendFileSync(join(runs, 'a run', 'metrics.jsonl'), '"resume","step":2}\n');
    const next = await ask(events, { until: 'id: 54\n', headers: { 'last-event-id': '27' } });
    expect(next.body).toBe('data: {"kind":"resume","step":2}\n\nid: 54\ndata:\n\n');
    const again = await ask(events, { until: 'id: 54\n', headers: { 'last-event-id': '1000' } });
    expect(again.body).toMatch(/^event: again\ndata:\n\ndata: \{"kind":"resume","step":1\}/);
  });
});
