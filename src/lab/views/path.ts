/** Path: ten questions through the views, each with what the model at hand says, once one asks. */

import type { Claim } from '../../lessons/claims/claim.ts';
import { type NumberSetting, numberOf } from '../controls.ts';
import { make } from '../dom.ts';
import type { Lab, View } from '../lab.ts';
import { answered, forgetAnswered, keepAnswered } from '../path/answered.ts';
import { stops } from '../path/stops.ts';
import { problemPlace } from '../problem.ts';

/** Which stop, from 1. */
const stopSetting: NumberSetting = {
  ...{ name: 'at', label: 'Stop', from: 1, to: stops.length, step: 1 },
  otherwise: 1,
};

export const path: View = {
  id: 'path',
  title: 'Path',
  instruction:
    'Read what is claimed, try it in its view, come back, and let the model at hand give its answer.',
  source: 'src/lab/path/measures.ts',
  style: `.lab .stops{list-style:none;padding:0;margin:0;display:grid;gap:.25rem}
.lab .stops button{width:100%;text-align:left;display:grid;grid-template-columns:1.9rem 1fr auto;background:none;border-color:transparent;padding:.3rem .5rem}
.lab .stops [aria-current]{background:var(--panel);border-color:var(--blue)}
.lab .stops .tick{color:var(--blue)}
.lab .stop>h2{margin-top:0;border:0;padding:0}.lab .stop>h2:focus{outline:none}
.lab .stop dl{display:grid;grid-template-columns:minmax(0,7.5rem) minmax(0,1fr);gap:.6rem 1rem;margin:0}.lab .stop .buttons{margin:1.1rem 0}
.lab .stop dt{color:var(--soft);font-size:.88rem}.lab .stop dd{margin:0;overflow-wrap:anywhere}
@media (max-width:40rem){.lab .stop dl{grid-template-columns:minmax(0,1fr);gap:.1rem}.lab .stop dd{margin-bottom:.6rem}}`,
  mount(element, lab) {
    const { address } = lab;
    const { element: problem, say } = problemPlace();
    let leaving = new AbortController();

    const ticks = stops.map(() =>
      make('span', { className: 'tick', attributes: { role: 'img', 'aria-label': 'answered' } }, '✓'),
    );
    const buttons = stops.map(({ claim }, i) =>
      make(
        'button',
        { type: 'button', on: { click: () => go(i) } },
        ...[make('span', {}, `${i + 1}`), make('span', {}, claim.title), ticks[i]],
      ),
    );
    const status = make('p', { className: 'status', attributes: { role: 'status' } });
    const place = make('article', { className: 'stop' });
    const startAgain = () => {
      forgetAnswered();
      go(0);
    };
    const again = make('button', { type: 'button', on: { click: startAgain } }, 'Start again');
    const chosen = () => numberOf(address, stopSetting) - 1;
    const drawTicks = () => {
      const done = answered();
      for (const [i, { claim }] of stops.entries()) {
        ticks[i]!.hidden = !done.has(claim.number);
        if (i === chosen()) buttons[i]!.setAttribute('aria-current', 'step');
        else buttons[i]!.removeAttribute('aria-current');
      }
      const count = ticks.filter(({ hidden }) => !hidden).length;
      status.textContent = `${count} of ${stops.length} answered.`;
      again.disabled = count === 0;
    };

    /** Shows the stop that is chosen, and its answer only when somebody asks. */
    const draw = () => {
      leaving.abort();
      say(undefined);
      const at = chosen();
      const { claim, view, set, act } = stops[at]!;
      const answer = make('dl', { attributes: { 'aria-live': 'polite' } });
      const ask = make(
        'button',
        { type: 'button', className: 'main', on: { click: () => void tell(at, answer) } },
        'Show the answer',
      );
      const next = make(
        'button',
        { type: 'button', disabled: at === stops.length - 1, on: { click: () => go(at + 1) } },
        'Next stop',
      );
      const asked = make(
        'dl',
        {},
        ...entry('Claimed', claim.claim),
        ...entry('Try it', `${act} `, make('a', { href: address.link(view.id, set) }, `Open ${view.title}`)),
        ...entry('Question', claim.question),
      );
      const title = make('h2', { tabIndex: -1 }, `${at + 1}. ${claim.title}`);
      place.replaceChildren(title, asked, make('div', { className: 'buttons' }, ask, next), problem, answer);
      drawTicks();
    };
    const go = (to: number) => {
      address.set({ at: to === 0 ? undefined : to + 1 });
      draw();
      place.querySelector('h2')!.focus();
    };
    /** Measures, and shows what came out, unless somebody has gone on or asked again by then. */
    const tell = async (at: number, answer: Element) => {
      leaving.abort();
      leaving = new AbortController();
      const { signal } = leaving;
      const { claim, measure } = stops[at]!;
      say(undefined);
      answer.replaceChildren(...entry('Measured', 'The model is being asked ...'));
      try {
        const { found, numbers } = await measure(lab, signal);
        if (signal.aborted) return;
        const measured = entry('Measured', found);
        measured[1]!.dataset['numbers'] = JSON.stringify(numbers);
        const verdict = entry('The claim', `${claim.verdict}: `, lesson(lab.home, claim));
        answer.replaceChildren(...measured, ...entry('Answer', claim.answer), ...verdict);
        keepAnswered(claim.number);
        drawTicks();
      } catch (error) {
        if (signal.aborted) return;
        answer.replaceChildren();
        say(error);
      }
    };

    element.append(
      make(
        'div',
        { className: 'bench' },
        make(
          'div',
          { className: 'controls' },
          make('ol', { className: 'stops' }, ...buttons.map((each) => make('li', {}, each))),
          status,
          make('div', { className: 'buttons' }, again),
        ),
        place,
      ),
    );
    draw();
    return () => leaving.abort();
  },
};

const entry = (term: string, ...parts: readonly (string | Node)[]) => [
  make('dt', {}, term),
  make('dd', {}, ...parts),
];

/** Where the claim is checked in full; a page that is one file has nothing to lead to. */
function lesson(home: Lab['home'], { number, title }: Claim): HTMLElement {
  const command = make('code', {}, `npm run lessons -- ${number}`);
  const place = `/source/docs/lessons.md#:~:text=${encodeURIComponent(`${number}. ${title}`)}`;
  return home === 'file'
    ? command
    : make('a', { href: place, target: '_blank' }, `lesson ${number}, `, command);
}
