/** Suggests the name that somebody may have meant. */

/** The known name nearest to what was typed, if at most a third of its letters are wrong. */
export function suggestion(typed: string, known: Iterable<string>): string | undefined {
  let [nearest, least]: [string | undefined, number] = [undefined, Math.floor(typed.length / 3) + 1];
  for (const name of known) {
    const distance = editDistance(typed, name);
    if (distance < least) [nearest, least] = [name, distance];
  }
  return nearest;
}

/** How many letters must be inserted, deleted, replaced, or swapped with their neighbour (optimal string alignment). */
function editDistance(a: string, b: string): number {
  let [before, row]: number[][] = [[], Array.from({ length: b.length + 1 }, (_, j) => j)];
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const replaced = row![j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1);
      const swap = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      next[j] = Math.min(row![j]! + 1, next[j - 1]! + 1, replaced, swap ? before![j - 2]! + 1 : replaced);
    }
    [before, row] = [row, next];
  }
  return row![b.length]!;
}
