/** The trade-off between quality and diversity: the same prompts, continued at every temperature and top-p of a grid.
 *
 * Low temperatures give likely, repetitive text and high ones diverse nonsense. Between them lies text that measures like
 * real text (Holtzman et al. 2020; Zhang et al., "Trading off diversity and quality in natural language
 * generation", 2021). Every setting has the same prompts and random numbers, so that
 * neighbours in the grid differ by their settings and as little as possible by chance. */
import { chooseExcerpts } from './continuations.ts';
import { type GenerateSettings, measureSampling, measureTruth } from './generate-report.ts';
import { type Corpus, measures, type TextMeasures } from './measures.ts';
import { textTable } from './table.ts';
import type { Scorer } from './text-score.ts';

export interface SweepSettings extends Omit<GenerateSettings, 'temperature' | 'topP'> {
  readonly temperatures: readonly number[];
  readonly topPs: readonly number[];
}
export interface SweepCell {
  readonly temperature: number;
  readonly topP: number;
  readonly measures: TextMeasures;
}
export interface Sweep {
  readonly settings: SweepSettings;
  /** The yardstick, see generate-report.ts. */
  readonly truth: TextMeasures;
  /** All temperatures of the first top-p, then all of the next. */
  readonly cells: readonly SweepCell[];
}

/** @param onCell is called before each cell, with how many are done and how many there are */
export function sweep(
  scorer: Scorer,
  heldOut: Int32Array,
  corpus: Corpus,
  settings: SweepSettings,
  onCell: (done: number, of: number) => void = () => {},
): Sweep {
  const { temperatures, topPs, ...rest } = settings;
  const excerpts = chooseExcerpts(scorer.tokenizer, heldOut, settings, settings.seed);
  const truth = measureTruth(scorer, excerpts, corpus, settings).measured;
  const grid = topPs.flatMap((topP) => temperatures.map((temperature) => ({ topP, temperature })));
  const cells = grid.map(({ topP, temperature }, i) => {
    onCell(i, grid.length);
    const cell = { ...rest, temperature, topP };
    return { temperature, topP, measures: measureSampling(scorer, excerpts, corpus, cell).measured };
  });
  return { settings, truth, cells };
}

const columns = [
  'perplexity',
  'diversity',
  'rep2',
  'distinct2',
  'selfBleu',
  'meanOverlap',
  'seenShare',
  'knownWords',
] as const satisfies readonly (keyof TextMeasures)[];

export function sweepTable({ cells, truth }: Sweep): string {
  const row = (m: TextMeasures) => columns.map((name) => measures[name].show(m[name]));
  return textTable([
    ['top-p', 'temp', ...columns.map((name) => measures[name].label)],
    ...cells.map(({ topP, temperature, measures: m }) => [String(topP), String(temperature), ...row(m)]),
    ['true text', '', ...row(truth)],
  ]);
}
