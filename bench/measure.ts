/** How times are measured, so that they mean something on a machine that also does other work.
 *
 * V8 compiles WebAssembly with its quick compiler first and replaces the code by better code later, between two calls: so
 * everything is warmed up. Results are medians, because other work can only make a time longer, and sometimes much longer.
 * Things to compare are measured in turns, so that a slow minute slows all of them. */

/** The middle value, or the mean of the two in the middle. */
export function median(values: ArrayLike<number>): number {
  if (values.length === 0) throw new RangeError('median: expected at least one value, got none');
  const sorted = Float64Array.from(values).sort();
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

/** Milliseconds that an action takes. */
export function time(action: () => void): number {
  const began = performance.now();
  action();
  return performance.now() - began;
}

/** How long to measure: `least` rounds whatever they take, then until `seconds` are over or there are `most`. */
export interface Limits {
  readonly seconds: number;
  readonly least: number;
  readonly most: number;
}

/** Runs all actions in turns, round after round; the milliseconds of each in each round: times[action][round]. */
export function inTurns(actions: readonly (() => void)[], { seconds, least, most }: Limits): number[][] {
  const times = actions.map((): number[] => []);
  const end = performance.now() + 1000 * seconds;
  for (let round = 0; round < most && (round < least || performance.now() < end); round++) {
    for (const [i, action] of actions.entries()) times[i]!.push(time(action));
  }
  return times;
}

/** Runs for `seconds` and at least `least` calls, until the engine has replaced its first code. */
export function warmUp(action: () => void, seconds: number, least = 2): void {
  inTurns([action], { seconds, least, most: Number.POSITIVE_INFINITY });
}

/** The action, repeated until it takes a millisecond or more because clocks are coarse; and how many times that is. */
export function batched(action: () => void): { readonly batch: () => void; readonly calls: number } {
  for (let calls = 1; ; calls *= 2) {
    const batch = () => {
      for (let i = 0; i < calls; i++) action();
    };
    if (time(batch) >= 1) return { batch, calls };
  }
}

/** Shares out the time of a whole run. */
export class Budget {
  readonly seconds: number;
  readonly #end: number;

  constructor(seconds: number) {
    this.seconds = seconds;
    this.#end = performance.now() + 1000 * seconds;
  }

  /** Seconds left; negative once they are used up. */
  get left(): number {
    return (this.#end - performance.now()) / 1000;
  }

  /** This share of the whole in seconds, or what is left of it. */
  share(part: number): number {
    return Math.max(0, Math.min(part * this.seconds, this.left));
  }
}
