/** Every view in a real browser: it fits, can be read, has names for its fields, and is reached by keyboard. */
import { describe, expect } from 'vitest';
import { confident, longTailed } from '../../src/lab/examples.ts';
import { views } from '../../src/lab/views/list.ts';
import { drawInStages } from '../../src/library/stages.ts';
import { inBrowser, labPage, smallState } from './open-lab.ts';

const { open, evaluate, until, press, status, expectFits, expectPeace, send } = labPage();

describe('every view', () => {
  const all = views.map(({ id }) => id);

  inBrowser.each(all)(
    '%s fits from 360 to 1920 pixels, names its fields, and can be read in both schemes',
    async (id) => {
      await open(`${id}?${smallState}&steps=5`);
      if (id === 'train') {
        await press('Train');
        await status('finished, step 5 of 5');
        await until(`document.querySelector('#loss .level') !== null`);
      }
      await expectFits();
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

  const key = async (name: string, code: number) => {
    for (const type of ['keyDown', 'keyUp']) {
      const text = name === 'Enter' && type === 'keyDown' ? { text: '\r' } : {};
      await send('Input.dispatchKeyEvent', {
        type,
        key: name,
        code: name,
        windowsVirtualKeyCode: code,
        ...text,
      });
    }
  };

  inBrowser.each(all)(
    '%s is walked through by keyboard: each field once, with a focus that one sees',
    async (id) => {
      await open(`${id}?${smallState}`);
      await until(`document.querySelectorAll('#view button:not(:disabled)').length > 0`);
      const fields = await evaluate<number>(`(() => {
      const all = document.querySelectorAll('a, input, select, textarea, button, summary, [tabindex="0"]');
      globalThis.reachable = [...all].filter((e) => !e.disabled && e.checkVisibility() && (e.type !== 'radio' || e.checked));
      return reachable.length;
    })()`);
      expect(fields).toBeGreaterThan(6);
      const found = new Set<number>();
      const hidden: string[] = [];
      for (let stop = 0; stop < fields; stop++) {
        await key('Tab', 9);
        const [at, name, style, width] = await evaluate<[number, string, string, number]>(`(() => {
        const { activeElement } = document;
        const { outlineStyle, outlineWidth } = getComputedStyle(activeElement);
        return [reachable.indexOf(activeElement), activeElement.outerHTML.slice(0, 60), outlineStyle, parseFloat(outlineWidth)];
      })()`);
        found.add(at);
        if (style !== 'solid' || width < 2) hidden.push(name);
      }
      expect([...found].sort((a, b) => a - b)).toEqual(Array.from({ length: fields }, (_, i) => i));
      expect(hidden).toEqual([]);
      expectPeace();
    },
  );

  inBrowser('is worked by keyboard: a link, a slider, a button', async () => {
    await open('train');
    await key('Tab', 9);
    await key('Tab', 9);
    expect(await evaluate('document.activeElement.textContent')).toBe('Next token');
    await key('Enter', 13);
    await until(`document.querySelector('.strip') !== null`);
    expect(
      await evaluate(
        `[location.hash, document.activeElement.id, document.querySelector('[aria-current]').textContent]`,
      ),
    ).toEqual(['#next-token', 'view', 'Next token']);
    await evaluate(`document.querySelector('[name=t]').focus()`);
    await key('ArrowRight', 39);
    await until(`location.hash === '#next-token?t=1.05'`);
    const { token } = drawInStages(confident.logits, { temperature: 1.05 }, confident.history, {
      seed: 1,
      drawn: 1,
    });
    await evaluate(
      `[...document.querySelectorAll('button')].find((b) => b.textContent === 'Throw the next dart').focus()`,
    );
    await key('Enter', 13);
    await until(
      `document.querySelector('.strip').dataset.token === '${token}' && location.hash.includes('n=1')`,
    );
    expectPeace();
  });

  inBrowser('moves nothing for people who ask for less motion', async () => {
    for (const [value, least, most] of [
      ['no-preference', 1, 1000],
      ['reduce', 0, 0],
    ] as const) {
      await open('next-token?d=tail');
      await send('Emulation.setEmulatedMedia', { features: [{ name: 'prefers-reduced-motion', value }] });
      await until(`document.querySelector('.bars') !== null`);
      const moving = await evaluate<number>(`(async () => {
        const frame = () => new Promise((resolve) => requestAnimationFrame(resolve));
        const rect = document.querySelector('.bars rect.strong, .bars rect.drawn');
        await frame();
        rect.setAttribute('width', '1');
        rect.getBoundingClientRect();
        return document.getAnimations().length;
      })()`);
      expect([moving >= least, moving <= most], value).toEqual([true, true]);
    }
  });
});
