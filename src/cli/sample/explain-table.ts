/** What the model would say next, as lecture notes show it: probabilities at several temperatures and nuclei. */
import type { Tokenizer } from '../../model/text/tokenizer.ts';
import type { View } from '../../sample/explain.ts';
import { bar, type Paint, styled, visible } from '../host/paint.ts';

const shown = 10;
const cellWidth = 8;
const mostBarCells = 8;

/** The ids from the likeliest on, as `view` has them; equals by id. */
export const ranking = ({ probabilities: p }: View): number[] =>
  [...p.keys()].sort((a, b) => p[b]! - p[a]! || a - b);

/** A table of the views, the last of which is of the settings in force. */
export function explainTable(views: readonly View[], tokenizer: Tokenizer, paint: Paint): string {
  const plain = views.find(({ temperature, topP }) => temperature === 1 && topP === undefined) ?? views[0]!;
  const order = ranking(plain);
  const best = order.slice(0, shown);
  const names = best.map((id) => visible(tokenizer.tokenText(id)));
  const left = Math.max(13, ...names.map(({ length }) => length + 2));
  const line = (name: string, cells: readonly string[]) =>
    ` ${name.padEnd(left)}${cells.map((cell) => cell.padStart(cellWidth)).join('')}`;
  const percent = (p: number) => (p === 0 ? '-' : `${(100 * p).toFixed(2)}%`);
  const heading = views.map(({ temperature, topP }) =>
    topP !== undefined ? `p=${topP}` : temperature !== undefined ? `T=${temperature}` : 'as set',
  );
  const room = paint.width - (left + 1) - views.length * cellWidth - 2;
  const barCells = Math.min(mostBarCells, room);
  const rows = best.map((id, i) => {
    const p = plain.probabilities[id]!;
    const drawn = paint.bars && barCells > 0 ? `  ${styled('cyan', bar(p, barCells), paint)}` : '';
    return (
      line(
        names[i]!,
        views.map(({ probabilities }) => percent(probabilities[id]!)),
      ) + drawn
    );
  });
  const rest = views.map(({ probabilities }) =>
    percent(order.slice(shown).reduce((sum, id) => sum + probabilities[id]!, 0)),
  );
  return [
    styled('dim', line('token', heading), paint),
    ...rows,
    ...(order.length > shown ? [line(`${order.length - shown} others`, rest)] : []),
    styled(
      'dim',
      line(
        'tokens kept',
        views.map(({ kept }) => String(kept)),
      ),
      paint,
    ),
    styled(
      'dim',
      line(
        'entropy, bits',
        views.map(({ entropy }) => (entropy / Math.LN2).toFixed(2)),
      ),
      paint,
    ),
    '',
  ].join('\n');
}

/** The views as plain data for JSON: the first 20 tokens, each with its probability in every view. */
export function explainRecord(views: readonly View[], tokenizer: Tokenizer) {
  const plain = views.find(({ temperature, topP }) => temperature === 1 && topP === undefined) ?? views[0]!;
  return {
    views: views.map(({ temperature, topP, kept, entropy }) => ({ temperature, topP, kept, entropy })),
    tokens: ranking(plain)
      .slice(0, 20)
      .map((token) => ({
        token,
        text: tokenizer.tokenText(token),
        probabilities: views.map(({ probabilities }) => probabilities[token]!),
      })),
  };
}
