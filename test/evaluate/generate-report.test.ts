import { describe, expect, test } from 'vitest';
import { chooseExcerpts, continuationPerplexity, continuePrompts } from '../../src/evaluate/continuations.ts';
import {
  type GenerateSettings,
  generateReport,
  generationTables,
} from '../../src/evaluate/generate-report.ts';
import { measures, measureTexts, prepareCorpus } from '../../src/evaluate/measures.ts';
import { sweep, sweepTable } from '../../src/evaluate/sweep.ts';
import { sweepChart } from '../../src/evaluate/sweep-chart.ts';
import { trainBpe } from '../../src/model/text/bpe-train.ts';
import { openTiny, story } from './support.ts';

const scorer = openTiny({ slots: 2 });
const heldOut = scorer.tokenizer.encode(story.repeat(4));
const corpus = prepareCorpus('the cat sat on the mat. a rat ');
const settings: GenerateSettings = {
  ...{ count: 5, promptTokens: 6, newTokens: 40 },
  ...{ temperature: 0.9, topK: 0, topP: 0.95, seed: 3 },
};
const report = generateReport(scorer, heldOut, corpus, settings);

describe('measureTexts', () => {
  const measured = measureTexts(
    [
      { prompt: 'the c', text: 'at sat on the rat. zz' },
      { prompt: '', text: `the owl ${'on and '.repeat(3)}` },
    ],
    prepareCorpus('the cat sat on the mat'),
    { perplexity: 7, seed: 1 },
  );

  test('words, loops, copies and spelling by hand', () => {
    expect(measured.perplexity).toBe(7);
    expect(measured.rep2).toBeCloseTo(1 - (5 + 4) / (5 + 7), 14); // the second: the-owl owl-on on-and and-on
    expect(measured.distinct1).toBeCloseTo(8 / 14, 14); // at sat on the rat. zz owl and
    expect(measured.loopShare).toBe(1 / 2);
    expect(measured.longestOverlap).toBe('at sat on the '.length);
    expect(measured.meanOverlap).toBe((14 + 4) / 2); // 'the '
    expect(measured.seenShare).toBe(0); // no 20 characters in one piece
    expect(measured.knownWords).toBeCloseTo((4 + 4) / (5 + 8), 14); // rat, owl, and unknown; zz is cut off
    expect(measured.selfBleu).toBeGreaterThan(0);
  });

  test('one text has no self-BLEU', () => {
    const one = measureTexts([{ prompt: '', text: 'a b' }], corpus, { perplexity: 1, seed: 1 });
    expect(one).toMatchObject({ selfBleu: null, rep3: null, rep4: null, diversity: null });
  });
});

describe('generateReport', () => {
  test('continues held-out prompts; the truth is what follows there', () => {
    const excerpts = chooseExcerpts(scorer.tokenizer, heldOut, settings, 3);
    expect(report.continuations).toHaveLength(5);
    report.continuations.forEach(({ prompt, generated, truth }, i) => {
      expect(prompt).toBe(scorer.tokenizer.decode(excerpts[i].prompt));
      expect(truth).toBe(scorer.tokenizer.decode(excerpts[i].truth));
      expect(generated).toHaveLength(40);
    });
  });

  test('measures both sides alike: those of what it shows', () => {
    const encode = (text: string) => scorer.tokenizer.encode(text);
    const prompts = report.continuations.map(({ prompt }) => encode(prompt));
    for (const side of ['generated', 'truth'] as const) {
      const shown = report.continuations.map((c) => ({ prompt: c.prompt, text: c[side] }));
      const ids = shown.map(({ text }) => encode(text));
      const perplexity = continuationPerplexity(scorer, prompts, ids);
      expect(report[side]).toEqual(measureTexts(shown, corpus, { perplexity, seed: 3 }));
    }
    expect(report.generated).not.toEqual(report.truth);
  });

  test('the same for the same seed and any batch, other prompts and draws for another seed', () => {
    expect(generateReport(openTiny({ slots: 5, batch: 3 }), heldOut, corpus, settings)).toEqual(report);
    const other = generateReport(scorer, heldOut, corpus, { ...settings, seed: 4 });
    expect(other.continuations[0]).not.toEqual(report.continuations[0]);
  });

  test('BLEU and ROUGE compare the generated with the true continuations', () => {
    expect(report.bleuChar.signature).toContain('tok:char');
    expect(report.bleu13a.signature).toContain('tok:13a');
    expect(report.bleuChar.hypothesisLength).toBe(
      report.continuations.reduce((sum, { generated }) => sum + generated.replace(/\s/g, '').length, 0),
    );
    expect(report.bleuChar.referenceLength).toBe(
      report.continuations.reduce((sum, { truth }) => sum + truth.replace(/\s/g, '').length, 0),
    );
    for (const type of ['rouge1', 'rouge2', 'rougeL', 'rougeLsum'] as const) {
      expect(report[type].f).toBeGreaterThanOrEqual(0);
      expect(report[type].f).toBeLessThan(1);
    }
  });

  test('the table has a line for every measure, generated beside true', () => {
    const text = generationTables(report);
    for (const { label } of Object.values(measures)) expect(text).toContain(`\n${label} `);
    expect(text).toContain(
      '5 held-out prompts of 6 tokens, each continued by 40, seed 3, temperature 0.9, top-p 0.95',
    );
    expect(text).toMatch(
      new RegExp(
        `^perplexity +${report.generated.perplexity.toFixed(2)} +${report.truth.perplexity.toFixed(2)}$`,
        'm',
      ),
    );
  });
});

describe('a tokenizer of bytes', () => {
  const words = 'café été naïve prix 5€ thé forêt l’été aujourd’hui 漢字 😀';
  const text = `${words.split(' ').reverse().join(' ')} ${words} `.repeat(8);
  const tokenizer = trainBpe('a', 256);
  const bytes = openTiny({ slots: 4, tokenizer });
  const result = (seed: number, promptTokens: number, newTokens: number) =>
    generateReport(bytes, tokenizer.encode(text), prepareCorpus(text), {
      ...{ ...settings, count: 12, promptTokens, newTokens, seed },
    });

  test('no prompt or truth begins or ends inside a character, and every word of the truth is known', () => {
    for (const [seed, promptTokens, newTokens] of [
      [1, 1, 20],
      [2, 2, 31],
      [3, 10, 40],
      [4, 7, 50],
    ] as const) {
      const { continuations, truth } = result(seed, promptTokens, newTokens);
      for (const { prompt, truth: came } of continuations) {
        expect(text).toContain(prompt + came);
        expect(prompt).not.toBe('');
      }
      expect(truth.knownWords).toBe(1);
    }
  });

  test('a character that the length of a continuation cuts off is no part of what is measured', () => {
    const { continuations } = result(5, 6, 40);
    const prompts = chooseExcerpts(
      tokenizer,
      tokenizer.encode(text),
      { count: 12, promptTokens: 6, newTokens: 40 },
      5,
    ).map(({ prompt }) => prompt);
    const drawn = continuePrompts(bytes.model, prompts, { settings, newTokens: 40, seed: 5 });
    const cut = drawn.filter((ids, i) => {
      const all = tokenizer.decode(ids);
      const { generated } = continuations[i];
      expect([generated, `${generated}\ufffd`]).toContain(all);
      return all !== generated;
    });
    expect(cut.length).toBeGreaterThan(1);
  });
});

describe('sweep', () => {
  const { temperature: _, topP: __, ...sizes } = settings;
  const grid = { ...sizes, temperatures: [0, 0.9, 1.5], topPs: [0.95, 1] };
  const seen: string[] = [];
  const result = sweep(scorer, heldOut, corpus, grid, (done, of) => seen.push(`${done}/${of}`));

  test('a cell for each pair in order, the cell of a pair equal to the report of these settings', () => {
    expect(result.cells.map(({ topP, temperature }) => [topP, temperature])).toEqual([
      [0.95, 0],
      [0.95, 0.9],
      [0.95, 1.5],
      [1, 0],
      [1, 0.9],
      [1, 1.5],
    ]);
    expect(seen).toEqual(['0/6', '1/6', '2/6', '3/6', '4/6', '5/6']);
    expect(result.cells[1].measures).toEqual(report.generated);
    expect(result.truth).toEqual(report.truth);
    expect(result.cells[0].measures).toEqual(result.cells[3].measures); // greedy leaves nothing for top-p to cut
  });

  test('the table has a row a cell and the true text last', () => {
    const lines = sweepTable(result).split('\n');
    expect(lines).toHaveLength(1 + 6 + 1);
    expect(lines[2]).toMatch(/^0\.95 +0\.9 /);
    expect(lines.at(-1)).toMatch(/^true text /);
  });

  test('the picture is well-formed, has a curve a top-p in each panel, no script and no bad number', () => {
    const svg = sweepChart(result);
    expect(svg).toMatch(/^<svg xmlns="http:\/\/www.w3.org\/2000\/svg" /);
    expect(svg).not.toMatch(/<script|NaN|Infinity|undefined|null|href/);
    expect(svg).toContain('prefers-color-scheme:dark');
    const open: string[] = [];
    for (const [, close, name, empty] of svg
      .replace(/<style>.*?<\/style>/s, '')
      .matchAll(/<(\/?)(\w+)[^>]*?(\/?)>/g)) {
      if (close) expect(open.pop()).toBe(name);
      else if (!empty) open.push(name);
    }
    expect(open).toEqual([]);
    expect(svg.match(/class="curve k0" d="M[\d.-]+ [\d.-]+L/g)).toHaveLength(6);
    // Greedy text of this model is one long word: it has no pairs and nothing to spell, hence no dot in four panels.
    expect(result.cells[3].measures).toMatchObject({ diversity: null, rep2: null, knownWords: null });
    expect(svg.match(/class="dot k1"/g)).toHaveLength(1 + 2 * 3 + 4 * 2);
    expect(svg.match(/class="true" d="M0 /g)).toHaveLength(5);
    expect(svg.match(/class="ring"/g)).toHaveLength(1);
  });

  test('higher is more: the first panel draws a larger perplexity further up, the log of it to scale', () => {
    const [, path] = /class="curve k0" d="M([\d. L]+)"\/><circle/.exec(sweepChart(result))!;
    const [low, middle, high] = path.split('L').map((point) => Number(point.split(' ')[1]));
    const [a, b, c] = result.cells.slice(0, 3).map(({ measures: m }) => Math.log(m.perplexity));
    expect(Math.sign(high - low)).toBe(-Math.sign(c - a));
    expect((middle - low) / (high - low)).toBeCloseTo((b - a) / (c - a), 3);
  });

  /** The numbers beside the vertical axis of each panel, and below its horizontal one. */
  const ticksOf = (svg: string) =>
    svg
      .split('<g transform=')
      .slice(1)
      .map((panel) => ({
        left: [...panel.matchAll(/<text class="end" x="-8" y="([\d.-]+)">([\d.-]+)</g)].map(([, , t]) =>
          Number(t),
        ),
        below: [...panel.matchAll(/<text class="middle" x="[\d.-]+" y="208">([\d.-]+)</g)].map(([, t]) =>
          Number(t),
        ),
      }));
  const alone = (over: object) => {
    const { measures: own } = result.cells[1];
    const full = { ...own, diversity: 1, rep2: 0, knownWords: 1, distinct2: 1, ...over };
    const cells = [{ ...result.cells[1], measures: full }];
    const single = { ...grid, temperatures: [0.9], topPs: [0.95] };
    return sweepChart({ settings: single, truth: { ...full }, cells });
  };

  test('a single setting draws too: axes wide enough to read, shares from 0 to 100, several numbers on each', () => {
    for (const over of [{}, { perplexity: 1.0004, meanOverlap: 0 }, { knownWords: 0.5, distinct2: 0.03 }]) {
      const svg = alone(over);
      expect(svg).not.toMatch(/NaN|Infinity|undefined/);
      const panels = ticksOf(svg);
      expect(panels).toHaveLength(6);
      for (const { left } of panels) {
        expect(left.length).toBeGreaterThanOrEqual(3);
        expect(left.length).toBeLessThanOrEqual(8);
      }
      for (const i of [1, 2, 4, 5]) {
        const { left } = panels[i];
        expect(Math.min(...left)).toBeGreaterThanOrEqual(0);
        expect(Math.max(...left)).toBeLessThanOrEqual(100);
        expect(Math.max(...left) - Math.min(...left)).toBeGreaterThanOrEqual(6);
      }
      expect(panels[5].below.length).toBeGreaterThanOrEqual(3);
      expect(Math.max(...panels[5].below)).toBeLessThanOrEqual(100);
    }
    expect(ticksOf(alone({}))[1].left).toEqual([90, 92, 94, 96, 98, 100]);
  });

  test('differences of a point do not fill a panel: what is nearly equal is drawn near together', () => {
    const { measures: own } = result.cells[1];
    const cells = [0.95, 0.96].map((knownWords, i) => ({
      ...{ topP: 0.95, temperature: 0.5 + i, measures: { ...own, knownWords, distinct2: 0.9 + i / 100 } },
    }));
    const svg = sweepChart({
      settings: { ...grid, temperatures: [0.5, 1.5], topPs: [0.95] },
      truth: { ...own, knownWords: 0.955, distinct2: 0.905 },
      cells,
    });
    const [, path] = /class="curve k0" d="M([\d. L]+)"/.exec(svg.split('<g transform=').at(-1)!)!;
    const [[x0, y0], [x1, y1]] = path.split('L').map((point) => point.split(' ').map(Number));
    expect(x1 - x0).toBeCloseTo(260 / 10 / 1.16, 1);
    expect(y0 - y1).toBeCloseTo(190 / 10 / 1.16, 1);
  });
});
