import { describe, expect, it } from 'vitest';
import { renderComparison } from '../../src/report/compare.ts';
import type { RunData } from '../../src/report/run.ts';
import type { MetricsRecord } from '../../src/train/metrics.ts';
import { exampleRecords, exampleRun, hostileRun, measured, runOf, stepped } from './fixture.ts';
import { elementsOf } from './markup.ts';

const a = exampleRun(400, { name: 'first' });
const b = exampleRun(300, { name: 'second', seed: 2, floor: 1.5 });
const curves = (page: string) =>
  elementsOf(page)
    .filter((e) => e.attributes.has('data-name'))
    .map((e) => [e.attributes.get('data-name'), e.attributes.get('class')]);
const rowsOf = (page: string, head: string) => {
  const table = page.split('<table').find((t) => t.includes(`<th scope="col">${head}</th>`))!;
  return [...table.matchAll(/<tr><th scope="row">(.*?)<\/th>(.*?)<\/tr>/g)].map(([, first, rest]) => [
    first,
    ...[...rest!.matchAll(/<td>(.*?)<\/td>/g)].map((cell) => cell[1]),
  ]);
};

describe('the comparison', () => {
  const page = renderComparison([a, b]);

  it('draws held-out and training loss of every run, each in its own stroke', () => {
    expect(curves(page)).toEqual([
      ['first', 'run0'],
      ['second', 'run1'],
      ['first', 'run0'],
      ['second', 'run1'],
    ]);
    expect(curves(renderComparison(new Array<RunData>(8).fill(a))).map(([, style]) => style)).toContain(
      'run5',
    );
  });

  it('lists the final numbers', () => {
    const final = a.history.finals[0]!;
    const [first, second] = rowsOf(page, 'perplexity');
    expect(first!.slice(0, 4)).toEqual(['first', '400', final.nll.toPrecision(4), '0.0061']);
    expect(second!.slice(0, 2)).toEqual(['second', '300']);
    expect(first![6]).toBe('all');
  });

  it('has no number for a run after its end', () => {
    expect(page).toContain('<tr><th scope="row">400</th><td>1.486 \u00b1 0.013</td><td>\u2013</td></tr>');
    expect(page).toMatch(/<tr><th scope="row">400<\/th><td>1\.\d{3}<\/td><td>\u2013<\/td><\/tr>/);
  });

  it('lists what differs and nothing else', () => {
    expect(rowsOf(page, 'setting')).toEqual([
      ['Training: steps', '400', '300'],
      ['Training: seed', '1', '2'],
    ]);
    expect(page).not.toContain('weightDecay');
  });

  it('shows what only one run has', () => {
    const { Model, ...rest } = b.description;
    const other = { ...b, description: { ...rest, Extra: { note: 'x' } } };
    const rows = rowsOf(renderComparison([a, other]), 'setting');
    expect(rows).toContainEqual(['Model: layers', '4', '\u2013']);
    expect(rows).toContainEqual(['Extra: note', '\u2013', 'x']);
    expect(Model).toBeDefined();
  });

  it('says so when nothing differs', () => {
    expect(renderComparison([a, a])).toContain('Nothing: the runs describe themselves in the same words.');
  });

  it('gives one loss for one step: over everything, not over a sample as well', () => {
    const row = (records: MetricsRecord[]) =>
      rowsOf(renderComparison([runOf({ records }), b]), 'perplexity')[0];
    const [early, late, end] = [measured(100, 1.2), measured(200, 1.25), measured(200, 1.28, 'final')];
    expect(row([measured(100, 1.5), late, end])!.slice(6, 10)).toEqual(['all', '200', '\u2013', '\u2013']);
    expect(row([early, late])!.slice(6, 10)).toEqual(['a sample', '200', '1.200', '100']);
  });

  it('links to the report of a run that has one', () => {
    const links = elementsOf(renderComparison([{ ...a, report: 'a%20b/report.html' }, b]))
      .filter((e) => e.name === 'a')
      .map((e) => e.attributes.get('href'));
    expect(links).toEqual(['a%20b/report.html']);
  });

  it('shows the last text of each run side by side', () => {
    const text = (step: number, text: string): MetricsRecord => ({ kind: 'sample', step, text });
    const wrote = (name: string, records: MetricsRecord[]) => runOf({ name, records });
    const two = renderComparison([
      wrote('x', [text(5, 'early'), text(10, '\nlate <b>')]),
      wrote('y', [text(7, 'other')]),
    ]);
    expect(two).toContain('<h3>x, step 10</h3><pre>\n\nlate &lt;b&gt;</pre>');
    expect(two).toContain('<h3>y, step 7</h3><pre>\nother</pre>');
    expect(two).not.toContain('early');
  });

  it('says where curves are cut off, and only then', () => {
    const falling = (top: number) =>
      runOf({ records: Array.from({ length: 200 }, (_, i) => stepped(i + 1, i < 3 ? top : 2)) });
    expect(renderComparison([falling(40), falling(40)])).toMatch(
      /What lies above [\d.]+ nats, as the first steps may, is cut off/,
    );
    expect(renderComparison([falling(2), falling(2)])).not.toContain('is cut off');
  });

  describe('over what it cost', () => {
    /** 100 steps of batchSize x 10 tokens at 100 tokens a second. */
    const costly = (batchSize: number, steps = 100) =>
      runOf({
        name: `b${batchSize}`,
        description: { training: { batchSize, accumulate: 1 }, model: { contextLength: 10 } },
        records: Array.from({ length: steps }, (_, i) => [stepped(i + 1, 3), measured(i + 1, 2)]).flat(),
      });
    const ends = (page: string, id: string) => {
      const figure = page.split('<figure id="').find((part) => part.startsWith(`${id}"`))!;
      return [...figure.matchAll(/data-name="(\w+)" d="[^"]*L([\d.]+) [\d.]+"/g)].map(([, name, x]) => [
        name,
        Number(x),
      ]);
    };

    it('draws the loss over time, reckoned from the speed, and over tokens', () => {
      const both = renderComparison([costly(2), costly(4)]);
      // 100 steps of 20 tokens are 20 s, of 40 tokens 40 s.
      expect(both).toContain('>seconds 0</text>');
      expect(ends(both, 'time')).toEqual([
        ['b2', 500],
        ['b4', 1000],
      ]);
      expect(ends(both, 'tokens')).toEqual([
        ['b2', 500],
        ['b4', 1000],
      ]);
    });

    it('leaves tokens out where they are as good as steps, and all of it where a run does not tell', () => {
      const alike = renderComparison([costly(2), costly(2, 50)]);
      expect(ends(alike, 'time')).toEqual([
        ['b2', 1000],
        ['b2', 500],
      ]);
      expect(alike).not.toContain('id="tokens"');
      expect(renderComparison([costly(2), b])).not.toContain('id="time"');
      expect(renderComparison([costly(200), costly(200)])).toContain('>minutes 0</text>');
    });
  });

  describe('with tokens of several lengths', () => {
    const levels = [{ order: 3, nll: 1.25 }];
    /** Runs that lose as much a character; `characters` of them make a token. */
    const run = (name: string, characters: number, natsPerChar = [1.5, 1, 1.2]) =>
      runOf({
        name,
        baselines: levels,
        description: { training: { batchSize: 2, accumulate: 1 }, model: { contextLength: 10 } },
        records: natsPerChar.flatMap((nats, i) => [
          stepped(i + 1, nats * characters),
          { ...measured(i + 1, nats * characters), ...(characters === 1 ? {} : { natsPerChar: nats }) },
        ]),
      });
    const drawn = (page: string) =>
      [...page.matchAll(/data-name="\w+" d="([^"]*)"/g)].map(([, path]) => path!);

    it('draws losses and n-grams a character, and says so', () => {
      const page = renderComparison([run('letters', 1), run('pieces', 4)]);
      const paths = drawn(page);
      expect(paths.length).toBe(6); // held out, over time, training
      for (let i = 0; i < paths.length; i += 2) expect(paths[i + 1]).toBe(paths[i]);
      expect(page).toContain('The tokens of these runs differ in length');
      expect(page).toContain('nats per character');
      expect(page).not.toContain('nats per token');
      expect(page).toMatch(/3-gram<tspan[^>]*>\s*1\.250</);
      const turned = renderComparison([run('pieces', 4), run('letters', 1)]);
      expect(drawn(turned)).toEqual(paths);
      expect(turned).toMatch(/3-gram<tspan[^>]*>\s*1\.250</);
    });

    it('takes two runs with the same tokens for what they are, whatever the last digit of a quotient', () => {
      const [one, two] = [
        run('one', 3.2087676334271085, [1.5, 0.78170363]),
        run('two', 3.2087676334271085, [1.5, 0.78044670109]),
      ];
      const page = renderComparison([one, two]);
      expect(page).not.toContain('differ in length');
      expect(page).toContain('nats per token');
      expect(page).toMatch(/3-gram<tspan/);
    });
  });

  it('draws n-gram lines only if all runs have the same, and else warns', () => {
    expect(page).toContain('3-gram<tspan');
    expect(page).not.toContain('baselines differ');
    const other = renderComparison([a, { ...b, baselines: [{ order: 1, nll: 3 }] }]);
    expect(other).toContain('The n-gram baselines differ');
    expect(other).not.toContain('<tspan');
  });

  it.each<[string, RunData[]]>([
    ['no run', []],
    ['one run', [a]],
    ['a run without records', [a, runOf({ name: 'e' })]],
    ['hostile runs', [hostileRun, a]],
    [
      'runs without an evaluation',
      [runOf({ records: exampleRecords(400).filter((r) => r.kind === 'step') })],
    ],
  ])('is well formed and small with %s', (_, runs) => {
    const text = renderComparison(runs);
    expect(elementsOf(text).filter((e) => e.name === 'script').length).toBe(1);
    expect(text.replace(/<script>.*?<\/script>/s, '')).not.toMatch(/NaN|undefined|Infinity|https?:/);
    expect(text.length).toBeLessThan(100_000);
  });
});
