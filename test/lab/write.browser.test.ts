/** The view Write in a real browser: the text, its alternatives and branches are Node's, to the last bit. */
import { beforeAll, describe, expect } from 'vitest';
import { repeatedTokens, repN } from '../../src/evaluate/repetition.ts';
import type { Streams, Written } from '../../src/lab/engine/protocol.ts';
import { inBrowser, labPage, smallTraining } from './open-lab.ts';
import { NodeEngine } from './support.ts';

const { open, evaluate, until, press, status, faint, trained, enter, expectPeace, send } = labPage();

/** The model of `trained`, in Node. */
const here = new NodeEngine();
beforeAll(async () => {
  await here.call('open', { threads: 1, math: 'portable' });
  await here.stream('train', smallTraining);
});

async function inNode<K extends 'generate' | 'beam'>(kind: K, request: Streams[K][0]) {
  const events: Written[] = [];
  const end = await here.stream(kind, request, (event) => {
    events.push(event);
  });
  return { ...end, events, text: events.map(({ text }) => text).join('') };
}
const tokens = '.tokens[role] [data-id]';
const ids = (within = '.tokens[role]') =>
  evaluate<number[]>(
    `[...document.querySelector('${within}').querySelectorAll('[data-id]')].map((e) => Number(e.dataset.id))`,
  );
const written = (count: number) => until(`document.querySelectorAll('${tokens}').length === ${count}`);
const click = (selector: string, at: number) =>
  evaluate(`document.querySelectorAll('${selector}')[${at}].click()`);
const told = () =>
  evaluate<string>(`document.querySelector('section[aria-label=Alternatives] p').textContent`);

describe('Write', () => {
  inBrowser("writes Node's text, tells each token's numbers, and branches into Node's branch", async () => {
    await trained('Write', 'length=60&t=0.8&p=0.95&r=1.1');
    await enter('seed', 7);
    await press('Write');
    await status('nano, after step 20, wrote 60 tokens\\.');
    await written(60);
    const settings = { temperature: 0.8, topP: 0.95, repetitionPenalty: 1.1 };
    const request = { text: 'The ', settings, seed: 7, maxNewTokens: 60 };
    const there = await inNode('generate', request);
    expect(await ids()).toEqual(there.ids);
    expect(await evaluate(`document.querySelector('.tokens').textContent`)).toBe(`The ${there.text}`);
    const levels = await evaluate<string[]>(
      `[...document.querySelectorAll('${tokens}')].map((e) => e.className.slice(0, 5))`,
    );
    const level = (value: number, limits: number[]) => limits.filter((limit) => value >= limit).length;
    expect(levels).toEqual(
      there.events.map(
        ({ probability: p, entropy: e }) => `p${level(p, [0.1, 0.3, 0.6, 0.9])} e${level(e, [0.5, 1, 2, 3])}`,
      ),
    );

    await click(tokens, 20);
    const { id, rank, entropy, alternatives } = there.events[20]!;
    const buttons = await evaluate<[number, number][]>(
      `[...document.querySelectorAll('.alternatives button')].map((b) => [b.dataset.id, b.dataset.p].map(Number))`,
    );
    expect(buttons.slice(0, 10)).toEqual(alternatives.map((other) => [other.id, other.probability]));
    expect(await told()).toContain(`rank ${rank} of `);
    expect(await told()).toContain(`entropy ${entropy.toFixed(2)} nats`);
    const other = alternatives.findIndex((each) => each.id !== id);
    await click('.alternatives button', other);
    await written(81);
    const prompt = [...(await here.call('tokenize', { text: 'The ' })).ids];
    const begin = [...there.ids.slice(0, 20), alternatives[other]!.id];
    const branch = await inNode('generate', { ...request, text: '', ids: [...prompt, ...begin] });
    expect(await ids()).toEqual([...begin, ...branch.ids]);
    await until(`document.activeElement.classList.contains('chosen')`);
    expect(await told()).toMatch(/^Token 21, .+, chosen by you: probability /);

    await click('.branches button', 0);
    expect(await ids()).toEqual(there.ids);
    expect(await evaluate(`document.querySelectorAll('.branches button').length`)).toBe(2);
    expectPeace();
  });

  inBrowser('puts three ways of going on side by side, with what repeats itself marked', async () => {
    await trained('Write', 'length=150');
    await enter('seed', 3);
    await press('Compare');
    await status('nano, after step 20, wrote three texts\\.');
    await until(`document.querySelectorAll('.ways [data-id]').length === 450`);
    const request = { text: 'The ', settings: {}, seed: 3, maxNewTokens: 150 };
    const there = [
      ['Greedy', await inNode('generate', { ...request, settings: { temperature: 0 } })],
      ['Beam search', await inNode('beam', request)],
      ['Sampled', await inNode('generate', request)],
    ] as const;
    const shares: number[] = [];
    for (const [title, { ids: drawn, text, events }] of there) {
      const section = `section[aria-label="${title}"]`;
      expect(await ids(section), title).toEqual(drawn);
      const marked = await evaluate<boolean[]>(
        `[...document.querySelectorAll('${section.replaceAll('"', '\\"')} [data-id]')].map((e) => e.classList.contains('repeated'))`,
      );
      expect(marked).toEqual(repeatedTokens([...text], 20)); // a token is a character here
      const data = await evaluate<Record<string, string>>(
        `({ ...document.querySelector('${section}').dataset })`,
      );
      expect(Number(data['share'])).toBe(repN([...text], 20));
      shares.push(Number(data['share']));
      const sum = events.reduce((total, { probability }) => total + Math.log(probability), 0);
      expect(Number(data['logProbability'])).toBeCloseTo(sum, 9);
    }
    expect(shares[0]).toBeGreaterThan(0.5); // greedy goes round in a circle
    expect(shares[2]).toBe(0);
    expectPeace();
  });

  inBrowser('is used by keyboard, and its state is in the link', async () => {
    await trained('Write', 'length=12&colour=entropy');
    await press('Write');
    await written(12);
    const key = async (name: string) => {
      await evaluate(
        `document.activeElement.dispatchEvent(new KeyboardEvent('keydown', { key: '${name}', bubbles: true, cancelable: true }))`,
      );
    };
    expect(await evaluate(`document.querySelectorAll('.tokens [tabindex="0"]').length`)).toBe(1);
    await evaluate(`document.querySelector('.tokens [tabindex="0"]').focus()`);
    const at = () =>
      evaluate<number>(`[...document.querySelectorAll('${tokens}')].indexOf(document.activeElement)`);
    await key('ArrowRight');
    await key('ArrowRight');
    expect(await at()).toBe(2);
    expect(await told()).toMatch(/^Token 3, /);
    await key('End');
    expect(await at()).toBe(11);
    await key('ArrowRight');
    expect(await at()).toBe(11);
    await key('Home');
    await press('Token after');
    expect(await at()).toBe(1);
    expect(await evaluate(`document.querySelectorAll('.tokens [aria-selected=true]').length`)).toBe(1);
    await key('Enter');
    expect(await evaluate(`document.activeElement.closest('.alternatives') !== null`)).toBe(true);
    expect(await evaluate(`document.querySelector('.writing').dataset.by`)).toBe('entropy');
    await enter('prompt', 'A cat');
    expect(await evaluate('location.hash')).toContain('#write?');
    expect(await evaluate('location.hash')).toMatch(/colour=entropy.*length=12.*prompt=A\+cat/);
    expectPeace();
  });

  inBrowser('stops, grows without drawing anew, and can be read in both schemes', async () => {
    await trained('Write', 'length=5000');
    await press('Write');
    await until(`document.querySelectorAll('${tokens}').length > 50`);
    await evaluate(`void (window.first = document.querySelector('${tokens}'))`);
    await press('Stop');
    await status('wrote [\\d,]+ tokens');
    const count = (await ids()).length;
    expect(count).toBeLessThan(5000);
    expect(await evaluate(`window.first === document.querySelector('${tokens}')`)).toBe(true);
    await click(tokens, 3);
    await click('.alternatives button:not(:disabled)', 0);
    await until(`document.querySelectorAll('${tokens}').length > 50`);
    await press('Stop');
    for (const by of ['probability', 'entropy']) {
      await evaluate(`void (document.querySelector('.writing').dataset.by = '${by}')`);
      for (const value of ['light', 'dark']) {
        await send('Emulation.setEmulatedMedia', { features: [{ name: 'prefers-color-scheme', value }] });
        expect(await faint(), `${by}, ${value}`).toEqual([]);
      }
    }
    expectPeace();
  });

  inBrowser('says what it cannot, and a prompt is never markup', async () => {
    await open('write');
    await status('There is no model yet: train one, or open a run, in the first view');
    const pressable = `[...document.querySelectorAll('#view button')].filter((b) => b.checkVisibility() && !b.disabled)`;
    expect(await evaluate(`${pressable}.length`)).toBe(0);
    const prompt = 'The <b id=x>☃';
    await trained('Write', `length=5&prompt=${encodeURIComponent(prompt)}`);
    await press('Write');
    const { unknown } = await here.call('tokenize', { text: prompt });
    expect(unknown).toBeGreaterThan(1);
    await status(`wrote 5 tokens; ${unknown} unknown characters were left out\\.`);
    await written(5);
    expect(await ids()).toEqual(
      (await inNode('generate', { text: prompt, settings: {}, seed: 1, maxNewTokens: 5 })).ids,
    );
    expect(await evaluate(`document.querySelector('.tokens i').textContent`)).toBe(prompt);
    expect(await evaluate(`document.querySelector('#x')`)).toBe(null);
    await enter('length', 5001);
    await press('Write');
    await until(`document.querySelector('[role=alert]').textContent !== ''`);
    expect(await evaluate(`document.querySelector('[role=alert]').textContent`)).toBe(
      'Tokens must be a whole number from 1 to 5000',
    );
    expectPeace();
  });
});
