/** The page: finds out what there is, starts the engine, and shows one view at a time, the one that the address names. */
import { Address } from './address.ts';
import { make } from './dom.ts';
import { Engine } from './engine/client.ts';
import type { Lab } from './lab.ts';
import { Session } from './session.ts';
import { views } from './views/list.ts';

/** What the server has: see src/cli/lab/server.ts. */
interface Found {
  readonly version: string;
  readonly texts: Lab['texts'];
  readonly runs: readonly string[];
  readonly chosen: string | null;
}

const mostThreads = 8;
const element = (id: string) => document.getElementById(id)!;

async function fetched(path: string): Promise<Response> {
  const response = await fetch(path);
  if (!response.ok) throw new Error(`the lab's server says: ${(await response.text()).trim()}`);
  return response;
}

async function start(): Promise<void> {
  const address = new Address();
  const engine = new Engine();
  const threads = Math.min(address.number('threads', navigator.hardwareConcurrency), mostThreads);
  const math = address.text('math') === 'portable' ? 'portable' : 'auto';
  const [found, machine] = await Promise.all([
    fetched('/lab.json').then((response) => response.json() as Promise<Found>),
    engine.call('open', { threads, math }),
  ]);
  const lab: Lab = {
    ...{ engine, address, machine },
    session: new Session(engine),
    texts: found.texts,
    runs: found.runs,
    text: async (name) => (await fetched(`/data/${encodeURIComponent(name)}`)).text(),
    run: async (name) => {
      const path = `/runs/${encodeURIComponent(name)}`;
      const list = (await (await fetched(path)).json()) as { readonly path: string }[];
      const bytes = async (file: string) =>
        new Uint8Array(await (await fetched(`${path}/${file}`)).arrayBuffer());
      return new Map(
        await Promise.all(list.map(async (file) => [file.path, await bytes(file.path)] as const)),
      );
    },
  };
  const fused = { 'simd fma': 'with fused multiply-add', 'simd portable': 'portable' }[machine.arithmetic];
  const count = machine.threads === 1 ? 'one thread' : `${machine.threads} threads`;
  element('machine').append(
    make('span', {}, `Inkling ${found.version}`),
    make('span', {}, `computes on ${count}${fused === undefined ? '' : `, ${fused}`}`),
    make('span', { hidden: crossOriginIsolated }, 'this tab cannot share memory between threads'),
    make('span', {}, 'nothing leaves this machine'),
  );
  const sheets = new Set<string>();
  let leave = () => {};
  let shown = '';
  const show = () => {
    const view = views.find(({ id }) => id === address.view) ?? views[0]!;
    const moved = shown !== '' && shown !== view.id;
    shown = view.id;
    leave();
    document.title = `${view.title} – Inkling, the lab`;
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
    const source = make('a', { href: `/source/${view.source}`, target: '_blank' }, view.source);
    element('view').replaceChildren(
      make('p', { className: 'instruction' }, `${view.instruction} `, source),
      place,
    );
    leave = view.mount(place, lab);
    if (moved) element('view').focus();
  };
  address.onChange(show);
  show();
  if (found.chosen !== null) await lab.session.open(found.chosen, await lab.run(found.chosen));
}

start().catch((error: Error) => {
  element('view').replaceChildren(
    make(
      'p',
      { className: 'problem', attributes: { role: 'alert' } },
      `the lab cannot start: ${error.message}`,
    ),
  );
});
