/** Lessons 26 to 29: what perplexity, BLEU, ROUGE and people's judgement measure. All exact. */
import { sentenceBleu } from '../evaluate/bleu.ts';
import { ngramBaselines } from '../evaluate/ngram.ts';
import { type RougeType, rouge } from '../evaluate/rouge.ts';
import { decimals, percent } from '../evaluate/table.ts';
import { trialsToTell, wilsonInterval } from '../evaluate/wilson.ts';
import { log } from '../tensor/math.ts';
import { RandomStream } from '../tensor/random.ts';
import { learnTokenizer } from '../train/choices.ts';
import { encodeSplit } from '../train/dataset.ts';
import { countCharacters, oneText } from '../train/documents.ts';
import { bitsPer, perplexity } from '../train/perplexity.ts';
import type { Run } from './lesson.ts';

export const perplexities: Run = () => {
  const lists = [
    [0.9, 0.8, 0.6, 0.4, 0.3, 0.2],
    [0.85, 0.72, 0.3, 0.95, 0.6, 0.45, 0.88, 0.15, 0.7, 0.55],
  ].map((probabilities) => {
    const nats = probabilities.map((p) => -log(p));
    const sum = nats.reduce((a, b) => a + b, 0);
    return { probabilities, nats, perplexity: perplexity(sum / nats.length), sum };
  });
  const [first, second] = lists;
  const worst = Math.max(...second!.nats);
  const ascending = [...second!.nats].sort((a, b) => a - b);
  let [easy, together] = [0, 0];
  while (together + ascending[easy]! < worst) together += ascending[easy++]!;
  return {
    found: `They are ${decimals(first!.perplexity, 4)} and ${decimals(second!.perplexity, 4)}. In the second list the one token of probability ${Math.min(...second!.probabilities)} costs ${decimals(worst, 3)} nats, ${percent(worst / second!.sum)} of the whole, and more than the ${easy} easiest together (${decimals(together, 3)}).`,
    confirmed: easy > 1,
    tables: [
      [
        ['probabilities', 'nats together', 'perplexity'],
        ...lists.map((list) => [
          list.probabilities.map((p) => String(p).slice(1)).join(' '),
          decimals(list.sum, 4),
          decimals(list.perplexity, 4),
        ]),
      ],
    ],
    numbers: { lists, worst, easy, together },
  };
};

export const sameTokens: Run = ({ text }) => {
  const part = oneText(text.slice(0, 300_000));
  const models = [
    { name: 'characters, 6-grams', tokenizer: learnTokenizer('char', part), order: 6 },
    { name: 'BPE of 512 tokens, 4-grams', tokenizer: learnTokenizer('bpe', part, 512), order: 4 },
    { name: 'BPE of 1024 tokens, 3-grams', tokenizer: learnTokenizer('bpe', part, 1024), order: 3 },
  ].map(({ name, tokenizer, order }) => {
    const { train, validation } = encodeSplit(part, tokenizer);
    const options = { V: tokenizer.vocabSize, maxOrder: order };
    const nats = ngramBaselines(train, validation, options).at(-1)!;
    const characters = countCharacters(tokenizer.decode(validation));
    const tokens = validation.length;
    return { name, nats, tokens, perplexity: perplexity(nats), bits: bitsPer(nats * tokens, characters) };
  });
  const [characters, , pieces] = models;
  const factor = pieces!.perplexity / characters!.perplexity;
  return {
    found: `The same text, counted in characters and in pieces of words: by perplexity the pieces are ${decimals(factor, 1)} times worse (${decimals(pieces!.perplexity, 2)} against ${decimals(characters!.perplexity, 2)}), by bits a character they are better (${decimals(pieces!.bits, 3)} against ${decimals(characters!.bits, 3)}). A longer token is harder to guess, and there are fewer of them. Divide the nats of the whole text by its characters or bytes, and any two models compare.`,
    confirmed: factor > 2 && pieces!.bits < characters!.bits,
    tables: [
      [
        ['counts of', 'tokens', 'nats a token', 'perplexity', 'bits a character'],
        ...models.map((m) => [
          ...[m.name, String(m.tokens), decimals(m.nats, 3), decimals(m.perplexity, 2), decimals(m.bits, 3)],
        ]),
      ],
    ],
    numbers: { models },
  };
};

export const bleuAndRouge: Run = () => {
  const reference = 'The small cat sat on the old mat by the door.';
  const texts = {
    'the reference itself': reference,
    reworded: 'A little kitten was sitting on an ancient rug near the entrance.',
    'cut short': 'The small cat sat on the old',
    stuffed: `${reference} The dog ran to the shop, and the red bird sang in a tall tree all day long.`,
    'in another order': 'By the door on the old mat sat the small cat.',
    'with gaps': 'The very small grey cat often sat down on the very old brown mat right by the door.',
  };
  const rows = Object.entries(texts).map(([name, text]) => {
    const { score, precisions, brevityPenalty } = sentenceBleu(text, [reference]);
    const recall = (type: RougeType) => rouge(type, text, [reference]).recall;
    return {
      ...{ name, bleu: score, precision: precisions[0]!, brevityPenalty },
      ...{ rouge1: recall('rouge1'), rouge2: recall('rouge2'), rougeL: recall('rougeL') },
    };
  });
  const of = (name: keyof typeof texts) => rows.find((row) => row.name === name)!;
  const [short, stuffed, order, gaps] = [
    of('cut short'),
    of('stuffed'),
    of('in another order'),
    of('with gaps'),
  ];
  return {
    found: `Rewording brings BLEU down to ${decimals(of('reworded').bleu, 1)}. Each word of the short text is right (precision ${decimals(short.precision, 0)}), and the brevity penalty of ${decimals(short.brevityPenalty, 2)} leaves it ${decimals(short.bleu, 1)}. Stuffing costs ROUGE's recall nothing (${percent(stuffed.rouge1)}), and BLEU ${decimals(100 - stuffed.bleu, 0)} points. In another order ROUGE-1 finds ${percent(order.rouge1)} and ROUGE-L ${percent(order.rougeL)}; with gaps ROUGE-L still finds ${percent(gaps.rougeL)} and ROUGE-2 ${percent(gaps.rouge2)}.`,
    confirmed:
      of('reworded').bleu < 10 &&
      short.brevityPenalty < 1 &&
      short.precision === 100 &&
      stuffed.rouge1 === 1 &&
      order.rouge1 === 1 &&
      order.rougeL < 1 &&
      gaps.rougeL === 1 &&
      gaps.rouge2 < 0.5,
    tables: [
      [
        ['text', 'BLEU', 'precision', 'brevity', 'ROUGE-1', 'ROUGE-2', 'ROUGE-L'],
        ...rows.map((r) => [
          ...[r.name, decimals(r.bleu, 1), decimals(r.precision, 1), decimals(r.brevityPenalty, 2)],
          ...[percent(r.rouge1), percent(r.rouge2), percent(r.rougeL)],
        ]),
      ],
    ],
    numbers: { reference, texts, rows },
  };
};

export const humanPairs: Run = () => {
  const [judges, pairs] = [400, 100];
  const random = new RandomStream(1, 'evaluate');
  const tells = (k: number, n: number): boolean => {
    const [low, high] = wilsonInterval(k, n);
    return low > 0.5 || high < 0.5;
  };
  const rows = [0.5, 0.55, 0.6, 0.7, 0.8].map((rate, r) => {
    let [atEnd, onTheWay] = [0, 0];
    for (let judge = 0; judge < judges; judge++) {
      let preferred = 0;
      let told = false;
      for (let n = 1; n <= pairs; n++) {
        preferred += Number(random.uniform(n, judge, r) < rate);
        told ||= tells(preferred, n);
      }
      atEnd += Number(tells(preferred, pairs));
      onTheWay += Number(told);
    }
    return { rate, needed: trialsToTell(rate), atEnd: atEnd / judges, onTheWay: onTheWay / judges };
  });
  const [none, , slight, , clear] = rows;
  return {
    found: `Where eight of ten prefer A, ${clear!.needed} pairs tell in every second case; where six of ten do, it takes ${slight!.needed}. Of ${judges} simulated judges of ${pairs} pairs ${percent(clear!.atEnd)} and ${percent(slight!.atEnd)} could tell at the end. And a trap: with no difference at all ${percent(none!.atEnd)} found one at the end, but ${percent(none!.onTheWay)} of those who looked after every pair, to stop at the first. So it is costly, the more the smaller the difference. That people's taste is the gold standard is a convention, which no number can test.`,
    confirmed: slight!.needed > 4 * clear!.needed && none!.atEnd < 0.08 && none!.onTheWay > 3 * none!.atEnd,
    tables: [
      [
        [
          'prefers A in',
          'pairs for every second case',
          `told apart after ${pairs}`,
          'if looked at each time',
        ],
        ...rows.map((r) => [
          percent(r.rate),
          Number.isFinite(r.needed) ? String(r.needed) : 'no number',
          percent(r.atEnd),
          percent(r.onTheWay),
        ]),
      ],
    ],
    numbers: { judges, pairs, rows },
  };
};
