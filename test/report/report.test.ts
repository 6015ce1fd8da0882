import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { gradNormChart, lossChart } from '../../src/report/figures.ts';
import { colourOf } from '../../src/report/layers.ts';
import { renderReport } from '../../src/report/report.ts';
import type { RunData } from '../../src/report/run.ts';
import { readRun } from '../../src/report/run.ts';
import { script, scriptSha256 } from '../../src/report/style.ts';
import type { MetricsRecord } from '../../src/train/metrics.ts';
import { baselines, exampleRun, measured, runOf, stepped } from './fixture.ts';
import { elementsOf } from './markup.ts';

/** The visible words, without tags. */
const words = (page: string) =>
  page
    .replace(/<(style|script|svg)[\s\S]*?<\/\1>/g, '')
    .replace(/<[^>]*>/g, '')
    .replace(/\s+/g, ' ');
const headline = (records: readonly MetricsRecord[], change: Partial<RunData> = {}) =>
  words(renderReport(runOf({ baselines, records, ...change })));

describe('the page', () => {
  const page = renderReport(exampleRun(2000));

  it('is well formed, and asks nothing of any other place', () => {
    const elements = elementsOf(page);
    expect(elements.filter((e) => e.attributes.get('class')?.startsWith('plot')).length).toBe(7);
    expect(page).not.toMatch(/https?:|\/\/[a-z]|url\(|@import|<(img|iframe|object|embed|base|form)\b/i);
    const links = elements.flatMap((e) => [e.attributes.get('src'), e.attributes.get('href')]);
    expect(links.filter((link) => link !== undefined)).toEqual(['data:,']);
  });

  it('allows one script, by its hash, and nothing from elsewhere', () => {
    expect(createHash('sha256').update(script).digest('base64')).toBe(scriptSha256);
    expect(page.split('<script>').length).toBe(2);
    expect(page).toContain(`<script>${script}</script>`);
    const policy = elementsOf(page).find((e) => e.attributes.get('http-equiv') === 'Content-Security-Policy');
    expect(policy?.attributes.get('content')).toBe(
      `default-src &#39;none&#39;; base-uri &#39;none&#39;; form-action &#39;none&#39;; img-src data:; style-src &#39;unsafe-inline&#39;; script-src &#39;sha256-${scriptSha256}&#39;`,
    );
  });

  it('stays below 300 kB however long the run', () => {
    expect(page.length).toBeLessThan(120_000);
    expect(renderReport(exampleRun(30_000)).length).toBeLessThan(300_000);
  });

  it('stays below it with many groups of parameters, too, and with a warning a step', () => {
    const layers = Array.from({ length: 200 }, (_, i) => ({
      name: `h.${i}.attn`,
      gradient: 1,
      weight: 1,
      update: 1e-3,
    }));
    const records = Array.from({ length: 1000 }, (_, step): MetricsRecord[] => [
      { kind: 'layers', step, layers: layers.map((l, i) => ({ ...l, gradient: 10 ** -((i + step) % 7) })) },
      { kind: 'warning', step, message: 'trouble '.repeat(100) },
    ]).flat();
    const text = renderReport(runOf({ records }));
    elementsOf(text);
    expect(text.length).toBeLessThan(300_000);
    expect(words(text)).toContain('and 960 more');
  });

  it('loads itself anew while the run is at work, and not after', () => {
    const reload = '<meta http-equiv="refresh" content="5">';
    expect(renderReport(exampleRun(300), { live: true })).toContain(reload);
    expect(renderReport(exampleRun(300), { live: true }).replace(`${reload}\n`, '')).toBe(
      renderReport(exampleRun(300)),
    );
  });

  it('is the same for the same run', () => {
    expect(renderReport(exampleRun(300))).toBe(renderReport(exampleRun(300)));
  });

  it('shows settings, samples with their white space, warnings and resumes', () => {
    expect(page).toContain('<tr><th scope="row">parameters</th><td>807296</td></tr>');
    expect(page).toContain('wondered.\n\n\t&#34;Dear child,&#34; said the old woman');
    expect(words(page)).toContain('step 641The loss jumped to 2.31');
    expect(words(page)).toContain('step 1,000Resumed here after a stop.');
  });

  it('keeps a line break at the start of a sample, which HTML would drop', () => {
    expect(renderReport(runOf({ records: [{ kind: 'sample', step: 1, text: '\nab' }] }))).toContain(
      '<pre>\n\nab</pre>',
    );
  });
});

describe('the headline', () => {
  it('has the last measurement, its error, and the best evaluation', () => {
    const text = headline([
      measured(100, 1.5),
      measured(200, 1.25),
      measured(300, 1.3),
      measured(300, 1.28, 'final'),
    ]);
    expect(text).toContain('nats per token1.280 \u00b1 0.010');
    expect(text).toContain('perplexity3.597');
    expect(text).toContain('bits per character1.847');
    expect(text).toContain('best held-out loss, step 2001.250');
    expect(text).toContain('300 steps. Measured on the whole held-out part, 1,000 tokens, at step 300.');
  });

  it.each([
    [5, 'It has not passed any counting model yet; the uniform guess (4.127) is 0.87 nats ahead.'],
    [3.5, 'It has passed the uniform guess (4.127); the 1-gram (3.046) is 0.45 nats ahead.'],
    [1.3, 'It has passed the 4-gram (1.394); the 5-gram (1.261) is 0.039 nats ahead.'],
    [1.261, 'It has passed the 4-gram (1.394); the 5-gram (1.261) is 0.0 nats ahead.'],
    [1.2, 'It has passed the 6-gram (1.232), the strongest counting model there is here.'],
  ])('at %f nats says: %s', (nll, sentence) => {
    expect(headline([measured(10, nll)])).toContain(sentence);
  });

  it('takes the strongest passed by loss, not by order', () => {
    // On Tiny Shakespeare the 6-gram (1.698) is weaker than the 5-gram (1.669).
    const shakespeare = [4.174, 3.347, 2.486, 2.049, 1.774, 1.669, 1.698].map((nll, order) => ({
      order,
      nll,
    }));
    expect(headline([measured(10, 1.68)], { baselines: shakespeare })).toContain(
      'passed the 6-gram (1.698); the 5-gram (1.669) is 0.011 nats ahead',
    );
    expect(headline([measured(10, 1.6)], { baselines: shakespeare })).toContain(
      'passed the 5-gram (1.669), the strongest',
    );
  });

  it('counts what was measured after an earlier end', () => {
    const run = readRun(
      runOf({ records: [measured(10, 2, 'final'), measured(20, 1.5), measured(30, Number.NaN)] }),
    );
    expect([run.history.latest?.step, run.best?.step, run.lastStep]).toEqual([20, 20, 30]);
  });

  it('has as the best what the run kept, not a lower loss that a stop measured', () => {
    const stopped = { ...measured(150, 1.1), best: false };
    const text = headline([measured(100, 1.5), stopped, measured(200, 1.25), measured(300, 1.3)]);
    expect(text).toContain('best held-out loss, step 2001.250');
  });

  it('gives one loss for one step: over everything, not over a sample as well', () => {
    const all = { ...measured(200, 1.28, 'final'), tokensScored: 9000 };
    expect(headline([measured(100, 1.5), measured(200, 1.25), all])).not.toContain('best held-out');
    expect(headline([measured(100, 1.2), measured(200, 1.25), all])).toContain(
      'best held-out loss on 1,000 tokens, step 1001.200',
    );
  });

  it('is of what was measured last, also where that are the weights of an earlier step', () => {
    const text = headline([measured(100, 1.5), measured(200, 1.9), measured(100, 1.55, 'final')]);
    expect(text).toContain('nats per token1.550');
    expect(text).toContain('200 steps. Measured on the whole held-out part, 1,000 tokens, at step 100.');
    expect(text).not.toContain('best held-out');
  });
});

describe('the loss chart', () => {
  it('has every n-gram line with its label, and the axis reaches the next one to pass', () => {
    const chart = lossChart(readRun(exampleRun(500)));
    expect(chart.levels?.map((l) => l.label)).toEqual([
      'uniform',
      '1-gram',
      '2-gram',
      '3-gram',
      '4-gram',
      '5-gram',
      '6-gram',
    ]);
    expect(chart.levels?.map((l) => l.y)).toEqual(baselines.map((b) => b.nll));
    const run = readRun(runOf({ baselines, records: [stepped(1, 4.2), measured(1, 3.5)] }));
    expect(lossChart(run).y.domain[0]).toBeLessThan(3.046);
    expect(lossChart(run).y.domain[0]).toBeGreaterThan(2.5);
  });

  it('is not flattened by one spike, but shows a loss that stays high', () => {
    const losses = (f: (i: number) => number) =>
      readRun(runOf({ records: Array.from({ length: 500 }, (_, i) => stepped(i + 1, f(i))) }));
    expect(lossChart(losses((i) => (i === 300 ? 40 : 4 - i / 200))).y.domain[1]).toBeLessThan(8);
    expect(lossChart(losses((i) => (i > 400 ? 40 : 4 - i / 200))).y.domain[1]).toBeGreaterThan(40);
  });

  it('marks resumes and warnings at their steps', () => {
    const { marks } = lossChart(readRun(exampleRun(1100)));
    expect(marks?.map((m) => [m.kind, m.x])).toEqual([
      ['line', 1000],
      ['flag', 641],
    ]);
  });
});

describe('the gradient norm', () => {
  const records = [3, 0.5, 1, 1.01].map((norm, i) => stepped(i + 1, 2, norm));

  it.each(['clip', 'gradient clip', 'grad-clip', 'clipNorm'])(
    'counts the steps above the limit called %s',
    (name) => {
      const chart = gradNormChart(readRun(runOf({ records, description: { Training: { [name]: 1 } } })));
      expect(chart.rug).toEqual([1, 4]);
      expect(chart.levels).toMatchObject([{ label: 'clip', y: 1 }]);
      expect(chart.description).toContain('Clipped to 1 at 2 of 4 steps (50.0 %)');
    },
  );

  it.each([{ clip: 0 }, { clip: 'none' }, { eclipse: 1 }, {}])('knows no limit from %j', (Training) => {
    const chart = gradNormChart(
      readRun(runOf({ records, description: { Training } as RunData['description'] })),
    );
    expect(chart.levels).toEqual([]);
    expect(chart.rug).toEqual([]);
  });
});

describe('colours of the layers', () => {
  it('have the guide of 1e-3 in the middle, half a decade each', () => {
    const of = (x: number) => colourOf(x, [-5, -1]);
    expect([1e-9, 1e-5, 3.2e-5, 1e-4, 1e-3, 1.7e-3, 1.8e-3, 1e-2, 0.1, 50].map(of)).toEqual([
      0, 0, 1, 2, 4, 4, 5, 6, 8, 8,
    ]);
  });

  it('are none for what has no logarithm', () => {
    expect([0, -1, Number.NaN, Number.POSITIVE_INFINITY].map((x) => colourOf(x, [-5, -1]))).toEqual(
      new Array(4).fill(undefined),
    );
  });

  it('run from half way to the neighbours, equal neighbours in one stroke', () => {
    const layer = (step: number, ratio: number): MetricsRecord => ({
      kind: 'layers',
      step,
      layers: [{ name: 'wte', gradient: 0.01, weight: 1, update: ratio }],
    });
    const records = [layer(20, 1e-3), layer(40, 1e-3), layer(60, 1e-2), layer(100, 1e-2)];
    const page = renderReport(runOf({ records }));
    expect(page).toContain('<path class="cells div4" stroke-width="19" d="M100 10H500"/>');
    expect(page).toContain('<path class="cells div6" stroke-width="19" d="M500 10H1000"/>');
    expect(page).toContain('The guide is 1e-3, the colour');
    // Muon's healthy steps are ten times as large.
    const muon = renderReport(runOf({ records, description: { training: { optimizer: 'muon' } } }));
    expect(muon).toContain('<path class="cells div2" stroke-width="19" d="M100 10H500"/>');
    expect(muon).toContain('<path class="cells div4" stroke-width="19" d="M500 10H1000"/>');
    expect(muon).toContain('The guide is 1e-2 with Muon (1e-3 with AdamW), the colour');
  });
});
