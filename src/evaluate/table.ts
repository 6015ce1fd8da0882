/** Plain text tables: columns as wide as their widest cell, two spaces apart. */

/** The first `left` columns are flush left; the others, which hold numbers, flush right. `indent` comes before each line
 * and `gap` between two columns. */
export function textTable(
  rows: readonly (readonly string[])[],
  { left = 1, indent = '', gap = '  ' } = {},
): string {
  const widths: number[] = [];
  for (const row of rows) {
    row.forEach((cell, i) => {
      widths[i] = Math.max(widths[i] ?? 0, width(cell));
    });
  }
  return rows
    .map((row) => `${indent}${row.map((cell, i) => pad(cell, widths[i], i < left)).join(gap)}`.trimEnd())
    .join('\n');
}

/** Decimals for numbers, a dash for what is undefined. */
export function decimals(x: number | null | undefined, digits: number): string {
  return x === null || x === undefined ? '-' : x.toFixed(digits);
}

export const percent = (x: number | null | undefined): string =>
  x === null || x === undefined ? '-' : `${(100 * x).toFixed(1)} %`;

/** The words of a text in lines of at most `most` characters, each behind `indent`. */
export function wrapped(text: string, indent: string, most = 80): string {
  const lines: string[] = [];
  let line = indent;
  for (const word of text.split(' ')) {
    if (line.length + word.length > most && line.trim() !== '') {
      lines.push(line.trimEnd());
      line = indent;
    }
    line += `${word} `;
  }
  return [...lines, line.trimEnd()].join('\n');
}

/** A text of several lines, each in lines of at most `most` characters. */
export function wrappedLines(text: string, most: number): string {
  return text
    .split('\n')
    .map((line) => wrapped(line, '', most))
    .join('\n');
}

/** Code points, which take one column each in most scripts. */
const width = (cell: string): number => [...cell].length;

function pad(cell: string, to: number, left: boolean): string {
  const space = ' '.repeat(to - width(cell));
  return left ? cell + space : space + cell;
}
