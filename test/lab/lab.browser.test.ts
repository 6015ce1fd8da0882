/** The lab in a real browser: it computes Node's bits, its views do what they say, and nothing complains or leaves. */
import { appendFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import type { Server } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { labServer } from '../../src/cli/lab/server.ts';
import { Shelf } from '../../src/cli/lab/shelf.ts';
import { typeBlanker } from '../../src/cli/lab/typescript.ts';
import { drawInStages, softmax } from '../../src/lab/engine/stages.ts';
import { longTailed } from '../../src/lab/examples.ts';
import { views } from '../../src/lab/views/list.ts';
import { Browser, chromiumPath, type View } from '../report/browser.ts';
import { checksums, NodeEngine, smallDraw, smallRun, smallText } from './support.ts';

if (chromiumPath === undefined) console.log('the lab is not tried in a browser: there is no chromium here');
const inBrowser = it.skipIf(chromiumPath === undefined);
const folder = mkdtempSync(join(tmpdir(), 'inkling-lab-page-'));
let browser: Browser;
let server: Server;
let origin: string;

beforeAll(async () => {
  if (chromiumPath === undefined) return;
  const text = join(folder, 'small.txt');
  writeFileSync(text, smallText);
  const shelf = new Shelf(join(folder, 'runs'));
  server = labServer({ texts: new Map([['small.txt', text]]), shelf, blankTypes: await typeBlanker() });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  origin = `http://127.0.0.1:${(server.address() as { port: number }).port}`;
  browser = new Browser(chromiumPath);
});
afterAll(async () => {
  if (chromiumPath !== undefined) {
    await browser.close();
    server.close();
    server.closeAllConnections();
  }
  rmSync(folder, { recursive: true });
});

const evaluate = <T>(expression: string) => browser.evaluate<T>(expression);

/** Waits, frame by frame, until an expression in the page is true. */
async function until(condition: string, seconds = 30): Promise<void> {
  const over = await evaluate<boolean>(`new Promise((resolve) => {
    const end = performance.now() + ${1000 * seconds};
    const look = () => {
      if (${condition}) resolve(true);
      else if (performance.now() > end) resolve(false);
      else requestAnimationFrame(look);
    };
    look();
  })`);
  if (!over)
    throw new Error(
      `not within ${seconds} s: ${condition}; the page: ${await evaluate('document.body.innerText')}`,
    );
}

/** Opens the lab anew at a state and waits for its view. */
async function open(state: string, view?: View): Promise<void> {
  browser.requests.length = 0;
  browser.complaints.length = 0;
  await browser.open('about:blank', view);
  await browser.open(`${origin}/#${state}`, view);
  await until(`document.querySelector('#view button, .problem:not([hidden])') !== null`);
}

/** Nothing was said on the console and nothing asked of anybody else. */
function expectPeace(): void {
  expect(browser.complaints).toEqual([]);
  const outside = browser.requests.filter(
    (url) =>
      !url.startsWith(`${origin}/`) &&
      url !== 'data:,' &&
      url !== 'about:blank' &&
      !url.startsWith(`blob:${origin}/`),
  );
  expect(outside).toEqual([]);
  expect(browser.requests.length).toBeGreaterThan(20);
}

const state = 'layers=1&channels=32&heads=2&context=32&batch=4&threads=1';

describe('the engine in Chromium', () => {
  inBrowser.each([
    ['auto', 1],
    ['auto', 2],
    ['portable', 1],
    ['portable', 3],
  ] as const)(
    'has the bits of Node after 30 steps and 500 tokens: math %s, threads %i',
    async (math, threads) => {
      if (math === 'auto' && threads === 1) await open('train');
      const there = await evaluate<{
        machine: { arithmetic: string; threads: number };
        sums: Record<string, string>;
        ids: number[];
      }>(`(async () => {
      const { Engine } = await import('/src/lab/engine/client.ts');
      const engine = new Engine();
      const machine = await engine.call('open', { threads: ${threads}, math: '${math}' });
      for await (const event of engine.stream('train', ${JSON.stringify({ text: smallText, ...smallRun })}));
      const files = await engine.call('files', {});
      const { ids } = await engine.stream('generate', ${JSON.stringify(smallDraw)}).end;
      engine.close();
      const sums = [...files].filter(([path]) => path.endsWith('checksums.txt'));
      return { machine, ids, sums: Object.fromEntries(sums.map(([path, bytes]) => [path, new TextDecoder().decode(bytes)])) };
    })()`);
      const here = new NodeEngine();
      const { arithmetic } = await here.call('open', { threads: 1, math });
      expect(there.machine.threads).toBe(threads);
      if (arithmetic !== there.machine.arithmetic) return; // one of them cannot fuse: there is nothing to compare
      await here.stream('train', { text: smallText, ...smallRun });
      const files = await here.call('files', {});
      expect(there.sums).toEqual(checksums(files));
      expect(Object.keys(there.sums)).toEqual(['best/checksums.txt', 'step-00000030/checksums.txt']);
      const { ids } = await here.stream('generate', smallDraw);
      expect(there.ids).toEqual(ids);
      expect(ids).toHaveLength(500);
      expectPeace();
    },
  );
});

/** Presses a button of the view, as soon as it can be pressed. */
async function press(label: string): Promise<void> {
  const button = `[...document.querySelectorAll('#view button')].find((b) => b.textContent === '${label}')`;
  await until(`${button}?.disabled === false`);
  await evaluate(`${button}.click()`);
}
const status = (pattern: string) =>
  until(`/${pattern}/.test(document.querySelector('[role=status]').textContent)`);
const problem = () => evaluate<string>(`document.querySelector('[role=alert]').textContent`);

describe('Train', () => {
  inBrowser('draws the curve of 20 steps and scrubs back through the samples', async () => {
    await open(`train?${state}&steps=20`);
    await press('Train');
    await status('finished, step 20 of 20');
    await until(`document.querySelectorAll('#loss .level').length > 3`); // the counting models
    const [points, dots] = await evaluate<[number, number]>(`[
      document.querySelector('#loss [data-name=training]').getAttribute('d').split('L').length,
      document.querySelector('#loss .open .dot.held-out').getAttribute('d').split('M').length - 1,
    ]`);
    expect(points).toBe(20);
    expect(dots).toBe(7);
    const sample = () => evaluate<string>(`document.querySelector('#view pre').textContent`);
    const [last, at] = [await sample(), await evaluate(`document.querySelector('[name=sample]').value`)];
    expect([last.length > 100, at]).toEqual([true, '7']);
    await evaluate(`(() => {
      const scrub = document.querySelector('[name=sample]');
      scrub.value = 0;
      scrub.dispatchEvent(new Event('input'));
    })()`);
    expect(await sample()).not.toBe(last);
    expect(await evaluate(`document.querySelector('.slider output').textContent`)).toBe('step 3');
    expectPeace();
  });

  inBrowser('pauses, keeps the run, and takes it up from there', async () => {
    await open(`train?${state}&steps=100000`);
    await press('Train');
    await status(': step \\d+ of');
    await press('Pause');
    await status('paused after step');
    await press('Keep');
    const kept = `document.querySelector('details').textContent.includes('nano, kept by this browser')`;
    await until(kept);
    await open(`train?${state}&steps=100000`);
    await until(kept);
    await press('Take up');
    await status('paused after step');
    await press('Go on');
    await status(': step \\d+ of');
    await press('Pause');
    await status('paused after step');
    await press('Forget');
    await until(`!${kept}`);
    expectPeace();
  });

  inBrowser('says so where the browser has no room, and loses nothing', async () => {
    await open(`train?${state}&steps=5`);
    await press('Train');
    await status('finished, step 5 of 5');
    await evaluate(`void (IDBObjectStore.prototype.put = () => {
      throw new DOMException('no room', 'QuotaExceededError');
    })`);
    await press('Keep');
    await until(`document.querySelector('[role=alert]').textContent !== ''`);
    expect(await problem()).toBe(
      'the browser has no room for nano; nothing was lost: download it, or delete a run that is kept',
    );
    expect(await evaluate(`document.querySelector('#loss') !== null`)).toBe(true);
  });

  inBrowser('watches a run while a command trains it', async () => {
    const run = join(folder, 'runs', '<b>live');
    mkdirSync(run, { recursive: true });
    const numbers = { learningRate: 1, gradNorm: 1, tokensPerSecond: 100, secondsLeft: 9 };
    const record = (step: number) =>
      `${JSON.stringify({ kind: 'step', step, loss: 4 / step, ...numbers })}\n`;
    writeFileSync(join(run, 'metrics.jsonl'), record(1) + record(2));
    await open('train');
    await press('Watch');
    await status('<b>live, as the command trains it: step 2');
    appendFileSync(join(run, 'metrics.jsonl'), record(3));
    await status(': step 3');
    await until(
      `document.querySelector('#loss [data-name=training]').getAttribute('d').split('L').length === 3`,
    );
    rmSync(run, { recursive: true });
    expectPeace();
  });

  inBrowser('takes no number that does not fit, from the address or a box', async () => {
    await open('train?layers=0&steps=-3&heads=two&preset=none&data=none&batch=1e9');
    const values = await evaluate(
      `['layers', 'steps', 'heads', 'preset', 'data', 'batch'].map((name) => document.querySelector('[name=' + name + ']').value)`,
    );
    expect(values).toEqual(['1', '1', '4', 'nano', 'small.txt', '4096']);
    await evaluate(`(() => {
      const box = document.querySelector('[name=context]');
      box.value = '1.5';
      box.dispatchEvent(new Event('input'));
    })()`);
    await press('Train');
    await until(`document.querySelector('[role=alert]').textContent !== ''`);
    expect(await problem()).toBe('Context must be a whole number from 2 to 4096');
    await open('next-token?t=99&k=2.6&p=-1&seed=-5&n=x');
    await until(`document.querySelector('.strip') !== null`);
    const shown = await evaluate(
      `['t', 'k', 'p', 'seed', 'n'].map((name) => document.querySelector('[name=' + name + ']').value)`,
    );
    expect(shown).toEqual(['2', '3', '0', '0', '0']);
    expectPeace();
  });

  inBrowser('says in one sentence what is wrong with a text', async () => {
    await open(`train?${state}&data=a+text+of+your+own`);
    await press('Train');
    await until(`document.querySelector('[role=alert]').textContent !== ''`);
    expect(await problem()).toBe('there is no text yet: paste one, drop a file, or choose one');
    await evaluate(`(() => {
      const input = document.querySelector('[name=file]');
      const files = new DataTransfer();
      files.items.add(new File([new Uint8Array([0x89, 0, 1])], '<b>picture.png'));
      input.files = files.files;
      input.dispatchEvent(new Event('change'));
    })()`);
    await until(`document.querySelector('[role=alert]').textContent.includes('picture')`);
    expect(await problem()).toBe(
      '<b>picture.png holds NUL bytes, so it is no text; choose a plain text file in UTF-8',
    );
    expectPeace();
  });
});

describe('Next token', () => {
  const rows = () =>
    evaluate<[number, number][]>(
      `[...document.querySelectorAll('.bars tr[data-id]')].map((row) => [Number(row.dataset.id), Number(row.dataset.p)])`,
    );
  const slide = async (name: string, value: number) => {
    await evaluate(`(() => {
      const input = document.querySelector('[name=${name}]');
      input.value = ${value};
      input.dispatchEvent(new Event('input'));
    })()`);
    await evaluate('new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve)))');
  };

  inBrowser(
    'bars have the exact numbers of Node when a slider moves, and the link has the state',
    async () => {
      await open('next-token?d=tail');
      const { logits, history } = longTailed;
      const expected = (settings: object, seed = 1) => drawInStages(logits, settings, history, { seed });
      const compare = async (settings: object, seed = 1) => {
        const { stages, token, uniform } = expected(settings, seed);
        const last = stages.at(-1)!.probabilities;
        for (const [id, p] of await rows()) expect(p, String(id)).toBe(last[id]);
        const board = await evaluate(
          `Object.values({ ...document.querySelector('.strip').dataset }).map(Number)`,
        );
        expect(board).toEqual([token, uniform]);
        const cut = await evaluate(
          `[...document.querySelectorAll('tr[data-stage]')].map((row) => row.dataset.stage)`,
        );
        expect(cut).toEqual(stages.slice(1).map(({ name }) => name));
      };
      const plain = { temperature: 1 };
      await compare(plain);
      expect(await rows()).toHaveLength(40);
      await slide('t', 0.7);
      await compare({ temperature: 0.7 });
      await slide('p', 0.9);
      await compare({ temperature: 0.7, topP: 0.9 });
      await slide('f', 0.5);
      await slide('k', 12);
      await slide('seed', 9);
      const all = { temperature: 0.7, topK: 12, topP: 0.9, frequencyPenalty: 0.5 };
      await compare(all, 9);
      expect(await evaluate('location.hash')).toBe('#next-token?d=tail&f=0.5&k=12&p=0.9&seed=9&t=0.7');
      await open('next-token?d=tail&f=0.5&k=12&p=0.9&seed=9&t=0.7');
      await compare(all, 9);
      expect(await evaluate(`document.querySelector('[name=t]').value`)).toBe('0.7');
      expectPeace();
    },
  );

  inBrowser("shows the model's own distribution after a prompt", async () => {
    await open(`train?${state}&steps=20&math=portable`);
    await press('Train');
    await until(`/finished, step 20 of 20/.test(document.querySelector('[role=status]').textContent)`);
    await evaluate(`document.querySelectorAll('nav a')[1].click()`);
    await until(`document.querySelector('.bars') !== null`);
    await evaluate(`document.querySelector('[value=prompt]').click()`);
    await until(`document.querySelector('.hint').textContent.startsWith('What nano, after step 20')`);
    const here = new NodeEngine();
    await here.call('open', { threads: 1, math: 'portable' });
    await here.stream('train', {
      text: smallText,
      data: 'data/small.txt',
      preset: 'nano',
      sizes: { layers: 1, channels: 32, heads: 2, contextLength: 32 },
      settings: { batchSize: 4, steps: 20, evalEvery: 3, seed: 1 },
    });
    const { logits } = await here.call('distribution', { text: 'The ' });
    const probabilities = softmax(logits);
    await until(`document.querySelectorAll('.bars tr[data-id]').length === 40`);
    for (const [id, p] of await rows()) expect(p).toBe(probabilities[id]);
    expectPeace();
  });
});

describe('every view', () => {
  const all = views.map(({ id }) => id);

  /** Text with a contrast below 4.5 against what lies behind it. */
  const faint = () =>
    evaluate<string[]>(`(() => {
      const channels = (colour) => colour.match(/[\\d.]+/g).map(Number);
      const luminance = (rgb) => {
        const [R, G, B] = rgb.map((c) => (c / 255 <= 0.04045 ? c / 255 / 12.92 : ((c / 255 + 0.055) / 1.055) ** 2.4));
        return 0.2126 * R + 0.7152 * G + 0.0722 * B;
      };
      const ground = (e) => {
        for (; e !== null; e = e.parentElement) {
          const [r, g, b, a = 1] = channels(getComputedStyle(e).backgroundColor);
          if (a > 0) return [r, g, b];
        }
      };
      const found = [];
      const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
      while (walker.nextNode()) {
        const e = walker.currentNode.parentElement;
        if (walker.currentNode.data.trim() === '' || !e.checkVisibility() || e.closest(':disabled, noscript, script')) continue;
        const style = getComputedStyle(e);
        const [a, b] = [channels(e instanceof SVGElement ? style.fill : style.color).slice(0, 3), ground(e)].map(luminance);
        const contrast = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
        if (contrast < 4.5) found.push(e.textContent.slice(0, 30) + ' ' + contrast.toFixed(2));
      }
      return found;
    })()`);
  const nameless = () =>
    evaluate<
      string[]
    >(`[...document.querySelectorAll('input, select, textarea, button, a, svg[role=img], progress')]
      .filter((e) => !(e.labels?.length > 0 || e.ariaLabel || e.getAttribute('aria-labelledby') || e.textContent.trim()))
      .map((e) => e.outerHTML.slice(0, 80))`);

  inBrowser.each(all)(
    '%s fits from 360 to 1920 pixels, names its fields, and can be read in both schemes',
    async (id) => {
      await open(`${id}?${state}&steps=5`);
      if (id === 'train') {
        await press('Train');
        await status('finished, step 5 of 5');
        await until(`document.querySelector('#loss .level') !== null`);
      }
      for (const width of [360, 520, 768, 1200, 1920]) {
        await browser.send('Emulation.setDeviceMetricsOverride', {
          ...{ width, height: 900, deviceScaleFactor: 1, mobile: width < 600 },
        });
        await evaluate('new Promise((resolve) => requestAnimationFrame(resolve))');
        const wide = await evaluate('document.documentElement.scrollWidth');
        expect(wide, String(width)).toBeLessThanOrEqual(width);
      }
      for (const value of ['light', 'dark']) {
        await browser.send('Emulation.setEmulatedMedia', {
          features: [{ name: 'prefers-color-scheme', value }],
        });
        expect(await faint(), value).toEqual([]);
      }
      expect(await nameless()).toEqual([]);
      expectPeace();
    },
  );

  inBrowser('follows a link to other settings of the view that is open', async () => {
    await open('next-token?d=tail&seed=3');
    await until(`document.querySelector('.strip') !== null`);
    await evaluate(`location.hash = '#next-token?d=tail&seed=4'`);
    const { uniform } = drawInStages(longTailed.logits, {}, [], { seed: 4 });
    await until(`document.querySelector('.strip')?.dataset.uniform === '${uniform}'`);
    expect(await evaluate(`document.querySelector('[name=seed]').value`)).toBe('4');
  });

  inBrowser('is reached by keyboard, with a focus that one sees', async () => {
    await open('train');
    const press = async (key: string, code: number) => {
      for (const type of ['keyDown', 'keyUp']) {
        const text = key === 'Enter' && type === 'keyDown' ? { text: '\r' } : {};
        await browser.send('Input.dispatchKeyEvent', {
          type,
          key,
          code: key,
          windowsVirtualKeyCode: code,
          ...text,
        });
      }
    };
    await press('Tab', 9);
    await press('Tab', 9);
    expect(await evaluate('document.activeElement.textContent')).toBe('Next token');
    expect(await evaluate('getComputedStyle(document.activeElement).outlineStyle')).toBe('solid');
    await press('Enter', 13);
    await until(`document.querySelector('.strip') !== null`);
    expect(
      await evaluate(
        `[location.hash, document.activeElement.id, document.querySelector('[aria-current]').textContent]`,
      ),
    ).toEqual(['#next-token', 'view', 'Next token']);
    expectPeace();
  });
});
