/** The lab in headless Chromium: a server with a small text and no runs, a page, and what a test does with it. */
import { writeFileSync } from 'node:fs';
import type { Server } from 'node:http';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { labServer } from '../../src/cli/lab/server.ts';
import { Shelf } from '../../src/cli/lab/shelf.ts';
import { typeBlanker } from '../../src/cli/lab/typescript.ts';
import type { TrainRequest } from '../../src/library/training-parts.ts';
import { Browser, chromiumPath, type View } from '../report/browser.ts';
import { suiteFolder } from '../support/scratch.ts';
import { smallText } from './support.ts';

if (chromiumPath === undefined) console.log('the lab is not tried in a browser: there is no chromium here');
export const inBrowser = it.skipIf(chromiumPath === undefined);

/** A small model, for the address. */
export const smallState = 'layers=1&channels=32&heads=2&context=32&batch=4&threads=1';
/** What it is trained with for 20 steps, for an engine in Node. */
export const smallTraining: TrainRequest = {
  text: smallText,
  data: 'data/small.txt',
  preset: 'nano',
  sizes: { layers: 1, channels: 32, heads: 2, contextLength: 32 },
  settings: { batchSize: 4, steps: 20, evalEvery: 3, seed: 1 },
};

/** Opens and closes browser and server around a file's tests. @param isolated false: the tab may share no memory */
export function labPage({ isolated = true } = {}) {
  const folder = suiteFolder();
  let browser: Browser;
  let server: Server;
  let origin: string;
  /** Of the page that is open, up to its state; a page from the disk has no other. */
  let address: string;

  beforeAll(async () => {
    if (chromiumPath === undefined) return;
    const text = join(folder, 'small.txt');
    writeFileSync(text, smallText);
    const shelf = new Shelf(join(folder, 'runs'));
    server = labServer({ texts: new Map([['small.txt', text]]), shelf, blankTypes: await typeBlanker() });
    if (!isolated) {
      server.prependListener('request', (_, response) => {
        const set = response.setHeader.bind(response);
        response.setHeader = (name, value) => (/^Cross-Origin/.test(name) ? response : set(name, value));
      });
    }
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

  /** Opens the lab anew at a state, the server's or that of a file, and waits for its view. */
  async function open(state: string, view?: View, file?: string): Promise<void> {
    browser.requests.length = 0;
    browser.complaints.length = 0;
    address = file === undefined ? `${origin}/` : pathToFileURL(file).href;
    await browser.open('about:blank', view);
    await browser.open(`${address}#${state}`, view);
    await until(`document.querySelector('#view button, .problem:not([hidden])') !== null`);
  }

  /** Nothing was said on the console and nothing asked of anybody else. */
  function expectPeace(): void {
    expect(browser.complaints).toEqual([]);
    const outside = browser.requests.filter(
      (url) =>
        !(address === `${origin}/` ? url.startsWith(address) : url === address) &&
        url !== 'data:,' &&
        url !== 'about:blank' &&
        !url.startsWith(`blob:${address === `${origin}/` ? origin : 'null'}/`),
    );
    expect(outside).toEqual([]);
    if (address === `${origin}/`) expect(browser.requests.length).toBeGreaterThan(20);
  }

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

  /** What is shown fits from 360 to 1920 pixels, can be read in both schemes, and has names for its fields. */
  async function expectFits(): Promise<void> {
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
  }

  /** Presses a button of the view, as soon as it can be pressed. */
  async function press(label: string): Promise<void> {
    const button = `[...document.querySelectorAll('#view button')].find((b) => b.textContent === '${label}')`;
    await until(`${button}?.disabled === false`);
    await evaluate(`${button}.click()`);
  }
  const status = (pattern: string) =>
    until(`/${pattern}/.test(document.querySelector('[role=status]').textContent)`);
  const problem = () => evaluate<string>(`document.querySelector('[role=alert]').textContent`);

  /** Trains `smallTraining`'s model in the page and goes to a view, by its title, with more in the address; a seed there
   * would be the training's, too. */
  async function trained(title: string, state = ''): Promise<void> {
    await open(`train?${smallState}&steps=20&math=portable&${state}`);
    await press('Train');
    await status('finished, step 20 of 20');
    await evaluate(
      `[...document.querySelectorAll('nav a')].find((a) => a.textContent === '${title}').click()`,
    );
  }
  /** Enters a value into a field of the view, or chooses it. */
  const enter = (name: string, value: string | number) =>
    evaluate(`(() => {
      const field = document.querySelector('#view [name=${name}]');
      field.value = '${value}';
      field.dispatchEvent(new Event(field.tagName === 'SELECT' ? 'change' : 'input'));
    })()`);

  return {
    ...{ open, evaluate, until, press, status, problem, trained, enter, faint, expectFits, expectPeace },
    /** Where the server looks for runs. */
    runs: join(folder, 'runs'),
    folder,
    send: (method: string, params: object) => browser.send(method, params),
    next: (method: string) => browser.next(method),
  };
}
