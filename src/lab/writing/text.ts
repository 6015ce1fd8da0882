/** A text in tokens, coloured by how sure the model was. It only grows, some tokens a frame and line by line, so that a long
 * one costs a frame no more than a short one. */
import { make, onceAFrame } from '../dom.ts';
import type { Written } from '../engine/protocol.ts';

export interface TextToken extends Written {
  /** Taken by the person, not drawn. */
  readonly chosen?: boolean;
}

const tokensAFrame = 100;
/** Where each level but the palest begins. */
export const levels = { probability: [0.1, 0.3, 0.6, 0.9], entropy: [0.5, 1, 2, 3] } as const;

const levelOf = (value: number, limits: readonly number[]) => limits.filter((limit) => value >= limit).length;

export class TokenText {
  readonly element: HTMLElement;
  readonly tokens: TextToken[] = [];
  readonly #names: readonly string[];
  readonly #spans: HTMLSpanElement[] = [];
  readonly #select: ((at: number) => void) | undefined;
  #line = make('div', { attributes: { role: 'none' } });
  #repeated: readonly boolean[] = [];
  #selected: HTMLSpanElement | undefined;
  #wanted: number | undefined;
  readonly #soon = onceAFrame(() => this.#draw());

  /** @param given what the text goes on from
   * @param names of the tokens, by id: for those that are no whole character
   * @param select called with the place of the token that is looked at; without it none can be */
  constructor(given: string, names: readonly string[], select?: (at: number) => void) {
    this.#names = names;
    this.#select = select;
    const listbox = { role: 'listbox', 'aria-label': 'The text, token by token' };
    this.element = make('div', {
      className: 'tokens',
      attributes: select === undefined ? {} : listbox,
      on: select === undefined ? {} : { click: (event) => this.#clicked(event), keydown: this.#pressed },
    });
    this.element.append(this.#line);
    if (given !== '') this.#line.append(make('i', { attributes: { role: 'none' } }, given));
  }

  add(...tokens: readonly TextToken[]): void {
    this.tokens.push(...tokens);
    this.#soon();
  }

  /** Marks tokens as repeated, by place. */
  mark(repeated: readonly boolean[]): void {
    this.#repeated = repeated;
    for (const [at, span] of this.#spans.entries()) if (repeated[at]) span.classList.add('repeated');
  }

  /** Looks at the token at a place as soon as it is drawn, with the focus there. */
  lookWhenDrawn(at: number): void {
    this.#wanted = at;
    this.#soon();
  }

  /** Looks at another token, as far from the one that is looked at, and moves the focus there. */
  move(by: number): void {
    const at = this.#selected === undefined ? 0 : this.#spans.indexOf(this.#selected) + by;
    this.#look(at);
    this.#selected?.focus();
  }

  #look(at: number): void {
    const span = this.#spans[at];
    if (span === undefined || this.#select === undefined) return;
    (this.#selected ?? this.#spans[0]!).tabIndex = -1;
    this.#selected?.setAttribute('aria-selected', 'false');
    this.#selected = span;
    span.tabIndex = 0;
    span.setAttribute('aria-selected', 'true');
    this.#select(at);
  }

  #clicked({ target }: Event): void {
    this.#look(this.#spans.indexOf(target as HTMLSpanElement));
  }

  readonly #pressed = (event: Event): void => {
    const last = this.#spans.length - 1;
    const steps: Readonly<Record<string, number>> = { ArrowLeft: -1, ArrowRight: 1, Home: -last, End: last };
    const { key } = event as KeyboardEvent;
    const by = steps[key];
    if (by === undefined) return;
    event.preventDefault();
    const here = this.#spans.indexOf(event.target as HTMLSpanElement);
    this.#look(Math.min(last, Math.max(0, here + by)));
    this.#selected?.focus();
  };

  #draw(): void {
    const { element } = this;
    const atEnd = element.scrollTop + element.clientHeight > element.scrollHeight - 40;
    const from = this.#spans.length;
    for (const token of this.tokens.slice(from, from + tokensAFrame)) this.#append(token);
    if (atEnd) element.scrollTop = element.scrollHeight;
    if (this.#wanted !== undefined && this.#spans.length > this.#wanted) {
      this.#look(this.#wanted);
      this.#selected?.focus();
      this.#wanted = undefined;
    }
    if (this.#spans.length < this.tokens.length) this.#soon();
  }

  #append({ id, text, probability, entropy, chosen = false }: TextToken): void {
    const at = this.#spans.length;
    const span = make(
      'span',
      { attributes: { 'data-id': String(id) } },
      text === '' ? this.#names[id] : text,
    );
    span.classList.add(
      `p${levelOf(probability, levels.probability)}`,
      `e${levelOf(entropy, levels.entropy)}`,
    );
    span.classList.toggle('break', text.includes('\n'));
    span.classList.toggle('chosen', chosen);
    span.classList.toggle('repeated', this.#repeated[at] === true);
    if (this.#select !== undefined) {
      span.tabIndex = at === 0 ? 0 : -1;
      span.setAttribute('role', 'option');
      span.setAttribute('aria-selected', 'false');
      if (text.trim() === '') span.setAttribute('aria-label', text.includes('\n') ? 'line break' : 'space');
    }
    this.#spans.push(span);
    this.#line.append(span);
    if (!text.endsWith('\n')) return;
    this.#line = make('div', { attributes: { role: 'none' } });
    this.element.append(this.#line);
  }
}
