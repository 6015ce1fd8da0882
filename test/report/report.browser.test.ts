/** The pages in a real browser: nothing complains, nothing is fetched, curves are there, text stays text. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { renderComparison } from '../../src/report/compare.ts';
import { renderReport } from '../../src/report/report.ts';
import { suiteFolder } from '../support/scratch.ts';
import { Browser, chromiumPath, type View } from './browser.ts';
import { exampleRun, hostileRun, hostileText, runOf } from './fixture.ts';

if (chromiumPath === undefined)
  console.log('the report is not tried in a browser: there is no chromium here');
const inBrowser = it.skipIf(chromiumPath === undefined);
const folder = suiteFolder();
let browser: Browser;

beforeAll(() => {
  if (chromiumPath !== undefined) browser = new Browser(chromiumPath);
});
afterAll(async () => {
  if (chromiumPath !== undefined) await browser.close();
});

/** Loads a page from a file and returns what the browser complained about. */
async function open(page: string, view?: View): Promise<string[]> {
  const path = join(folder, 'page.html');
  writeFileSync(path, page);
  browser.requests.length = 0;
  browser.complaints.length = 0;
  await browser.open(pathToFileURL(path).href, view);
  return browser.complaints;
}
const evaluate = <T>(expression: string) => browser.evaluate<T>(expression);

describe('in Chromium', () => {
  const run = exampleRun(2000);

  inBrowser('the report draws its curves, complains of nothing and fetches nothing', async () => {
    expect(await open(renderReport(run))).toEqual([]);
    expect(browser.requests.filter((url) => !url.startsWith('file:') && url !== 'data:,')).toEqual([]);
    // Every named curve has a box of its own within the plot it belongs to.
    const boxes = await evaluate<
      [string, number, number][]
    >(`[...document.querySelectorAll('[data-name]')].map((p) => {
      const box = p.getBoundingClientRect(), plot = p.closest('svg.plot').getBoundingClientRect();
      return [p.dataset.name, box.width / plot.width, box.height];
    })`);
    expect(boxes.map(([name]) => name)).toEqual([
      ...['training', 'held out', 'held out, whole'],
      ...['training', 'held out', 'held out, whole'],
      ...['running mean', 'learning rate', 'speed'],
    ]);
    for (const [name, width, height] of boxes) {
      if (name === 'held out, whole') continue; // one point
      expect(width, name).toBeGreaterThan(0.9);
      expect(width, name).toBeLessThanOrEqual(1.001);
      expect(height, name).toBeGreaterThan(10);
    }
  });

  inBrowser('the read-out tells step and values under the pointer, and goes again', async () => {
    await open(renderReport(run));
    await evaluate(`document.querySelector('#loss svg.plot').scrollIntoView({ block: 'center' })`);
    const at = await evaluate<{ x: number; y: number }>(`(() => {
      const box = document.querySelector('#loss svg.plot').getBoundingClientRect();
      return { x: box.left + box.width / 2, y: box.top + box.height / 2 };
    })()`);
    await browser.send('Input.dispatchMouseEvent', { type: 'mouseMoved', ...at });
    const text = await evaluate<string>(`document.querySelector('#loss output').textContent`);
    const [, step, training, heldOut] =
      /^step ([\d,]+) {2}. {2}training ([\d.]+) {2}. {2}held out ([\d.]+)$/.exec(text)!;
    expect(step).toBe('1,000');
    const evaluation = run.history.evaluations.find((m) => m.step === 1000);
    expect(Number(heldOut)).toBeCloseTo(evaluation!.nll, 2);
    expect(Number(training)).toBeGreaterThan(1.2);
    expect(Number(training)).toBeLessThan(1.4);
    await browser.send('Input.dispatchMouseEvent', { type: 'mouseMoved', x: 1, y: 1 });
    expect(await evaluate(`document.querySelector('#loss output').textContent`)).toBe('');
  });

  inBrowser('a corpus full of HTML stays text, white space included', async () => {
    expect(await open(renderReport(hostileRun))).toEqual([]);
    const visible = (text: string) => text.replaceAll('\u202e', '\\u202e');
    expect(await evaluate('document.title')).toBe(`${visible(hostileRun.name)} \u2013 training report`);
    expect(await evaluate(`document.querySelectorAll('img, iframe, marquee, [onerror]').length`)).toBe(0);
    expect(await evaluate('document.scripts.length')).toBe(1);
    expect(await evaluate(`document.querySelector('pre').textContent`)).toBe(visible(hostileText));
    expect(await evaluate(`document.querySelector('.tables td').textContent`)).toBe(visible(hostileRun.name));
    expect(await open(renderComparison([hostileRun, run]))).toEqual([]);
    expect(await evaluate('document.scripts.length')).toBe(1);
  });

  inBrowser('the page policy stops a script that did get in, and the complaint is heard', async () => {
    const broken = renderReport(run).replace(
      '<main>',
      `<main><script>document.title = 'broken out'</script>`,
    );
    expect((await open(broken)).join()).toContain('Content Security Policy');
    expect(await evaluate('document.title')).toBe('tales-qwen3 \u2013 training report');
  });

  inBrowser.each([320, 375, 768, 1200])('nothing is wider than a window of %i pixels', async (width) => {
    const name = 'a_long_name_without_a_place_to_break_it'.repeat(4);
    for (const page of [renderReport({ ...run, name }), renderComparison([run, { ...hostileRun, name }])]) {
      await open(page, { width });
      expect(await evaluate('document.documentElement.scrollWidth')).toBeLessThanOrEqual(width);
      const [left, right] = await evaluate<[number, number]>(`(() => {
        const boxes = [...document.querySelectorAll('.plot text')].map((text) => text.getBoundingClientRect());
        return [Math.min(...boxes.map((box) => box.left)), Math.max(...boxes.map((box) => box.right))];
      })()`);
      expect(left).toBeGreaterThanOrEqual(0);
      expect(right).toBeLessThanOrEqual(width);
      // Across, a plot takes the width there is; down, a unit is a pixel.
      const [across, down] = await evaluate<[number, number]>(`(() => {
        const { a, d } = document.querySelector('[data-name]').getScreenCTM();
        return [(1000 * a) / document.querySelector('svg.plot').getBoundingClientRect().width, d];
      })()`);
      expect(across).toBeCloseTo(1, 3);
      expect(down).toBeCloseTo(1, 3);
      // Letters of charts are as large as ever: the drawing stretches, they do not.
      expect(await evaluate(`getComputedStyle(document.querySelector('.plot text')).fontSize`)).toBe('12px');
    }
  });

  inBrowser.each([360, 400, 1200])(
    'what differs has no line broken in a window of %i pixels',
    async (width) => {
      const sha256 = '0123456789abcdef'.repeat(4);
      const other = runOf({
        name: 'runs/old/nano',
        description: { training: { muonLearningRate: 0.02, sha256 } },
      });
      await open(renderComparison([{ ...run, name: 'runs/nano' }, other]), { width });
      const lines = await evaluate<
        number[]
      >(`[...document.querySelectorAll('.settings :is(th, td)')].map((cell) => {
      const range = document.createRange();
      range.selectNodeContents(cell);
      return range.getClientRects().length;
    })`);
      expect(lines.length).toBeGreaterThan(30);
      expect(new Set(lines)).toEqual(new Set([1]));
      expect(await evaluate('document.documentElement.scrollWidth')).toBeLessThanOrEqual(width);
    },
  );

  inBrowser('light, dark and paper have their own colours', async () => {
    const ground = async (view: View) => {
      await open(renderReport(run), view);
      return evaluate<string>('getComputedStyle(document.documentElement).backgroundColor');
    };
    expect(await ground({ scheme: 'light' })).toBe('rgb(253, 252, 249)');
    expect(await ground({ scheme: 'dark' })).toBe('rgb(21, 24, 30)');
    expect(await ground({ scheme: 'dark', media: 'print' })).toBe('rgb(255, 255, 255)');
  });
});
