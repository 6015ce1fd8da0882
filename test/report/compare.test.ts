import { describe, expect, it } from 'vitest';
import { renderComparison } from '../../src/report/compare.ts';
import type { EvaluationMetrics, RunData } from '../../src/train/metrics.ts';
import { exampleRun, hostileRun } from './fixture.ts';
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
    const final = a.records.findLast((r): r is EvaluationMetrics => r.kind === 'final')!;
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
    ['a run without records', [a, { name: 'e', records: [], baselines: [], description: {} }]],
    ['hostile runs', [hostileRun, a]],
    ['runs without an evaluation', [{ ...a, records: a.records.filter((r) => r.kind === 'step') }]],
  ])('is well formed and small with %s', (_, runs) => {
    const text = renderComparison(runs);
    expect(elementsOf(text).filter((e) => e.name === 'script').length).toBe(1);
    expect(text.replace(/<script>.*?<\/script>/s, '')).not.toMatch(/NaN|undefined|Infinity|https?:/);
    expect(text.length).toBeLessThan(100_000);
  });
});
