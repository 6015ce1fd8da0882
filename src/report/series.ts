/** Makes curves small and smooth for a page, without losing their extremes. */

export interface Point {
  readonly x: number;
  readonly y: number;
  /** Half the length of a whisker. */
  readonly error?: number;
}

/** At most `limit` points with the look of all: first and last, and from each stretch between its lowest and highest,
 * so that no spike gets lost, as it would by averaging or taking every tenth. What is not finite cannot be drawn and
 * goes. */
export function thin(all: readonly Point[], limit = 600): readonly Point[] {
  const points = all.filter((p) => Number.isFinite(p.y));
  if (points.length <= limit) return points;
  const last = points.length - 1;
  const stretches = Math.floor((limit - 2) / 2);
  const kept = [points[0]!];
  for (let s = 0; s < stretches; s++) {
    const from = 1 + Math.floor((s * (last - 1)) / stretches);
    const to = 1 + Math.floor(((s + 1) * (last - 1)) / stretches);
    let [low, high] = [from, from];
    for (let i = from; i < to; i++) {
      const y = points[i]!.y;
      if (y < points[low]!.y) low = i;
      if (y > points[high]!.y) high = i;
    }
    kept.push(points[Math.min(low, high)]!);
    if (low !== high) kept.push(points[Math.max(low, high)]!);
  }
  kept.push(points[last]!);
  return kept;
}

/** About `limit` evenly spaced points, each a weighted mean of the finite values up to `reach` places on both sides;
 * weights fall in a straight line, so that a spike leaves a peak and not a plateau. Near the start, where losses fall
 * fastest, the window shrinks to what both sides have; at the end it looks back only. */
export function smooth(points: readonly Point[], reach: number, limit = 300): Point[] {
  const finite = points.filter((p) => Number.isFinite(p.y));
  return evenly(finite.length, limit).map((i) => {
    const before = Math.min(reach, i);
    const after = Math.min(before, finite.length - 1 - i);
    let sum = 0;
    let weights = 0;
    for (let j = i - before; j <= i + after; j++) {
      const weight = before + 1 - Math.abs(j - i);
      sum += weight * finite[j]!.y;
      weights += weight;
    }
    return { x: finite[i]!.x, y: sum / weights };
  });
}

/** At most `limit` of 0 .. length - 1, evenly spaced, first and last among them. */
export function evenly(length: number, limit: number): number[] {
  const count = Math.min(length, limit);
  return Array.from({ length: count }, (_, i) =>
    count === 1 ? 0 : Math.round((i * (length - 1)) / (count - 1)),
  );
}

/** The quantile: `share` of the finite values are below it. NaN if there are none. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = values.filter(Number.isFinite).sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? Number.NaN;
}
