/** Strings that end the text, looked for while it streams.
 *
 * They are looked for in the decoded text, not in each token's, so a match may straddle tokens. The match complete
 * first wins; among those that end together, the first in the list. The last max(length) - 1 units are held back, as
 * they may be the start of a match: nothing emitted is ever taken back. Units are those of UTF-16; since stop strings
 * are whole characters, a match never begins or ends inside a surrogate pair, and what is emitted never splits one. */

export interface StopMatch {
  readonly stop: string;
  /** Where the match begins and ends in the text searched. */
  readonly start: number;
  readonly end: number;
}

/** The match that is complete first among those that end behind `from`, where the text not yet searched begins. */
export function findStop(text: string, from: number, stops: readonly string[]): StopMatch | undefined {
  let first: StopMatch | undefined;
  for (const stop of stops) {
    const start = text.indexOf(stop, Math.max(0, from - stop.length + 1));
    const end = start + stop.length;
    if (start >= 0 && (first === undefined || end < first.end)) first = { stop, start, end };
  }
  return first;
}

/** Turns pieces of decoded text into pieces that are safe to show. */
export class StopMatcher {
  readonly #stops: readonly string[];
  readonly #include: boolean;
  readonly #hold: number;
  #held = '';
  #stop: string | undefined;

  /** @param stops as checked by `stopSettings`; `include`: whether the text shown ends with the match or before it */
  constructor(stops: readonly string[], { include = false } = {}) {
    this.#stops = stops;
    this.#include = include;
    this.#hold = stops.reduce((longest, s) => Math.max(longest, s.length), 1) - 1;
  }

  /** The string that ended the text, once one has. */
  get stop(): string | undefined {
    return this.#stop;
  }

  /** Takes a piece in which a match may be completed; returns what can now be shown, nothing after a match. */
  push(piece: string): string {
    if (this.#stop !== undefined) return '';
    const match = findStop(this.#held + piece, this.#held.length, this.#stops);
    if (match === undefined) return this.skip(piece);
    const text = this.#held + piece;
    this.#stop = match.stop;
    this.#held = '';
    return text.slice(0, this.#include ? match.end : match.start);
  }

  /** Takes a piece too early to stop in: no match is completed here, though one may begin. */
  skip(piece: string): string {
    if (this.#stop !== undefined) return '';
    const text = this.#held + piece;
    let cut = Math.max(0, text.length - this.#hold);
    if (cut > 0 && isHighSurrogate(text.charCodeAt(cut - 1))) cut -= 1;
    this.#held = text.slice(cut);
    return text.slice(0, cut);
  }

  /** The same state, to go on from by itself. */
  copy(): StopMatcher {
    const copy = new StopMatcher(this.#stops, { include: this.#include });
    copy.#held = this.#held;
    copy.#stop = this.#stop;
    return copy;
  }

  /** The rest, when no more text comes. Half a pair that was never completed becomes U+FFFD, as decoders do. */
  finish(): string {
    const rest = this.#held;
    this.#held = '';
    return isHighSurrogate(rest.charCodeAt(rest.length - 1)) ? `${rest.slice(0, -1)}\ufffd` : rest;
  }
}

const isHighSurrogate = (unit: number): boolean => unit >= 0xd800 && unit <= 0xdbff;
