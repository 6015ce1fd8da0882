/** What verdicts on blind pairs say: how often A was preferred, how sure that is, and how many pairs it still takes.
 *
 * Of n verdicts that are not "same", k are for A, each with a probability that nobody knows. Wilson's interval (wilson.ts, with
 * its derivation) has all probabilities that k of n does not contradict. The two sides are told apart once 1/2 is outside.
 * If the rate stays as it is, that takes (1.96 / (2 rate - 1))² verdicts: 97 at a rate of 0.6, 11 at 0.8.
 *
 * All this is for a number of pairs that was settled beforehand: see docs/measures.md. */
import { decimals } from './table.ts';
import { trialsToTell, wilsonInterval } from './wilson.ts';

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

export function judge(verdicts: readonly Pick<Verdict, 'verdict' | 'first'>[]): Judgement {
  const counts = { a: 0, b: 0, same: 0 };
  let firstChosen = 0;
  for (const { verdict, first } of verdicts) {
    counts[verdict] += 1;
    firstChosen += Number(verdict === first);
  }
  const n = counts.a + counts.b;
  const [low, high] = wilsonInterval(counts.a, n);
  const preferred = low > 0.5 ? 'a' : high < 0.5 ? 'b' : undefined;
  const rate = counts.a / n;
  const needed = preferred === undefined ? neededAt(rate, n, counts.same) : 0;
  return { verdicts: counts, rate, low, high, preferred, needed, firstChosen };
}

/** Pairs beyond n verdicts and `same` undecided ones, of which there will be more. */
function neededAt(rate: number, n: number, same: number): number {
  return n === 0 ? Infinity : Math.max(1, Math.ceil(((trialsToTell(rate) - n) * (n + same)) / n));
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
    return `${counts}\n${left === 0 ? `${name} is better.` : `${name} is ahead; of the pairs that were planned, ${left} ${left === 1 ? 'is' : 'are'} still to come.`}`;
  }
  const more = needed === 1 ? 'about 1 more pair' : `about ${needed.toLocaleString('en-US')} more pairs`;
  const wait = Number.isFinite(needed) ? `${more} would do` : 'no number of pairs would do';
  return `${counts}\nCannot tell yet${n === 0 ? '' : `: at this rate, ${wait}`}.`;
}

/** Which was which, once that does no harm. */
export function revealed({ first, verdict, a, b }: Verdict): string {
  const said = verdict === 'same' ? 'The same' : verdict === first ? 'You chose 1' : 'You chose 2';
  const order = [`A, ${a}`, `B, ${b}`];
  const [one, two] = first === 'a' ? order : order.reverse();
  return `${said}.\n  1 was ${one}\n  2 was ${two}`;
}

/** What a program reads: see --json. */
export function judgementRecord(comparison: Pick<Verdict, 'a' | 'b'>, judgement: Judgement) {
  const { verdicts, rate, low, high, preferred = null, needed, firstChosen } = judgement;
  const finite = (x: number) => (Number.isFinite(x) ? x : null);
  const { a, b } = comparison;
  const interval = [low, high];
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
