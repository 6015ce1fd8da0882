/** What each head is worth: the loss with that one off, a box to switch it off, and the loss with all that are off. */
import { make } from '../dom.ts';
import type { Head } from '../engine/protocol.ts';

export interface HeadsPart {
  readonly element: HTMLElement;
  /** Lays out a table for a model of so many layers and heads. */
  lay(layers: number, heads: number, off: readonly Head[]): void;
  /** Losses in the order of `setsOf`, as far as they are known. */
  draw(losses: readonly number[], scored: number | undefined): void;
  say(problem: string): void;
}

export const headsStyle = `
.inside .worth{width:auto}
.inside .worth th,.inside .worth td{padding:.2rem .9rem .2rem 0;vertical-align:middle}
.inside .worth label{display:grid;grid-template-columns:auto 1fr;gap:.1rem .45rem;align-items:center;min-width:5.6rem;white-space:nowrap}
.inside .worth th label{min-width:0;color:var(--ink)}
.inside .worth input{min-width:1rem}
.inside .worth svg{grid-column:1/3;width:100%;height:.4rem;background:var(--panel)}
.inside .worth .strong{fill:var(--blue)}.inside .worth .better{fill:var(--red)}`;

/** 'off' in the address: "0.1-1.3". What is no head of the model is left out. */
export function headsOf(text: string, layers: number, heads: number): Head[] {
  return text
    .split('-')
    .map((part) => /^(\d{1,4})\.(\d{1,4})$/.exec(part))
    .filter((match) => match !== null)
    .map(([, layer, head]) => [Number(layer), Number(head)] as const)
    .filter(([layer, head]) => layer < layers && head < heads);
}
export const textOfHeads = (off: readonly Head[]): string => off.map((head) => head.join('.')).join('-');

/** The sets of heads to ask for: none, those that are off, then each one alone. */
export function setsOf(layers: number, heads: number, off: readonly Head[]): (readonly Head[])[] {
  const each = Array.from({ length: layers * heads }, (_, i): Head[] => [[Math.floor(i / heads), i % heads]]);
  return [[], off, ...each];
}

/** @param changed is told which heads are off */
export function headsPart(changed: (off: readonly Head[]) => void): HeadsPart {
  const status = make('p', { className: 'status' });
  const table = make('table', { className: 'worth' });
  const all = make('button', { type: 'button', on: { click: () => set(() => false) } }, 'Switch all on');
  let boxes: readonly { readonly head: Head; readonly box: HTMLInputElement; readonly cell: Element }[] = [];
  let layerBoxes: readonly HTMLInputElement[] = [];

  const off = () => boxes.filter(({ box }) => box.checked).map(({ head }) => head);
  const refresh = () => {
    for (const [layer, layerBox] of layerBoxes.entries()) {
      const those = boxes.filter(({ head }) => head[0] === layer).map(({ box }) => box.checked);
      layerBox.checked = those.every(Boolean);
      layerBox.indeterminate = !layerBox.checked && those.some(Boolean);
    }
    all.disabled = off().length === 0;
  };
  const set = (checked: (head: Head, was: boolean) => boolean) => {
    for (const { head, box } of boxes) box.checked = checked(head, box.checked);
    refresh();
    changed(off());
  };

  const lay: HeadsPart['lay'] = (layers, heads, given) => {
    const names = new Set(given.map((head) => head.join('.')));
    const box = (label: string, checked: boolean, change: () => void) =>
      make('input', { type: 'checkbox', checked, attributes: { 'aria-label': label }, on: { change } });
    boxes = Array.from({ length: layers * heads }, (_, i) => {
      const head: Head = [Math.floor(i / heads), i % heads];
      const label = `Switch off layer ${head[0]}, head ${head[1]}`;
      const input = box(label, names.has(head.join('.')), () => set((_, was) => was));
      return { head, box: input, cell: make('label', {}, input, make('span'), bar()) };
    });
    layerBoxes = Array.from({ length: layers }, (_, layer) => {
      const input = box(`Switch off all of layer ${layer}`, false, () =>
        set((head, was) => (head[0] === layer ? input.checked : was)),
      );
      return input;
    });
    const cellsOf = (layer: number) => boxes.filter(({ head }) => head[0] === layer);
    table.replaceChildren(
      make(
        'caption',
        {},
        'What it loses when one head alone is off, in nats per token; tick heads to switch them off together',
      ),
      make(
        'thead',
        {},
        make(
          'tr',
          {},
          make('td'),
          ...Array.from({ length: heads }, (_, head) => make('th', { scope: 'col' }, `head ${head}`)),
        ),
      ),
      make(
        'tbody',
        {},
        ...layerBoxes.map((input, layer) =>
          make(
            'tr',
            {},
            make('th', { scope: 'row' }, make('label', {}, input, `layer ${layer}`)),
            ...cellsOf(layer).map(({ cell }) => make('td', {}, cell)),
          ),
        ),
      ),
    );
    refresh();
  };

  const draw: HeadsPart['draw'] = ([whole, without, ...each], scored) => {
    if (whole === undefined || without === undefined) return;
    const count = off().length;
    const over = scored === undefined ? '' : ` over ${scored} tokens`;
    const then =
      count === 0
        ? 'No head is off.'
        : `Without ${count === 1 ? 'the head that is' : `the ${count} heads that are`} off: ${without.toFixed(4)} (${signed(without - whole)}).`;
    status.replaceChildren(
      'With all heads ',
      make('b', {}, whole.toFixed(4)),
      ` nats per token${over}. ${then}`,
    );
    Object.assign(status.dataset, { whole: String(whole), without: String(without) });
    const most = Math.max(...each.map((loss) => Math.abs(loss - whole)));
    for (const [i, { cell }] of boxes.entries()) {
      const loss = each[i];
      if (loss === undefined) continue;
      const number = cell.querySelector('span')!;
      number.textContent = signed(loss - whole);
      number.dataset['loss'] = String(loss);
      const rect = cell.querySelector('rect')!;
      rect.setAttribute('width', String(most > 0 ? (100 * Math.abs(loss - whole)) / most : 0));
      rect.setAttribute('class', loss >= whole ? 'strong' : 'better');
    }
  };
  const say = (problem: string) => status.replaceChildren(problem);

  const scroll = make(
    'div',
    { className: 'scroll', tabIndex: 0, attributes: { role: 'region', 'aria-label': 'Heads' } },
    table,
  );
  const hint =
    'A long blue bar is a head that this text needs; a red one says that it would do better without. Heads stand in for each other: two that seem worth little may be worth a lot together.';
  const element = make(
    'section',
    {},
    make('h2', {}, 'What each head is worth'),
    make('p', { className: 'hint' }, hint),
    status,
    scroll,
    all,
  );
  return { element, lay, draw, say };
}

function bar(): SVGSVGElement {
  const namespace = 'http://www.w3.org/2000/svg';
  const svg = document.createElementNS(namespace, 'svg');
  const attributes = { viewBox: '0 0 100 10', preserveAspectRatio: 'none', 'aria-hidden': 'true' };
  for (const [name, value] of Object.entries(attributes)) svg.setAttribute(name, value);
  const rect = document.createElementNS(namespace, 'rect');
  rect.setAttribute('height', '10');
  svg.append(rect);
  return svg;
}

const signed = (x: number): string => `${x < 0 ? '\u2212' : '+'}${Math.abs(x).toFixed(4)}`;
