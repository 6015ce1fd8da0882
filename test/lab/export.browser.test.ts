/** An exported page, opened from the disk: it writes and trains with Node's bits, asks nobody, and fits on a phone. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { beforeAll, describe, expect } from 'vitest';
import { views } from '../../src/lab/views/list.ts';
import { drawInStages } from '../../src/library/stages.ts';
import { chromiumPath } from '../report/browser.ts';
import { inklingIn } from '../support/command.ts';
import { inBrowser, labPage } from './open-lab.ts';
import { checksums, NodeEngine, smallRun, smallText } from './support.ts';

const { open, evaluate, until, press, status, problem, expectPeace, send, folder } = labPage();
const run = '<b>"small';
const story = join(folder, 'a story #1.html');
const node = new NodeEngine();
const openStory = async (state: string) => {
  await open(state, {}, story);
  await until(`document.querySelector('footer').textContent !== '' && asks.loaded`);
};
/** Keeps hold of the first worker that the page starts, so that the page's own engine can be asked. */
const listening = `window.asks = { loaded: false };
window.Worker = class extends Worker {
  constructor(...given) {
    super(...given);
    if (asks.ask !== undefined) return;
    let next = 1e6;
    this.addEventListener('message', ({ data }) => {
      if (data.result?.config !== undefined) asks.loaded = true;
    });
    asks.ask = (name, given) => new Promise((resolve, reject) => {
      const id = next++;
      this.addEventListener('message', ({ data }) => {
        if (data.id !== id) return;
        if ('error' in data) reject(new Error(data.error));
        else if ('result' in data) resolve(data.result instanceof Map ? Object.fromEntries(data.result) : data.result);
      });
      this.postMessage({ id, name, given });
    });
  }
};`;

describe('an exported page, from the disk', () => {
  beforeAll(async () => {
    if (chromiumPath === undefined) return;
    await node.call('open', { threads: 1, math: 'portable' });
    await node.stream('train', { text: smallText, ...smallRun });
    const files = await node.call('files', {});
    for (const [name, bytes] of files) {
      mkdirSync(dirname(join(folder, run, name)), { recursive: true });
      writeFileSync(join(folder, run, name), bytes);
    }
    expect(await inklingIn(folder, 'export', '--run', run, '--out', story)).toMatchObject({ code: 0 });
    await node.call('load', { files, name: run });
    await open('', {}, story);
    await send('Page.addScriptToEvaluateOnNewDocument', { source: listening });
  });

  inBrowser('opens where one writes, and writes what npm run sample writes', async () => {
    await openStory('?length=400&math=portable&p=0.95&prompt=The+&seed=3&t=0.8');
    await press('Write');
    await status('wrote 400 tokens');
    const flags = '--temperature 0.8 --top-p 0.95 --tokens 400 --seed 3 --math portable --json';
    const { out } = await inklingIn(folder, 'sample', '--run', run, '--prompt', 'The ', ...flags.split(' '));
    const { text } = JSON.parse(out) as { text: string };
    await until(`document.querySelectorAll('.tokens[role] [data-id]').length === 400`);
    expect(await evaluate(`document.querySelector('.tokens').textContent`)).toBe(`The ${text}`);
    expectPeace();
  });

  inBrowser('expects what Node expects, to the bit', async () => {
    await openStory('next-token?d=prompt&math=portable&p=0.9&prompt=The+&seed=4');
    expect(await evaluate('document.title')).toBe('Next token – <b>"small, Inkling');
    expect(await evaluate(`document.querySelector('h1').textContent`)).toBe(run);
    expect(await evaluate(`document.querySelector('footer').textContent`)).toContain(
      'on one thread, portable',
    );

    const { ids, logits } = await node.call('distribution', { text: 'The ' });
    const { stages, token } = drawInStages(logits, { temperature: 1, topP: 0.9 }, ids, { seed: 4 });
    await until(`document.querySelector('.strip').dataset.token === '${token}'`);
    const rows = await evaluate<[number, number][]>(
      `[...document.querySelectorAll('tr[data-id]')].map(({ dataset }) => [+dataset.id, +dataset.p])`,
    );
    expect(rows).toHaveLength(40);
    for (const [id, p] of rows) expect(p, String(id)).toBe(stages.at(-1)!.probabilities[id]);

    expectPeace();
  });

  inBrowser('opens with the curve and the samples of its run', async () => {
    await openStory('train');
    await status('<b>"small, [\\d,]+ parameters, opened');
    await until(`document.querySelectorAll('#loss [data-name=training]').length === 1`);
    expect(
      await evaluate(
        `document.querySelector('#loss [data-name=training]').getAttribute('d').split('L').length`,
      ),
    ).toBe(30);
    expect(await evaluate(`document.querySelector('[name=sample]').max`)).toBe('3');
  });

  inBrowser('trains on from its model, with the bits of Node, and keeps the run', async () => {
    const more = smallText.slice(4000, 12_000);
    await openStory('train?batch=4&math=portable&seed=6&steps=20');
    const paste = (text: string) =>
      evaluate(`void (document.querySelector('textarea[name=text]').value = ${JSON.stringify(text)})`);
    await paste(`${more}ß`);
    await press('Train');
    await until(`document.querySelector('[role=alert]').textContent !== ''`);
    expect(await problem()).toMatch(/not in the vocabulary of \d+: "ß"; take them out of the text$/);
    await status('<b>"small, [\\d,]+ parameters, opened'); // nothing is lost by it

    await paste(more);
    await press('Train');
    await status('<b>"small, [\\d,]+ parameters: finished, step 20 of 20');
    // What counting pairs reaches is within the range of these losses; all other baselines are outside.
    await until(`document.querySelectorAll('#loss .level').length > 0`);
    expect(await evaluate(`document.querySelector('#loss .levels').textContent.trim()`)).toBe('2-gram2.328');
    expect(
      await evaluate(
        `document.querySelector('#loss [data-name=training]').getAttribute('d').split('L').length`,
      ),
    ).toBe(20);
    const decoded = `asks.ask('files', {}).then((files) => Object.fromEntries(Object.entries(files)
      .filter(([path]) => path.endsWith('checksums.txt'))
      .map(([path, bytes]) => [path, new TextDecoder().decode(bytes)])))`;
    await node.stream('train', {
      ...{ text: more, data: 'text.txt', preset: 'nano', init: 'looked' },
      settings: { steps: 20, batchSize: 4, evalEvery: 3, seed: 6 },
    });
    expect(await evaluate(decoded)).toEqual(checksums(await node.call('files', {})));

    await press('Keep');
    await until(`document.querySelector('details').textContent.includes('small, kept by this browser')`);
    await press('Forget');
    expectPeace();
  });

  inBrowser.each(views.map(({ id }) => id))('shows %s on a phone, in both schemes', async (id) => {
    await openStory(id);
    for (const [width, scheme] of [
      [360, 'light'],
      [360, 'dark'],
      [1200, 'dark'],
    ] as const) {
      const size = { width, height: 800, deviceScaleFactor: 1, mobile: width < 600 };
      await send('Emulation.setDeviceMetricsOverride', size);
      const features = [{ name: 'prefers-color-scheme', value: scheme }];
      await send('Emulation.setEmulatedMedia', { features });
      await evaluate('new Promise((resolve) => requestAnimationFrame(resolve))');
      expect(await evaluate('document.documentElement.scrollWidth'), `${width}`).toBeLessThanOrEqual(width);
      const paper = await evaluate<string>('getComputedStyle(document.documentElement).backgroundColor');
      expect(Number(/\d+/.exec(paper)![0]) > 128, scheme).toBe(scheme === 'light');
    }
    const source = views.find((view) => view.id === id)!.source;
    expect(await evaluate(`document.querySelector('.instruction .source').textContent`)).toBe(source);
    expect(
      await evaluate(`[...document.querySelectorAll('a')].filter((a) => !a.hash && !a.download).length`),
    ).toBe(0);
    expectPeace();
  });
});
