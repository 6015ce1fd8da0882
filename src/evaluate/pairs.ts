/** Compares texts segment by segment, without a model: BLEU and ROUGE of hypotheses against one or more references, and how much
 * the hypotheses repeat themselves. */
import { normalizeText } from '../model/text/tokenizer.ts';
import { type Bleu, type BleuOptions, corpusBleu } from './bleu.ts';
import { corpusRouge, type Rouge, rougeSignature } from './rouge.ts';
import { decimals, textTable } from './table.ts';
import { splitWords, type WordRepetition, wordRepetition } from './words.ts';

export interface NamedText {
  readonly name: string;
  readonly text: string;
}
/** The repetition is that of the hypotheses. */
export interface PairReport extends WordRepetition {
  readonly segments: number;
  /** Whether a segment has several lines; if none has, ROUGE-Lsum is ROUGE-L. */
  readonly severalLines: boolean;
  readonly bleu: Bleu;
  /** ROUGE is the mean over the segments; of several references the best counts. */
  readonly rouge1: Rouge;
  readonly rouge2: Rouge;
  readonly rougeL: Rouge;
  readonly rougeLsum: Rouge;
}

export interface PairOptions extends BleuOptions {
  /** What stands between segments; a line break if not given. */
  readonly delimiter?: string;
}

/** Scores segment i of the hypotheses against segment i of every reference; unequal counts are a RangeError. */
export function comparePairs(
  hypotheses: NamedText,
  references: readonly NamedText[],
  { delimiter = '\n', ...options }: PairOptions = {},
): PairReport {
  const [noun, rule] =
    delimiter === '\n'
      ? ['line', 'one segment a line']
      : ['segment', `${JSON.stringify(delimiter)} stands between segments`];
  const own = splitSegments(hypotheses.text, delimiter);
  const others = references.map(({ name, text }) => {
    const segments = splitSegments(text, delimiter);
    if (segments.length === own.length) return segments;
    throw new RangeError(
      `${name}: expected ${count(own.length, noun)} as in ${hypotheses.name}, got ${segments.length}; ${rule}`,
    );
  });
  const lists = own.map((_, i) => others.map((segments) => segments[i]));
  const { score, precisions, counts, totals, brevityPenalty, ...rest } = corpusBleu(own, lists, options);
  return {
    segments: own.length,
    severalLines: [own, ...others].flat().some((segment) => segment.includes('\n')),
    bleu: { score, precisions, counts, totals, brevityPenalty, ...rest },
    ...corpusRouge(['rouge1', 'rouge2', 'rougeL', 'rougeLsum'], own, lists),
    ...wordRepetition(own.map(splitWords)),
  };
}

/** The segments of a text, by default its lines. A delimiter or line break at the end of the text begins no new segment. */
export function splitSegments(text: string, delimiter = '\n'): string[] {
  const normal = normalizeText(text);
  const end = [delimiter, '\n'].find((last) => normal.endsWith(last)) ?? '';
  return normal.slice(0, normal.length - end.length).split(delimiter);
}

export function pairTables(report: PairReport): string {
  const { bleu } = report;
  const types = [
    'rouge1',
    'rouge2',
    'rougeL',
    ...(report.severalLines ? (['rougeLsum'] as const) : []),
  ] as const;
  const rouge = types.map((type) => {
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
    ...(report.severalLines
      ? []
      : [
          '  ROUGE-Lsum, which goes line by line, is ROUGE-L here: each segment is one line (see --delimiter)',
        ]),
    '',
    textTable(own),
    '  of the hypotheses by themselves, over words cut at white space',
  ].join('\n');
}

const count = (n: number, noun: string): string =>
  `${n.toLocaleString('en-US')} ${noun}${n === 1 ? '' : 's'}`;
