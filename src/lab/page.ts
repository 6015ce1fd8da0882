/** The page: starts the engine, and shows one view at a time, the one that the address names. */

import type { Files } from '../library/run-files.ts';
import { Address } from './address.ts';
import { make } from './dom.ts';
import { Engine } from './engine/client.ts';
import type { Lab } from './lab.ts';
import { cannotStart } from './problem.ts';
import { Session } from './session.ts';
import { views } from './views/list.ts';

/** What there is, and where it comes from: the lab's server, or the page itself. */
export interface Found extends Pick<Lab, 'home' | 'texts' | 'runs' | 'text' | 'run'> {
  readonly version: string;
  /** In the title of the tab, after that of the view. */
  readonly title: string;
  /** Which view is shown where the address names none; absent: the first. */
  readonly view?: string;
  /** The run or model that the page opens with. */
  readonly opens?: { readonly name: string; files(): Promise<Files> } | undefined;
  /** What else is to be said at the foot of the page. */
  readonly remark?: string | undefined;
}

const mostThreads = 8;
const element = (id: string) => document.getElementById(id)!;
const named = (view: string | undefined) => views.find(({ id }) => id === view);

/** Shows the page, or why it cannot be shown. */
export function startPage(find: () => Promise<Found>): void {
  start(find).catch(cannotStart);
}

async function start(find: () => Promise<Found>): Promise<void> {
  const address = new Address();
  const found = await find();
  const inFile = found.home === 'file';
  const engine = new Engine();
  const threads = inFile
    ? 1
    : Math.min(address.number('threads', navigator.hardwareConcurrency), mostThreads);
  const math = address.text('math') === 'portable' ? 'portable' : 'auto';
  const machine = await engine.call('open', { threads, math });
  const lab: Lab = { ...found, engine, address, machine, session: new Session(engine) };
  const fused = { 'simd fma': 'with fused multiply-add', 'simd portable': 'portable' }[machine.arithmetic];
  const count = machine.threads === 1 ? 'one thread' : `${machine.threads} threads`;
  element('machine').append(
    make('span', {}, `Inkling ${found.version}`),
    make('span', {}, `computes on ${count}${fused === undefined ? '' : `, ${fused}`}`),
    make(
      'span',
      { hidden: crossOriginIsolated || inFile },
      'this tab cannot share memory between threads, so it has one; npm run lab serves pages that can',
    ),
    make('span', { hidden: found.remark === undefined }, found.remark),
    make('span', {}, 'nothing leaves this machine'),
  );
  const sheets = new Set<string>();
  let leave = () => {};
  let shown = '';
  const show = () => {
    const view = named(address.view) ?? named(found.view) ?? views[0]!;
    const moved = shown !== '' && shown !== view.id;
    shown = view.id;
    leave();
    document.title = `${view.title} – ${found.title}`;
    element('views').replaceChildren(
      ...views.map(({ id, title }) =>
        make(
          'a',
          {
            href: `#${id}`,
            attributes: id === view.id ? { 'aria-current': 'page' } : {},
            // The link is written when it is used: what is set changes all the time.
            on: {
              click: (event) => {
                (event.currentTarget as HTMLAnchorElement).href = address.link(id);
              },
            },
          },
          title,
        ),
      ),
    );
    if (view.style !== undefined && !sheets.has(view.id)) {
      sheets.add(view.id);
      const sheet = new CSSStyleSheet();
      sheet.replaceSync(view.style);
      document.adoptedStyleSheets.push(sheet);
    }
    const place = make('section', { attributes: { 'aria-label': view.title } });
    const source = inFile
      ? make('span', { className: 'source' }, view.source)
      : make('a', { href: `/source/${view.source}`, target: '_blank' }, view.source);
    element('view').replaceChildren(
      make('p', { className: 'instruction' }, `${view.instruction} `, source),
      place,
    );
    leave = view.mount(place, lab);
    if (moved) element('view').focus();
  };
  address.onChange(show);
  show();
  if (found.opens !== undefined) await lab.session.open(found.opens.name, await found.opens.files());
}
