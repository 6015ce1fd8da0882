/** Every view in a real browser: it fits, can be read, has names for its fields, and is reached by keyboard. */
import { describe, expect } from 'vitest';
import { longTailed } from '../../src/lab/examples.ts';
import { views } from '../../src/lab/views/list.ts';
import { drawInStages } from '../../src/library/stages.ts';
import { inBrowser, labPage, smallState } from './open-lab.ts';

const { open, evaluate, until, press, status, faint, expectPeace, send } = labPage();

describe('every view', () => {
  const all = views.map(({ id }) => id);

  const nameless = () =>
    evaluate<
      string[]
    >(`[...document.querySelectorAll('input, select, textarea, button, a, svg[role=img], progress')]
      .filter((e) => !(e.labels?.length > 0 || e.ariaLabel || e.getAttribute('aria-labelledby') || e.textContent.trim()))
      .map((e) => e.outerHTML.slice(0, 80))`);

  inBrowser.each(all)(
    '%s fits from 360 to 1920 pixels, names its fields, and can be read in both schemes',
    async (id) => {
      await open(`${id}?${smallState}&steps=5`);
      if (id === 'train') {
        await press('Train');
        await status('finished, step 5 of 5');
        await until(`document.querySelector('#loss .level') !== null`);
      }
      for (const width of [360, 520, 768, 1200, 1920]) {
        await send('Emulation.setDeviceMetricsOverride', {
          ...{ width, height: 900, deviceScaleFactor: 1, mobile: width < 600 },
        });
        await evaluate('new Promise((resolve) => requestAnimationFrame(resolve))');
        const wide = await evaluate('document.documentElement.scrollWidth');
        expect(wide, String(width)).toBeLessThanOrEqual(width);
      }
      for (const value of ['light', 'dark']) {
        await send('Emulation.setEmulatedMedia', {
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

  inBrowser('takes more moves of a slider than a browser takes changes of an address', async () => {
    await open('next-token');
    await until(`document.querySelector('.strip') !== null`);
    const moves = await evaluate<number>(`(async () => {
      const slider = document.querySelector('[name=t]');
      for (let i = 1; i <= 500; i++) {
        slider.value = i % 20 / 20;
        slider.dispatchEvent(new Event('input'));
        if (i % 25 === 0) await new Promise((resolve) => requestAnimationFrame(resolve));
      }
      slider.value = 0.85;
      slider.dispatchEvent(new Event('input'));
      return Number(document.querySelector('.slider output').textContent);
    })()`);
    expect(moves).toBe(0.85);
    await until(`location.hash === '#next-token?t=0.85'`);
    expectPeace();
  });

  inBrowser('is reached by keyboard, with a focus that one sees', async () => {
    await open('train');
    const press = async (key: string, code: number) => {
      for (const type of ['keyDown', 'keyUp']) {
        const text = key === 'Enter' && type === 'keyDown' ? { text: '\r' } : {};
        await send('Input.dispatchKeyEvent', {
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
