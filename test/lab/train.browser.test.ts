/** The view Train in a real browser: the curve, the samples, pausing and keeping, watching, and what is wrong. */
import { appendFileSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect } from 'vitest';
import { inBrowser, labPage, smallState } from './open-lab.ts';

const { open, evaluate, until, press, status, problem, expectPeace, runs } = labPage();

describe('Train', () => {
  inBrowser('draws the curve of 20 steps and scrubs back through the samples', async () => {
    await open(`train?${smallState}&steps=20`);
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
    await open(`train?${smallState}&steps=100000`);
    await press('Train');
    await status(': step \\d+ of 100000, [\\d,]+ tokens a second, \\d.* left');
    await press('Pause');
    await status('paused after step');
    await press('Keep');
    const kept = `document.querySelector('details').textContent.includes('nano, kept by this browser')`;
    await until(kept);
    await open(`train?${smallState}&steps=100000`);
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
    await open(`train?${smallState}&steps=5`);
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
    const run = join(runs, '<b>live');
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
    await open(`train?${smallState}&data=a+text+of+your+own`);
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
