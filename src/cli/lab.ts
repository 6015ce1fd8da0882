/** npm run lab: the lab, a page in which one trains a model and watches it think, served to this machine alone. */
import { basename, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { runCommand } from './command/command.ts';
import { readText } from './host/files.ts';
import { oneLine } from './host/printable.ts';
import { labServer } from './lab/server.ts';
import { Shelf } from './lab/shelf.ts';
import { typeBlanker } from './lab/typescript.ts';
import { runsFolder } from './runs/folder.ts';

const command = {
  name: 'lab',
  summary:
    'Serves the lab at an address of this machine: a page in which one trains a model, sees how it picks the next letter, and looks inside. Only this machine can open it.',
  flags: {
    run: { kind: 'text', value: 'DIR', help: 'the run or model that the page opens with' },
    data: { kind: 'text', value: 'FILE', help: 'a text of your own beside the shipped ones' },
    port: {
      kind: 'integer',
      value: 'N',
      rule: { text: 'from 0 to 65535', holds: (x: number) => x >= 0 },
      most: 65535,
      help: 'where it listens (default 8642); 0 takes any that is free',
    },
  },
  examples: ['npm run lab', 'npm run lab -- --run runs/nano', 'npm run lab -- --data my-text.txt --port 0'],
} as const;

const shipped = ['stories.txt', 'tales.txt'];

await runCommand(command, async ({ run, data, port = 8642 }) => {
  const texts = new Map(
    shipped.map((name) => {
      const path = fileURLToPath(new URL(`../../data/${name}`, import.meta.url));
      return [name, relative(process.cwd(), path).replaceAll('\\', '/')]; // as npm run train calls it
    }),
  );
  if (data !== undefined) {
    readText(data); // what is no text is said here, not in the page
    texts.delete(basename(data));
  }
  const own: [string, string][] = data === undefined ? [] : [[basename(data), data]];
  const server = labServer({
    texts: new Map([...own, ...texts]),
    shelf: new Shelf(runsFolder, run),
    blankTypes: await typeBlanker(),
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      const busy = `port ${port} is taken; choose another with --port N, or any free one with --port 0`;
      reject(error.code === 'EADDRINUSE' ? new Error(busy) : error);
    });
    server.listen(port, '127.0.0.1', resolve);
  });
  const { port: open } = server.address() as { port: number };
  console.log(`the lab is at ${oneLine(`http://127.0.0.1:${open}/`)}\nCtrl+C ends it`);
  for (const name of ['SIGINT', 'SIGTERM'] as const) {
    process.once(name, () => {
      server.close();
      server.closeAllConnections(); // those that follow a run would stay for ever
    });
  }
});
