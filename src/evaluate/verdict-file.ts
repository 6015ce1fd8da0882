/** A judge's verdicts as CSV (RFC 4180), a line for each, as the command and the lab keep them:
 *
 *     pair,first,verdict,a,b
 *     1-9f3a2c1b,b,same,"model nano, temperature 0.8, top-p 0.95",real text */
import { normalizeText } from '../model/text/tokenizer.ts';
import type { Verdict } from './verdicts.ts';

const columns = ['pair', 'first', 'verdict', 'a', 'b'] as const;
/** The first line of a file. */
export const verdictHeader = `${columns.join(',')}\n`;

export function verdictLine(verdict: Verdict): string {
  const quoted = (text: string) => (/[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);
  return `${columns.map((column) => quoted(verdict[column])).join(',')}\n`;
}

/** The verdicts of a file, as it was written or as a spreadsheet saves it. Error in one line for anything else.
 * @param name how the error calls it */
export function readVerdicts(text: string, name: string): Verdict[] {
  const [header, ...rows] = rowsOf(normalizeText(text));
  if (header?.fields.join() !== columns.join()) {
    throw new Error(`${name} holds no verdicts: expected ${columns.join()} in its first line`);
  }
  return rows.map(({ fields, line }) => {
    const [pair, first, verdict, a, b] = fields as [string, string, string, string, string];
    const fits =
      fields.length === columns.length &&
      ['a', 'b'].includes(first) &&
      ['a', 'b', 'same'].includes(verdict) &&
      [pair, a, b].every((field) => field !== '');
    if (fits) return { pair, first, verdict, a, b } as Verdict;
    throw new Error(
      `${name}, line ${line}: expected ${columns.join()} with a or b as first and a, b or same as verdict, ` +
        `got ${JSON.stringify(fields.join().slice(0, 80))}; correct the line or take it out`,
    );
  });
}

interface Row {
  readonly fields: readonly string[];
  /** Where it begins, from 1. */
  readonly line: number;
}

/** Fields in quotes may hold commas, line breaks, and quotes written twice. Empty lines are left out. */
function rowsOf(text: string): Row[] {
  const rows: Row[] = [];
  let [fields, line, start]: [string[], number, number] = [[], 1, 1];
  for (const [all, quoted, plain = '', end] of text.matchAll(/(?:"((?:[^"]|"")*)"|([^,\n]*))(,|\n|$)/g)) {
    fields.push(quoted?.replaceAll('""', '"') ?? plain);
    line += all.split('\n').length - 1;
    if (end === ',') continue;
    if (fields.length > 1 || fields[0] !== '') rows.push({ fields, line: start });
    [fields, start] = [[], line];
  }
  return rows;
}
