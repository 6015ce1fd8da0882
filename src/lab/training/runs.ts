/** The runs that are there: the server's, those that the browser keeps, and a folder from the disk. */
import type { Files } from '../../library/run-files.ts';
import { filesOf, make } from '../dom.ts';
import type { Lab } from '../lab.ts';
import { forgetRun, keptRun, keptRuns } from '../store.ts';

export interface Runs {
  readonly element: HTMLElement;
  /** Lists them again. */
  show(): Promise<void>;
}

/** @param text the text that is chosen, for a run to be taken up
 * @param act makes what a button does of an action that may fail */
export function runs(
  { session, ...lab }: Lab,
  text: () => Promise<string>,
  act: (action: () => Promise<void>) => () => void,
): Runs {
  const element = make('div', { className: 'controls' });
  const button = (label: string, action: () => Promise<void>) =>
    make('button', { type: 'button', on: { click: act(action) } }, label);
  const line = (name: string, ...buttons: readonly HTMLButtonElement[]) =>
    make(
      'div',
      {},
      make('p', { className: 'status' }, name),
      make('div', { className: 'buttons' }, ...buttons),
    );
  const opening = (name: string, files: () => Promise<Files>) => [
    button('Open', async () => session.open(name, await files())),
    button('Take up', async () => session.reopen(name, await files(), await text())),
  ];
  const folder = make('input', { type: 'file', multiple: true, attributes: { webkitdirectory: '' } });
  const open = act(async () => {
    const chosen = [...(folder.files ?? [])];
    const name = chosen[0]?.webkitRelativePath.split('/')[0] || 'folder';
    await session.open(name, await filesOf(chosen));
  });
  folder.addEventListener('change', open);

  const show = async () => {
    const ofServer = lab.runs.map((name) =>
      line(
        name,
        ...opening(name, () => lab.run(name)),
        button('Watch', () => session.watch(name)),
      ),
    );
    const ofBrowser = (await keptRuns()).map((name) => {
      const forget = button('Forget', async () => {
        await forgetRun(name);
        await show();
      });
      return line(`${name}, kept by this browser`, ...opening(name, () => keptRun(name)), forget);
    });
    element.replaceChildren(...ofServer, ...ofBrowser, make('label', {}, 'Open a run folder', folder));
  };
  return { element, show };
}
