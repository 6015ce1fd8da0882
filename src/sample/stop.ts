/** When a text ends: at an end token, a sequence of tokens, a string, a length, or in a loop. */

import { endsWith, type History } from './edits.ts';
import { SamplerError, sequenceList, setting, tokenList } from './settings.ts';

/** A loop: the generated text ends in at least minCount copies of a pattern of minPattern to maxPattern tokens. */
export interface LoopRule {
  readonly minCount: number;
  readonly minPattern: number;
  readonly maxPattern: number;
}

export interface StopSettings {
  /** Strings that end the text. */
  readonly stop: readonly string[];
  readonly eosTokens: readonly number[];
  readonly stopTokens: readonly number[];
  readonly stopSequences: readonly (readonly number[])[];
  /** Before so many tokens have been drawn, only maxNewTokens ends the text. */
  readonly minNewTokens: number;
  readonly maxNewTokens: number;
  readonly loop: LoopRule | undefined;
}

/** The given settings, checked, with defaults for the rest; maxNewTokens has none. V is the size of the vocabulary. */
export function stopSettings(
  given: Partial<StopSettings> & Pick<StopSettings, 'maxNewTokens'>,
  V: number,
): StopSettings {
  const maxNewTokens = integer('maxNewTokens', given.maxNewTokens, undefined, 1, Infinity);
  return {
    stop: stopStrings(given.stop),
    eosTokens: tokenList('eosTokens', given.eosTokens, V),
    stopTokens: tokenList('stopTokens', given.stopTokens, V),
    stopSequences: sequenceList('stopSequences', given.stopSequences, V),
    minNewTokens: integer('minNewTokens', given.minNewTokens, 0, 0, maxNewTokens),
    maxNewTokens,
    loop: given.loop === undefined ? undefined : loopRule(given.loop),
  };
}

function integer(
  param: string,
  value: unknown,
  fallback: number | undefined,
  least: number,
  most: number,
): number {
  const rule = most === Infinity ? `of at least ${least}` : `from ${least} to ${most}`;
  const holds = (x: number): boolean => Number.isInteger(x) && x >= least && x <= most;
  return setting(param, value, fallback, `must be an integer ${rule}`, holds);
}

function loopRule(rule: LoopRule): LoopRule {
  if (typeof rule !== 'object' || rule === null) {
    throw new SamplerError('invalid-setting', 'loop', 'must be minCount, minPattern and maxPattern', rule);
  }
  const minPattern = integer('loop.minPattern', rule.minPattern, undefined, 1, Infinity);
  return {
    minCount: integer('loop.minCount', rule.minCount, undefined, 2, Infinity),
    minPattern,
    maxPattern: integer('loop.maxPattern', rule.maxPattern, undefined, minPattern, Infinity),
  };
}

function stopStrings(value: unknown): readonly string[] {
  if (value === undefined) return [];
  if (!Array.isArray(value)) {
    throw new SamplerError('invalid-setting', 'stop', 'must be a list of strings', value);
  }
  return value.map((s, i) => {
    if (typeof s === 'string' && s.length > 0 && !/\p{Surrogate}/u.test(s)) return s;
    throw new SamplerError('invalid-setting', 'stop', 'must be a string of whole characters', s, i);
  });
}

export type StopReason = 'eos' | 'stop-token' | 'stop-sequence' | 'max-tokens' | 'repetition';
/** Why a text ended, whatever ended it. */
export type FinishReason = StopReason | 'stop-string' | 'context-full' | 'no-candidates';

/** Why the newest token is the last, if it is. Only generated tokens count. Strings: see StopMatcher. */
export function stopReason(history: History, s: StopSettings): StopReason | undefined {
  const generated = history.length - history.promptLength;
  const newest = history.ids[history.length - 1];
  const longEnough = generated > 0 && generated >= s.minNewTokens;
  if (longEnough && s.eosTokens.includes(newest)) return 'eos';
  if (longEnough && s.stopTokens.includes(newest)) return 'stop-token';
  if (longEnough && s.stopSequences.some((ids) => ids.length <= generated && endsWith(history, ids))) {
    return 'stop-sequence';
  }
  if (generated >= s.maxNewTokens) return 'max-tokens';
  if (longEnough && s.loop !== undefined && loopLength(history, s.loop) > 0) return 'repetition';
  return undefined;
}

/** The length of the shortest pattern that the generated text ends in minCount copies of, or 0. */
export function loopLength(history: History, rule: LoopRule): number {
  const { ids, length, promptLength } = history;
  for (let pattern = rule.minPattern; pattern <= rule.maxPattern; pattern++) {
    const from = length - pattern * rule.minCount;
    if (from < promptLength) return 0; // longer patterns need still more text
    let at = length - 1;
    while (at >= from + pattern && ids[at] === ids[at - pattern]) at -= 1;
    if (at < from + pattern) return pattern;
  }
  return 0;
}

export interface StopMatch {
  readonly stop: string;
  /** Where the match begins and ends in the text searched. */
  readonly start: number;
  readonly end: number;
}

/** The match that is complete first. The text before `from` has been searched already: a match must end after it. */
export function findStop(text: string, from: number, stops: readonly string[]): StopMatch | undefined {
  let first: StopMatch | undefined;
  for (const stop of stops) {
    const start = text.indexOf(stop, Math.max(0, from - stop.length + 1));
    const end = start + stop.length;
    if (start >= 0 && (first === undefined || end < first.end)) first = { stop, start, end };
  }
  return first;
}

/** Looks for strings that end the text while it streams: turns pieces of decoded text into pieces that are safe to show.
 *
 * The strings are looked for in the decoded text, not in each token's, so a match may lie across tokens. The match that is
 * complete first wins; of those that end together, the first in the list. The last max(length) - 1 units are held back, as
 * they may be the start of a match: nothing emitted is ever taken back. Units are those of UTF-16; since stop strings
 * are whole characters, a match never begins or ends inside a surrogate pair, and what is emitted never splits one. */
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

  /** Takes the next piece of text; returns what can now be shown, which is nothing once a match is complete. */
  push(piece: string): string {
    if (this.#stop !== undefined) return '';
    const match = findStop(this.#held + piece, this.#held.length, this.#stops);
    if (match === undefined) return this.skip(piece);
    const text = this.#held + piece;
    this.#stop = match.stop;
    this.#held = '';
    return text.slice(0, this.#include ? match.end : match.start);
  }

  /** Takes a piece that comes too early to end the text: a match may begin in it, but not become complete. */
  skip(piece: string): string {
    if (this.#stop !== undefined) return '';
    const text = this.#held + piece;
    let cut = Math.max(0, text.length - this.#hold);
    if (cut > 0 && isHighSurrogate(text.charCodeAt(cut - 1))) cut -= 1;
    this.#held = text.slice(cut);
    return text.slice(0, cut);
  }

  /** A copy that goes on by itself. */
  copy(): StopMatcher {
    const copy = new StopMatcher(this.#stops, { include: this.#include });
    copy.#held = this.#held;
    copy.#stop = this.#stop;
    return copy;
  }

  /** The text still held back, when no more comes. Half a surrogate pair becomes U+FFFD, as in decoders. */
  finish(): string {
    const rest = this.#held;
    this.#held = '';
    return isHighSurrogate(rest.charCodeAt(rest.length - 1)) ? `${rest.slice(0, -1)}\ufffd` : rest;
  }
}

const isHighSurrogate = (unit: number): boolean => unit >= 0xd800 && unit <= 0xdbff;
