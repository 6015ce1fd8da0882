/** The longest common subsequence: the most tokens that two texts share in the same order, gaps allowed.
 *
 *     L[i][j] = L[i - 1][j - 1] + 1              if a[i - 1] = b[j - 1]
 *               max(L[i - 1][j], L[i][j - 1])    otherwise
 *
 * for the first i tokens of a and the first j of b. Both functions take numbered tokens and O(a.length * b.length) time. */

/** The length of the longest common subsequence. One row of L is enough. */
export function lcsLength(a: Int32Array, b: Int32Array): number {
  const row = new Int32Array(b.length + 1);
  for (let i = 0; i < a.length; i++) {
    let diagonal = 0;
    for (let j = 0; j < b.length; j++) {
      const above = row[j + 1];
      row[j + 1] = a[i] === b[j] ? diagonal + 1 : Math.max(above, row[j]);
      diagonal = above;
    }
  }
  return row[b.length];
}

/** The positions in `a` of one longest common subsequence, rising.
 *
 * There can be several, and ROUGE-Lsum depends on which is taken. So the rule is fixed: walking back from the end, where the
 * two tokens differ, drop the one of `b` only if that keeps more than dropping the one of `a`. */
export function lcsPositions(a: Int32Array, b: Int32Array): number[] {
  const width = b.length + 1;
  const L = new Int32Array((a.length + 1) * width);
  for (let i = 1; i <= a.length; i++) {
    for (let j = 1; j <= b.length; j++) {
      L[i * width + j] =
        a[i - 1] === b[j - 1]
          ? L[(i - 1) * width + j - 1] + 1
          : Math.max(L[(i - 1) * width + j], L[i * width + j - 1]);
    }
  }
  const positions: number[] = [];
  for (let i = a.length, j = b.length; i > 0 && j > 0; ) {
    if (a[i - 1] === b[j - 1]) {
      positions.push(--i);
      j--;
    } else if (L[i * width + j - 1] > L[(i - 1) * width + j]) j--;
    else i--;
  }
  return positions.reverse();
}
