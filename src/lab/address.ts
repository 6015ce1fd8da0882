/** The state of the lab in its address, after the #: which view, and what is set in it. The same link shows the same thing.
 *
 *     #next-token?p=0.9&seed=7 */

export class Address {
  readonly #listeners = new Set<() => void>();

  constructor() {
    addEventListener('hashchange', () => {
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

  /** Sets values, or takes them out where undefined; sorted by name, so that the same state is the same link. */
  set(values: Readonly<Record<string, string | number | undefined>>): void {
    const [view, given] = this.#parts();
    for (const [name, value] of Object.entries(values)) {
      if (value === undefined) given.delete(name);
      else given.set(name, String(value));
    }
    given.sort();
    const rest = given.toString();
    history.replaceState(null, '', `#${view}${rest === '' ? '' : `?${rest}`}`);
  }

  /** The link to a view with what is set now, for settings of one name mean the same in all views. */
  link(view: string): string {
    const rest = this.#parts()[1].toString();
    return `#${view}${rest === '' ? '' : `?${rest}`}`;
  }

  /** Calls back when a link leads elsewhere; returns what ends that. */
  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  #parts(): [view: string, given: URLSearchParams] {
    const [view = '', ...rest] = location.hash.slice(1).split('?');
    return [decodeURIComponent(view), new URLSearchParams(rest.join('?'))];
  }
}
