/** The lab in Chromium against Node, in turns on one machine: node bench/page.ts [rounds]. It needs Chromium.
 *
 * Milliseconds of a training step of the yardstick model with the same kernels (128 bits: a page has no wider ones), and
 * how many seconds after the page was opened a model of 0.2 million parameters writes words of its text. */
import { readFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import { nodeHost } from '../src/cli/host/simd-host.ts';
import { labServer } from '../src/cli/lab/server.ts';
import { Shelf } from '../src/cli/lab/shelf.ts';
import { typeBlanker } from '../src/cli/lab/typescript.ts';
import { knownWordShare, wordsOf } from '../src/evaluate/words.ts';
import { createEngine } from '../src/lab/engine/engine.ts';
import type { TrainingEvent } from '../src/lab/engine/protocol.ts';
import type { TrainRequest } from '../src/library/training-parts.ts';
import { Browser, chromiumPath } from '../test/report/browser.ts';
import { median } from './measure.ts';
import { number, percent, table } from './table.ts';

const steps = 120;
const story = fileURLToPath(new URL('../data/stories.txt', import.meta.url));
const text = readFileSync(story, 'utf8');
const yardstick: Omit<TrainRequest, 'text'> = {
  ...{ data: 'data/stories.txt', preset: 'nanogpt-cpu' },
  settings: { steps, evalEvery: 10_000, evalTokens: 64, seed: 1 },
};

/** Median of the steps of a second half: by then everything is compiled. */
const stepTime = (tokensPerSecond: readonly number[]): number =>
  median(tokensPerSecond.slice(steps / 2).map((speed) => (1000 * 12 * 64) / speed));

async function inNode(threads: number): Promise<number> {
  const ask = createEngine({ ...nodeHost, mergeVectors: () => false });
  const signal = new AbortController().signal;
  await ask('open', { threads }, () => {}, signal);
  const speeds: number[] = [];
  const tell = (event: unknown) => {
    const told = event as TrainingEvent;
    if (told.kind === 'record' && told.record.kind === 'step') speeds.push(told.record.tokensPerSecond!);
  };
  await ask('train', { text, ...yardstick }, tell, signal);
  return stepTime(speeds);
}

async function inPage(browser: Browser, threads: number): Promise<number> {
  const speeds = await browser.evaluate<number[]>(`(async () => {
    const { Engine } = await import('/src/lab/engine/client.ts');
    const engine = new Engine();
    await engine.call('open', { threads: ${threads} });
    const text = await (await fetch('/data/stories.txt')).text();
    const speeds = [];
    for await (const { record } of engine.stream('train', { text, ...${JSON.stringify(yardstick)} }))
      if (record?.kind === 'step') speeds.push(record.tokensPerSecond);
    engine.close();
    return speeds;
  })()`);
  return stepTime(speeds);
}

/** Opens the page, presses Train, and tells each sample's time and share of words that the text has. */
async function firstWords(browser: Browser, origin: string): Promise<[seconds: number, share: number][]> {
  const words = wordsOf(text);
  const began = performance.now();
  await browser.open('about:blank');
  await browser.open(`${origin}/#train?layers=1&steps=900`);
  await browser.evaluate(`(async () => {
    const frame = () => new Promise((resolve) => requestAnimationFrame(resolve));
    const button = () => [...document.querySelectorAll('#view button')].find((each) => each.textContent === 'Train');
    while (!button()) await frame();
    button().click();
  })()`);
  const found: [number, number][] = [];
  for (let seen = ''; found.length < 6; ) {
    const written = await browser.evaluate<string>(
      `new Promise((resolve) => setTimeout(() => resolve(document.querySelector('#view pre')?.textContent ?? ''), 200))`,
    );
    if (written === seen) continue;
    seen = written;
    found.push([
      (performance.now() - began) / 1000,
      knownWordShare([{ prompt: '', text: written }], words) ?? 0,
    ]);
  }
  return found;
}

if (chromiumPath === undefined) throw new Error('bench/page.ts needs Chromium, and finds none');
const rounds = Number(process.argv[2] ?? 5);
const shelf = new Shelf('runs');
const server = labServer({
  texts: new Map([['stories.txt', story]]),
  shelf,
  blankTypes: await typeBlanker(),
});
await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
const browser = new Browser(chromiumPath);
await browser.open(`${origin}/`);
const rows: string[][] = [];
for (const threads of [1, 2]) {
  const [page, node, ratios]: number[][] = [[], [], []];
  for (let round = 0; round < rounds; round++) {
    page!.push(await inPage(browser, threads));
    node!.push(await inNode(threads));
    ratios!.push(page!.at(-1)! / node!.at(-1)!);
  }
  rows.push([
    String(threads),
    ...[page!, node!].map((times) => number(median(times))),
    median(ratios!).toFixed(2),
  ]);
}
console.log(`a training step, milliseconds, median of ${rounds} rounds in turns, Node ${process.version}`);
console.log(table(['threads', 'in the page', 'in Node', 'ratio'], rows));
console.log('\na model of 0.2 million parameters, seconds since the page was opened');
const samples = await firstWords(browser, origin);
console.log(
  table(
    ['seconds', 'known words'],
    samples.map(([seconds, share]) => [number(seconds), percent(share)]),
  ),
);
await browser.close();
server.close();
server.closeAllConnections();
