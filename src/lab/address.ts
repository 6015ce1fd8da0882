/** The state of the lab in its address, after the #: which view, and what is set in it. The same link shows the same thing.
 *
 *     #next-token?p=0.9&seed=7 */

/** Milliseconds from one change of the address to the next: browsers take a hundred in 30 seconds (Safari) or two hundred in
 * ten (Chromium, Firefox), which somebody who moves a slider soon passes. */
const pause = 320;

export type Settings = Readonly<Record<string, string | number | undefined>>;

export class Address {
  readonly #listeners = new Set<() => void>();
  /** What is set but not in the address yet. */
  #ahead: string | undefined;
  /** The address when that was set. Where it has become another, a link leads elsewhere, though the event has yet to come. */
  #from = '';
  #changedAt = Number.NEGATIVE_INFINITY;

  constructor() {
    addEventListener('hashchange', () => {
      this.#ahead = undefined;
      for (const listener of this.#listeners) listener();
    });
  }

  get view(): string {
    return this.#parts()[0];
  }

  /** What is set, or `otherwise`. */
  text(name: string, otherwise = ''): string {
    return this.#parts()[1].get(name) ?? otherwise;
  }

  /** The number that is set, or `otherwise` where there is none. */
  number(name: string, otherwise: number): number {
    const text = this.text(name);
    const value = Number(text);
    return text.trim() === '' || !Number.isFinite(value) ? otherwise : value;
  }

  /** Sets values, or takes them out where undefined. */
  set(values: Settings): void {
    const ahead = this.link(this.view, values);
    const waiting = this.#ahead !== undefined;
    this.#ahead = ahead;
    if (waiting) return;
    this.#from = location.hash;
    const wait = this.#changedAt + pause - performance.now();
    if (wait <= 0) this.#write();
    else setTimeout(() => this.#write(), wait);
  }

  /** The link to a view with what is set now, for settings of one name mean the same in all views; and with values set, or
   * taken out where undefined. Sorted by name, so that the same state is the same link. */
  link(view: string, values: Settings = {}): string {
    const [, given] = this.#parts();
    for (const [name, value] of Object.entries(values)) {
      if (value === undefined) given.delete(name);
      else given.set(name, String(value));
    }
    given.sort();
    const rest = given.toString();
    return `#${view}${rest === '' ? '' : `?${rest}`}`;
  }

  /** Calls back when a link leads elsewhere; returns what ends that. */
  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  #write(): void {
    if (this.#ahead === undefined || location.hash !== this.#from) return;
    history.replaceState(null, '', this.#ahead);
    this.#ahead = undefined;
    this.#changedAt = performance.now();
  }

  #parts(): [view: string, given: URLSearchParams] {
    const [view = '', ...rest] = (this.#ahead ?? location.hash).slice(1).split('?');
    return [view, new URLSearchParams(rest.join('?'))];
  }
}
