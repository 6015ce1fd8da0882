/** Measures of a model's own texts: it continues prompts from the held-out text, and its continuations are compared with the
 * true ones and with the training text. Every measure that needs no reference is also taken of the true continuations, as a
 * yardstick: a good number is neither high nor low, but like that of real text. */
import { wholeText } from '../model/text/tokenizer.ts';
import type { SamplingSettings } from '../sample/settings.ts';
import { type Bleu, corpusBleu } from './bleu.ts';
import {
  chooseExcerpts,
  continuationPerplexity,
  continuePrompts,
  type Excerpt,
  type ExcerptSizes,
} from './continuations.ts';
import { type Corpus, measures, measureTexts, type TextMeasures } from './measures.ts';
import { corpusRouge, type Rouge } from './rouge.ts';
import { decimals, textTable } from './table.ts';
import type { Scorer } from './text-score.ts';

export interface GenerateSettings
  extends ExcerptSizes,
    Pick<SamplingSettings, 'temperature' | 'topK' | 'topP'> {
  readonly seed: number;
}

export interface GenerationReport {
  readonly settings: GenerateSettings;
  readonly generated: TextMeasures;
  /** The same measures of what really followed each prompt. */
  readonly truth: TextMeasures;
  /** BLEU of the generated continuations with the true ones as references: over characters, and over words. */
  readonly bleuChar: Bleu;
  readonly bleu13a: Bleu;
  readonly rouge1: Rouge;
  readonly rouge2: Rouge;
  readonly rougeL: Rouge;
  readonly rougeLsum: Rouge;
  readonly continuations: readonly {
    readonly prompt: string;
    readonly generated: string;
    readonly truth: string;
  }[];
}

/** The same model, texts and settings give the same report. The model needs at least one cache slot. */
export function generateReport(
  scorer: Scorer,
  heldOut: Int32Array,
  corpus: Corpus,
  settings: GenerateSettings,
): GenerationReport {
  const excerpts = chooseExcerpts(scorer.tokenizer, heldOut, settings, settings.seed);
  const prompts = excerpts.map(({ prompt }) => scorer.tokenizer.decode(prompt));
  const { measured: generated, texts } = measureSampling(scorer, excerpts, corpus, settings);
  const truth = measureTruth(scorer, excerpts, corpus, settings);
  const references = truth.texts.map((text) => [text]);
  return {
    settings,
    generated,
    truth: truth.measured,
    bleuChar: corpusBleu(texts, references, { tokenization: 'char' }),
    bleu13a: corpusBleu(texts, references),
    ...corpusRouge(['rouge1', 'rouge2', 'rougeL', 'rougeLsum'], texts, references),
    continuations: prompts.map((prompt, i) => ({ prompt, generated: texts[i], truth: truth.texts[i] })),
  };
}

interface Measured {
  readonly texts: readonly string[];
  readonly measured: TextMeasures;
}

/** Continues the prompt of every excerpt with these settings, and measures the continuations. */
export function measureSampling(
  scorer: Scorer,
  excerpts: readonly Excerpt[],
  corpus: Corpus,
  settings: GenerateSettings,
): Measured {
  const { newTokens, seed } = settings;
  const prompts = excerpts.map(({ prompt }) => prompt);
  return measure(
    scorer,
    prompts,
    continuePrompts(scorer.model, prompts, { settings, newTokens, seed }),
    corpus,
    seed,
  );
}

/** The yardstick: the same measures of the true continuations. */
export function measureTruth(
  scorer: Scorer,
  excerpts: readonly Excerpt[],
  corpus: Corpus,
  { seed }: { readonly seed: number },
): Measured {
  const prompts = excerpts.map(({ prompt }) => prompt);
  const truths = excerpts.map(({ truth }) => truth);
  return measure(scorer, prompts, truths, corpus, seed);
}

function measure(
  scorer: Scorer,
  prompts: readonly Int32Array[],
  tokens: readonly Int32Array[],
  corpus: Corpus,
  seed: number,
): Measured {
  const { tokenizer } = scorer;
  const texts = tokens.map((ids) => wholeText(tokenizer, ids)); // one that stops at its length may end inside a character
  const continuations = texts.map((text, i) => ({ prompt: tokenizer.decode(prompts[i]), text }));
  const perplexity = continuationPerplexity(scorer, prompts, tokens);
  return { texts, measured: measureTexts(continuations, corpus, { perplexity, seed }) };
}

/** The settings in words, for the head of a report. */
export function describeSizes(settings: Omit<GenerateSettings, 'temperature' | 'topP'>): string {
  const { count, promptTokens, newTokens, topK, seed } = settings;
  const prompts = `${count} held-out prompts of ${promptTokens} tokens, each continued by ${newTokens}`;
  return `${prompts}${topK > 0 ? `, top-k ${topK}` : ''}, seed ${seed}`;
}

export function generationTables(report: GenerationReport): string {
  const { settings, generated, truth, bleuChar, bleu13a } = report;
  const own = (Object.keys(measures) as (keyof TextMeasures)[]).map((name) => {
    const { label, show } = measures[name];
    return [label, show(generated[name]), show(truth[name])];
  });
  const rouge = (['rouge1', 'rouge2', 'rougeL', 'rougeLsum'] as const).map((type) => [
    `ROUGE-${type.slice(5)}`,
    decimals(100 * report[type].f, 2),
    `precision ${decimals(100 * report[type].precision, 2)}, recall ${decimals(100 * report[type].recall, 2)}`,
  ]);
  const bleu = [
    ['BLEU, characters', decimals(bleuChar.score, 2), bleuChar.signature],
    ['BLEU, words', decimals(bleu13a.score, 2), bleu13a.signature],
  ];
  const { prompt, generated: text, truth: real } = report.continuations[0];
  return [
    `${describeSizes(settings)}, temperature ${settings.temperature}, top-p ${settings.topP}`,
    '',
    textTable([['', 'generated', 'true text'], ...own]),
    '',
    'against the true continuations (there are many good ones, so low is no shame):',
    againstTruth([...bleu, ...rouge]),
    '',
    `the first of them, after ${JSON.stringify(prompt)}:`,
    `  generated ${JSON.stringify(text)}`,
    `  true      ${JSON.stringify(real)}`,
  ].join('\n');
}

/** Rows of label, number and remark; the remarks are flush left. */
function againstTruth(rows: readonly (readonly string[])[]): string {
  const lines = textTable(rows.map((row) => row.slice(0, 2))).split('\n');
  return lines.map((line, i) => `${line}  ${rows[i][2]}`).join('\n');
}
