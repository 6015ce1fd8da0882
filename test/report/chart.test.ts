import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { apart, type Chart, chartFigure } from '../../src/report/chart.ts';
import { elementsOf } from './markup.ts';

const chart: Chart = {
  id: 'c',
  title: 'Title',
  description: 'Words',
  height: 200,
  x: { kind: 'linear', domain: [0, 100] },
  y: { kind: 'linear', domain: [1, 3], unit: 'nats' },
  curves: [
    {
      name: 'known',
      style: 'train',
      points: [
        { x: 0, y: 3 },
        { x: 50, y: 2 },
        { x: 100, y: 1.25 },
      ],
    },
  ],
};
const render = (changes: Partial<Chart>) => chartFigure({ ...chart, ...changes }).text;
const paths = (text: string, style: string) =>
  elementsOf(text)
    .filter((e) => e.name === 'path' && e.attributes.get('class') === style)
    .map((e) => e.attributes.get('d'));
const known = chart.curves[0]!;

describe('a chart', () => {
  it('draws a known series at known coordinates: 1000 units across, pixels down', () => {
    expect(paths(render({}), 'train')).toEqual(['M0 0L500 100L1000 175']);
  });

  it('draws a logarithmic axis', () => {
    const curves = [{ ...known, points: [0.1, 1, 10].map((y, i) => ({ x: 50 * i, y })) }];
    const text = render({ curves, y: { kind: 'log', domain: [0.1, 10], unit: '' } });
    expect(paths(text, 'train')).toEqual(['M0 200L500 100L1000 0']);
  });

  it('puts ticks where their values are', () => {
    const text = render({});
    for (const [y, label] of [
      [204, '1.0'],
      [154, '1.5'],
      [104, '2.0'],
      [54, '2.5'],
      [4, '3.0'],
    ]) {
      expect(text).toContain(`<text x="-8" y="${y}">${label}</text>`);
    }
    expect(text).toContain('<text x="0%" y="218">step 0</text>');
    expect(text).toContain('<text x="50%" y="218">50</text>');
  });

  it('draws dots and whiskers of one error up and down, if asked and few', () => {
    const points = [
      { x: 0, y: 2, error: 0.5 },
      { x: 100, y: 1.5, error: Number.NaN },
    ];
    const text = render({ curves: [{ ...known, dots: true, points }] });
    expect(paths(text, 'dot train')).toEqual(['M0 100h0M1000 150h0']);
    expect(paths(text, 'whisker train')).toEqual(['M0 50V150']);
    const many = Array.from({ length: 81 }, (_, x) => ({ x, y: 2, error: 0.1 }));
    expect(paths(render({ curves: [{ ...known, dots: true, points: many }] }), 'dot train')).toEqual([]);
    expect(paths(render({ curves: [{ ...known, points }] }), 'dot train')).toEqual([]);
  });

  it('shows a curve of one point as a dot, none as nothing, and leaves out dots above or below', () => {
    const one = (y: number) => render({ curves: [{ ...known, points: [{ x: 50, y }] }] });
    expect(paths(one(2), 'dot train')).toEqual(['M500 100h0']);
    expect(paths(one(9), 'dot train')).toEqual([]);
    expect(paths(one(Number.NaN), 'train')).toEqual([]);
    expect(paths(render({ curves: [] }), 'train')).toEqual([]);
  });

  it('thins long curves to 600 points', () => {
    const points = Array.from({ length: 5000 }, (_, x) => ({ x: x / 50, y: 1 + (x % 7) / 7 }));
    const [d] = paths(render({ curves: [{ ...known, points }] }), 'train');
    expect(d!.split('L').length).toBe(600);
  });

  it('labels levels at their height and leaves out those beyond the axis', () => {
    const level = (label: string, y: number) => ({ label, detail: String(y), y, style: 'level' });
    const text = render({ levels: [level('five', 2), level('far', 4)] });
    expect(text).toContain(
      'd="M2 100L12 100"/><text x="16" y="104">five<tspan class="wide" dx="5">2</tspan></text>',
    );
    expect(paths(text, 'level')).toEqual(['M0 100H1000', 'M2 100L12 100']);
    expect(text).not.toContain('far');
  });

  it('marks moments, flags and a rug without a tick twice at one place', () => {
    const text = render({
      marks: [
        { x: 25, text: 'resumed', kind: 'line' },
        { x: 75, text: 'a <spike>', kind: 'flag' },
      ],
      rug: [10, 10.01, 90],
    });
    expect(paths(text, 'moment')).toEqual(['M250 0V200']);
    expect(text).toContain('x="25%" y="12">resumed</text>');
    expect(text).toContain(
      '<svg class="flag" x="75%"><path d="M0 0L-5 -9H5Z"><title>a &lt;spike&gt;</title>',
    );
    expect(paths(text, 'rug')).toEqual(['M100 200v-8M900 200v-8']);
  });

  it('tells its numbers in a table too', () => {
    const text = render({});
    expect(text).toContain('<tr><th scope="row">50</th><td>2.000</td></tr>');
    expect(text).toContain('<tr><th scope="row">100</th><td>1.250</td></tr>');
  });

  it('names itself for those who cannot see it', () => {
    const svg = elementsOf(render({})).find((e) => e.attributes.get('role') === 'img')!;
    expect(svg.attributes.get('aria-labelledby')).toBe('c-title c-text');
    expect(render({})).toContain('<title id="c-title">Title</title><desc id="c-text">Words</desc>');
  });
});

describe('labels apart', () => {
  it('keep their place where there is room', () => {
    expect(apart([0, 50, 100], { gap: 14, low: 0, high: 200 })).toEqual([0, 50, 100]);
  });

  it('are pushed down, and up again from the edge', () => {
    expect(apart([10, 12, 100], { gap: 14, low: 0, high: 200 })).toEqual([10, 24, 100]);
    expect(apart([190, 195, 199], { gap: 14, low: 0, high: 200 })).toEqual([172, 186, 200]);
  });

  it('never come nearer than the gap, and stay in order', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 300 }), { maxLength: 12 }), (places) => {
        const moved = apart(
          places.sort((a, b) => a - b),
          { gap: 14, low: 0, high: 300 },
        );
        for (let i = 1; i < moved.length; i++) expect(moved[i]! - moved[i - 1]!).toBeGreaterThanOrEqual(14);
        for (const y of moved) expect(y >= 0 && y <= 300).toBe(true);
      }),
      { seed: 6, numRuns: 300 },
    );
  });
});
