/** How large gradients and updates are, by layer: the report's charts, while the records come in. */
import { layerFigures } from '../../report/layers.ts';
import { readRun } from '../../report/run.ts';
import { make, show } from '../dom.ts';
import type { Session } from '../session.ts';

export function sizesPart(session: Session): { readonly element: HTMLElement; draw(): void } {
  const figures = make('div', { className: 'pair' });
  let drawn = '';
  /** Only where there is something new: a chart has many cells. */
  const draw = () => {
    const { data, name } = session;
    const { layers } = data.history;
    const now = `${name} ${layers.length} ${layers.at(-1)?.step}`;
    if (now === drawn) return;
    drawn = now;
    const charts = layerFigures(readRun(data));
    if (charts !== undefined) show(figures, charts);
    else
      figures.replaceChildren(
        make(
          'p',
          { className: 'hint' },
          'Nothing is on record yet: they are measured while a model is trained.',
        ),
      );
  };
  const element = make('section', {}, make('h2', {}, 'Gradients and updates by layer'), figures);
  return { element, draw };
}
