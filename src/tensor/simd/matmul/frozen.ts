/** Copies of frozen weights in panels of 32 columns: a matrix is copied when a product first reads it, and from then on read
 * from its copy. Where memory is short it is read as it lies. */
import type { Engine } from '../machine/engine.ts';
import { frozenColumns } from './row-panels.ts';

/** Two addresses, the lengths of b, and which panels of it. */
type Pack = (packed: number, b: number, N: number, K: number, from: number, to: number) => unknown;
/** Addresses from .. to - 1. */
type Range = readonly [from: number, to: number];
interface Copy {
  readonly packed: number;
  /** Where the matrix lies. */
  readonly of: Range;
  readonly refresh: () => void;
}

/** For matrices that lie the same way. */
export class Frozen {
  readonly #pack: Pack;
  readonly #engine: Pick<Engine, 'reserveCopy'>;
  readonly #ranges: Range[] = [];
  readonly #copies = new Map<string, Copy>();

  constructor(pack: Pack, engine: Pick<Engine, 'reserveCopy'>) {
    this.#pack = pack;
    this.#engine = engine;
  }

  /** What lies at these addresses is final; copies that were made of some of it before are made anew. */
  freeze(from: number, to: number): void {
    if (!this.#ranges.some((range) => range[0] === from && range[1] === to)) this.#ranges.push([from, to]);
    for (const { of, refresh } of this.#copies.values()) if (of[0] < to && of[1] > from) refresh();
  }

  /** The address of the panels of b (N columns, K rows); undefined where not all of b is frozen, or there is no memory. */
  packed({ b, N, K }: { readonly b: number; readonly N: number; readonly K: number }): number | undefined {
    const end = b + 4 * N * K;
    if (!this.#ranges.some(([from, to]) => b >= from && end <= to)) return undefined;
    const key = [b, N, K].join();
    const known = this.#copies.get(key);
    if (known !== undefined) return known.packed;
    const panels = Math.ceil(N / frozenColumns);
    const packed = this.#engine.reserveCopy(panels * frozenColumns * K * 4);
    if (packed === undefined) return undefined;
    const refresh = () => void this.#pack(packed, b, N, K, 0, panels);
    refresh();
    this.#copies.set(key, { packed, of: [b, end], refresh });
    return packed;
  }
}
