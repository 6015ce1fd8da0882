/** Copies of frozen weights in panels of 32 columns, for products with few rows: a matrix is copied when a product first
 * reads it, and then read from its copy. Where memory is short it is read as it lies. */
import { frozenColumns } from './row-panels.ts';

/** Addresses of two matrices, the lengths of b, and which panels of it. */
type Pack = (panels: number, b: number, N: number, K: number, from: number, to: number) => unknown;
interface Copy {
  readonly b: number;
  readonly panels: number;
  readonly refresh: () => void;
}

/** For matrices that lie the same way. */
export class Frozen {
  readonly #pack: Pack;
  readonly #reserve: (bytes: number) => number | undefined;
  readonly #ranges: (readonly [from: number, to: number])[] = [];
  readonly #copies = new Map<string, Copy>();

  constructor(pack: Pack, reserve: (bytes: number) => number | undefined) {
    this.#pack = pack;
    this.#reserve = reserve;
  }

  /** What lies at these addresses is final; copies that were made of it before are made anew. */
  freeze(from: number, to: number): void {
    if (!this.#ranges.some((range) => range[0] === from && range[1] === to)) this.#ranges.push([from, to]);
    for (const { b, refresh } of this.#copies.values()) if (b >= from && b < to) refresh();
  }

  /** The address of the panels of b (N columns, K rows); undefined where b is not frozen, or there is no memory for them. */
  panels({ b, N, K }: { readonly b: number; readonly N: number; readonly K: number }): number | undefined {
    if (!this.#ranges.some(([from, to]) => b >= from && b < to)) return undefined;
    const key = [b, N, K].join();
    const known = this.#copies.get(key);
    if (known !== undefined) return known.panels;
    const count = Math.ceil(N / frozenColumns);
    const panels = this.#reserve(count * frozenColumns * K * 4);
    if (panels === undefined) return undefined;
    const refresh = () => void this.#pack(panels, b, N, K, 0, count);
    refresh();
    this.#copies.set(key, { b, panels, refresh });
    return panels;
  }
}
