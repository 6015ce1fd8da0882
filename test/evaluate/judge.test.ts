import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import {
  beginningOf,
  cutAlike,
  makePair,
  modelLabel,
  pairSizes,
  pairsOf,
  questions,
  realText,
  verdictOf,
  type Writer,
} from '../../src/evaluate/judge.ts';
import { splitText } from '../../src/train/documents.ts';

const usualSizes = pairSizes();
const stories = splitText(
  readFileSync(new URL('../../data/stories.txt', import.meta.url), 'utf8').slice(0, 300_000),
).heldOut;

describe('the questions of a text', () => {
  const drawn = questions([stories], usualSizes, 1);

  it('stand in it, each once, and none reaches into another', () => {
    expect(drawn.length).toBeGreaterThan(60);
    const places = drawn.map(({ prompt, truth }) => {
      expect(prompt.length).toBeGreaterThan(100);
      expect(prompt.length).toBeLessThanOrEqual(2 * usualSizes.prompt + 1);
      expect(truth).toHaveLength(usualSizes.length + 1);
      const at = stories.indexOf(prompt + truth);
      expect(at).toBeGreaterThan(0);
      return [at, at + prompt.length + truth.length] as const;
    });
    places.sort(([a], [b]) => a - b);
    for (const [i, [begin]] of places.entries())
      expect(begin).toBeGreaterThanOrEqual(places[i - 1]?.[1] ?? 0);
    expect(new Set(drawn.map(({ id }) => id)).size).toBe(drawn.length);
  });

  it('never go from one text into another', () => {
    const documents = stories.split(/\n\n\n+/).filter((text) => text.length > 500);
    const inside = questions(documents, usualSizes, 1);
    expect(documents.length).toBeGreaterThan(20);
    expect(inside.length).toBeGreaterThan(documents.length / 2);
    for (const { prompt, truth } of inside) {
      expect(documents.filter((text) => text.includes(prompt + truth))).toHaveLength(1);
    }
    const few = ['A short text. '.repeat(9), 'Another. '.repeat(20)];
    expect(() => questions(few, usualSizes, 1)).toThrow(
      'the held-out documents are too short for a pair: expected more than 360 characters, got 180',
    );
  });

  it('have prompts of whole sentences', () => {
    for (const { prompt } of drawn) expect(prompt).toMatch(/^\S[\s\S]*[.!?]["]?$/);
  });

  it('come in the order of the seed, with coins and darts of their own', () => {
    expect(questions([stories], usualSizes, 1)).toEqual(drawn);
    const others = questions([stories], usualSizes, 2);
    const prompts = (list: typeof drawn) => list.map(({ prompt }) => prompt);
    expect(prompts(others)).not.toEqual(prompts(drawn));
    expect(prompts(others).sort()).toEqual(prompts(drawn).sort());
    expect(others.every(({ id }) => id.startsWith('2-'))).toBe(true);
    const seeds = drawn.flatMap(({ seeds }) => [seeds.a, seeds.b]);
    expect(new Set(seeds).size).toBe(2 * drawn.length);
  });

  it('have a fair coin: of 2,000 about half show A first, whatever came before', () => {
    const coins = Array.from({ length: 40 }, (_, seed) =>
      questions([stories], usualSizes, seed)
        .slice(0, 50)
        .map(({ first }) => first),
    ).flat();
    const share = (hits: boolean[]) => hits.filter(Boolean).length / hits.length;
    expect(Math.abs(share(coins.map((coin) => coin === 'a')) - 0.5)).toBeLessThan(3 * 0.5 * 2000 ** -0.5);
    const repeated = coins.slice(1).map((coin, i) => coin === coins[i]);
    expect(Math.abs(share(repeated) - 0.5)).toBeLessThan(3 * 0.5 * 2000 ** -0.5);
  });

  it('are found where there are no sentences, or not even words', () => {
    const sizes = { prompt: 20, length: 40 };
    const words = questions(['one two three four '.repeat(40)], sizes, 1);
    expect(words.length).toBeGreaterThan(5);
    for (const { prompt } of words) expect(prompt).toMatch(/^(one|two|three|four)( (one|two|three|four))+$/);
    expect(questions(['abcdefghij'.repeat(60)], sizes, 1).length).toBeGreaterThan(5);
    const [first] = questions(['猫在垫子上。狗在木头上！'.repeat(30)], { prompt: 6, length: 12 }, 1);
    expect(first!.prompt).toMatch(/^[猫狗].*[。！]$/);
  });

  it('are refused where there is no room, with what it takes', () => {
    expect(() => questions(['A short text. '.repeat(5)], usualSizes, 1)).toThrow(
      'the held-out text is too short for a pair: expected more than 360 characters, got 70; take a longer text',
    );
  });
});

describe('two texts of a pair', () => {
  it('end at the sentences that are nearest in length, of these at the longest', () => {
    const a = ' One two. Three four! Five six? Seven'; // ends at 9, 21, 31
    const b = '"Eight nine," ten. "Eleven twelve." Thirteen. Four'; // ends at 18, 35, 45
    expect(cutAlike(a, b, 36)).toEqual(['One two. Three four!', '"Eight nine," ten.']);
    expect(cutAlike(a, a, 36)).toEqual([a.slice(1, 31), a.slice(1, 31)]);
    expect(cutAlike(a, a, 30)).toEqual([a.slice(1, 21), a.slice(1, 21)]);
  });

  it('end both between words where one of them has no end of a sentence: the end must not tell', () => {
    const endless = 'and on and on and on and on';
    expect(cutAlike('This one ends. It does.', endless, 20)).toEqual([
      'This one ends. It ...',
      'and on and on and on ...',
    ]);
    expect(cutAlike('no', '😀'.repeat(20), 11)).toEqual(['no ...', `${'😀'.repeat(5)} ...`]);
    expect(cutAlike('', '', 10)).toEqual([' ...', ' ...']);
  });

  it('are within a few characters of each other, in real text', () => {
    const drawn = questions([stories], usualSizes, 1);
    const pairs = drawn.slice(1).map(({ truth }, i) => cutAlike(truth, drawn[i]!.truth, usualSizes.length));
    const apart = pairs.map(([a, b]) => Math.abs(a.length - b.length));
    expect(apart.reduce((sum, by) => sum + by, 0) / apart.length).toBeLessThan(6);
    for (const text of pairs.flat()) {
      expect(text).toMatch(/[.!?]["]?$/);
      expect(text.length).toBeGreaterThan(usualSizes.length / 2 - 5);
      expect(text.length).toBeLessThanOrEqual(usualSizes.length);
    }
  });
});

describe('a pair', () => {
  const sizes = pairSizes(40);
  const [question] = questions(['The cat sat on the mat. The dog sat on the log. '.repeat(9)], sizes, 1);

  it.each(['a', 'b'] as const)(
    'is written and shown with %s first, and holds nobody’s name',
    async (first) => {
      const asked: unknown[] = [];
      const writer = (label: string): Writer => ({
        label,
        write: async ({ prompt }, seed) => {
          asked.push([label, prompt, seed]);
          return `This is ${label === 'secret A' ? 'one' : 'two'}. And a second sentence. It`;
        },
      });
      const writers = { a: writer('secret A'), b: writer('secret B') };
      const pair = await makePair({ ...question!, first }, writers, sizes);
      const { id, prompt, seeds } = question!;
      const texts = ['This is one. And a second sentence.', 'This is two. And a second sentence.'];
      expect(pair).toEqual({ id, prompt, first, texts: first === 'a' ? texts : texts.reverse() });
      expect(JSON.stringify(pair)).not.toContain('secret');
      const order = [
        ['secret A', prompt, seeds.a],
        ['secret B', prompt, seeds.b],
      ];
      expect(asked).toEqual(first === 'a' ? order : order.reverse());
    },
  );

  it('is written while the one before it is judged, and not earlier', async () => {
    let written = 0;
    const writer: Writer = {
      label: 'w',
      write: async () => {
        written += 1;
        if (written === 7) throw new Error('no more');
        return 'One. Two.';
      },
    };
    const all = questions(['The cat sat on the mat. The dog sat on the log. '.repeat(30)], sizes, 1);
    const pairs = pairsOf(all, { a: writer, b: realText }, sizes);
    expect(written).toBe(0);
    for (let i = 0; i < 5; i++) {
      expect((await pairs.next()).value!.id).toBe(all[i]!.id);
      await Promise.resolve();
      expect(written).toBe(i + 2);
    }
    await pairs.next();
    await expect(pairs.next()).rejects.toThrow('no more');
    const few = [];
    for await (const { id } of pairsOf(all.slice(0, 2), { a: realText, b: realText }, sizes)) few.push(id);
    expect(few).toEqual([all[0]!.id, all[1]!.id]);
  });

  it('takes a verdict in the order that was shown', () => {
    const said = (first: 'a' | 'b', place: 'first' | 'second' | 'same') =>
      verdictOf({ id: '1-0', prompt: '', texts: ['', ''], first }, place, { a: 'x', b: 'y' });
    expect(said('b', 'first')).toEqual({ pair: '1-0', first: 'b', verdict: 'b', a: 'x', b: 'y' });
    expect([said('a', 'first'), said('a', 'second'), said('b', 'second')].map((v) => v.verdict)).toEqual([
      'a',
      'b',
      'a',
    ]);
    expect(said('b', 'same').verdict).toBe('same');
  });

  it('calls a model by its name and by what it draws with', () => {
    const plain = { temperature: 1, topP: 1, topK: 0, minP: 0 };
    expect(modelLabel('nano', plain)).toBe('model nano, temperature 1');
    expect(modelLabel('nano step 20', { temperature: 0.7, topP: 0.95, topK: 40, minP: 0.1 })).toBe(
      'model nano step 20, temperature 0.7, top-p 0.95, top-k 40, min-p 0.1',
    );
  });

  it('has the true text where that is one of the two', async () => {
    expect(await realText.write(question!, 1)).toBe(question!.truth);
  });

  it('takes of a text that comes in pieces as much as is shown, and one character more', async () => {
    let given = 0;
    async function* pieces() {
      for (;;) {
        given += 1;
        yield { text: 'abc' };
      }
    }
    expect(await beginningOf(pieces(), 6)).toBe('abcabcabc');
    expect(given).toBe(3);
  });
});
