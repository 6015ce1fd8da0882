/** Lessons 16 and 20 to 22: what the settings do to texts of the model at hand. */
import { decimals, percent } from '../evaluate/table.ts';
import { scoreText } from '../evaluate/text-score.ts';
import { mostProbable, softmax } from '../library/stages.ts';
import type { SamplingSettings } from '../sample/settings.ts';
import { type Run, type Subject, sampleOf, type Table } from './lesson.ts';
import { measured, written } from './writing.ts';

export const fixedK: Run = async (bench) => {
  const subject = await bench.subject();
  const { tokenizer, model } = subject;
  const { vocabSize: V } = model.config;
  const k = 10;
  const tokens = sampleOf(subject, 16_384);
  interface Place {
    readonly index: number;
    readonly best: number;
    readonly mass: number;
    readonly needed: number;
  }
  const places: Place[] = [];
  scoreText(subject, tokens, { mode: 'stride' }, (_, index, logits, at) => {
    const p = softmax(logits.subarray(at, at + V));
    const order = mostProbable(p, V);
    const mass = order.slice(0, k).reduce((sum, id) => sum + p[id]!, 0);
    let [reached, needed] = [0, 0];
    while (reached < 0.9) reached += p[order[needed++]!]!;
    places.push({ index, best: p[order[0]!]!, mass, needed });
  });
  const sure = places.reduce((a, b) => (b.best > a.best ? b : a));
  const unsure = places.reduce((a, b) => (b.mass < a.mass ? b : a));
  const before = ({ index }: Place) =>
    `"${tokenizer.decode(tokens.subarray(Math.max(0, index - 24), index)).replaceAll('\n', '↵')}"`;
  const tooMany = places.filter(({ needed }) => needed < k).length / places.length;
  return {
    found: `In one text of ${tokens.length} tokens, k = ${k}: after ${before(sure)} the best token has ${decimals(100 * sure.best, 2)} %, and the other ${k - 1} that are kept share ${((1 - sure.best) * 100).toPrecision(2)} %. After ${before(unsure)} the ${k} best hold only ${percent(unsure.mass)}, and ${percent(1 - unsure.mass)} of what could have come is cut. Nine tenths of the mass need ${unsure.needed} tokens there and ${sure.needed} at the first place; over all places fewer than ${k} in ${percent(tooMany)}.`,
    confirmed: sure.best > 0.99 && unsure.mass < 0.8,
    tables: [
      [
        ['after', 'best token', `mass of the ${k} best`, 'tokens for 90 %'],
        ...[sure, unsure].map((place) => [
          ...[before(place), `${decimals(100 * place.best, 2)} %`, percent(place.mass), String(place.needed)],
        ]),
      ],
    ],
    numbers: { k, sure, unsure, tooMany, places: places.length },
  };
};

type How = Partial<SamplingSettings> | { readonly beam: number } | 'truth';

/** A row of measures for each way to write. */
function compare(
  bench: { say: (line: string) => void },
  subject: Subject,
  ways: Readonly<Record<string, How>>,
) {
  const rows = Object.entries(ways).map(([name, how]) => {
    bench.say(`writing: ${name}`);
    const { nats, rep4, loopShare, distinct2, knownWords } = measured(subject, written(subject, how));
    return { name, nats, rep4, loopShare, distinct2, knownWords };
  });
  const table: Table = [
    ['text', 'nats a token', 'rep-4', 'ends in a loop', 'distinct-2', 'known words'],
    ...rows.map((row) => [
      ...[row.name, decimals(row.nats, 3), percent(row.rep4), percent(row.loopShare)],
      ...[percent(row.distinct2), percent(row.knownWords)],
    ]),
  ];
  return { rows, table, of: (name: string) => rows.find((row) => row.name === name)! };
}

export const loops: Run = async (bench) => {
  const subject = await bench.subject();
  const { rows, table, of } = compare(bench, subject, {
    'true text': 'truth',
    greedy: { temperature: 0 },
    'beam of 2': { beam: 2 },
    'beam of 8': { beam: 8 },
    'temperature 0.7': { temperature: 0.7 },
    'temperature 1': {},
    'top-k 10': { topK: 10 },
    'top-p 0.9': { topP: 0.9 },
  });
  const [greedy, beam, truth] = [of('greedy'), of('beam of 8'), of('true text')];
  return {
    found: `Greedy repeats ${percent(greedy.rep4)} of its word 4-grams and the beam of 8 ${percent(beam.rep4)}; ${percent(greedy.loopShare)} and ${percent(beam.loopShare)} of the texts end in a loop. What really came repeats ${percent(truth.rep4)}. So both loop, and the beam here ${beam.rep4! > greedy.rep4! ? 'more' : 'less'} than greedy; its texts are the likeliest, ${decimals(beam.nats, 3)} nats a token against ${decimals(truth.nats, 3)} of true text. Whatever is drawn repeats as little as people do.`,
    confirmed: Math.min(greedy.rep4!, beam.rep4!) > 10 * truth.rep4! && beam.nats < greedy.nats,
    tables: [table],
    numbers: { rows },
  };
};

export const useCases: Run = async (bench) => {
  const subject = await bench.subject();
  const V = subject.model.config.vocabSize;
  const { rows, table, of } = compare(bench, subject, {
    'true text': 'truth',
    'creative: T 1.4, k 50': { temperature: 1.4, topK: 50 },
    'creative: T 1.2, k 50': { temperature: 1.2, topK: 50 },
    'general: T 1': {},
    'general: T 0.8': { temperature: 0.8 },
    'faithful: T 0.7': { temperature: 0.7 },
    'faithful, code: T 0.5': { temperature: 0.5 },
  });
  const [hot, warm, cool, truth] = [
    of('creative: T 1.4, k 50'),
    of('general: T 0.8'),
    of('faithful, code: T 0.5'),
    of('true text'),
  ];
  return {
    found: `The order is right: from T 0.5 to T 1.4 the surprise rises from ${decimals(cool.nats, 2)} to ${decimals(hot.nats, 2)} nats a token (true text ${decimals(truth.nats, 2)}) and repetition falls. But the numbers belong to large models of large vocabularies: here k = 50 of ${V} tokens cuts next to nothing, and at T 1.4 only ${percent(hot.knownWords)} of the words are words, at T 0.8 ${percent(warm.knownWords)}.`,
    confirmed: cool.nats < warm.nats && warm.nats < hot.nats && hot.knownWords! < 0.9,
    tables: [table],
    numbers: { V, rows },
  };
};

export const againstRepetition: Run = async (bench) => {
  const subject = await bench.subject();
  const base = { temperature: 0 };
  const { rows, table, of } = compare(bench, subject, {
    'true text': 'truth',
    'greedy, the base': base,
    'repetition penalty 1.3': { ...base, repetitionPenalty: 1.3 },
    'the same, last 40 tokens': { ...base, repetitionPenalty: 1.3, penaltyLastN: 40 },
    'no 12-gram twice': { ...base, noRepeatNgram: 12 },
    'no 6-gram twice': { ...base, noRepeatNgram: 6 },
    'frequency penalty 0.1': { ...base, frequencyPenalty: 0.1 },
    'presence penalty 0.5': { ...base, presencePenalty: 0.5 },
    'T 1.2, top-p 0.8': { temperature: 1.2, topP: 0.8 },
  });
  const prompts = [8, 48, 96].map((promptTokens) => {
    bench.say(`writing after ${promptTokens} tokens`);
    const { nats, rep4 } = measured(subject, written(subject, base, { promptTokens }));
    return { promptTokens, nats, rep4 };
  });
  const start = of('greedy, the base');
  const remedies = rows.slice(2);
  const helped = remedies.filter(({ rep4 }) => rep4! < start.rep4!).length;
  const dear = remedies.reduce((a, b) => (b.nats > a.nats ? b : a));
  return {
    found: `Of ${remedies.length} remedies ${helped} take repetition from the ${percent(start.rep4)} of greedy text. They cost likelihood: most of all "${dear.name}", ${decimals(dear.nats - start.nats, 2)} nats a token more, and not all of it is loss, since true text costs ${decimals(of('true text').nats - start.nats, 2)} more as well. With letters as tokens a penalty on tokens punishes the alphabet (see the known words); blocking n-grams aims at phrases. Longer prompts: ${prompts.map(({ promptTokens, rep4 }) => `${percent(rep4)} after ${promptTokens} tokens`).join(', ')}.`,
    confirmed: 2 * helped > remedies.length && dear.nats > start.nats,
    tables: [
      table,
      [
        ['greedy after a prompt of', 'nats a token', 'rep-4'],
        ...prompts.map((p) => [`${p.promptTokens} tokens`, decimals(p.nats, 3), percent(p.rep4)]),
      ],
    ],
    numbers: { rows, prompts },
  };
};
