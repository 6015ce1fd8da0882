/** Any two texts compared, one segment a line, without a model: BLEU and ROUGE against one or more references, and how
 * much the hypotheses repeat themselves. */
import { normalizeText } from '../model/tokenizer.ts';
import { type Bleu, type BleuOptions, corpusBleu } from './bleu.ts';
import { corpusRouge, type Rouge, rougeSignature } from './rouge.ts';
import { decimals, textTable } from './table.ts';
import { splitWords, type WordRepetition, wordRepetition } from './words.ts';

export interface NamedText {
  readonly name: string;
  readonly text: string;
}
/** Repetition is that of the hypotheses by themselves. */
export interface PairReport extends WordRepetition {
  readonly segments: number;
  readonly bleu: Bleu;
  /** Means over the lines; of several references the best counts. */
  readonly rouge1: Rouge;
  readonly rouge2: Rouge;
  readonly rougeL: Rouge;
  readonly rougeLsum: Rouge;
}

/** Scores line i of the hypotheses against line i of every reference; unequal line counts are a RangeError. */
export function comparePairs(
  hypotheses: NamedText,
  references: readonly NamedText[],
  options: BleuOptions = {},
): PairReport {
  const own = segmentLines(hypotheses.text);
  const others = references.map(({ name, text }) => {
    const lines = segmentLines(text);
    if (lines.length === own.length) return lines;
    throw new RangeError(
      `${name}: expected ${count(own.length, 'line')} as in ${hypotheses.name}, got ${lines.length}; one segment a line`,
    );
  });
  const lists = own.map((_, i) => others.map((lines) => lines[i]));
  const { score, precisions, counts, totals, brevityPenalty, ...rest } = corpusBleu(own, lists, options);
  return {
    segments: own.length,
    bleu: { score, precisions, counts, totals, brevityPenalty, ...rest },
    ...corpusRouge(['rouge1', 'rouge2', 'rougeL', 'rougeLsum'], own, lists),
    ...wordRepetition(own.map(splitWords)),
  };
}

/** The lines of a text; the line break at its end ends the last one and does not begin another. */
export function segmentLines(text: string): string[] {
  const normal = normalizeText(text);
  return (normal.endsWith('\n') ? normal.slice(0, -1) : normal).split('\n');
}

export function pairTables(report: PairReport): string {
  const { bleu } = report;
  const rouge = (['rouge1', 'rouge2', 'rougeL', 'rougeLsum'] as const).map((type) => {
    const { precision, recall, f } = report[type];
    return [`ROUGE-${type.slice(5)}`, ...[precision, recall, f].map((x) => decimals(100 * x, 2))];
  });
  const own = (['rep2', 'rep3', 'rep4', 'diversity', 'distinct1', 'distinct2'] as const).map((name) => [
    name.replace(/(\d)/, '-$1'),
    decimals(report[name], 4),
  ]);
  return [
    `${count(report.segments, 'segment')}`,
    '',
    `BLEU ${decimals(bleu.score, 2)} = ${bleu.precisions.map((p) => decimals(p, 1)).join(' / ')}, brevity penalty ${decimals(bleu.brevityPenalty, 3)}`,
    `  ${bleu.hypothesisLength} tokens, reference ${bleu.referenceLength}; ${bleu.signature}`,
    '',
    textTable([['', 'precision', 'recall', 'F'], ...rouge]),
    `  in percent; ${rougeSignature}`,
    '',
    textTable(own),
    '  of the hypotheses by themselves, over words cut at white space',
  ].join('\n');
}

const count = (n: number, noun: string): string =>
  `${n.toLocaleString('en-US')} ${noun}${n === 1 ? '' : 's'}`;
