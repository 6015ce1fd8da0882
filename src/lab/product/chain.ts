/** A sum of products, term after term: a picture of both factors and of the sum, a slider through the terms, and a table. */
import { stretched, width } from '../../report/chart.ts';
import { html, type Markup } from '../../report/html.ts';
import type { Address } from '../address.ts';
import { make, onceAFrame, show } from '../dom.ts';
import type { Chain } from '../engine/product-protocol.ts';
import { brief, exactly } from '../numbers.ts';

/** What the parts of a sum are called. */
export interface ChainNames {
  readonly a: string;
  readonly b: string;
  readonly sum: string;
  /** What the terms run over: 'input'. */
  readonly over: string;
  /** Which one term k is. */
  readonly term: (k: number) => string;
}
export interface ChainPart {
  readonly element: HTMLElement;
  /** @param rounded whether each product is rounded before it is added */
  draw(chain: Chain, names: ChainNames, rounded: boolean): void;
  /** Ends playing. */
  stop(): void;
}

/** Pixels of a strip; across, the page stretches it. */
const [barsHeight, sumHeight] = [30, 60];
/** Rows of the table around the term that is looked at: more would take long to lay out. */
const mostRows = 160;
/** Milliseconds of a whole play, and the longest that one term may take. */
const [playing, longest] = [6000, 400];

/** @param name of the step in the address */
export function chainPart(address: Address, name: string): ChainPart {
  let drawn: { chain: Chain; names: ChainNames; products: Float32Array | Float64Array } | undefined;
  let [step, from] = [0, -1];
  let frame = 0;

  const input = make('input', {
    ...{ type: 'range', name, attributes: { min: '0', step: '1' } },
    on: {
      input: () => {
        stop();
        go(Number(input.value));
        keep();
      },
    },
  });
  const output = make('output');
  const play = make('button', { type: 'button', on: { click: () => toggle() } }, 'Play');
  const picture = make('div', {
    className: 'strips',
    on: {
      pointerdown: (event) => pointed(event as PointerEvent),
      pointermove: (event) => (event as PointerEvent).buttons === 1 && pointed(event as PointerEvent),
    },
  });
  const detail = make('p', { className: 'detail' });
  const rows = make('tbody');
  const head = make('thead');
  const box = make(
    'div',
    { className: 'scroll terms', tabIndex: 0, attributes: { role: 'region', 'aria-label': 'Terms' } },
    make('table', { className: 'numbers' }, head, rows),
  );
  const element = make(
    'div',
    { className: 'chain' },
    make(
      'div',
      {},
      picture,
      make('div', { className: 'step' }, play, make('label', {}, make('span', {}, 'Terms '), input), output),
      detail,
    ),
    box,
  );

  const count = () => drawn?.chain.a.length ?? 0;
  const keep = () => address.set({ [name]: step === count() ? undefined : step });
  const go = (to: number) => {
    step = to;
    soon();
  };
  const pointed = ({ clientX }: PointerEvent) => {
    const { left, width } = picture.querySelector('svg')!.getBoundingClientRect();
    stop();
    go(Math.max(0, Math.min(count(), Math.ceil(((clientX - left) / width) * count()))));
    keep();
  };
  const stop = () => {
    cancelAnimationFrame(frame);
    frame = 0;
    play.textContent = 'Play';
  };
  const toggle = () => {
    if (frame !== 0) {
      stop();
      return keep();
    }
    const first = step < count() ? step : 0;
    if (matchMedia('(prefers-reduced-motion: reduce)').matches) {
      go(count());
      return keep();
    }
    const began = performance.now();
    const each = Math.min(longest, playing / count());
    play.textContent = 'Pause';
    const tick = (now: number) => {
      go(Math.min(count(), first + Math.floor(Math.max(0, now - began) / each)));
      if (step < count()) frame = requestAnimationFrame(tick);
      else {
        stop();
        keep();
      }
    };
    frame = requestAnimationFrame(tick);
  };

  const redraw = () => {
    if (drawn === undefined) return;
    const { chain, names, products } = drawn;
    const K = count();
    input.value = String(step);
    output.textContent = `${step} of ${K}`;
    show(picture, strips(chain, names, products, step));
    const sum = step === 0 ? chain.start : chain.sums[step - 1];
    const k = step - 1;
    const term =
      step === 0
        ? 'At the start'
        : html`${names.over} ${names.term(k)}: ${exactly(chain.a[k])} × ${exactly(chain.b[k])} = ${exactly(products[k])};`;
    show(detail, html`${term} ${names.sum} = <b data-sum="${sum}">${exactly(sum)}</b>`);
    const first = Math.max(0, Math.min(K - mostRows, k - mostRows / 2));
    if (first !== from && (from < 0 || k < from || k >= from + mostRows)) {
      from = first;
      show(rows, tableRows(chain, names, products, from));
    }
    rows.querySelector('.now')?.classList.remove('now');
    const row = rows.querySelector<HTMLElement>(`[data-k="${k}"]`);
    row?.classList.add('now');
    if (row !== null) box.scrollTop = row.offsetTop - box.clientHeight / 2;
    else box.scrollTop = 0;
  };
  const soon = onceAFrame(redraw);

  return {
    element,
    stop,
    draw(chain, names, rounded) {
      const before = count();
      const products = rounded
        ? chain.a.map((value, k) => value * chain.b[k])
        : Float64Array.from(chain.a, (value, k) => value * chain.b[k]);
      drawn = { chain, names, products };
      const K = count();
      const set = address.number(name, K);
      if (frame === 0 || before !== K) {
        stop();
        step = Math.max(0, Math.min(K, Math.round(set)));
      }
      input.max = String(K);
      input.setAttribute('aria-label', `Terms of ${names.sum}`);
      box.setAttribute('aria-label', `Table of the terms of ${names.sum}`);
      show(
        head,
        html`<tr><th scope="col">${names.over}</th>${[names.a, names.b, `${names.a} · ${names.b}`, 'sum'].map((title) => html`<th scope="col">${title}</th>`)}</tr>`,
      );
      from = -1;
      redraw();
    },
  };
}

function tableRows(
  { a, b, sums }: Chain,
  names: ChainNames,
  products: ArrayLike<number>,
  from: number,
): Markup {
  const cell = (x: number) => html`<td title="${exactly(x)}">${brief(x)}</td>`;
  const rows = Array.from({ length: Math.min(mostRows, a.length) }, (_, i) => {
    const k = from + i;
    return html`<tr data-k="${k}"><th scope="row">${names.term(k)}</th>${cell(a[k])}${cell(b[k])}${cell(products[k])}${cell(sums[k])}</tr>`;
  });
  const others = (count: number, where: string) =>
    count > 0 && html`<tr><th colspan="5">${count} more ${where}</th></tr>`;
  return html`${others(from, 'before')}${rows}${others(a.length - from - rows.length, 'after')}`;
}

/** One strip a factor, one for the products, one for the sum, each on a scale of its own around 0. */
function strips(
  { start, a, b, sums }: Chain,
  names: ChainNames,
  products: ArrayLike<number>,
  step: number,
): Markup {
  const K = a.length;
  const across = (k: number) => Math.round((100 * width * k) / K) / 100;
  const strip = (label: string, largest: number, height: number, content: Markup) =>
    html`<span class="name">${label}</span><svg height="${height}" aria-hidden="true">${stretched(height, html`<path class="zero" d="M0 ${height / 2}H${width}"/>${content}<path class="now" d="M${across(step)} 0V${height}"/>`)}</svg><span class="most">±${brief(largest)}</span>`;
  const bars = (label: string, values: ArrayLike<number>) => {
    const largest = mostOf(values);
    const middle = barsHeight / 2;
    const bar = (k: number) => {
      const end = middle * (1 - values[k] / (largest || 1));
      return `M${across(k)} ${middle}V${end.toFixed(2)}H${across(k + 0.8)}V${middle}Z`;
    };
    const path = (from: number, to: number) =>
      Array.from({ length: to - from }, (_, i) => bar(from + i)).join('');
    return strip(
      label,
      largest,
      barsHeight,
      html`<path class="bar" d="${path(0, step)}"/><path class="bar rest" d="${path(step, K)}"/>`,
    );
  };
  const largest = Math.max(Math.abs(start), mostOf(sums));
  const middle = sumHeight / 2;
  const y = (value: number) => (middle - (value / (largest || 1)) * (middle - 2)).toFixed(2);
  const line = (from: number, to: number) =>
    Array.from({ length: to - from + 1 }, (_, i) => {
      const k = from + i;
      return `${across(k)} ${y(k === 0 ? start : sums[k - 1])}`;
    }).join('L');
  const sum = html`<path class="sum rest" d="M${line(step, K)}"/><path class="sum" d="M${line(0, step)}"/>`;
  return html`${bars(names.a, a)}${bars(names.b, b)}${bars(`${names.a} · ${names.b}`, products)}${strip('sum', largest, sumHeight, sum)}`;
}

function mostOf(values: ArrayLike<number>): number {
  let most = 0;
  for (let i = 0; i < values.length; i++) most = Math.max(most, Math.abs(values[i]));
  return most;
}
