/** Blind pairs for a person to judge: two continuations of one prompt, and nothing that tells which is whose.
 *
 * Texts are laid out in places that do not overlap; each is a prompt of whole sentences and what truly follows it. The seed
 * decides in which order they are drawn (each once), which side comes first (a coin for each), and what models write. */
import type { SamplingSettings } from '../sample/settings.ts';
import { RandomStream } from '../tensor/random.ts';
import type { Side, Verdict } from './verdicts.ts';

/** The streams of random numbers: the order, the coin, and what the two sides draw with. */
const streams = { order: 1, coin: 2, a: 3, b: 4 } as const;

export interface PairSizes {
  /** Characters of a prompt at least; it goes on to the end of a sentence, but not beyond twice that. */
  readonly prompt: number;
  /** Characters of each text at most. */
  readonly length: number;
}
export const usualLength = 240;
/** Prompts half as long as the texts, unless something else is asked for. */
export const pairSizes = (length = usualLength, prompt = Math.ceil(length / 2)): PairSizes => ({
  prompt,
  length,
});

export interface Question {
  /** The same for the same prompt and seed, in every judge's file. */
  readonly id: string;
  readonly prompt: string;
  /** What follows the prompt in the text, with one character more than is shown. */
  readonly truth: string;
  /** The side that is shown first. */
  readonly first: Side;
  /** What each side draws with. */
  readonly seeds: Readonly<Record<Side, number>>;
}

/** Who writes one of the two texts. */
export interface Writer {
  readonly label: string;
  write(question: Question, seed: number): Promise<string>;
}
/** What a pair may differ in, apart from the model. */
export type JudgedSettings = Pick<SamplingSettings, 'temperature' | 'topP' | 'topK' | 'minP'>;

/** What a model with its settings is called wherever it is judged. */
export function modelLabel(name: string, { temperature, topP, topK, minP }: JudgedSettings): string {
  const cuts = [topP < 1 && `top-p ${topP}`, topK > 0 && `top-k ${topK}`, minP > 0 && `min-p ${minP}`];
  return [`model ${name}`, `temperature ${temperature}`, ...cuts].filter(Boolean).join(', ');
}

export const realText: Writer = { label: 'real text', write: async ({ truth }) => truth };

/** Which of the two is better, in the order in which they are shown. */
export type Place = 'first' | 'second' | 'same';
export interface Pair extends Pick<Question, 'id' | 'prompt' | 'first'> {
  /** In the order in which they are shown. */
  readonly texts: readonly [string, string];
}

/** All questions that texts have room for, in the order of the seed; none goes from one text into another. RangeError where
 * they have room for none. */
export function questions(texts: readonly string[], sizes: PairSizes, seed: number): Question[] {
  const places = texts.flatMap((text) => layOut(text, sizes));
  if (places.length === 0) {
    const least = sizes.prompt + sizes.length;
    const longest = texts.reduce((most, { length }) => Math.max(most, length), 0);
    const what = texts.length === 1 ? 'the held-out text is' : 'the held-out documents are';
    throw new RangeError(
      `${what} too short for a pair: expected more than ${least} characters, got ${longest}; ` +
        'take a longer text, or shorter prompts and texts',
    );
  }
  const random = new RandomStream(seed, 'evaluate');
  for (let i = places.length - 1; i > 0; i--) {
    const j = random.below(i + 1, i, streams.order);
    [places[i], places[j]] = [places[j]!, places[i]!];
  }
  return places.map(({ prompt, truth }, i) => ({
    id: `${seed}-${checksum(prompt)}`,
    prompt,
    truth,
    first: random.below(2, i, streams.coin) === 0 ? 'a' : 'b',
    seeds: { a: random.below(2 ** 32, i, streams.a), b: random.below(2 ** 32, i, streams.b) },
  }));
}

/** Lets both sides write, the first to be shown first, and cuts what they wrote to about the same length. */
export async function makePair(
  question: Question,
  writers: Readonly<Record<Side, Writer>>,
  { length }: PairSizes,
): Promise<Pair> {
  const { id, prompt, first, seeds } = question;
  const second = first === 'a' ? 'b' : 'a';
  const left = await writers[first].write(question, seeds[first]);
  const right = await writers[second].write(question, seeds[second]);
  return { id, prompt, first, texts: cutAlike(left, right, length) };
}

/** The pairs of these questions; each is written while the one before it is judged. */
export async function* pairsOf(
  questions: readonly Question[],
  writers: Readonly<Record<Side, Writer>>,
  sizes: PairSizes,
): AsyncGenerator<Pair, void> {
  const write = (i: number) => {
    const question = questions[i];
    const pair = question && makePair(question, writers, sizes);
    pair?.catch(() => {}); // whoever waits for it is told
    return pair;
  };
  let ahead = write(0);
  for (let i = 1; ahead !== undefined; i++) {
    const pair = await ahead;
    ahead = write(i);
    yield pair;
  }
}

/** What a judge has said of a pair, as a verdict on the two sides. */
export function verdictOf({ id, first }: Pair, said: Place, { a, b }: Pick<Verdict, Side>): Verdict {
  const second = first === 'a' ? 'b' : 'a';
  const verdict = said === 'same' ? 'same' : said === 'first' ? first : second;
  return { pair: id, first, verdict, a, b };
}

/** What a model is asked for: it goes on as far as the real text does, so its ends of texts are masked. A token has a
 * character, or of one that was never seen a byte of up to four. */
export function tokensFor(length: number): { readonly maxNewTokens: number; readonly minNewTokens: number } {
  const tokens = 4 * (length + 1);
  return { maxNewTokens: tokens, minNewTokens: tokens };
}

/** The beginning of a text that comes in pieces, as long as it is shown and one character more. */
export async function beginningOf(
  pieces: AsyncIterable<{ readonly text: string }>,
  length: number,
): Promise<string> {
  let all = '';
  for await (const { text } of pieces) {
    all += text;
    if (all.length > length) break;
  }
  return all;
}

/** Cuts two texts at ends of sentences, those in their second halves whose lengths are nearest to each other, and of these
 * the longest. If one of them has none there, both are cut between words: an end must not tell which is which. */
export function cutAlike(a: string, b: string, length: number): [string, string] {
  const ends = (text: string) => sentenceEnds(text).filter((end) => end >= length / 2 && end <= length);
  const others = ends(b);
  let best: readonly [number, number] | undefined;
  const apart = ([x, y]: readonly [number, number]) => Math.abs(x - y);
  for (const x of ends(a)) {
    for (const y of others) {
      const by = best === undefined ? -1 : apart([x, y]) - apart(best);
      if (by < 0 || (by === 0 && x + y > best![0] + best![1])) best = [x, y];
    }
  }
  if (best !== undefined) return [a.slice(0, best[0]).trimStart(), b.slice(0, best[1]).trimStart()];
  return [betweenWords(a, length), betweenWords(b, length)];
}

/** Places one after the other: a prompt, and what follows it. */
function layOut(text: string, { prompt, length }: PairSizes): { prompt: string; truth: string }[] {
  const places = [];
  let begin = nextEnd(text, 0, prompt);
  for (;;) {
    const end = nextEnd(text, begin + prompt, prompt);
    if (end + length >= text.length) return places;
    places.push({ prompt: text.slice(begin, end).trimStart(), truth: text.slice(end, end + length + 1) });
    begin = nextEnd(text, end + length + 1, prompt);
  }
}

/** The first end of a sentence from `at` on, or of a word where no sentence ends within `reach`, or else `at`. */
function nextEnd(text: string, at: number, reach: number): number {
  const near = text.slice(at, at + reach + 1);
  return at + Math.max(0, sentenceEnds(near)[0] ?? near.search(/\s/));
}

/** The places right after each sentence: after . ! ? and the quotation marks that close with it, where white space follows;
 * in Chinese and Japanese it need not. */
function sentenceEnds(text: string): number[] {
  const end = /[.!?…]+["'”’»)\]]*(?=\s)|[。！？]+[”’」』）]*/gu;
  return Array.from(text.matchAll(end), ({ 0: { length }, index }) => index + length);
}

function betweenWords(text: string, length: number): string {
  const whole = text.length > length ? text.slice(0, length + 1).search(/\s\S*$/) : text.length;
  const cut = text.slice(0, whole > 0 ? whole : length).replace(/[\uD800-\uDBFF]$/, ''); // no half character
  return `${cut.trim()} ...`;
}

/** FNV-1a of 32 bits, over UTF-16 units (Fowler, Noll and Vo), as eight digits. */
function checksum(text: string): string {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  return (hash >>> 0).toString(16).padStart(8, '0');
}
