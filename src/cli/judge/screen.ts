/** What a judge sees: the pair, and the verdicts of several judges as a table. */
import type { Pair } from '../../evaluate/judge.ts';
import { percent, textTable, wrapped } from '../../evaluate/table.ts';
import { isOf, judge, judgementLines, type Verdict } from '../../evaluate/verdicts.ts';
import { paintOf, styled } from '../host/paint.ts';
import { forStream, oneLine } from '../host/printable.ts';

export function widthOf(screen: NodeJS.WriteStream): number {
  return Math.min(80, screen.columns || 80);
}

/** The prompt and the two texts, safe to be written to `screen`. */
export function pairText(
  { prompt, texts }: Pair,
  place: { readonly number: number; readonly of: number },
  screen: NodeJS.WriteStream,
): string {
  const paint = paintOf(screen);
  const block = (text: string) =>
    forStream(text, screen)
      .split('\n')
      .map((line) => wrapped(line, '  ', widthOf(screen)))
      .join('\n');
  const head = (text: string) => styled('bold', text, paint);
  return [
    '',
    head(`pair ${place.number} of ${place.of}`),
    block(prompt),
    ...texts.flatMap((text, i) => [head(String(i + 1)), block(text)]),
    styled('dim', 'Which is better, 1 or 2? 0: the same, q: end', paint),
    '',
  ].join('\n');
}

/** One comparison: a row for each judge's file, one for all, and what they say together. */
export function mergedTable(
  group: readonly Verdict[],
  files: readonly { readonly path: string; readonly verdicts: readonly Verdict[] }[],
): string {
  const comparison = group[0]!;
  const row = (name: string, verdicts: readonly Verdict[]) => {
    const { verdicts: counts, rate, low, high } = judge(verdicts);
    const numbers = [counts.a, counts.b, counts.same].map(String);
    const share = Number.isNaN(rate) ? undefined : rate;
    return [name, ...numbers, percent(share), `${percent(low)} to ${percent(high)}`];
  };
  const rows = files
    .map(({ path, verdicts }) => ({ path, own: verdicts.filter(isOf(comparison)) }))
    .filter(({ own }) => own.length > 0)
    .map(({ path, own }) => row(oneLine(path), own));
  const head = ['', 'A', 'B', 'same', 'A preferred', '95 % interval'];
  return [
    `A: ${oneLine(comparison.a)}\nB: ${oneLine(comparison.b)}`,
    textTable([head, ...rows, row('together', group)]),
    judgementLines(judge(group)),
  ].join('\n\n');
}
