/** The logit lens as a table: what each layer would say, and how it rates the token that really comes. */
import { html, type Markup } from '../../report/html.ts';
import { make, show } from '../dom.ts';
import type { Lens } from '../engine/protocol.ts';
import { hundredths, shadeLegend, shadeOf } from './shades.ts';

export interface LensPart {
  readonly element: HTMLElement;
  /** @param name the text of a token as it is shown @param chosen the position to point out */
  draw(lens: Lens, name: (id: number) => string, chosen: number): void;
}

export const lensStyle = `
.inside .lens{width:auto;border-collapse:separate;border-spacing:0}
.inside .lens th,.inside .lens td{padding:.1rem .35rem;text-align:center;border:1px solid var(--paper);white-space:nowrap;overflow-wrap:normal}
.inside .lens tbody th,.inside .lens thead th:first-child{position:sticky;left:0;background:var(--paper);text-align:left;padding-left:0}
.inside .lens td b{display:block}
.inside .lens .chosen{border-inline:2px solid var(--red)}
.inside .lens .right b{text-decoration:underline;text-underline-offset:.15em}`;

export function lensPart(): LensPart {
  const legend = make('div');
  show(legend, shadeLegend());
  const scroll = make('div', {
    className: 'scroll',
    tabIndex: 0,
    attributes: { role: 'region', 'aria-label': 'Logit lens' },
  });
  let shown = -1;
  const draw: LensPart['draw'] = (lens, name, chosen) => {
    show(scroll, lensTable(lens, name, chosen));
    if (chosen === shown) return;
    shown = chosen;
    const cell = scroll.querySelector<HTMLElement>('td.chosen');
    if (cell !== null) scroll.scrollLeft = cell.offsetLeft - scroll.clientWidth / 2;
  };
  const hint =
    'The best token if the model ended there. Under it, of the token that really comes: its rank and its probability, which is also the shade. Underlined: the best one is the one that comes.';
  const element = make(
    'section',
    {},
    make('h2', {}, 'What it would say at each layer'),
    make('p', { className: 'hint' }, hint),
    legend,
    scroll,
  );
  return { element, draw };
}

function lensTable({ ids, layers }: Lens, name: (id: number) => string, chosen: number): Markup {
  const here = (t: number) => t === chosen && ' chosen';
  const head = (label: string, text: (t: number) => string) =>
    html`<tr><th scope="row">${label}</th>${Array.from(ids, (_, t) => html`<th class="token${here(t)}"><b>${text(t)}</b></th>`)}</tr>`;
  const rows = layers.map((positions, layer) => {
    const label = layer === 0 ? 'embedding' : `layer ${layer - 1}`;
    return html`<tr><th scope="row">${label}</th>${positions.map(({ best, rank, probability }, t) => {
      const top = best[0]!;
      const known = rank > 0;
      const data = known && html` data-rank="${rank}" data-p="${String(probability)}"`;
      return html`<td${data} data-best="${top.id}" class="${known && `shade${shadeOf(probability)}`}${rank === 1 && ' right'}${here(t)}"><b>${name(top.id)}</b><small>${known ? `#${rank} ${hundredths(probability)}%` : '\u2013'}</small></td>`;
    })}</tr>`;
  });
  const next = (t: number) => (t + 1 < ids.length ? name(ids[t + 1]!) : '?');
  return html`<table class="lens"><thead>${head('after', (t) => name(ids[t]!))}${head('comes', next)}</thead><tbody>${rows}</tbody></table>`;
}
