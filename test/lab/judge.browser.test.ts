/** The view Judge in a real browser: blind, by keys, with Node's numbers, and kept over a reload. */
import { describe, expect } from 'vitest';
import {
  beginningOf,
  makePair,
  modelLabel,
  pairSizes,
  questions,
  realText,
  type Writer,
} from '../../src/evaluate/judge.ts';
import { readVerdicts } from '../../src/evaluate/verdict-file.ts';
import { judge, judgementLines, revealed, type Verdict } from '../../src/evaluate/verdicts.ts';
import { splitText } from '../../src/train/documents.ts';
import { inBrowser, labPage, smallState, smallTraining } from './open-lab.ts';
import { NodeEngine, smallText } from './support.ts';

const { open, evaluate, until, press, problem, expectPeace, send } = labPage();

const sizes = pairSizes(60);
const all = questions([splitText(smallText).heldOut], sizes, 3);
const plain = { topP: 0.95, topK: 0, minP: 0 };

/** The model that the page trains in these tests, in Node. */
async function sameModel(): Promise<NodeEngine> {
  const here = new NodeEngine();
  await here.call('open', { threads: 1, math: 'portable' });
  await here.stream('train', { ...smallTraining, settings: { ...smallTraining.settings, seed: 3 } });
  return here;
}
function nodeWriter(here: NodeEngine, temperature: number): Writer {
  const settings = { temperature, ...plain };
  return {
    label: modelLabel('nano step 20', settings),
    async write({ prompt }, seed) {
      const pieces: { text: string }[] = [];
      await here.stream('generate', { text: prompt, settings, seed, maxNewTokens: 80 }, (piece) =>
        pieces.push(piece),
      );
      return beginningOf(
        (async function* () {
          yield* pieces;
        })(),
        sizes.length,
      );
    },
  };
}

/** Trains the small model, then goes to the view with these settings. */
async function openJudge(state: string): Promise<void> {
  const settings = `${smallState}&steps=20&math=portable&seed=3`;
  await open(`train?${settings}`);
  await press('Train');
  await until(`/finished, step 20 of 20/.test(document.querySelector('[role=status]').textContent)`);
  await evaluate(`location.hash = '#judge?${settings}&characters=60&${state}'`);
  await until(`document.title.startsWith('Judge')`);
}
const key = async (key: string) => {
  const text = key.length === 1 ? { text: key } : {};
  await send('Input.dispatchKeyEvent', { type: 'keyDown', key, ...text });
  await send('Input.dispatchKeyEvent', { type: 'keyUp', key });
};
const ready = (number: number, of: number) =>
  until(
    `document.querySelector('[role=status]').textContent === 'Pair ${number} of ${of}: which is better?'`,
  );
const shown = () =>
  evaluate<string[]>(`[...document.querySelectorAll('[role=group] pre')].map((pre) => pre.textContent)`);
/** All of the page that a judge could find, but for the texts and the count of the pair. */
const around = () =>
  evaluate<string>(`(() => {
    const page = document.documentElement.cloneNode(true);
    for (const pre of page.querySelectorAll('[role=group] pre')) pre.replaceChildren();
    for (const part of page.querySelectorAll('[role=status], .told, .told ~ *')) part.remove();
    return page.outerHTML + location.href;
  })()`);
const kept = async () =>
  readVerdicts(await evaluate<string>(`localStorage.getItem('inkling.verdicts')`), 'the browser');

describe('Judge', () => {
  inBrowser(
    'shows ten pairs as Node makes them, by keys, with the numbers of Node, and goes on after a reload',
    async () => {
      await openJudge('pairs=12');
      await press('Start');
      const writers = { a: nodeWriter(await sameModel(), 0.8), b: realText };
      const [a, b] = [writers.a.label, writers.b.label];
      const typed = ['1', 'ArrowRight', ' ', '2', 'ArrowLeft', '1', '0', '1', '2', '2'];
      const expected: Verdict[] = [];
      let page: string | undefined;
      for (const [i, name] of typed.entries()) {
        await ready(i + 1, 12);
        const pair = await makePair(all[i]!, writers, sizes);
        expect(await shown()).toEqual([pair.prompt, ...pair.texts]);
        page ??= await around();
        expect(await around()).toBe(page); // nothing else changes from pair to pair, whoever stands first
        const second = pair.first === 'a' ? 'b' : 'a';
        const verdict = '0 '.includes(name)
          ? 'same'
          : ['1', 'ArrowLeft'].includes(name)
            ? pair.first
            : second;
        expected.push({ pair: pair.id, first: pair.first, verdict, a, b });
        await key(name);
        await until(
          `document.querySelector('.told').textContent === ${JSON.stringify(revealed(expected.at(-1)!))}`,
        );
        const result = judge(expected);
        const told = await evaluate(
          `[...['low', 'high', 'needed'].map((name) => document.querySelector('.interval').dataset[name]),
            [...document.querySelectorAll('.interval ~ p')].map((p) => p.textContent).join('\\n')]`,
        );
        const numbers = [result.low, result.high, result.needed].map(String);
        expect(told).toEqual([...numbers, judgementLines(result, 12 - expected.length)]);
      }
      expect(new Set(expected.map(({ first }) => first)).size).toBe(2);
      expect(await kept()).toEqual(expected);
      expectPeace();

      await openJudge('pairs=12'); // a page loaded anew
      expect(await evaluate(`document.querySelector('tbody').textContent`)).toContain('model nano step 20');
      await press('Start');
      await ready(11, 12);
      expect((await shown())[0]).toBe(all[10]!.prompt);
      await press('1 is better');
      await ready(12, 12);
      await press('The same');
      await until(`/All pairs are judged/.test(document.querySelector('[role=status]').textContent)`);
      const rows = await kept();
      expect(rows).toHaveLength(12);
      expect(rows.slice(0, 10)).toEqual(expected);

      await evaluate(`void (() => {
        const original = URL.createObjectURL;
        URL.createObjectURL = (blob) => {
          blob.text().then((text) => (window.saved = text));
          return original.call(URL, blob);
        };
      })()`);
      await press('Download verdicts');
      await until('window.saved !== undefined');
      expect(readVerdicts(await evaluate<string>('window.saved'), 'the download')).toEqual(rows);
      await evaluate('void (window.confirm = () => true)');
      await press('Forget verdicts');
      await until(`localStorage.getItem('inkling.verdicts') === null`);
      expectPeace();
    },
    120_000,
  );

  inBrowser('compares two settings, and hears no key that is meant for something else', async () => {
    await openJudge('against=settings&ta=0.5&tb=1.3&pairs=3');
    await key('1'); // nothing is there to be judged yet
    await press('Start');
    await ready(1, 3);
    const here = await sameModel();
    const writers = { a: nodeWriter(here, 0.5), b: nodeWriter(here, 1.3) };
    const pair = await makePair(all[0]!, writers, sizes);
    expect(await shown()).toEqual([pair.prompt, ...pair.texts]);
    await evaluate(`document.querySelector('[name=ta]').focus()`);
    await key('ArrowLeft'); // moves the slider: another comparison
    await until(`document.querySelector('[role=group]').hidden`);
    expect(await evaluate(`localStorage.getItem('inkling.verdicts')`)).toBeNull();
    await evaluate(`location.hash = location.hash.replace(/ta=[^&]*/, 'ta=1.3')`);
    await press('Start');
    await until(`document.querySelector('[role=alert]').textContent !== ''`);
    expect(await problem()).toBe(
      'A and B are both model nano step 20, temperature 1.3, top-p 0.95: let them differ',
    );
    expectPeace();
  });

  inBrowser('compares with a run that the browser keeps', async () => {
    await openJudge('pairs=2');
    await evaluate(`location.hash = location.hash.replace('judge', 'train')`);
    await press('Keep');
    await until(`document.querySelector('details').textContent.includes('nano, kept by this browser')`);
    await evaluate(`location.hash = location.hash.replace('train', 'judge') + '&against=kept+nano&tb=1'`);
    await until(`document.querySelector('[name=against]')?.value === 'kept nano'`);
    await press('Start');
    await ready(1, 2);
    await key('2');
    await ready(2, 2);
    const [verdict] = await kept();
    expect(verdict).toMatchObject({
      a: 'model nano step 20, temperature 0.8, top-p 0.95',
      b: 'model nano, temperature 1, top-p 0.95',
    });
    expectPeace();
    await evaluate(`localStorage.clear()`);
  });

  inBrowser('says what is missing, and loses nothing that is damaged', async () => {
    await open('judge');
    await press('Start');
    await until(`document.querySelector('[role=alert]').textContent !== ''`);
    expect(await problem()).toBe('There is no model yet: train one, or open a run, in the first view.');
    const damaged = JSON.stringify('pair,first,verdict,a,b\n1,a,x,<b>,c\n');
    await evaluate(`localStorage.setItem('inkling.verdicts', ${damaged})`);
    await open('judge');
    await until(`document.querySelector('[role=alert]').textContent !== ''`);
    expect(await problem()).toMatch(/^what this browser keeps, line 2: expected .*got "1,a,x,<b>,c"/);
    expect(await evaluate(`localStorage.getItem('inkling.verdicts') === ${damaged}`)).toBe(true);
    await evaluate('localStorage.clear()');
    expectPeace();
  });
});
