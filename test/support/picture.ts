/** Takes the README's pictures in Chromium, of the run nano that `npm run train -- --seed 1` has made; it trains nothing.
 *
 *     node --import tsx test/support/picture.ts report runs/nano docs/report.png     the top of its report.html
 *     node --import tsx test/support/picture.ts lab runs/nano docs/lab.png           the lab's view Inside */
import { spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { Browser, chromiumPath } from '../report/browser.ts';

const [what, run, file] = process.argv.slice(2);
if (run === undefined || file === undefined || chromiumPath === undefined) {
  const missing =
    chromiumPath === undefined ? 'Chromium is not installed' : 'what, a run folder and a file are needed';
  console.error(
    `error: ${missing}; node --import tsx test/support/picture.ts report|lab runs/nano docs/report.png`,
  );
  process.exit(2);
}

const browser = new Browser(chromiumPath);
const lab = what === 'lab' ? spawnLab(run) : undefined;
try {
  if (lab === undefined) {
    await browser.open(pathToFileURL(resolve(join(run, 'report.html'))).href, { width: 1000 });
    await take(file, 1000, 900);
  } else {
    await browser.open(`${await lab.address}#inside?head=1&layer=2&token=24`, { width: 1120 });
    await browser.evaluate(`new Promise((resolve) => {
      const look = () => (document.querySelectorAll('[data-loss]').length > 0 ? resolve() : requestAnimationFrame(look));
      look();
    })`);
    await take(file, 1120, 862);
  }
} finally {
  await browser.close();
  lab?.end();
}

async function take(file: string, width: number, height: number): Promise<void> {
  const clip = { x: 0, y: 0, width, height, scale: 1 };
  const { data } = await browser.send('Page.captureScreenshot', {
    format: 'png',
    clip,
    captureBeyondViewport: true,
  });
  const bytes = Buffer.from(data as string, 'base64');
  writeFileSync(file, bytes);
  console.log(`wrote ${file}, ${Math.round(bytes.length / 1024)} KB`);
}

/** The command, with the run opened, at a port of the system's choice. */
function spawnLab(run: string): { readonly address: Promise<string>; end(): void } {
  const bin = fileURLToPath(new URL('../../bin/inkling.js', import.meta.url));
  const child = spawn(process.execPath, [bin, 'lab', '--run', run, '--port', '0']);
  const address = new Promise<string>((found) => {
    child.stdout.on('data', (line) => {
      const match = /http:\S+/.exec(String(line));
      if (match !== null) found(match[0]);
    });
  });
  return { address, end: () => void child.kill('SIGINT') };
}
