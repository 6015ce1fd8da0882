/** Keeps the values of a run in bounded memory: one value for each stretch of steps, in at most `limit` stretches.
 *
 * At first a stretch is one step, so short runs are kept completely. When there are too many, all stretches become
 * twice as long and neighbours are merged. So every part of the run is kept in equal detail, and the result depends
 * only on the values and their order. */

interface Stretch<T> {
  /** The last step in it, and how many there were. */
  last: number;
  count: number;
  value: T;
}

export class Stretches<T> {
  readonly #limit: number;
  readonly #merge: (earlier: T, later: T) => T;
  #length = 1;
  /** In order of step. */
  #all: Stretch<T>[] = [];

  constructor(limit: number, merge: (earlier: T, later: T) => T) {
    this.#limit = limit;
    this.#merge = merge;
  }

  /** How many steps a stretch has. */
  get length(): number {
    return this.#length;
  }
  get values(): readonly T[] {
    return this.#all.map(({ value }) => value);
  }
  /** How many values were added; steps that were done again after a resume count once. */
  get count(): number {
    return this.#all.reduce((sum, { count }) => sum + count, 0);
  }
  /** The highest step; 0 without any. */
  get lastStep(): number {
    return this.#all.at(-1)?.last ?? 0;
  }

  /** Of two values for one step the later counts. In a stretch of several it is the same step done again after a
   * resume, exactly as before, and already in there. */
  add(step: number, value: T): void {
    let i = this.#all.length;
    while (i > 0 && this.#index(this.#all[i - 1]!.last) > this.#index(step)) i--;
    const there = this.#all[i - 1];
    if (there === undefined || this.#index(there.last) < this.#index(step)) {
      this.#all.splice(i, 0, { last: step, count: 1, value });
      while (this.#all.length > this.#limit) this.#lengthen();
    } else if (step > there.last) {
      there.value = this.#merge(there.value, value);
      there.count += 1;
      there.last = step;
    } else if (step === there.last && there.count === 1) {
      there.value = value;
    }
  }

  /** Removes what came after `step`, except in the stretch that `step` is in. */
  dropAfter(step: number): void {
    while (this.#all.length > 0 && this.#index(this.lastStep) > this.#index(step)) this.#all.pop();
  }

  #index(step: number): number {
    return Math.floor(step / this.#length);
  }

  #lengthen(): void {
    this.#length *= 2;
    const all = this.#all;
    this.#all = [];
    for (const { last, count, value } of all) {
      const before = this.#all.at(-1);
      if (before !== undefined && this.#index(before.last) === this.#index(last)) {
        before.value = this.#merge(before.value, value);
        before.count += count;
        before.last = last;
      } else this.#all.push({ last, count, value });
    }
  }
}
