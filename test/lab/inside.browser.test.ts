/** The view Inside in a real browser: it changes while a model is trained, and its numbers are those of Node. */
import { describe, expect } from 'vitest';
import type { Head } from '../../src/lab/engine/protocol.ts';
import { inBrowser, labPage } from './open-lab.ts';
import { NodeEngine, smallText } from './support.ts';

const { open, evaluate, until, press, expectFits, expectPeace, send } = labPage();

const state = 'layers=2&channels=32&heads=2&context=32&batch=4&threads=1&math=portable&steps=100000';
const text = 'The cat saw a bird. The bird saw the c';

/** The same training in Node, up to a step. */
async function trainedTo(step: number): Promise<NodeEngine> {
  const here = new NodeEngine();
  await here.call('open', { threads: 1, math: 'portable' });
  await here.stream(
    'train',
    {
      ...{ text: smallText, data: 'data/small.txt', preset: 'nano' },
      sizes: { layers: 2, channels: 32, heads: 2, contextLength: 32 },
      settings: { batchSize: 4, steps: 100_000, evalEvery: 100, seed: 1 },
    },
    (event, stop) => {
      if (event.kind === 'record' && event.record.step >= step) stop();
    },
  );
  return here;
}

describe('Inside', () => {
  const view = async (title: string) => {
    await evaluate(
      `[...document.querySelectorAll('nav a')].find((a) => a.textContent === '${title}').click()`,
    );
    await until(`document.querySelector('[aria-current]').textContent === '${title}'`);
  };
  const row = () =>
    evaluate<number[]>(`[...document.querySelectorAll('.row [data-p]')].map((e) => Number(e.dataset.p))`);
  const losses = (name: string) =>
    evaluate<number>(`Number(document.querySelector('[data-${name}]').dataset.${name})`);
  /** What the view has put into the address, which follows after a moment. */
  const set = async () => {
    const given = new URLSearchParams((await evaluate<string>('location.hash')).split('?')[1]);
    for (const name of new URLSearchParams(state).keys()) given.delete(name);
    return given.toString();
  };

  inBrowser('says so where there is no model', async () => {
    await open('inside');
    expect(await evaluate(`document.querySelector('.hint').textContent`)).toBe(
      'There is no model yet: train one, or open a run, in the first view.',
    );
    expect(await evaluate(`document.querySelector('.heads').checkVisibility()`)).toBe(false);
    expectPeace();
  });

  inBrowser('changes while a model is trained, and has the exact numbers of Node', async () => {
    await open(`train?${state}`);
    await press('Train');
    await view('Inside');
    await until(`document.querySelectorAll('.row [data-p]').length === 32`);
    const first = await row();
    await until(`document.querySelector('.row [data-p]').dataset.p !== '${first[0]}'`);
    const second = await row();
    await until(`document.querySelector('.row [data-p]').dataset.p !== '${second[0]}'`);
    await until(`document.querySelectorAll('#gradients .cells, #updates .cells').length > 1`);
    await view('Train');
    await press('Pause');
    await until(`/paused after step/.test(document.querySelector('[role=status]').textContent)`);
    await view('Inside');
    await until(`document.querySelectorAll('.row [data-p]').length === 32`);
    await until(`document.querySelectorAll('[data-loss]').length === 4`);
    await until(`document.querySelector('.map [data-id]') !== null`);
    const note = await evaluate<string>(`document.querySelector('.hint').textContent`);
    const step = Number(/^nano, after step (\d+), reads 32 tokens\.$/.exec(note)![1]);
    const here = await trainedTo(step);

    const attention = await here.call('attention', { text });
    const rowOf = (layer: number, head: number, token: number) =>
      Array.from(
        attention.layers[layer]!.slice((head * 32 + token) * 32, (head * 32 + token) * 32 + token + 1),
      );
    expect(await row()).toEqual(rowOf(0, 0, 31));

    const lens = await here.call('lens', { text });
    const cells = await evaluate<(number | null)[][]>(
      `[...document.querySelectorAll('.lens tbody tr')].map((tr) => [...tr.cells].slice(1).flatMap((td) => [td.dataset.best, td.dataset.rank ?? 0, td.dataset.p ?? 0].map(Number)))`,
    );
    expect(cells).toEqual(
      lens.layers.map((positions) =>
        positions.flatMap(({ best, rank, probability }) => [best[0]!.id, rank, rank > 0 ? probability : 0]),
      ),
    );

    const { tokens } = (await here.call('model', {}))!;
    const { places, neighbours } = await here.call('embeddings', { ids: [...tokens.keys()] });
    const points = await evaluate<number[]>(
      `[...document.querySelectorAll('.map [data-id]')].flatMap((g) => [Number(g.dataset.x), Number(g.dataset.y)])`,
    );
    expect(points.map(Math.abs)).toEqual(Array.from(places, Math.abs));
    const near = neighbours[tokens.indexOf('e')]!.map(
      ({ id, cosine }) => `\u2018${tokens[id]!.replace(' ', '␣')}\u2019 ${cosine.toFixed(2)}`,
    );
    expect(await evaluate(`document.querySelector('.inside [aria-live]').textContent`)).toBe(
      `Nearest to \u2018e\u2019 (cosine): ${near.join(', ')}`,
    );

    const lossWithout = async (heads: readonly Head[]) => {
      let loss = Number.NaN;
      await here.stream('ablate', { text, off: [heads] }, (told) => {
        loss = told;
      });
      return loss;
    };
    expect(await losses('whole')).toBe(await lossWithout([]));
    expect(await losses('without')).toBe(await lossWithout([]));
    expect(
      await evaluate(`[...document.querySelectorAll('[data-loss]')].map((e) => Number(e.dataset.loss))`),
    ).toEqual(await Promise.all(([[[0, 0]], [[0, 1]], [[1, 0]], [[1, 1]]] as Head[][]).map(lossWithout)));

    // One head off, then all of its layer: the loss is the exact one, and the link says so.
    const tick = (label: string) =>
      evaluate(`document.querySelector('[aria-label="Switch off ${label}"]').click()`);
    await tick('layer 1, head 0');
    const one = await lossWithout([[1, 0]]);
    await until(`document.querySelector('[data-without]').dataset.without === '${one}'`);
    await expect.poll(set, { timeout: 30_000 }).toBe('off=1.0');
    expect(await evaluate(`document.querySelector('.inside .status').textContent`)).toContain(
      `Without the head that is off: ${one.toFixed(4)}`,
    );
    expect(
      await evaluate(`document.querySelector('[aria-label="Switch off all of layer 1"]').indeterminate`),
    ).toBe(true);
    await tick('all of layer 1');
    const both = await lossWithout([
      [1, 0],
      [1, 1],
    ]);
    await until(`document.querySelector('[data-without]').dataset.without === '${both}'`);
    await expect.poll(set, { timeout: 30_000 }).toBe('off=1.0-1.1');
    expect(one).not.toBe(both);

    // Another head by a click, another token by keyboard.
    await evaluate(`document.querySelector('[aria-label="Layer 1, head 1"]').click()`);
    await evaluate(`document.querySelector('.inside [name=token]').focus()`);
    for (const type of ['keyDown', 'keyUp'])
      await send('Input.dispatchKeyEvent', {
        type,
        key: 'ArrowLeft',
        code: 'ArrowLeft',
        windowsVirtualKeyCode: 37,
      });
    await until(`document.querySelectorAll('.row [data-p]').length === 31`);
    expect(await row()).toEqual(rowOf(1, 1, 30));
    await expect.poll(set, { timeout: 30_000 }).toBe('head=1&layer=1&off=1.0-1.1&token=30');
    await evaluate(`document.querySelector('.row [data-at="12"]').click()`);
    await until(`document.querySelectorAll('.row [data-p]').length === 13`);
    expect(await row()).toEqual(rowOf(1, 1, 12));
    expect(await evaluate(`document.querySelector('.inside [name=token]').value`)).toBe('12');

    // What is set is there again after another view.
    await view('Train');
    await view('Inside');
    await until(`document.querySelectorAll('.row [data-p]').length === 13`);
    await until(`document.querySelector('[data-without]')?.dataset.without === '${both}'`);
    await press('Switch all on');
    const whole = await lossWithout([]);
    await until(`document.querySelector('[data-without]').dataset.without === '${whole}'`);
    await expectFits();

    // Another text, some of which has no token; and one that is too short for a loss.
    const write = (value: string) =>
      evaluate(`(() => {
        const box = document.querySelector('.inside textarea');
        box.value = '${value}';
        box.dispatchEvent(new Event('input'));
      })()`);
    await write('She saw <b>');
    await until(
      `document.querySelector('.hint').textContent.endsWith('reads 9 tokens; 2 unknown characters were left out.')`,
    );
    await expect.poll(set, { timeout: 30_000 }).toBe('head=1&layer=1&text=She+saw+%3Cb%3E&token=12');
    await until(`document.querySelectorAll('.row [data-p]').length === 9`);
    await write('S');
    await until(`/two tokens or more/.test(document.querySelector('.inside .status').textContent)`);
    expectPeace();
  });
});
