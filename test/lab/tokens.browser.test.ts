/** The view Tokens in a real browser: merge after merge the ids of Node, and every character seen as it is. */
import { describe, expect } from 'vitest';
import { trainBpe } from '../../src/model/text/bpe-train.ts';
import { CharTokenizer } from '../../src/model/text/tokenizer.ts';
import { inBrowser, labPage, smallState } from './open-lab.ts';
import { smallText } from './support.ts';

const { open, evaluate, until, press, status, expectPeace } = labPage();

const text = 'a rose is a rose\nnaïve 🙂🙂 <b>&';
const link = `text=${encodeURIComponent(text)}`;
const panel = (title: string) =>
  `[...document.querySelectorAll('.cut section')].find((s) => s.querySelector('h2')?.textContent === '${title}')`;
const ids = (title: string) =>
  evaluate<number[]>(
    `[...${panel(title)}.querySelectorAll('.boxes span')].map((box) => Number(box.dataset.id))`,
  );
const merged = (n: number) =>
  until(
    `document.querySelector('tr.now, tr.next')?.parentElement.querySelector('[data-merge="${n}"]') !== null && document.querySelector('[name=merges]').value === '${n}'`,
  );
const frame = () => evaluate('new Promise((r) => requestAnimationFrame(() => requestAnimationFrame(r)))');

describe('Tokens', () => {
  inBrowser('joins pair after pair: ids, counts and the link are those of Node', async () => {
    await open(`tokens?${link}&merges=0`);
    await until(`document.querySelector('.boxes') !== null`);
    expect(await ids('Characters')).toEqual([...CharTokenizer.train(text).encode(text)]);
    expect(await ids('BPE')).toEqual([...trainBpe(text, 256).encode(text)]);
    const most = Number(await evaluate(`document.querySelector('[name=merges]').max`));
    expect(() => trainBpe(text, 257 + most)).toThrow(`${most} merges found`);
    for (let n = 1; n <= most; n++) {
      await press('Next merge');
      await merged(n);
      await frame();
      expect(await ids('BPE'), String(n)).toEqual([...trainBpe(text, 256 + n).encode(text)]);
    }
    const last = await evaluate(
      `document.querySelector('tr.now').innerText.split(/\\s+/).slice(-2).map(Number)`,
    );
    expect(last).toEqual([255 + most, 2]);
    expect(await evaluate(`[...document.querySelectorAll('button')].map((b) => b.disabled)`)).toEqual([
      false,
      true,
    ]);
    await press('Back');
    await until(`location.hash.includes('merges=${most - 1}')`);
    await frame();
    expect(await ids('BPE')).toEqual([...trainBpe(text, 255 + most).encode(text)]);
    const state = await evaluate<string>('location.hash.slice(1)');
    await open(state);
    await until(`document.querySelector('.boxes') !== null`);
    expect(await ids('BPE')).toEqual([...trainBpe(text, 255 + most).encode(text)]);
    expectPeace();
  });

  inBrowser('says which pair was joined and how often it occurred', async () => {
    await open(`tokens?text=${encodeURIComponent('low low lower')}&merges=2`);
    await until(`document.querySelector('.boxes') !== null`);
    expect(await evaluate(`document.querySelector('[aria-live]').textContent`)).toBe(
      'Merge 2 joined lo and w, which occurred 3 times, to low, token 257.',
    );
    // ␣low comes next, and occurs twice.
    expect(await evaluate(`document.querySelector('tr.next').innerText.split(/\\s+/)`)).toEqual([
      '3,',
      'next',
      '␣',
      'low',
      '␣low',
      '258',
      '2',
    ]);
    expect(await evaluate(`${panel('BPE')}.querySelector('.status').textContent`)).toBe(
      '7 tokens, 1.86 characters a token; 258 in the vocabulary',
    );
    expect(await evaluate(`document.querySelectorAll('.fresh').length`)).toBe(3);
    expectPeace();
  });

  inBrowser('shows what a shipped text teaches about another, and what it has no character for', async () => {
    await open(`tokens?${link}&from=small.txt&merges=300`);
    await until(`document.querySelector('.boxes') !== null`);
    expect(await ids('BPE')).toEqual([...trainBpe(smallText, 556).encode(text)]);
    const known = CharTokenizer.train(smallText);
    const each = [...text].map((c) => known.encode(c, 'skip')[0] ?? -1);
    expect(await ids('Characters')).toEqual(each);
    const without = each.filter((id) => id < 0).length;
    expect(await evaluate(`${panel('Characters')}.querySelector('.status').textContent`)).toContain(
      `${without} characters without a token`,
    );
    // Another text: what was learned stays, and the newest text counts.
    await evaluate(`(() => {
      const box = document.querySelector('[name=text]');
      for (box.value of ['x', 'xy', 'the <i>end</i>\\n']) box.dispatchEvent(new Event('input'));
    })()`);
    await until(`${panel('Characters')}.querySelectorAll('.boxes span').length === 15`);
    expect(await ids('BPE')).toEqual([...trainBpe(smallText, 556).encode('the <i>end</i>\n')]);
    expect(await evaluate(`document.querySelectorAll('.boxes b i').length`)).toBe(4); // the signs of space and line end, in both
    await until(`location.hash.includes('text=the+%3Ci%3Eend')`);
    expectPeace();
  });

  inBrowser('shows how the model at hand reads the text', async () => {
    await open(`train?${smallState}&steps=2&${link}`);
    await press('Train');
    await status('finished, step 2 of 2');
    await evaluate(`[...document.querySelectorAll('nav a')].find((a) => a.textContent === 'Tokens').click()`);
    await until(`${panel('The model nano')} !== undefined`);
    expect(await ids('The model nano')).toEqual([...CharTokenizer.train(smallText).encode(text, 'skip')]);
    expect(await evaluate(`${panel('The model nano')}.querySelector('.status').textContent`)).toMatch(
      /^\d+ tokens, 1\.00 characters a token; \d characters without a token; \d+ in the vocabulary$/,
    );
    expectPeace();
  });

  inBrowser('takes a text of any length: a beginning is shown, all of it is learned from', async () => {
    const long = `${'🙂 smile '.repeat(2000)}end`;
    await open('tokens?merges=3');
    await until(`document.querySelector('.boxes') !== null`);
    await evaluate(`(() => {
      const box = document.querySelector('[name=text]');
      box.value = ${JSON.stringify(long)};
      box.dispatchEvent(new Event('input'));
    })()`);
    await until(`document.querySelector('tr.now')?.innerText.includes('2000')`);
    const shown = [...long].slice(0, 362).join('');
    expect(new TextEncoder().encode(shown)).toHaveLength(500);
    expect(await ids('BPE')).toEqual([...trainBpe(long, 259).encode(shown)]);
    expect(await evaluate(`document.querySelector('.hint').textContent`)).toBe(
      'The first 362 characters are shown and counted. This text is too long for the link.',
    );
    // It is not lost by looking elsewhere.
    await evaluate(`document.querySelectorAll('nav a')[0].click()`);
    await until(`document.querySelector('[name=layers]') !== null`);
    expect(await evaluate(`document.querySelector('[name=text]').value.length`)).toBe(long.length);
    expectPeace();
  });
});
