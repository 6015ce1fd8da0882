/** Attention: all heads small, one of them large, and the row of one token with its numbers. */
import { html, type Markup } from '../../report/html.ts';
import { make, show } from '../dom.ts';
import type { Attention } from '../engine/protocol.ts';
import { hundredths, palette, shadeLegend, shadeOf } from './shades.ts';

/** What is looked at; all count from 0. */
export interface Picked {
  readonly layer: number;
  readonly head: number;
  readonly token: number;
}
export interface AttentionPart {
  readonly element: HTMLElement;
  /** @param texts of the tokens, as they are shown */
  draw(attention: Attention, texts: readonly string[], picked: Picked): void;
}

/** Pixels. */
const letter = 7;
const longest = 10;

export const attentionStyle = `
.inside .heads{display:grid;gap:.5rem;margin:.6rem 0 1rem}
.inside .heads div{display:flex;flex-wrap:wrap;gap:.5rem}
.inside .heads button{padding:.25rem;display:grid;gap:.1rem;justify-items:center;font-size:.75rem}
.inside .heads button[aria-pressed=true]{border-color:var(--blue);box-shadow:0 0 0 2px var(--blue)}
.inside canvas{display:block;image-rendering:pixelated;background:var(--paper)}
.inside .heads canvas{width:min(4.4rem,17vw);height:auto}
.inside .matrix{position:relative;width:max-content}
.inside .matrix canvas{position:absolute;right:0;bottom:0;cursor:pointer}
.inside .matrix svg{display:block;position:relative;pointer-events:none}
.inside .matrix text{font:11px ui-monospace,'Cascadia Mono',Menlo,Consolas,'Liberation Mono',monospace;fill:var(--soft);white-space:pre}
.inside .matrix .chosen{fill:var(--red)}
.inside .matrix rect{fill:none;stroke:var(--red);stroke-width:1.5}
.inside .row{display:flex;flex-wrap:wrap;gap:2px;max-width:none;margin:.6rem 0}
.inside .row span{display:grid;justify-items:center;min-width:1.7rem;padding:.1rem .25rem;border-radius:3px;cursor:pointer;line-height:1.25}
.inside .row b,.inside .lens b{font:500 .92rem ui-monospace,'Cascadia Mono',Menlo,Consolas,'Liberation Mono',monospace;white-space:pre}
.inside .row small,.inside .lens small{font:.7rem system-ui,-apple-system,'Segoe UI',Roboto,'Liberation Sans',Arial,sans-serif;font-variant-numeric:tabular-nums}
.inside .row .later{color:var(--soft)}
.inside .row .chosen{outline:2px solid var(--red);outline-offset:-1px}`;

/** @param pick is told what somebody has clicked */
export function attentionPart(pick: (picked: Partial<Picked>) => void): AttentionPart {
  const heads = make('div', { className: 'heads', attributes: { role: 'group', 'aria-label': 'All heads' } });
  const title = make('h3');
  const told = make('p', { className: 'hint' });
  const labels = make('div');
  const canvas = make('canvas', { attributes: { role: 'img' } });
  const matrix = make('div', { className: 'matrix' }, canvas, labels);
  const scroll = make(
    'div',
    {
      className: 'scroll',
      tabIndex: 0,
      attributes: { role: 'region', 'aria-label': 'The chosen head, token by token' },
    },
    matrix,
  );
  const legend = make('div');
  show(legend, shadeLegend());
  const row = make('p', { className: 'row' });
  let buttons: readonly HTMLButtonElement[] = [];
  /** What the large picture shows: who looks at whom, in a sentence. */
  let tell = (_from: number, _to: number) => '';
  let [size, cell, usual] = [0, 1, ''];

  const at = ({ offsetX, offsetY }: MouseEvent) =>
    [Math.floor(offsetY / cell), Math.floor(offsetX / cell)] as const;
  canvas.addEventListener('click', (event) => pick({ token: Math.min(size - 1, at(event)[0]) }));
  canvas.addEventListener('pointermove', (event) => {
    told.textContent = tell(...at(event)) || usual;
  });
  canvas.addEventListener('pointerleave', () => {
    told.textContent = usual;
  });
  row.addEventListener('click', ({ target }) => {
    const token = (target as Element).closest<HTMLElement>('[data-at]')?.dataset['at'];
    if (token !== undefined) pick({ token: Number(token) });
  });

  /** A button for each head; they stay, so that a focus does, too. */
  const lay = (layers: number, each: number) => {
    const button = (layer: number, head: number) =>
      make(
        'button',
        {
          type: 'button',
          attributes: { 'aria-label': `Layer ${layer}, head ${head}` },
          on: { click: () => pick({ layer, head }) },
        },
        make('canvas'),
        `${layer}.${head}`,
      );
    const grid = Array.from({ length: layers }, (_, layer) =>
      Array.from({ length: each }, (_, head) => button(layer, head)),
    );
    heads.replaceChildren(...grid.map((those) => make('div', {}, ...those)));
    buttons = grid.flat();
  };

  const draw: AttentionPart['draw'] = ({ layers, heads: H }, texts, picked) => {
    const T = texts.length;
    const colours = palette();
    if (buttons.length !== layers.length * H) lay(layers.length, H);
    const of = (layer: number, head: number) => layers[layer]!.subarray(head * T * T, (head + 1) * T * T);
    for (const [i, button] of buttons.entries()) {
      const [layer, head] = [Math.floor(i / H), i % H];
      button.setAttribute('aria-pressed', String(layer === picked.layer && head === picked.head));
      paint(button.querySelector('canvas')!, of(layer, head), T, colours);
    }
    const probs = of(picked.layer, picked.head);
    const from = picked.token;
    [size, cell] = [T, Math.max(12, Math.min(22, Math.floor(520 / T)))];
    paint(canvas, probs, T, colours);
    canvas.style.width = canvas.style.height = `${T * cell}px`;
    show(labels, frame(texts, cell, from));
    const name = `Layer ${picked.layer}, head ${picked.head}`;
    title.textContent = name;
    canvas.ariaLabel = `${name}: each row is a token, and how much it looks at itself and those before it`;
    tell = (i, j) => {
      if (!(j >= 0 && j < T && i >= 0 && i < T)) return '';
      if (j > i)
        return `Token ${i}, ${quoted(texts[i]!)}, cannot see ${quoted(texts[j]!)}: that comes later.`;
      return `Token ${i}, ${quoted(texts[i]!)}, looks at token ${j}, ${quoted(texts[j]!)}: ${(100 * probs[i * T + j]!).toFixed(1)}%.`;
    };
    const best = probs
      .subarray(from * T, from * T + from + 1)
      .reduce((a, p, j, all) => (p > all[a]! ? j : a), 0);
    usual = `${tell(from, best).slice(0, -1)}, the most of all.`;
    told.textContent = usual;
    show(row, rowOf(probs.subarray(from * T, (from + 1) * T), texts, from));
  };

  const element = make(
    'section',
    {},
    make('h2', {}, 'What a token looks at'),
    make(
      'p',
      { className: 'hint' },
      'Every head of every layer, as a picture: a row for each token, darker where it looks. What comes later it cannot see. Choose one.',
    ),
    heads,
    title,
    told,
    legend,
    row,
    scroll,
  );
  return { element, draw };
}

const quoted = (text: string): string => `\u2018${text}\u2019`;

/** One pixel for each pair of tokens; what a token cannot see stays empty. */
function paint(
  canvas: HTMLCanvasElement,
  probs: Float32Array,
  T: number,
  colours: readonly (readonly number[])[],
): void {
  canvas.width = canvas.height = T;
  const context = canvas.getContext('2d')!;
  const image = context.createImageData(T, T);
  for (let t = 0; t < T; t++) {
    for (let s = 0; s <= t; s++)
      image.data.set([...colours[shadeOf(probs[t * T + s]!)]!, 255], 4 * (t * T + s));
  }
  context.putImageData(image, 0, 0);
}

/** The tokens along both sides, and a line around the chosen one's row. */
function frame(texts: readonly string[], cell: number, chosen: number): Markup {
  const names = texts.map((text) =>
    text.length > longest ? `${[...text].slice(0, longest - 1).join('')}…` : text,
  );
  const most = Math.max(...names.map((name) => [...name].length));
  const margin = letter * most + 10;
  const top = most > 1 ? margin : 18;
  const side = texts.length * cell;
  const mark = (t: number) => t === chosen && html` class="chosen"`;
  return html`<svg width="${margin + side}" height="${top + side}" aria-hidden="true">${names.map(
    (name, t) => {
      const middle = (t + 0.5) * cell + 4;
      const place =
        most > 1
          ? html`transform="translate(${margin + middle} ${top - 6}) rotate(-90)"`
          : html`x="${margin + middle - 4}" y="${top - 6}" text-anchor="middle"`;
      return html`<text x="${margin - 6}" y="${top + middle}" text-anchor="end"${mark(t)}>${name}</text><text ${place}>${name}</text>`;
    },
  )}<rect x="${margin}" y="${top + chosen * cell}" width="${(chosen + 1) * cell}" height="${cell}"/></svg>`;
}

/** All tokens, shaded by how much the chosen one looks at them, in hundredths. */
function rowOf(row: Float32Array, texts: readonly string[], chosen: number): Markup {
  return html`${texts.map((text, t) => {
    const seen = t <= chosen;
    const p = row[t]!;
    return html`<span data-at="${t}"${seen && html` data-p="${String(p)}"`} class="${seen ? `shade${shadeOf(p)}` : 'later'}${t === chosen && ' chosen'}"><b>${text}</b><small>${seen ? hundredths(p) : '\u00a0'}</small></span>`;
  })}`;
}
