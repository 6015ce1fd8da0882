/** The straight line nearest to some points: y = start + slope x, with the least sum of squared distances in y. */

/** Its slope, and how far the worst of the points is from it. */
export function lineThrough(
  xs: readonly number[],
  ys: readonly number[],
): { readonly slope: number; readonly worst: number } {
  const average = (values: readonly number[]) => values.reduce((sum, v) => sum + v, 0) / values.length;
  const [meanX, meanY] = [average(xs), average(ys)];
  let xy = 0;
  let xx = 0;
  xs.forEach((x, i) => {
    xy += (x - meanX) * (ys[i]! - meanY);
    xx += (x - meanX) * (x - meanX);
  });
  const slope = xy / xx;
  return { slope, worst: Math.max(...xs.map((x, i) => Math.abs(ys[i]! - meanY - slope * (x - meanX)))) };
}
