/** npm run lab as people start it. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';

const bin = fileURLToPath(new URL('../../bin/inkling.js', import.meta.url));
const start = (...flags: string[]) => spawn(process.execPath, [bin, 'lab', ...flags], { stdio: 'pipe' });

it('says where it is, answers there, and ends with Ctrl+C', async () => {
  const lab = start('--port', '0');
  const [line] = (await once(lab.stdout.setEncoding('utf8'), 'data')) as [string];
  const address = /^the lab is at (http:\/\/127\.0\.0\.1:\d+\/)\nCtrl\+C ends it\n$/.exec(line)?.[1];
  expect(address, line).toBeDefined();
  expect(await (await fetch(`${address}lab.json`)).json()).toMatchObject({
    texts: [
      { name: 'stories.txt', path: 'data/stories.txt' },
      { name: 'tales.txt', path: 'data/tales.txt' },
    ],
    chosen: null,
  });
  expect(await (await fetch(`${address}src/lab/main.ts`)).text()).toContain('startPage(');
  lab.kill('SIGINT');
  expect(await once(lab, 'close')).toEqual([0, null]);
});

it('says so in one line where the port is taken', async () => {
  const other = createServer().listen(0, '127.0.0.1');
  await once(other, 'listening');
  const { port } = other.address() as { port: number };
  const lab = start('--port', String(port));
  const errors = (await once(lab.stderr.setEncoding('utf8'), 'data')) as [string];
  expect(await once(lab, 'close')).toEqual([1, null]);
  other.close();
  expect(errors[0]).toBe(
    `error: port ${port} is taken; choose another with --port N, or any free one with --port 0\n`,
  );
});
