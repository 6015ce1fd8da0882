/** Runs that have little to show, or mean harm; and colours that everyone can tell apart. */
import { describe, expect, it } from 'vitest';
import { renderReport } from '../../src/report/report.ts';
import { script } from '../../src/report/style.ts';
import type { MetricsRecord } from '../../src/train/metrics.ts';
import { baselines, empty, exampleRecords, hostileRun, measured, runOf, stepped } from './fixture.ts';
import { elementsOf } from './markup.ts';

describe('a run that has little to show', () => {
  const nan = Number.NaN;
  const broken = (text: string) => /NaN|undefined|Infinity|\[object/.exec(text);

  it.each<[string, Parameters<typeof runOf>[0]]>([
    ['nothing at all', {}],
    ['a name only of symbols', { name: '<>&"' }],
    ['one step', { records: [stepped(1, 4)] }],
    ['one step, not finite', { records: [stepped(1, nan, Number.POSITIVE_INFINITY)] }],
    ['step 0', { records: [stepped(0, 4)] }],
    ['norms of 0', { records: [stepped(1, 4, 0), stepped(2, 3, 0)] }],
    ['only an end', { records: [measured(1, 2, 'final')] }],
    [
      'measurements without a number',
      { records: [{ ...measured(1, nan), perplexity: nan, bitsPerChar: nan }], baselines },
    ],
    ['a single window, so no error', { records: [{ ...measured(1, 2), standardError: nan }], baselines }],
    ['baselines without a number', { records: [measured(1, 2)], baselines: [{ order: 1, nll: nan }] }],
    ['no baselines', { records: exampleRecords(60) }],
    [
      'layers without a number',
      {
        records: [
          { kind: 'layers', step: 5, layers: [{ name: 'a', gradient: nan, weight: 0, update: nan }] },
        ],
      },
    ],
    ['layers without layers', { records: [{ kind: 'layers', step: 5, layers: [] }] }],
    ['an empty sample', { records: [{ kind: 'sample', step: 5, text: '' }] }],
    ['an empty group of settings', { description: { Model: {} } }],
    [
      'norms further apart than any quotient of numbers',
      {
        records: [stepped(1, 4, 1e-320), stepped(2, 3, 1), stepped(3, 3, 1e300)],
        description: { training: { clip: 1 } },
      },
    ],
    [
      'a loss that explodes',
      { records: [1, 1e10, 1e300, Number.POSITIVE_INFINITY].map((x, i) => stepped(i, x, x)) },
    ],
  ])('still gives a page: %s', (_, change) => {
    const page = renderReport(runOf(change));
    elementsOf(page);
    expect(broken(page.replace(script, ''))).toBeNull();
  });

  it('says that nothing has been evaluated', () => {
    expect(renderReport(runOf({ records: [stepped(1, 4.5)] }))).toContain(
      '1 step, last training loss 4.500 nats. Nothing has been evaluated yet.',
    );
  });
});

describe('a corpus full of HTML', () => {
  it('does not break out of its place', () => {
    const page = renderReport(hostileRun);
    const elements = elementsOf(page);
    const names = new Set(elements.map((e) => e.name));
    for (const name of ['img', 'iframe', 'marquee']) expect(names).not.toContain(name);
    expect(elements.filter((e) => e.name === 'script').length).toBe(1);
    expect(elements.flatMap((e) => [...e.attributes.keys()]).filter((key) => key.startsWith('on'))).toEqual(
      [],
    );
  });

  it('cannot turn the direction of what stands beside it', () => {
    const marks = '\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069';
    const records: MetricsRecord[] = [
      { kind: 'sample', step: 1, text: `a${marks}b` },
      { kind: 'warning', step: 1, message: marks },
      { kind: 'layers', step: 1, layers: [{ name: marks, gradient: 1, weight: 1, update: 1 }] },
    ];
    const page = renderReport(runOf({ name: marks, records, description: { [marks]: { [marks]: marks } } }));
    expect(page).not.toMatch(/\p{Bidi_Control}/u);
    expect(page).toContain(
      'a\\u061c\\u200e\\u200f\\u202a\\u202b\\u202c\\u202d\\u202e\\u2066\\u2067\\u2068\\u2069b</pre>',
    );
  });

  it('and the page stays small when it is long and every letter needs an entity', () => {
    const text = '"'.repeat(200_000);
    const records = Array.from({ length: 500 }, (_, step): MetricsRecord[] => [
      { kind: 'sample', step, text },
      { kind: 'warning', step, message: text },
      { kind: 'layers', step, layers: [{ name: text, gradient: 1, weight: 1, update: 1 }] },
    ]).flat();
    expect(renderReport(runOf({ records })).length).toBeLessThan(300_000);
  });
});

describe('the colours', () => {
  const css = /<style>([\s\S]*?)<\/style>/.exec(renderReport(empty))![1]!;
  const schemes = [...css.matchAll(/--paper:(#\w{6})[^}]*--div8:#\w{6}/g)]
    .slice(0, 2)
    .map(([block]) => block!);
  const colour = (block: string, name: string) => new RegExp(`--${name}:#(\\w{6})`).exec(block)![1]!;
  /** Relative luminance and contrast as in WCAG 2. */
  const luminance = (hex: string) => {
    const [r, g, b] = [0, 2, 4]
      .map((i) => Number.parseInt(hex.slice(i, i + 2), 16) / 255)
      .map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r! + 0.7152 * g! + 0.0722 * b!;
  };
  const contrast = (a: string, b: string) => {
    const [low, high] = [luminance(a), luminance(b)].sort((x, y) => x - y);
    return (high! + 0.05) / (low! + 0.05);
  };

  it.each([0, 1])('of text have a contrast of 4.5, of lines 3 (scheme %i)', (i) => {
    const block = schemes[i]!;
    for (const name of ['ink', 'soft', 'mark']) {
      for (const ground of ['paper', 'panel']) {
        expect(contrast(colour(block, name), colour(block, ground)), `${name} on ${ground}`).toBeGreaterThan(
          4.5,
        );
      }
    }
    for (const name of ['blue', 'red', 'green', 'violet', 'ochre']) {
      expect(contrast(colour(block, name), colour(block, 'paper')), name).toBeGreaterThan(3);
    }
  });
});
