/** Learns the merges of a byte-level BPE tokenizer from a text.
 *
 * Start from bytes. Again and again join the pair of neighbouring tokens that occurs most often within pieces into a
 * new token; of pairs that occur equally often, the one with the smallest left id, then the smallest right id. A pair
 * that occurs once is no pattern and is never joined. Tokens 0 to 255 are the bytes in GPT-2's order; merge k makes
 * token 256 + k. Nothing else decides, so the same text gives the same tokenizer, whatever the order of its pieces.
 *
 * The text is reduced to its distinct pieces with their counts (data/tales.txt: 867 kB to 47 kB), laid end to end with gaps
 * between them. A pair keeps its count and the places where it stood when it was made, so a merge visits only what it changes.
 * The pairs of a new token are made in the same step as the token; after that counts only fall. So the heap may hold old
 * counts: a pair that comes to the top with an old count goes back into the heap with its present one. */

import { BpeTokenizer } from './bpe.ts';
import { alphabet, alphabetOrder, toUtf8 } from './bpe-bytes.ts';
import { Heap } from './bpe-heap.ts';
import type { BpeParts } from './bpe-json.ts';
import { pieces } from './bpe-pieces.ts';

interface Pair {
  readonly left: number;
  readonly right: number;
  readonly positions: number[]; // of the left token, ascending; at some the pair no longer stands
  count: number;
  /** The count under which the heap has it. */
  ranked: number;
}

const gap = -1;
const fewest = 2;

function before(a: Pair, b: Pair): boolean {
  if (a.ranked !== b.ranked) return a.ranked > b.ranked;
  return a.left !== b.left ? a.left < b.left : a.right < b.right;
}

/** A tokenizer of exactly `vocabSize` >= 256 tokens; if the text gives fewer, a RangeError says how many. */
export function trainBpe(text: string, vocabSize: number): BpeTokenizer {
  if (!(Number.isSafeInteger(vocabSize) && vocabSize >= 256)) {
    throw new RangeError(
      `trainBpe: vocabulary size does not fit; expected an integer of at least 256, one for each byte, got ${vocabSize}`,
    );
  }
  const { merges } = learnMerges(text, vocabSize - 256);
  if (merges.length < vocabSize - 256) {
    throw new RangeError(
      `trainBpe: vocabulary size does not fit the text; expected at most 256 bytes + ${merges.length} merges found = ` +
        `${256 + merges.length}, got ${vocabSize}; take a smaller vocabulary or a longer text`,
    );
  }
  return bpeOf(merges);
}

/** The tokenizer of merges, in the order in which they were learned. */
export function bpeOf(merges: BpeParts['merges']): BpeTokenizer {
  const tokens = alphabetOrder.map((byte) => alphabet[byte]);
  for (const [left, right] of merges) tokens.push(tokens[left] + tokens[right]);
  return new BpeTokenizer({ tokens, merges, added: new Map() });
}

function countPieces(text: string): Map<string, number> {
  const counts = new Map<string, number>();
  for (const piece of pieces(text)) counts.set(piece, (counts.get(piece) ?? 0) + 1);
  return counts;
}

/** The first `most` merges, or as many as the text gives, and how often each pair occurred when it was joined. */
export function learnMerges(
  text: string,
  most: number,
): { readonly merges: BpeParts['merges']; readonly counts: readonly number[] } {
  const { tokens, weights } = layOut(countPieces(text));
  const next = tokens.map((_, i) => i + 1);
  const previous = tokens.map((_, i) => i - 1);
  const pairs = new Map<number, Pair>();
  const heap = new Heap<Pair>(before);
  let created: Pair[] = [];

  const keyOf = (left: number, right: number): number => left * (256 + most) + right;
  const gain = (position: number): void => {
    const left = tokens[position];
    const right = tokens[next[position]];
    if (left === gap || right === gap) return;
    const key = keyOf(left, right);
    let pair = pairs.get(key);
    if (pair === undefined) {
      pair = { left, right, positions: [], count: 0, ranked: 0 };
      pairs.set(key, pair);
      created.push(pair);
    }
    pair.count += weights[position];
    pair.positions.push(position);
  };
  const lose = (position: number): void => {
    const left = tokens[position];
    const right = tokens[next[position]];
    if (left !== gap && right !== gap) pairs.get(keyOf(left, right))!.count -= weights[position];
  };
  const rankCreated = (): void => {
    for (const pair of created) {
      pair.ranked = pair.count;
      if (pair.count >= fewest) heap.push(pair);
    }
    created = [];
  };

  for (let i = 0; i + 1 < tokens.length; i++) gain(i);
  rankCreated();
  const merges: [number, number, number][] = [];
  const counts: number[] = [];
  while (merges.length < most) {
    const pair = heap.pop();
    if (pair === undefined) break;
    if (pair.count !== pair.ranked) {
      pair.ranked = pair.count;
      if (pair.count >= fewest) heap.push(pair);
      continue;
    }
    const { left, right } = pair;
    const result = 256 + merges.length;
    merges.push([left, right, result]);
    counts.push(pair.count);
    for (const i of pair.positions) {
      const j = next[i];
      if (tokens[i] !== left || tokens[j] !== right) continue;
      lose(previous[i]);
      lose(j);
      tokens[i] = result;
      tokens[j] = gap;
      next[i] = next[j];
      previous[next[i]] = i;
      gain(previous[i]);
      gain(i);
    }
    pairs.delete(keyOf(left, right));
    rankCreated();
  }
  return { merges, counts };
}

/** Gap, piece, gap, piece, ..., gap: a token and its piece's count at every position. */
function layOut(counts: ReadonlyMap<string, number>): { tokens: Int32Array; weights: Int32Array } {
  const tokenOfByte = new Int32Array(256);
  for (const [token, byte] of alphabetOrder.entries()) tokenOfByte[byte] = token;
  const encoded = [...counts.keys()].map(toUtf8);
  const length = encoded.reduce((sum, bytes) => sum + bytes.length + 1, 1);
  const tokens = new Int32Array(length).fill(gap);
  const weights = new Int32Array(length);
  let position = 1;
  for (const [i, count] of [...counts.values()].entries()) {
    for (const byte of encoded[i]) {
      tokens[position] = tokenOfByte[byte];
      weights[position++] = count;
    }
    position++;
  }
  return { tokens, weights };
}
