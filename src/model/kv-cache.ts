/** The key-value cache: what attention needs from the tokens that were read before, for several sequences at a time.
 *
 * Each sequence has a slot of its own, with its own length. All memory is planned ahead: a token needs no padding, no copy and
 * no allocation. The keys and values of a position depend only on the tokens up to it, so a sequence can be cut short
 * (`truncate`) or copied (`copy`), and stays exact. */
import type { Arena } from '../tensor/arena.ts';
import type { LayerCache } from '../tensor/kernels.ts';
import type { Ids } from '../tensor/tensor.ts';
import type { ModelConfig } from './config.ts';
import type { CachedPass } from './layers.ts';

export class KvCache {
  readonly capacity: number;
  readonly slots: number;
  readonly layers: readonly LayerCache[];
  readonly #vocabSize: number;
  readonly #lengths: Int32Array;
  /** How many tokens have been dropped before the first one that is held. */
  readonly #dropped: Int32Array;
  readonly #ids: Ids;
  readonly #slotOf: Ids;
  readonly #places: Ids;
  readonly #positions: Ids;

  /** Plans keys (S H D T) and values (S H T D) for each block. */
  constructor(arena: Arena, config: ModelConfig, slots: number, rows: number) {
    const { contextLength: T, channels: C, heads: H, layers: L } = config;
    const D = C / H;
    this.capacity = T;
    this.#vocabSize = config.vocabSize;
    this.slots = slots;
    this.layers = Array.from({ length: slots > 0 ? L : 0 }, (_, i) => ({
      keys: arena.cache(`cache.${i}.keys`, [slots, H, D, T]),
      values: arena.cache(`cache.${i}.values`, [slots, H, T, D]),
    }));
    this.#lengths = new Int32Array(slots);
    this.#dropped = new Int32Array(slots);
    this.#ids = arena.ids('cache.ids', rows);
    this.#slotOf = arena.ids('cache.slots', rows);
    this.#places = arena.ids('cache.places', rows);
    this.#positions = arena.ids('cache.positions', rows);
  }

  /** How many tokens the slot holds. */
  length(slot: number): number {
    this.#check('length', slot);
    return this.#lengths[slot]!;
  }

  /** Forgets what comes after the first `length` tokens that are held. */
  truncate(slot: number, length: number): void {
    const have = this.length(slot);
    if (!(Number.isInteger(length) && length >= 0 && length <= have)) {
      throw new RangeError(`truncate: expected a length from 0 to ${have}, got ${length}`);
    }
    this.#lengths[slot] = length;
    if (length === 0) this.#dropped[slot] = 0;
  }

  /** Forgets the oldest token. The others move down one place but keep the positions at which they were read, and new tokens
   * count on from there. So this is for rotary positions only: they have no largest position. */
  drop(slot: number): void {
    if (this.length(slot) === 0) throw new RangeError(`drop: expected a token in slot ${slot}, got none`);
    this.#lengths[slot]! -= 1;
    this.#dropped[slot]! += 1;
    for (const { keys, values } of this.layers) {
      // Time is the last axis of keys and the last but one of values: one element, or D, to the front moves all rows
      // of the slot at once. What moves from one row into the next lands in its last place, which is free now.
      keys.row(slot).data.copyWithin(0, 1);
      values.row(slot).data.copyWithin(0, values.shape[3]!);
    }
  }

  /** Makes slot `to` hold what slot `from` holds. */
  copy(to: number, from: number): void {
    this.#check('copy', to);
    this.#lengths[to] = this.length(from);
    this.#dropped[to] = this.#dropped[from]!;
    for (const { keys, values } of this.layers) {
      for (const t of [keys, values]) t.row(to).data.set(t.row(from).data);
    }
  }

  /** Adds the new tokens to the lengths and returns the pass that computes them. An error leaves everything as it was. */
  append(slots: ArrayLike<number>, ids: ArrayLike<number>): CachedPass & { readonly ids: Ids } {
    const N = ids.length;
    if (slots.length !== N)
      throw new RangeError(`append: ${N} tokens for ${slots.length} slots; expected one slot each`);
    if (!(N >= 1 && N <= this.#ids.size)) {
      throw new RangeError(`append: expected 1 to ${this.#ids.size} rows, got ${N}`);
    }
    const pass = {
      caches: this.layers,
      slots: this.#slotOf.rows(N),
      places: this.#places.rows(N),
      positions: this.#positions.rows(N),
    };
    for (let n = 0; n < N; n++) {
      const id = ids[n]!;
      if (!(Number.isInteger(id) && id >= 0 && id < this.#vocabSize)) {
        throw new RangeError(`append: expected token ids from 0 to ${this.#vocabSize - 1}, got ${id}`);
      }
    }
    for (let n = 0; n < N; n++) {
      const slot = slots[n]!;
      const place = this.length(slot);
      if (place >= this.capacity) {
        for (let undo = 0; undo < n; undo++) this.#lengths[slots[undo]!]! -= 1;
        throw new RangeError(
          `append: slot ${slot} is full; expected at most ${this.capacity} tokens; truncate it first`,
        );
      }
      this.#lengths[slot] = place + 1;
      this.#ids.data[n] = ids[n]!;
      pass.slots.data[n] = slot;
      pass.places.data[n] = place;
      pass.positions.data[n] = this.#dropped[slot]! + place;
    }
    return { ...pass, ids: this.#ids.rows(N) };
  }

  #check(operation: string, slot: number): void {
    if (!(Number.isInteger(slot) && slot >= 0 && slot < this.slots)) {
      throw new RangeError(`${operation}: expected a slot from 0 to ${this.slots - 1}, got ${slot}`);
    }
  }
}
