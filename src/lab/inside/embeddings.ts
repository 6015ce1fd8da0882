/** The embeddings as a map of the tokens, and the nearest neighbours of one. */
import { html, type Markup } from '../../report/html.ts';
import { extent } from '../../report/scale.ts';
import { make, show } from '../dom.ts';
import type { Embeddings } from '../engine/protocol.ts';
import { kindOf, kinds } from './letters.ts';

export interface EmbeddingsPart {
  readonly element: HTMLElement;
  /** Makes the list of tokens to choose from. @param names of the whole vocabulary */
  lay(ids: readonly number[], names: readonly string[], near: number | undefined): void;
  draw(embeddings: Embeddings, near: number | undefined): void;
}

const height = 440;
const marks = { vowel: '\u25cf', consonant: '\u25a0', digit: '\u25b2', other: '\u25c6' } as const;

export const embeddingsStyle = `
.inside .two+.status{margin-top:.5rem}
.inside .map{display:block;width:100%;margin:.6rem 0}
.inside .map g{cursor:pointer}
.inside .map text{font:12px ui-monospace,'Cascadia Mono',Menlo,Consolas,'Liberation Mono',monospace;fill:var(--ink);white-space:pre}
.inside .map tspan{fill:currentColor}
.inside .map circle{fill:none;stroke:none;pointer-events:all}
.inside .map .near circle{stroke:var(--soft)}.inside .map .chosen circle{stroke:var(--ink);stroke-width:2}
.inside .vowel{color:var(--red)}.inside .consonant{color:var(--blue)}.inside .digit{color:var(--green)}.inside .other{color:var(--soft)}`;

/** @param pick is told which token's neighbours somebody asks for */
export function embeddingsPart(pick: (near: number) => void): EmbeddingsPart {
  const map = make('div');
  const told = make('p', { className: 'status', attributes: { 'aria-live': 'polite' } });
  const note = make('p', { className: 'hint' });
  const select = make('select', { name: 'near', on: { change: () => pick(Number(select.value)) } });
  let names: readonly string[] = [];
  let last: Embeddings | undefined;

  const tell = (near: number | undefined) => {
    if (last === undefined || near === undefined) return;
    const neighbours = last.neighbours[last.ids.indexOf(near)] ?? [];
    const parts = neighbours.map(({ id, cosine }) => `\u2018${names[id]}\u2019 ${cosine.toFixed(2)}`);
    told.textContent = `Nearest to \u2018${names[near]}\u2019 (cosine): ${parts.join(', ')}`;
    const close = new Set(neighbours.map(({ id }) => String(id)));
    for (const point of map.querySelectorAll<SVGElement>('[data-id]')) {
      const id = point.dataset['id']!;
      point.setAttribute('class', id === String(near) ? 'chosen' : close.has(id) ? 'near' : '');
    }
  };
  const idAt = ({ target }: Event) => (target as Element).closest<SVGElement>('[data-id]')?.dataset['id'];
  map.addEventListener('pointerover', (event) => {
    const id = idAt(event);
    if (id !== undefined) tell(Number(id));
  });
  map.addEventListener('pointerleave', () => tell(Number(select.value)));
  map.addEventListener('click', (event) => {
    const id = idAt(event);
    if (id === undefined) return;
    select.value = id;
    pick(Number(id));
  });

  const lay: EmbeddingsPart['lay'] = (ids, given, near) => {
    [names, last] = [given, undefined];
    select.replaceChildren(
      ...ids.map((id) => make('option', { value: String(id), selected: id === near }, names[id]!)),
    );
  };
  const draw: EmbeddingsPart['draw'] = (fresh, near) => {
    last = { ...fresh, places: follow(fresh.places, last?.places) };
    const [x, y] = fresh.shares.map((share) => `${(100 * share).toFixed(0)}%`);
    const { length } = fresh.ids;
    const which = length < names.length ? `${length} of the ${names.length} tokens` : 'All tokens';
    note.textContent = `${which}, each where its embedding lies, seen from where they differ the most: ${x} of all variance is across, ${y} up and down.`;
    show(map, mapOf(last, names));
    tell(near);
  };

  const legend = make('div', { className: 'legend' });
  show(
    legend,
    html`${Object.entries(kinds).map(
      ([kind, name]) => html`<span><b class="${kind}">${marks[kind as keyof typeof marks]}</b>${name}</span>`,
    )}`,
  );
  const element = make(
    'section',
    {},
    make('h2', {}, 'Tokens in two dimensions'),
    note,
    legend,
    map,
    make('div', { className: 'two' }, make('label', {}, 'Neighbours of', select)),
    told,
  );
  return { element, lay, draw };
}

/** Places whose axes point the way they did before: a component has no direction of its own, and while a model is trained the
 * picture must not turn over. */
export function follow(places: Float64Array, before: Float64Array | undefined): Float64Array {
  if (before?.length !== places.length) return places;
  const turned = [0, 1].map(
    (axis) => places.reduce((sum, p, i) => (i % 2 === axis ? sum + p * before[i]! : sum), 0) < 0,
  );
  return places.map((p, i) => (turned[i % 2] ? -p : p));
}

function mapOf({ ids, places }: Embeddings, names: readonly string[]): Markup {
  const axis = (k: number) => ids.map((_, n) => places[2 * n + k]!);
  const [xs, ys] = [axis(0), axis(1)];
  const [left, right] = extent('linear', xs, { margin: 0.05 });
  const [low, high] = extent('linear', ys, { margin: 0.05 });
  return html`<svg class="map" height="${height}" role="img" aria-label="Map of the tokens">${ids.map(
    (id, n) => {
      const [x, y] = [xs[n]!, ys[n]!];
      const across = (100 * (x - left)) / (right - left);
      const down = (height * (high - y)) / (high - low);
      const name = names[id]!;
      const kind = kindOf(name);
      const at = `${across.toFixed(2)}%`;
      return html`<g data-id="${id}" data-x="${String(x)}" data-y="${String(y)}"><circle cx="${at}" cy="${down.toFixed(1)}" r="9"/><text x="${at}" y="${(down + 4).toFixed(1)}" dx="-3.6"><tspan class="${kind}">${marks[kind]}</tspan>${name}</text></g>`;
    },
  )}</svg>`;
}
