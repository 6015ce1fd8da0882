/** One token of a text: how likely it was, and what else could have stood there. */
import { html } from '../../report/html.ts';
import { make, show } from '../dom.ts';
import { seen } from '../token-text.ts';
import { percent } from '../wording.ts';
import type { TextToken } from './text.ts';

export interface Place {
  readonly token: TextToken;
  /** From 0. */
  readonly at: number;
  readonly names: readonly string[];
}

export class Alternatives {
  readonly element: HTMLElement;
  readonly #told = make('p', { className: 'status', attributes: { 'aria-live': 'polite' } });
  readonly #list = make('div', { className: 'alternatives' });
  #place: Place | undefined;

  /** @param move looks at a token before or after this one
   * @param choose called with the place and the alternative, an index */
  constructor(move: (by: number) => void, choose: (place: Place, alternative: number) => void) {
    const step = (label: string, by: number) =>
      make('button', { type: 'button', on: { click: () => move(by) } }, label);
    this.#list.addEventListener('click', ({ target }) => {
      const button = (target as Element).closest('button');
      if (button !== null && this.#place !== undefined) choose(this.#place, Number(button.dataset['choice']));
    });
    const steps = make('div', { className: 'buttons' }, step('Token before', -1), step('Token after', 1));
    const label = { 'aria-label': 'Alternatives' };
    this.element = make('section', { hidden: true, attributes: label }, this.#told, this.#list, steps);
  }

  show(place: Place | undefined): void {
    this.#place = place;
    this.element.hidden = false;
    if (place === undefined) {
      this.#list.replaceChildren();
      this.#told.textContent =
        'Click a token, or go to the text with Tab and use the arrow keys; Enter leads to the alternatives.';
      return;
    }
    const { token, at, names } = place;
    const { id, probability, rank, entropy, alternatives, chosen } = token;
    const numbers = `probability ${percent(probability)}, rank ${rank} of ${names.length}; entropy ${entropy.toFixed(2)} nats`;
    show(
      this.#told,
      html`Token ${at + 1}, <b>${seen(names[id]!)}</b>${chosen === true && ', chosen by you'}: ${numbers}`,
    );
    const all = alternatives.some((other) => other.id === id) ? alternatives : [...alternatives, token];
    const most = alternatives[0]!.probability;
    const row = (
      other: (typeof all)[number],
      i: number,
    ) => html`<button type="button" data-choice="${i}" data-id="${other.id}" data-p="${String(other.probability)}"${other.id === id && html` disabled`}>
<span class="token">${seen(names[other.id]!)}</span><span>${percent(other.probability)}</span>
<svg viewBox="0 0 100 10" preserveAspectRatio="none" aria-hidden="true"><rect class="${other.id === id ? 'drawn' : 'strong'}" y="1" height="8" width="${(100 * other.probability) / most}"/></svg></button>`;
    show(this.#list, html`${all.map(row)}`);
  }

  /** For the keyboard: Enter on a token leads here. */
  focus(): void {
    this.#list.querySelector<HTMLButtonElement>('button:not(:disabled)')?.focus();
  }
}
