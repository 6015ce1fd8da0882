/** How a text longer than the context is cut into windows, so that every token after the first is scored once.
 *
 *     blocks    windows of T that do not overlap: fast, but a window's first tokens are predicted from almost nothing
 *     stride s  windows of T that start s tokens apart; each scores only its last s tokens, which the window before did
 *               not reach, so each scored token has at least T - s tokens before it; T / s times the work
 *
 * The smaller the stride, the more context each token has and the lower the loss, so a loss means little unless the
 * mode is known. Both are common; see "Perplexity of fixed-length models"
 * (huggingface.co/docs/transformers/perplexity). Stride T is blocks. */
import type { Window } from './dataset.ts';

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
): { readonly windows: ScoredWindow[]; readonly stride: number } {
  if (mode === 'blocks') return { windows: allWindows(n, T), stride: T };
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

/** Disjoint windows of T that score every token after the first exactly once; the last may be shorter. */
export function allWindows(length: number, T: number): Window[] {
  const windows: Window[] = [];
  for (let start = 0; start < length - 1; start += T)
    windows.push({ start, length: Math.min(T, length - 1 - start) });
  return windows;
}

/** About `budget` tokens' worth of whole windows, spread evenly over the text; all windows if the budget covers them. */
export function spreadWindows(length: number, T: number, budget: number): Window[] {
  const count = Math.max(1, Math.ceil(budget / T));
  if (count * T >= length - 1) return allWindows(length, T);
  const last = length - 1 - T;
  return Array.from({ length: count }, (_, i) => ({
    start: count === 1 ? 0 : Math.floor((i * last) / (count - 1)),
    length: T,
  }));
}
