/** The suffix automaton of some texts: it finds, in linear time, how long a run of tokens they share with another text.
 *
 * To compare a few generated texts with a large training text, the automaton is built of the generated texts, and the
 * training text is read through it once. So the memory depends on the small side only, and the time is linear in both,
 * however much was copied. A separator, -1, which is no token id, stands between the texts.
 *
 * It is the smallest automaton that reads exactly the runs (substrings) of the texts. Every run leads from state 0 to one
 * state; a state stands for all runs that end at the same set of places. length[s] is the length of the longest of them, and
 * link[s] the state of its longest suffix that ends at more places. It is built token by token in linear time and memory, with
 * at most 2 states and 3 edges for each token (Blumer et al., "The smallest automaton recognizing the subwords of a text",
 * 1985). */
import { PairTable } from './pair-table.ts';

const root = 0;
const separator = -1;

export class SuffixAutomaton {
  readonly #texts: readonly ArrayLike<number>[];
  readonly #length: Int32Array;
  readonly #link: Int32Array;
  /** An edge is a numbered pair (state, token). The edges of a state form a list, so that they can be copied. */
  readonly #edges: PairTable;
  readonly #target: Int32Array;
  readonly #nextEdge: Int32Array;
  readonly #firstEdge: Int32Array;
  /** For each position of all texts in a row, with their separators: the state after reading everything up to it. */
  readonly #reached: Int32Array;
  #states = 1;

  constructor(texts: readonly ArrayLike<number>[]) {
    const size = texts.reduce((sum, text) => sum + text.length + 1, 0);
    this.#texts = texts;
    this.#length = new Int32Array(2 * size + 1);
    this.#link = new Int32Array(2 * size + 1);
    this.#firstEdge = new Int32Array(2 * size + 1).fill(-1);
    this.#edges = new PairTable(3 * size);
    this.#target = new Int32Array(3 * size);
    this.#nextEdge = new Int32Array(3 * size);
    this.#reached = new Int32Array(size);
    this.#link[root] = -1;
    let last = root;
    let at = 0;
    for (const text of texts) {
      for (let i = 0; i < text.length; i++) {
        if (!(Number.isInteger(text[i]) && text[i] >= 0)) {
          throw new RangeError(`suffix automaton: token ${i}; expected an id of at least 0, got ${text[i]}`);
        }
        last = this.#append(last, text[i]);
        this.#reached[at++] = last;
      }
      last = this.#append(last, separator);
      this.#reached[at++] = last;
    }
  }

  /** For every position of every text, the length of the longest run that ends there and occurs in `stream`. */
  longestMatches(stream: ArrayLike<number>): Int32Array[] {
    // matched[s]: the length of the longest run of state s that the stream contains; 0 if it contains none.
    const matched = new Int32Array(this.#states);
    let state = root;
    let length = 0;
    for (let i = 0; i < stream.length; i++) {
      let edge = this.#edges.find(state, stream[i]);
      while (edge < 0 && state !== root) {
        state = this.#link[state];
        length = this.#length[state];
        edge = this.#edges.find(state, stream[i]);
      }
      if (edge < 0) continue;
      state = this.#target[edge];
      length++;
      if (length > matched[state]) matched[state] = length;
    }
    // Where a run occurs, so do all its suffixes: every state up the links is matched in its full length. Then states without
    // a match take over that of the nearest state up the links.
    const order = this.#shortestFirst();
    for (let i = order.length - 1; i > 0; i--) {
      const up = this.#link[order[i]];
      if (matched[order[i]] > 0) matched[up] = this.#length[up];
    }
    for (let i = 1; i < order.length; i++) {
      if (matched[order[i]] === 0) matched[order[i]] = matched[this.#link[order[i]]];
    }
    let at = 0;
    return this.#texts.map((text) => {
      const lengths = this.#reached.subarray(at, at + text.length).map((reached) => matched[reached]);
      at += text.length + 1;
      return lengths;
    });
  }

  /** Adds a token after everything that led to `last`; returns the state of the whole text. */
  #append(last: number, token: number): number {
    const state = this.#states++;
    this.#length[state] = this.#length[last] + 1;
    let p = last;
    let edge = -1;
    for (; p !== -1; p = this.#link[p]) {
      edge = this.#edges.find(p, token);
      if (edge >= 0) break;
      this.#connect(p, token, state);
    }
    if (p === -1) {
      this.#link[state] = root;
      return state;
    }
    const known = this.#target[edge];
    if (this.#length[known] === this.#length[p] + 1) {
      this.#link[state] = known;
      return state;
    }
    // `known` also stands for longer runs, which do not end here: its shorter ones get a state of their own.
    const clone = this.#states++;
    this.#length[clone] = this.#length[p] + 1;
    this.#link[clone] = this.#link[known];
    for (let e = this.#firstEdge[known]; e >= 0; e = this.#nextEdge[e]) {
      this.#connect(clone, this.#edges.second(e), this.#target[e]);
    }
    for (; p !== -1; p = this.#link[p]) {
      edge = this.#edges.find(p, token);
      if (this.#target[edge] !== known) break;
      this.#target[edge] = clone;
    }
    this.#link[known] = clone;
    this.#link[state] = clone;
    return state;
  }

  #connect(from: number, token: number, to: number): void {
    const edge = this.#edges.add(from, token);
    this.#target[edge] = to;
    this.#nextEdge[edge] = this.#firstEdge[from];
    this.#firstEdge[from] = edge;
  }

  /** All states, by rising length of their longest run (a counting sort); the root comes first. */
  #shortestFirst(): Int32Array {
    const lengths = this.#length.subarray(0, this.#states);
    const starts = new Int32Array(this.#reached.length + 2);
    for (const length of lengths) starts[length + 1]++;
    for (let length = 1; length < starts.length; length++) starts[length] += starts[length - 1];
    const order = new Int32Array(this.#states);
    lengths.forEach((length, state) => {
      order[starts[length]++] = state;
    });
    return order;
  }
}
