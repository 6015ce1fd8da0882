/** The first thing to try when a model does not learn: can it learn one single batch by heart?
 *
 * A correct model with enough parameters drives that loss to nearly 0. Not quite 0: where two windows begin alike and
 * go on differently, nothing seen so far tells them apart. `batchFloor` is that unavoidable rest. */
import { log } from '../tensor/math.ts';

/** The lowest mean loss that any causal model can reach on these B windows of T tokens (nats). */
export function batchFloor(tokens: Int32Array, B: number, T: number): number {
  const continuations = new Map<string, Map<number, number>>();
  for (let b = 0; b < B; b++) {
    let prefix = '';
    for (let t = 0; t < T; t++) {
      prefix += `${tokens[b * T + t]},`;
      const next = tokens[b * T + t + 1]!;
      const counts = continuations.get(prefix) ?? new Map<number, number>();
      counts.set(next, (counts.get(next) ?? 0) + 1);
      continuations.set(prefix, counts);
    }
  }
  let sum = 0;
  for (const counts of continuations.values()) {
    const total = [...counts.values()].reduce((a, b) => a + b, 0);
    for (const count of counts.values()) sum -= count * log(count / total);
  }
  return sum / (B * T);
}
