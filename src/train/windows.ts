/** How a text longer than the context is cut into windows, so that every token after the first is scored once.
 *
 *     blocks    windows of T that do not overlap: fast, but a window's first tokens are predicted from almost nothing
 *     stride s  windows of T that start s tokens apart; each scores only its last s tokens, which the window before did
 *               not reach, so each scored token has at least T - s tokens before it; T / s times the work
 *
 * The smaller the stride, the more context each token has and the lower the loss, so a loss means little unless the
 * mode is known. Both are common; see "Perplexity of fixed-length models"
 * (huggingface.co/docs/transformers/perplexity). Stride T is blocks. */
import { type Split, type Window, windowStart } from './dataset.ts';

export const windowModes = ['blocks', 'stride'] as const;
export type WindowMode = (typeof windowModes)[number];

/** A window of which only the last `scored` targets are scored; absent: all of them. */
export interface ScoredWindow extends Window {
  readonly scored?: number;
}

export interface WindowChoice {
  readonly mode: WindowMode;
  /** 1 .. T; half the context if not given. */
  readonly stride?: number;
}

/** The windows over n tokens for a context of T, and the stride that made them. */
export function chooseWindows(
  n: number,
  T: number,
  { mode, stride = Math.max(1, Math.floor(T / 2)) }: WindowChoice,
  begin?: WindowStart,
): { readonly windows: ScoredWindow[]; readonly stride: number } {
  if (mode === 'blocks') return { windows: allWindows(n, T, begin), stride: T };
  return { windows: strideWindows(n, T, stride), stride };
}

/** Every target 1 .. n - 1 is scored by exactly one window, the first that reaches it. */
export function strideWindows(n: number, T: number, stride: number): ScoredWindow[] {
  if (!(Number.isInteger(stride) && stride >= 1 && stride <= T)) {
    throw new RangeError(`windows: stride; expected an integer from 1 to the context of ${T}, got ${stride}`);
  }
  const windows: ScoredWindow[] = [];
  const targets = n - 1;
  for (let start = 0, reached = 0; reached < targets; start += stride) {
    const length = Math.min(T, targets - start);
    windows.push({ start, length, scored: start + length - reached });
    reached = start + length;
  }
  return windows;
}

/** Where a window begins that would begin at a place, if that is not there: see `windowStart`. */
type WindowStart = (place: number) => number;

/** The held-out windows that an evaluation of so many tokens takes. */
export function heldOutWindows(split: Split, T: number, budget: number | 'full'): Window[] {
  const { validation, end, mostScored = 'full' } = split;
  const begin = (place: number) => windowStart(validation, place, T, end);
  const most = budget === 'full' ? mostScored : budget;
  return most === 'full'
    ? allWindows(validation.length, T, begin)
    : spreadWindows(validation.length, T, most, begin);
}

/** Disjoint windows of at most T that score every token after the first exactly once. */
export function allWindows(length: number, T: number, begin: WindowStart = (place) => place): Window[] {
  const windows: Window[] = [];
  for (let start = 0; start < length - 1; ) {
    const next = start + T < length - 1 ? begin(start + T) : length - 1;
    windows.push({ start, length: next - start });
    start = next;
  }
  return windows;
}

/** About `budget` tokens' worth of whole windows, spread evenly over the text; all windows if the budget covers them. */
export function spreadWindows(length: number, T: number, budget: number, begin?: WindowStart): Window[] {
  const count = Math.max(1, Math.ceil(budget / T));
  if (count * T >= length - 1) return allWindows(length, T, begin);
  const last = length - 1 - T;
  return Array.from({ length: count }, (_, i) => {
    const place = count === 1 ? 0 : Math.floor((i * last) / (count - 1));
    return { start: begin?.(place) ?? place, length: T };
  });
}
