/** What verdicts on blind pairs say: how often A was preferred, how sure that is, and how many pairs it still takes.
 *
 * Of n verdicts that are not "same", k are for A. Each is for A with the unknown probability p. Wilson's interval (1927) has
 * all p that n verdicts do not contradict: those from which k/n is at most z standard deviations away,
 *
 *     |k/n - p| <= z sqrt(p (1 - p) / n)        z = 1.96 for 95 %
 *
 * Squared, this is (1 + z²/n) p² - (2 k/n + z²/n) p + (k/n)² <= 0, true between the two roots
 *
 *     (k + z²/2 ± z sqrt(k (n - k) / n + z²/4)) / (n + z²)
 *
 * It stays within 0 and 1, and holds for few verdicts and for rates near 0 or 1, where k/n ± z sqrt(...) does not (Brown, Cai
 * and DasGupta 2001). The two sides are told apart once 1/2 is outside. By the first line, with p = 1/2, that is so when
 * |k/n - 1/2| > z / (2 sqrt n), so at a rate r for more than z² / (2 r - 1)² verdicts: a rate of 0.6 takes 97, one of 0.8
 * takes 11. A judge of whom that is the true rate is told apart by then in about every second case.
 *
 * All this is for a number of pairs that was settled beforehand: see docs/measures.md. */
import { decimals } from './table.ts';

export type Side = 'a' | 'b';
export type Choice = Side | 'same';

export interface Verdict {
  readonly pair: string;
  /** The side that was shown first. */
  readonly first: Side;
  readonly verdict: Choice;
  /** What the two sides are. */
  readonly a: string;
  readonly b: string;
}

export interface Judgement {
  readonly verdicts: Readonly<Record<Choice, number>>;
  /** Share of A among the verdicts for one of the two; NaN without any. */
  readonly rate: number;
  /** 95 %. */
  readonly low: number;
  readonly high: number;
  /** Undefined as long as nobody can tell. */
  readonly preferred: Side | undefined;
  /** Pairs that it still takes if the rates stay as they are: 0 once the sides are told apart; Infinity at a rate of 1/2. */
  readonly needed: number;
  /** How often the text that was shown first was chosen: far from half of them, and the judge goes by the place. */
  readonly firstChosen: number;
}

/** The 97.5 % point of the normal distribution. */
const z = 1.959963984540054;

export function judge(verdicts: readonly Pick<Verdict, 'verdict' | 'first'>[]): Judgement {
  const counts = { a: 0, b: 0, same: 0 };
  let firstChosen = 0;
  for (const { verdict, first } of verdicts) {
    counts[verdict] += 1;
    firstChosen += Number(verdict === first);
  }
  const n = counts.a + counts.b;
  const { low, high } = wilson(counts.a, n);
  const preferred = low > 0.5 ? 'a' : high < 0.5 ? 'b' : undefined;
  const rate = counts.a / n;
  const needed = preferred === undefined ? neededAt(rate, n, counts.same) : 0;
  return { verdicts: counts, rate, low, high, preferred, needed, firstChosen };
}

/** Wilson's interval for k of n, 95 %; without verdicts, everything from 0 to 1. */
export function wilson(k: number, n: number): { readonly low: number; readonly high: number } {
  if (n === 0) return { low: 0, high: 1 };
  const middle = k + z ** 2 / 2;
  const half = z * Math.sqrt((k * (n - k)) / n + z ** 2 / 4);
  return {
    low: Math.max(0, (middle - half) / (n + z ** 2)),
    high: Math.min(1, (middle + half) / (n + z ** 2)),
  };
}

/** Verdicts for one of the two that a rate takes until 1/2 is outside of its interval. */
export function verdictsFor(rate: number): number {
  return rate === 0.5 ? Infinity : Math.floor((z / (2 * rate - 1)) ** 2) + 1;
}

/** Pairs beyond n verdicts and `same` undecided ones, of which there will be more. */
function neededAt(rate: number, n: number, same: number): number {
  return n === 0 ? Infinity : Math.max(1, Math.ceil(((verdictsFor(rate) - n) * (n + same)) / n));
}

const percent = (share: number): string => decimals(100 * share, 1);

/** @param left pairs that are still to come of those that were settled beforehand */
export function judgementLines(judgement: Judgement, left = 0): string {
  const { verdicts, rate, low, high, preferred, needed } = judgement;
  const n = verdicts.a + verdicts.b;
  const same = verdicts.same === 0 ? '' : ` (and ${verdicts.same} the same)`;
  const interval = `95 % interval ${percent(low)} to ${percent(high)} %`;
  const share = n === 0 ? '' : `, ${percent(rate)} %; ${interval}`;
  const counts = `A is preferred in ${verdicts.a} of ${n}${same}${share}.`;
  if (preferred !== undefined) {
    const name = preferred.toUpperCase();
    return `${counts}\n${left === 0 ? `${name} is better.` : `${name} is ahead; of the pairs that were planned, ${left} are still to come.`}`;
  }
  const more = needed === 1 ? 'about 1 more pair' : `about ${needed.toLocaleString('en-US')} more pairs`;
  const wait = Number.isFinite(needed) ? `${more} would do` : 'no number of pairs would do';
  return `${counts}\nCannot tell yet${n === 0 ? '' : `: at this rate, ${wait}`}.`;
}

/** What a program reads: see --json. */
export function judgementRecord(comparison: Pick<Verdict, 'a' | 'b'>, judgement: Judgement) {
  const { verdicts, rate, low, high, preferred = null, needed, firstChosen } = judgement;
  const finite = (x: number) => (Number.isFinite(x) ? x : null);
  const { a, b } = comparison;
  const interval = { confidence: 0.95, low, high };
  return { a, b, verdicts, rate: finite(rate), interval, preferred, needed: finite(needed), firstChosen };
}

/** The verdicts of each comparison, in the order in which these come first. */
export function comparisons(verdicts: readonly Verdict[]): (readonly Verdict[])[] {
  const groups = new Map<string, Verdict[]>();
  for (const verdict of verdicts) {
    const name = JSON.stringify([verdict.a, verdict.b]);
    groups.set(name, [...(groups.get(name) ?? []), verdict]);
  }
  return [...groups.values()];
}

export const isOf =
  ({ a, b }: Pick<Verdict, 'a' | 'b'>) =>
  (verdict: Verdict): boolean =>
    verdict.a === a && verdict.b === b;
