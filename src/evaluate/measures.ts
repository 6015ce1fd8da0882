/** The measures of generated texts that need no reference, and what each number means. */
import { codePoints, memorization } from './memorization.ts';
import { loopShare, zipfCoefficient } from './repetition.ts';
import { selfBleu } from './self-bleu.ts';
import { decimals, percent } from './table.ts';
import { knownWordShare, splitWords, type WordRepetition, wordRepetition, wordsOf } from './words.ts';

/** null is a measure that is undefined, such as the share of repeated 4-grams in texts of three words. */
export interface TextMeasures extends WordRepetition {
  readonly perplexity: number;
  readonly selfBleu: number | null;
  readonly zipf: number | null;
  readonly loopShare: number | null;
  readonly longestOverlap: number;
  readonly meanOverlap: number | null;
  readonly seenShare: number | null;
  readonly knownWords: number | null;
}

export interface Continuation {
  readonly prompt: string;
  readonly text: string;
}
/** The training text, prepared once for many comparisons. */
export interface Corpus {
  readonly characters: Int32Array;
  readonly words: ReadonlySet<string>;
}

export function prepareCorpus(text: string): Corpus {
  return { characters: codePoints(text), words: wordsOf(text) };
}

/** Characters in the n-grams that are looked up in the training text: about four words. */
const seenOrder = 20;
/** Self-BLEU takes quadratic time, so of more texts than this only some, chosen by the seed, are scored against all. */
const mostSelfBleu = 100;

/** Repetition is measured over words (cut at white space), loops and memorisation over characters. */
export function measureTexts(
  continuations: readonly Continuation[],
  corpus: Corpus,
  { perplexity, seed }: { readonly perplexity: number; readonly seed: number },
): TextMeasures {
  const words = continuations.map(({ text }) => splitWords(text));
  const characters = continuations.map(({ text }) => codePoints(text));
  const copied = memorization(characters, corpus.characters, { n: seenOrder });
  return {
    perplexity,
    ...wordRepetition(words),
    selfBleu:
      words.length < 2 ? null : selfBleu(words, { sample: Math.min(words.length, mostSelfBleu), seed }),
    zipf: zipfCoefficient(words),
    loopShare: loopShare(characters),
    longestOverlap: copied.longest.length,
    meanOverlap: copied.meanLongest,
    seenShare: copied.seenShare,
    knownWords: knownWordShare(continuations, corpus.words),
  };
}

export interface MeasureText {
  readonly label: string;
  readonly show: (x: number | null) => string;
  /** Two sentences and the source; left out where the measure before has explained this one. */
  readonly about?: string;
}

const share = (x: number | null) => percent(x);
const number = (digits: number) => (x: number | null) => decimals(x, digits);

/** In the order of the reports. */
export const measures: Readonly<Record<keyof TextMeasures, MeasureText>> = {
  perplexity: {
    label: 'perplexity',
    show: number(2),
    about:
      'e to the mean surprise of the model itself, in nats a token. Near that of true text is right: far below it the text is bland or loops, far above it the sampling is too wild (Holtzman et al. 2020).',
  },
  rep2: {
    label: 'rep-2',
    show: share,
    about:
      'Share of word pairs that the same text has had before; rep-3 and rep-4 look at longer runs. Real text repeats little, and a model that loops repeats nearly all (Welleck et al. 2019).',
  },
  rep3: { label: 'rep-3', show: share },
  rep4: { label: 'rep-4', show: share },
  diversity: {
    label: 'diversity',
    show: share,
    about:
      'The product of 1 - rep-2, 1 - rep-3 and 1 - rep-4. One number for freedom from repetition: true text is near its top, a loop near 0 (Su et al. 2022).',
  },
  distinct1: {
    label: 'distinct-1',
    show: share,
    about:
      'Different words of all texts over all their words; distinct-2 counts pairs. Low if texts repeat themselves or each other, and lower the more text there is (Li et al. 2016).',
  },
  distinct2: { label: 'distinct-2', show: share },
  selfBleu: {
    label: 'self-BLEU',
    show: number(1),
    about:
      'BLEU of each text with all others as its references, 0 to 100. High means that the texts resemble each other (Zhu et al. 2018).',
  },
  zipf: {
    label: 'Zipf slope',
    show: number(2),
    about:
      'How fast word frequency falls with rank on logarithmic axes. Natural language is near 1; a steeper slope leans on few words (Zipf 1949; Holtzman et al. 2020).',
  },
  loopShare: {
    label: 'ends in a loop',
    show: share,
    about:
      'Share of texts that end in one phrase over and over. True text has next to none, greedy decoding often many (Holtzman et al. 2020).',
  },
  longestOverlap: {
    label: 'longest copy',
    show: number(0),
    about:
      'The longest run of characters that stands in the training text exactly; the mean copy is that of the average text. Much longer than for true text means recitation (Carlini et al. 2021).',
  },
  meanOverlap: { label: 'mean copy', show: number(1) },
  seenShare: {
    label: `${seenOrder}-grams seen`,
    show: share,
    about: `Share of all runs of ${seenOrder} characters that the training text contains. Held-out text by the same author has some too, so compare with it (McCoy et al. 2023).`,
  },
  knownWords: {
    label: 'known words',
    show: share,
    about:
      'Share of words that occur in the training text. A character model must learn to spell; true text has a few new words as well.',
  },
};
