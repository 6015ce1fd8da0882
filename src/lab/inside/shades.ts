/** Probabilities as nine shades of the report's blue. They go by the square root, so that a hundredth still differs from
 * nothing. */
import { html, type Markup } from '../../report/html.ts';

const darkest = 8;
const all = Array.from({ length: darkest + 1 }, (_, i) => i);

export const shadeOf = (p: number): number => Math.min(darkest, Math.round(darkest * Math.sqrt(p)));

/** The shades as classes, with letters that can be read on them (contrast of 4.5). */
export const shadeStyle = `${all
  .map((i) => `.inside .shade${i}{background:var(--seq${i});color:var(--${i > 5 ? 'paper' : 'ink'})}`)
  .join('')}
.inside .shade5{color:#000}
@media (prefers-color-scheme:dark){.inside .shade4{color:#fff}.inside .shade5{color:var(--paper)}}`;

/** The shades as bytes (red, green, blue), for a canvas: as the page has them now, light or dark. */
export function palette(): readonly (readonly number[])[] {
  const style = getComputedStyle(document.documentElement);
  return all.map((i) => {
    const colour = style.getPropertyValue(`--seq${i}`).trim(); // #rrggbb
    return [1, 3, 5].map((at) => Number.parseInt(colour.slice(at, at + 2), 16));
  });
}

export function shadeLegend(): Markup {
  return html`<div class="legend scale" aria-hidden="true"><span>0</span>${all.map(
    (i) => html`<i class="seq${i}"></i>`,
  )}<span>100%</span></div>`;
}

/** A whole number of hundredths that says neither nothing nor all where it is not so. */
export function hundredths(p: number): string {
  if (p > 0 && p < 0.005) return '<1';
  return p < 1 && p >= 0.995 ? '>99' : String(Math.round(100 * p));
}
