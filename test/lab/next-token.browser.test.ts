/** The view Next token in a real browser: exact numbers, and a link that says it all. */
import { describe, expect } from 'vitest';
import { confident, longTailed } from '../../src/lab/examples.ts';
import { drawInStages, mostProbable, softmax } from '../../src/library/stages.ts';
import { inBrowser, labPage, smallState, smallTraining } from './open-lab.ts';
import { NodeEngine } from './support.ts';

const { open, evaluate, until, press, expectPeace } = labPage();

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
        const numbers = await evaluate<string[][]>(
          `[...document.querySelectorAll('tr[data-stage]')].map((row) => [...row.cells].slice(1).map((cell) => cell.textContent))`,
        );
        for (const [i, [count, mass, left]] of numbers.entries()) {
          const [before, after] = [stages[i]!, stages[i + 1]!];
          expect([Number(count), Number(left)]).toEqual([before.kept - after.kept, after.kept]);
          expect(Number.parseFloat(mass!) / 100).toBeCloseTo(before.mass - after.mass, 3);
        }
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
      await until(`location.hash === '#next-token?d=tail&f=0.5&k=12&p=0.9&seed=9&t=0.7'`);
      await open('next-token?d=tail&f=0.5&k=12&p=0.9&seed=9&t=0.7');
      await compare(all, 9);
      expect(await evaluate(`document.querySelector('[name=t]').value`)).toBe('0.7');
      expectPeace();
    },
  );

  inBrowser(
    'draws how much the best tokens hold, and the line at which top-p ends them, also after top-k',
    async () => {
      for (const settings of [{ topP: 0.9 }, { topK: 12, topP: 0.7, temperature: 0.8 }]) {
        const { topP, topK = 0, temperature = 1 } = settings;
        await open(`next-token?d=tail&p=${topP}&k=${topK}&t=${temperature}`);
        await until(`document.querySelector('#cumulative .inner .limit') !== null`);
        const [curve, line] = await evaluate<
          [string, string]
        >(`['[data-name=together]', '.inner .limit'].map((part) =>
        document.querySelector('#cumulative ' + part).getAttribute('d'))`);
        const heights = curve
          .slice(1)
          .split('L')
          .map((point) => 1 - Number(point.split(' ')[1]) / 180);
        const { stages } = drawInStages(longTailed.logits, settings, longTailed.history, { seed: 1 });
        const best = stages[0]!.probabilities.toSorted().reverse();
        expect(heights).toHaveLength(best.length + 1);
        let sum = 0;
        for (const [n, p] of best.entries()) {
          sum += p;
          expect(heights[n + 1]).toBeCloseTo(sum, 3);
        }
        const level = 1 - Number(/^M0 ([\d.]+)H/.exec(line)![1]) / 180;
        const kept = stages.find(({ name }) => name === 'topP')!.kept;
        expect([heights[kept - 1]! < level, heights[kept]! >= level]).toEqual([true, true]);
      }
      expectPeace();
    },
  );

  inBrowser(
    'switches between the two distributions and the prompt, and says when there is no model',
    async () => {
      await open('next-token');
      await until(`document.querySelector('.bars') !== null`);
      const pick = async (value: string, logits: Float32Array) => {
        await evaluate(`document.querySelector('[value=${value}]').click()`);
        const most = Math.max(...softmax(logits));
        await until(`Number(document.querySelector('.bars tr[data-id]').dataset.p) === ${most}`);
      };
      await pick('tail', longTailed.logits);
      await pick('confident', confident.logits);
      await pick('tail', longTailed.logits);
      expect(await evaluate(`document.querySelector('[name=prompt]').disabled`)).toBe(true);
      await evaluate(`document.querySelector('[value=prompt]').click()`);
      await until(`document.querySelector('.hint').textContent.startsWith('There is no model yet')`);
      expectPeace();
    },
  );

  inBrowser('says shares in three digits that fit into their column, however small', async () => {
    await open('next-token');
    await until(`document.querySelector('.bars') !== null`);
    const shares = await evaluate<[string, boolean][]>(
      `[...document.querySelectorAll('.bars td.number')].map((cell) => [cell.textContent, cell.scrollWidth > cell.clientWidth])`,
    );
    expect(shares[0]).toEqual(['90.3%', false]);
    expect(shares[14]).toEqual(['0.0101%', false]);
    expect(shares[15]).toEqual(['<0.01%', false]);
    expect(shares.filter(([, cut]) => cut)).toEqual([]);
    expectPeace();
  });

  inBrowser("shows the model's own distribution after a prompt", async () => {
    await open(`train?${smallState}&steps=20&math=portable`);
    await press('Train');
    await until(`/finished, step 20 of 20/.test(document.querySelector('[role=status]').textContent)`);
    await evaluate(`document.querySelectorAll('nav a')[1].click()`);
    await until(`document.querySelector('.bars') !== null`);
    await evaluate(`document.querySelector('[value=prompt]').click()`);
    await until(`document.querySelector('.hint').textContent.startsWith('What nano, after step 20')`);
    const here = new NodeEngine();
    await here.call('open', { threads: 1, math: 'portable' });
    await here.stream('train', smallTraining);
    await until(`document.querySelectorAll('.bars tr[data-id]').length === 40`);
    await slide('f', 1); // what stands in the prompt was said
    for (const text of ['The ', 'She said <b>"', '', 'The']) {
      await evaluate(`(() => {
        const box = document.querySelector('[name=prompt]');
        box.value = ${JSON.stringify(text)};
        box.dispatchEvent(new Event('input'));
      })()`);
      const { logits, ids } = await here.call('distribution', { text });
      const { probabilities } = drawInStages(logits, { frequencyPenalty: 1 }, ids, { seed: 1 }).stages[0]!;
      const first = probabilities[mostProbable(logits, 1)[0]!]; // bars stand in the model's order
      await until(`Number(document.querySelector('.bars tr[data-id]').dataset.p) === ${first}`);
      for (const [id, p] of await rows()) expect(p).toBe(probabilities[id]);
    }
    const { ids } = await here.call('distribution', { text: ' ' });
    const space = `document.querySelector('.bars tr[data-id="${ids[0]}"] th').textContent`;
    expect(await evaluate(space)).toBe('␣');
    expectPeace();
  });

  inBrowser(
    'leaves the address to a link that is followed while a slider has yet to be written',
    async () => {
      await open('next-token');
      const waited = await evaluate(`(() => {
      const slider = document.querySelector('[name=t]');
      const move = (value) => {
        slider.value = value;
        slider.dispatchEvent(new Event('input'));
      };
      const timers = [];
      const { setTimeout } = window;
      window.setTimeout = (timer) => timers.push(timer);
      move(0.5); // is written at once
      move(0.6); // waits for its time, which here comes after the link and before the event that tells of it
      window.setTimeout = setTimeout;
      location.hash = '#write';
      for (const timer of timers) timer();
      return timers.length;
    })()`);
      await until(`document.querySelector('nav [aria-current]').textContent === 'Write'`);
      expect([waited, await evaluate('location.hash')]).toEqual([1, '#write']);
    },
  );
});
