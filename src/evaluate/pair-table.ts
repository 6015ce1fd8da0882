/** A hash table that numbers pairs of integers: the first new pair is 0, the next new one 1, and so on.
 *
 * An n-gram is the pair (number of its first n - 1 tokens, last token). So with this table, and an array indexed by the number
 * of a pair, n-grams of any length are counted without making a string or an object for each position. Open addressing
 * with linear probing, at most half full. */
export class PairTable {
  size = 0;
  readonly #first: Int32Array;
  readonly #second: Int32Array;
  /** number + 1 of the pair in this slot, 0 when empty. */
  readonly #slots: Int32Array;

  /** @param capacity how many different pairs it can hold. */
  constructor(capacity: number) {
    let slots = 2;
    while (slots < 2 * capacity) slots *= 2;
    this.#slots = new Int32Array(slots);
    this.#first = new Int32Array(capacity);
    this.#second = new Int32Array(capacity);
  }

  /** The second half of a numbered pair. */
  second(pair: number): number {
    return this.#second[pair];
  }

  /** The pair's number, or -1. */
  find(first: number, second: number): number {
    return this.#slots[this.#slot(first, second)] - 1;
  }

  /** The pair's number, a new one if it has none yet. */
  add(first: number, second: number): number {
    const slot = this.#slot(first, second);
    if (this.#slots[slot] === 0) {
      if (this.size === this.#first.length) throw new RangeError(`pair table: full at ${this.size} pairs`);
      this.#first[this.size] = first;
      this.#second[this.size] = second;
      this.#slots[slot] = ++this.size;
    }
    return this.#slots[slot] - 1;
  }

  /** Where the pair is, or the empty slot where it belongs. */
  #slot(first: number, second: number): number {
    const mask = this.#slots.length - 1;
    // Two odd multipliers spread both numbers over all bits; the shift brings the well-mixed high bits down.
    const mixed = Math.imul(first, 0x9e3779b1) ^ Math.imul(second, 0x85ebca6b);
    let slot = Math.imul(mixed ^ (mixed >>> 15), 0x2c1b3c6d) >>> 7;
    for (slot &= mask; ; slot = (slot + 1) & mask) {
      const pair = this.#slots[slot] - 1;
      if (pair < 0 || (this.#first[pair] === first && this.#second[pair] === second)) return slot;
    }
  }
}
