/** Tokens and n-gram counts, for the measures that compare texts. */

/** A text in pieces: words, characters or token ids. */
export type Tokens = readonly string[] | readonly number[] | Int32Array;

/** Replaces the tokens of several texts by numbers, equal tokens by equal numbers. So two different n-grams never look the
 * same, even if tokens contain spaces. Words and token ids together are a TypeError. */
export function numbered(texts: readonly Tokens[]): Int32Array[] {
  const numbers = new Map<string | number, number>();
  let kind: string | undefined;
  return texts.map((text) => {
    const ids = new Int32Array(text.length);
    for (let i = 0; i < text.length; i++) {
      const token = text[i];
      kind ??= typeof token;
      if (typeof token !== kind)
        throw new TypeError('n-grams: words and token ids are mixed; expected one kind');
      const known = numbers.get(token);
      ids[i] = known ?? numbers.size;
      if (known === undefined) numbers.set(token, ids[i]);
    }
    return ids;
  });
}

/** How often each n-gram occurs in a text of numbered tokens. All counts together are length - n + 1, or 0. */
export function ngramCounts(ids: Int32Array, n: number): Map<string, number> {
  const counts = new Map<string, number>();
  for (let start = 0; start + n <= ids.length; start++) {
    const key = ngramAt(ids, start, n);
    counts.set(key, (counts.get(key) ?? 0) + 1);
  }
  return counts;
}

/** An n-gram of numbered tokens as a key. */
export function ngramAt(ids: Int32Array, start: number, n: number): string {
  let key = String(ids[start]);
  for (let i = start + 1; i < start + n; i++) key += ` ${ids[i]}`;
  return key;
}

export function checkOrder(operation: string, n: number): void {
  if (!(Number.isInteger(n) && n >= 1)) {
    throw new RangeError(`${operation}: n-gram order; expected an integer of at least 1, got ${n}`);
  }
}
