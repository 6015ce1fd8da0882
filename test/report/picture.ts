/** tsx test/report/picture.ts RUN FILE.png: takes a picture of the top of a run's report.html, in Chromium. It trains
 * nothing. docs/report.png is made by it: node --import tsx test/report/picture.ts runs/nano docs/report.png */
import { writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { Browser, chromiumPath } from './browser.ts';

const [width, height] = [1000, 900];

const [run, file] = process.argv.slice(2);
if (run === undefined || file === undefined || chromiumPath === undefined) {
  const missing =
    chromiumPath === undefined ? 'Chromium is not installed' : 'a run folder and a file are needed';
  console.error(`error: ${missing}; node --import tsx test/report/picture.ts runs/nano docs/report.png`);
  process.exit(2);
}
const browser = new Browser(chromiumPath);
try {
  await browser.open(pathToFileURL(resolve(join(run, 'report.html'))).href, { width });
  const clip = { x: 0, y: 0, width, height, scale: 1 };
  const { data } = await browser.send('Page.captureScreenshot', {
    format: 'png',
    clip,
    captureBeyondViewport: true,
  });
  const bytes = Buffer.from(data as string, 'base64');
  writeFileSync(file, bytes);
  console.log(`wrote ${file}, ${Math.round(bytes.length / 1024)} KB`);
} finally {
  await browser.close();
}
