/** The view One product in a real browser: forward, backward and softmax have Node's numbers, to the last bit. */
import { beforeAll, describe, expect } from 'vitest';
import type { Product, ProductPlace } from '../../src/lab/engine/product-protocol.ts';
import { inBrowser, labPage, smallTraining } from './open-lab.ts';
import { NodeEngine } from './support.ts';

const { evaluate, until, press, problem, trained, enter, expectFits, expectPeace, send } = labPage();
const text = 'The cat saw a bird.';

/** The model of `trained`, in Node. */
const here = new NodeEngine();
beforeAll(async () => {
  await here.call('open', { threads: 1, math: 'portable' });
  await here.stream('train', smallTraining);
});
const numbers = (name: string) =>
  evaluate<number[]>(
    `[...document.querySelectorAll('[data-${name}]')].map((element) => Number(element.dataset.${name}))`,
  );
/** Waits until the page shows what Node computes, and has measured the gradients. */
async function expectShown(place: ProductPlace): Promise<Product> {
  const there = await here.call('product', place);
  const { y, dx, dw } = there;
  const results = `[...document.querySelectorAll('[data-result]')].map(({ dataset }) => dataset.result).join()`;
  await until(`${results} === '${[y, dx, dw].map(({ result }) => result).join()}'`);
  const said = `[...document.querySelectorAll('.equal')].map((p) => p.textContent)`;
  for (const sentence of await evaluate<string[]>(said)) expect(sentence).toMatch(/bit for bit/);
  const measured = await here.call('differences', place);
  await until(`document.querySelectorAll('[data-quotient]').length === 2`);
  expect(await numbers('quotient')).toEqual([measured.dx.quotient, measured.dw.quotient]);
  expect(await numbers('relative')).toEqual([measured.dx.relative, measured.dw.relative]);
  return there;
}

describe('One product', () => {
  inBrowser(
    "shows Node's sums, gradients, their measure, and the way from logits to the gradient",
    async () => {
      await trained('One product');
      const there = await expectShown({ text, layer: 0, matrix: 'head', input: 0 });
      expect(there.column).toBe(there.ids.at(-1)); // the token that comes next, unless another is chosen
      const { entropy } = there;
      expect(await evaluate('document.querySelectorAll("tr[data-id]").length')).toBe(entropy.logits.length);
      const rows = await evaluate<[number, number, number][]>(
        `[...document.querySelectorAll('tr[data-id]')].map(({ dataset }) => [dataset.id, dataset.p, dataset.gradient].map(Number))`,
      );
      for (const [id, p, gradient] of rows)
        expect([p, gradient]).toEqual([entropy.probabilities[id], entropy.gradient[id]]);
      const { max, sum, probabilities, target, loss, mean } = entropy;
      expect(await numbers('value')).toEqual([max, sum, probabilities[target], loss, mean]);
      expect(await evaluate(`document.querySelector('tr.true').dataset.id`)).toBe(String(target));

      await enter('matrix', 'k');
      await enter('token', 6);
      await enter('output', 20);
      await enter('input', 9);
      const place = { text, layer: 0, matrix: 'k', row: 6, column: 20, input: 9 };
      const { dx } = await expectShown(place);
      expect(dx.a).toHaveLength(96); // q, k and v of 32 outputs each
      await until(`/^#product?.*input=9&.*matrix=k&.*output=20&.*token=6$/.test(location.hash)`);
      await enter('text', 'The bird saw a cat, and the cat saw it');
      await expectShown({ ...place, text: 'The bird saw a cat, and the cat saw it' });
      expectPeace();
    },
  );

  inBrowser('goes through a sum step by step, by slider, key and at once', async () => {
    await trained('One product', 'step-y=5');
    const { y } = await expectShown({ text, layer: 0, matrix: 'head', input: 0 });
    const told = () => numbers('sum');
    expect((await told())[0]).toBe(y.sums[4]);
    const current = `document.querySelector('.chain').querySelector('.now th')?.textContent`;
    expect(await evaluate(current)).toBe('4');
    await evaluate(`document.querySelector('[name=step-y]').focus()`);
    for (const type of ['keyDown', 'keyUp']) {
      await send('Input.dispatchKeyEvent', {
        type,
        key: 'ArrowRight',
        code: 'ArrowRight',
        windowsVirtualKeyCode: 39,
      });
    }
    await until(`${current} === '5'`);
    expect((await told())[0]).toBe(y.sums[5]);
    await until(`location.hash.includes('step-y=6')`);
    await enter('step-y', 0);
    await until(`${current} === undefined`);
    expect((await told())[0]).toBe(0);
    // All rows are there, in a box of their own that can be reached.
    const table = await evaluate<string[]>(
      `[...document.querySelectorAll('.chain')[0].querySelectorAll('tbody td:last-child')].map((cell) => cell.title)`,
    );
    expect(table.map((title) => Math.fround(Number(title.replace('−', '-'))))).toEqual([...y.sums]);
    expect(await evaluate(`document.querySelector('.chain .terms').tabIndex`)).toBe(0);
    // Playing, where motion is not wanted, goes to the end at once.
    await send('Emulation.setEmulatedMedia', {
      features: [{ name: 'prefers-reduced-motion', value: 'reduce' }],
    });
    await press('Play');
    await until(`${current} === '${y.a.length - 1}'`, 1);
    expect((await told())[0]).toBe(y.result);
    await until(`!location.hash.includes('step-y')`);
    expectPeace();
  });

  inBrowser('plays a sum where motion is welcome, and can be paused', async () => {
    await trained('One product');
    await until(`document.querySelectorAll('[data-quotient]').length === 2`);
    await enter('step-y', 0);
    await press('Play');
    await until(`Number(document.querySelector('[name=step-y]').value) >= 3`);
    await press('Pause');
    const stopped = Number(await evaluate(`document.querySelector('[name=step-y]').value`));
    expect(stopped).toBeGreaterThanOrEqual(3);
    await until(`location.hash.includes('step-y=${stopped}')`);
    expectPeace();
  });

  inBrowser('says what a text lacks, and can be read in both schemes', async () => {
    await trained('One product');
    await until(`document.querySelectorAll('[data-quotient]').length === 2`);
    await expectFits();
    await enter('text', 'T');
    await until(`!document.querySelector('[role=alert]').hidden`);
    expect(await problem()).toBe(
      'write at least two tokens: the model reads one and is to foretell the other',
    );
    await enter('text', 'The');
    await until(`document.querySelector('[role=alert]').hidden`);
    await expectShown({ text: 'The', layer: 0, matrix: 'head', input: 0 });
    expectPeace();
  });
});
