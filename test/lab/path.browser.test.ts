/** The view Path in a real browser: its links set what they say, its answers are Node's numbers, and it knows what was answered. */
import { beforeAll, describe, expect } from 'vitest';
import { verdictHeader, verdictLine } from '../../src/evaluate/verdict-file.ts';
import { judge, type Verdict } from '../../src/evaluate/verdicts.ts';
import { stops } from '../../src/lab/path/stops.ts';
import { views } from '../../src/lab/views/list.ts';
import { drawInStages, softmax } from '../../src/library/stages.ts';
import { exp, log } from '../../src/tensor/math.ts';
import type { EvaluationMetrics } from '../../src/train/metrics.ts';
import { inBrowser, labPage, smallState, smallTraining } from './open-lab.ts';
import { NodeEngine } from './support.ts';

const { open, evaluate, until, press, problem, trained, enter, expectFits, expectPeace } = labPage();

/** The model of `trained`, in Node, and what was recorded of it. */
const here = new NodeEngine();
const evaluations: EvaluationMetrics[] = [];
beforeAll(async () => {
  await here.call('open', { threads: 1, math: 'portable' });
  await here.stream('train', smallTraining, (event) => {
    if (event.kind === 'record' && event.record.kind === 'evaluation') evaluations.push(event.record);
  });
});

const title = `document.querySelector('.stop h2')?.textContent`;
const at = (n: number) => until(`${title} === '${n}. ${stops[n - 1]!.claim.title}'`);
const answered = () => evaluate<string>(`document.querySelector('[role=status]').textContent`);
const shown = () => evaluate<string>(`document.querySelector('.stop').textContent`);
const goTo = (view: string) =>
  evaluate(`[...document.querySelectorAll('nav a')].find((a) => a.textContent === '${view}').click()`);
/** What was measured, in words and as numbers. */
async function answer(): Promise<{ readonly found: string; readonly numbers: Record<string, number> }> {
  await press('Show the answer');
  await until(`document.querySelector('[data-numbers]') !== null`);
  const [found, numbers] = await evaluate<[string, string]>(
    `(({ textContent, dataset }) => [textContent, dataset.numbers])(document.querySelector('[data-numbers]'))`,
  );
  return { found, numbers: JSON.parse(numbers) };
}
const distribution = async (text: string) => softmax((await here.call('distribution', { text })).logits);
async function written(temperature: number, maxNewTokens: number) {
  const tokens: { readonly id: number; readonly text: string; readonly probability: number }[] = [];
  const settings = { temperature };
  await here.stream('generate', { text: 'The ', settings, seed: 1, maxNewTokens }, (each) =>
    tokens.push(each),
  );
  return tokens;
}
const mean = (values: readonly number[]) => values.reduce((sum, x) => sum + x, 0) / values.length;
/** Verdicts of which 9 in 12 are for the model. */
const verdicts = Array.from({ length: 12 }, (_, i): Verdict => {
  const [a, b] = ['model nano step 20, temperature 0.8, top-p 0.95', 'real text'];
  return { pair: `p${i}`, first: i % 2 === 0 ? 'a' : 'b', verdict: i % 4 === 0 ? 'b' : 'a', a, b };
});
const file = verdictHeader + verdicts.map(verdictLine).join('');

/** What each stop must have measured, by claim. */
const expected: Record<number, () => Promise<Record<string, number>>> = {
  14: async () => {
    const { logits } = await here.call('distribution', { text: 'The ' });
    const all = (temperature: number) =>
      drawInStages(logits, { temperature }, [], { seed: 1 }).stages.at(-1)!.probabilities;
    const best = all(1).indexOf(Math.max(...all(1)));
    const p = (temperature: number) => all(temperature)[best]!;
    const ratio = p(10) / Math.min(...all(10));
    return { best, frozen: 1, cold: p(0.2), usual: p(1), hot: p(2), ratio };
  },
  16: async () => {
    const text = 'The cat saw a bird. The bird saw the c'.slice(0, 32);
    const rows: { readonly mass: number; readonly needed: number }[] = [];
    for (let end = 1; end <= text.length; end++) {
      const { logits, ids } = await here.call('distribution', { text: text.slice(0, end) });
      const { kept } = drawInStages(logits, { topP: 0.9 }, ids, { seed: 1 }).stages.at(-1)!;
      const mass = softmax(logits)
        .toSorted((a, b) => b - a)
        .slice(0, 10)
        .reduce((sum, p) => sum + p, 0);
      rows.push({ mass, needed: kept });
    }
    const [sure, unsure] = [
      rows.toSorted((a, b) => b.mass - a.mass)[0]!,
      rows.toSorted((a, b) => a.mass - b.mass)[0]!,
    ];
    const ofSure = { sureMass: sure.mass, sureNeeded: sure.needed };
    return { places: 32, ...ofSure, unsureMass: unsure.mass, unsureNeeded: unsure.needed };
  },
  8: async () => {
    const row = async (temperature: number) => {
      const tokens = await written(temperature, 400);
      const text = tokens.map(({ text }) => text).join('');
      const { share } = await here.call('repetition', { text, n: 20 });
      return [-mean(tokens.map(({ probability }) => log(probability))), share!] as const;
    };
    const [greedy, drawn] = [await row(0), await row(1)];
    expect(greedy[1]).toBeGreaterThan(0.5);
    return { greedyNats: greedy[0], greedyShare: greedy[1], drawnNats: drawn[0], drawnShare: drawn[1] };
  },
  20: async () => {
    const sizes = { width: 4, depth: 24, lengthPenalty: 0, stop: '', draws: 4, temperature: 1 };
    const { found, drawn } = await here.call('tree', { text: 'The ', seed: 1, ...sizes });
    return { best: found[0]!.logProbability, drawn: mean(drawn.map(({ logProbability }) => logProbability)) };
  },
  3: async () => {
    const text = 'The cat saw a bird.';
    const { entropy } = await here.call('product', { text, layer: 0, matrix: 'head', input: 0 });
    const p = Array.from(entropy.probabilities);
    const hesitation = -p.reduce((sum, x) => sum + x * log(x), 0);
    return { loss: entropy.mean, perplexity: exp(entropy.mean), hesitation, V: p.length };
  },
  // One layer of two heads; 32 tokens have 31 + 30 + ... + 1 places ahead of them; half of the text has 16.
  32: async () => ({ ahead: 2 * 496, above: 0, equal: 15, of: 15 }),
  9: async () => {
    const tokens = await written(1, 32 + 48);
    const loss = async (n: number) => {
      const nats: number[] = [];
      for (let i = 32; i < 80; i++) {
        const text = tokens.slice(i - n, i).map(({ text }) => text);
        nats.push(-log((await distribution(text.join('')))[tokens[i]!.id]!));
      }
      return mean(nats);
    };
    const [first, last] = [await loss(1), await loss(32)];
    let enough = 1;
    while ((await loss(enough)) >= last + 0.02) enough *= 2;
    const { parameters } = (await here.call('model', {}))!;
    const share = (time: number) => (4 * time * 32) / (4 * time * 32 + 2 * parameters);
    return { first, last, enough, characters: 1, now: share(32), later: share(256) };
  },
  23: async () => ({ n: 28, same: 28, equal: 28 }),
  5: async () => {
    const best = evaluations.reduce((a, b) => (b.nll < a.nll ? b : a));
    return { step: best.step, best: best.nll, last: evaluations.at(-1)!.nll };
  },
  29: async () => {
    const { low, high } = judge(verdicts);
    return { verdicts: 12, low, high };
  },
};

describe('Path', () => {
  inBrowser('leads to a view and back, and answers with numbers only when asked', async () => {
    await trained('Path');
    await at(1);
    await evaluate(`localStorage.removeItem('inkling.path')`);
    const { claim } = stops[0]!;
    for (const part of [claim.claim, claim.question]) expect(await shown()).toContain(part);
    expect(await shown()).not.toContain(claim.answer);
    await evaluate(`document.querySelector('.stop a').click()`);
    await until(`document.querySelector('[name=t]')?.value === '0.2'`);
    expect(await evaluate(`document.querySelector('[name=d]:checked').value`)).toBe('prompt');
    await goTo('Path');
    await at(1);
    expect(await evaluate(`document.querySelector('[data-numbers]')`)).toBeNull();
    expect(await answered()).toBe('0 of 10 answered.');
    const { found, numbers } = await answer();
    expect(found).toContain(`After “The ” nano, after step 20, gives its best token`);
    expect(found).toContain(`${numbers['ratio']!.toFixed(2)} times as likely as the last`);
    expect(await shown()).toContain(claim.answer);
    expect(await answered()).toBe('1 of 10 answered.');

    await goTo('Next token'); // what is set there is what is measured
    await enter('prompt', 'A cat');
    await goTo('Path');
    await at(1);
    const { logits } = await here.call('distribution', { text: 'A cat' });
    expect((await answer()).numbers['usual']).toBe(Math.max(...softmax(logits)));
    expectPeace();
  });

  inBrowser(
    "goes through all views, with Node's numbers at each stop, and knows after a reload which were answered",
    async () => {
      await trained('Path');
      await evaluate(`localStorage.setItem('inkling.verdicts', ${JSON.stringify(file)})`);
      for (const [i, { claim, view, set }] of stops.entries()) {
        await at(i + 1);
        const { found, numbers } = await answer();
        const wanted = await expected[claim.number]!();
        expect(numbers, claim.title).toMatchObject(wanted);
        expect(found).not.toMatch(/NaN|undefined|Infinity/);
        const link = await evaluate<string>(`document.querySelector('.stop a').hash`);
        const [place, given] = link.slice(1).split('?');
        expect(place).toBe(view.id);
        for (const [name, value] of Object.entries(set))
          expect(new URLSearchParams(given).get(name), name).toBe(value === undefined ? null : String(value));
        if (i === 5) await expectFits();
        if (i < 9) await press('Next stop');
        if (i < 9) expect(await evaluate('document.activeElement.tagName')).toBe('H2');
      }
      expect(new Set(stops.map(({ view }) => view.id)).size).toBe(views.length - 1);
      expect(await answered()).toBe('10 of 10 answered.');
      await until(`location.hash.includes('at=10')`);
      expectPeace();

      await open(`path?at=4`);
      await at(4);
      expect(await answered()).toBe('10 of 10 answered.');
      await press('Start again');
      await at(1);
      expect(await answered()).toBe('0 of 10 answered.');
      await evaluate('localStorage.clear()');
    },
    120_000,
  );

  inBrowser('says what is missing, and bears what is damaged', async () => {
    await open(`path?${smallState}&at=99`);
    await evaluate(`localStorage.setItem('inkling.path', '{"x":')`);
    await at(10);
    await press('Show the answer');
    await until(`!document.querySelector('[role=alert]').hidden`);
    expect(await problem()).toMatch(/^no training is on record for this model: train one in Train/);
    await evaluate(`document.querySelectorAll('.stops button')[8].click()`);
    await at(9);
    await press('Show the answer');
    await until(`!document.querySelector('[role=alert]').hidden`);
    expect(await problem()).toBe('There is no model yet: train one, or open a run, in the first view.');
    expect(await answered()).toBe('0 of 10 answered.');
    expectPeace();
    await evaluate('localStorage.clear()');
  });
});
