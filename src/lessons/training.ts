/** Lessons 1 to 3, 8 and 9: what the loss is, and what it does not tell. */
import { ngramBaselines } from '../evaluate/ngram.ts';
import { decimals, percent } from '../evaluate/table.ts';
import { scoreText } from '../evaluate/text-score.ts';
import { knownWordShare } from '../evaluate/words.ts';
import { softmax } from '../library/stages.ts';
import { forwardFlops } from '../model/flops.ts';
import { CharTokenizer } from '../model/text/tokenizer.ts';
import { log } from '../tensor/math.ts';
import { RandomStream } from '../tensor/random.ts';
import { reference } from '../tensor/reference/index.ts';
import { splitText } from '../train/documents.ts';
import { perplexity } from '../train/perplexity.ts';
import { score, scoreTokens } from '../train/score.ts';
import { allWindows } from '../train/windows.ts';
import { type Run, type Subject, sampleOf, tiny, untrained } from './lesson.ts';
import { measured, written } from './writing.ts';

export const everyPosition: Run = () => {
  const { contextLength: T, vocabSize: V } = tiny;
  const { model, buffers } = untrained(tiny, { kernels: reference, gradients: true });
  const random = new RandomStream(1, 'evaluate');
  const text = Int32Array.from({ length: T + 1 }, (_, i) => random.below(V, i));
  const nllsOf = (length: number, scored: number): number[] => {
    const nlls: number[] = [];
    scoreTokens(model, buffers, text, [{ start: 0, length, scored }], (nll) => nlls.push(nll));
    return nlls;
  };
  const alone = Array.from({ length: T }, (_, t) => nllsOf(t + 1, 1)[0]!);
  const together = nllsOf(T, T);
  const equal = together.filter((nll, t) => Object.is(nll, alone[t])).length;
  const mean = together.reduce((sum, nll) => sum + nll, 0) / T;
  model.backward(buffers.targets, 1 / T);
  const table = model.parameters.find(({ name }) => name.endsWith('wpe.weight'))!; // a row for each position
  const taught = Array.from({ length: T }, (_, t) => table.grad.row(t).data.some((x) => x !== 0));
  const positions = taught.filter(Boolean).length;
  const passes = Array.from({ length: T }, (_, t) => (t + 1) * forwardFlops(tiny, t + 1));
  const cost = passes.reduce((sum, flops) => sum + flops, 0) / (T * forwardFlops(tiny));
  return {
    found: `One pass over ${T} tokens gives ${equal} of the ${T} losses that ${T} passes over its beginnings give, to the bit; their mean of ${decimals(mean, 4)} nats is the loss. A gradient reaches ${positions} of the ${T} positions. The ${T} separate passes would cost ${decimals(cost, 1)} times as much.`,
    confirmed: equal === T && positions === T,
    numbers: { positions: T, equal, mean, withGradient: positions, cost },
  };
};

/** The surprise of texts in nats a character to counts over the training text: a judge from outside. */
const judged = ({ training, model }: Subject, texts: readonly Int32Array[]): number =>
  ngramBaselines(
    training,
    texts.flatMap((text) => Array.from(text)),
    {
      V: model.config.vocabSize,
      maxOrder: 5,
    },
  ).at(-1)!;

export const teacherForcing: Run = async (bench) => {
  const subject = await bench.subject();
  const rows = [
    { name: 'true text, as in training', nats: 0, outside: 0 },
    ...[
      { name: 'its own, temperature 1', settings: {} },
      { name: 'its own, temperature 0.8, top-p 0.95', settings: { temperature: 0.8, topP: 0.95 } },
      { name: 'its own, greedy', settings: { temperature: 0 } },
    ].map(({ name, settings }) => ({ name, settings, nats: 0, outside: 0 })),
  ].map((row) => {
    const texts = written(subject, 'settings' in row ? row.settings : 'truth');
    return { name: row.name, nats: measured(subject, texts).nats, outside: judged(subject, texts.texts) };
  });
  const [truth, own] = rows;
  return {
    found: `In training it read true text only; its own it met first here. Its own text at temperature 1 surprises the model itself by ${decimals(own!.nats, 3)} nats a token, true text by ${decimals(truth!.nats, 3)}: from inside nothing seems wrong. Counts of the training text, which judge from outside, find it at ${decimals(own!.outside, 3)} against ${decimals(truth!.outside, 3)}: ${decimals(own!.outside - truth!.outside, 3)} nats further from the language.`,
    confirmed: own!.outside > truth!.outside,
    tables: [
      [
        ['text', 'nats a token, by the model', 'by 5-grams'],
        ...rows.map(({ name, nats, outside }) => [name, decimals(nats, 3), decimals(outside, 3)]),
      ],
    ],
    numbers: { rows },
  };
};

export const blindGuess: Run = ({ text }) => {
  const tokenizer = CharTokenizer.train(text);
  const { vocabSize: V } = tokenizer;
  const heldOut = tokenizer.encode(splitText(text).heldOut.slice(0, 1025));
  const spreads = [1, 5, 10, 20];
  const losses = spreads.map((spread) => {
    const { model, buffers } = untrained({ ...tiny, vocabSize: V }, { kernels: reference, spread });
    return score(model, buffers, heldOut, allWindows(heldOut.length, tiny.contextLength)).nll;
  });
  const choices = [1, 2, 10, V].map((k) => ({
    k,
    perplexity: perplexity(-log(softmax(new Float64Array(k))[0]!)),
  }));
  return {
    found: `ln ${V} is ${decimals(log(V), 4)}; a model whose weights are as small as a training begins with has ${decimals(losses[0], 4)} nats, a perplexity of ${decimals(perplexity(losses[0]!), 2)}. With weights ${spreads.at(-1)} times as large, just as random, it has ${decimals(losses.at(-1), 2)}: a guess with confidence is worse than a blind one. Perplexity is k for k equal choices, and ${decimals(choices[0]!.perplexity, 0)} for certainty.`,
    confirmed: Math.abs(losses[0]! - log(V)) < 0.02 && losses.at(-1)! > log(V) + 1,
    tables: [
      [
        ['weights', 'nats', 'perplexity'],
        ...spreads.map((spread, i) => [
          `random, times ${spread}`,
          decimals(losses[i], 4),
          decimals(perplexity(losses[i]!), 2),
        ]),
        ...choices.map(({ k, perplexity }) => [
          `${k} equal ${k === 1 ? 'choice' : 'choices'}`,
          decimals(log(k), 4),
          decimals(perplexity, 2),
        ]),
      ],
    ],
    numbers: { V, lnV: log(V), spreads, losses, choices },
  };
};

export const lowLoss: Run = async (bench) => {
  const subject = await bench.subject();
  const { tokenizer, corpus } = subject;
  const rows = [
    { name: 'true text', settings: 'truth' as const },
    { name: 'temperature 1', settings: {} },
    { name: 'greedy', settings: { temperature: 0 } },
  ].map(({ name, settings }) => ({ name, ...measured(subject, written(subject, settings)) }));
  // Does it get worse the further it is from a true prompt? Quarters of long texts, each with the one before as its prompt.
  const quarter = 80;
  const long = written(subject, {}, { newTokens: 4 * quarter });
  const drift = [0, 1, 2, 3].map((q) => {
    const parts = long.texts.map((text) => text.subarray(q * quarter, (q + 1) * quarter));
    const words = parts.map((part, i) => ({
      prompt: tokenizer.decode(q === 0 ? long.prompts[i]! : long.texts[i]!.subarray(0, q * quarter)),
      text: tokenizer.decode(part),
    }));
    return { known: knownWordShare(words, corpus.words), outside: judged(subject, parts) };
  });
  const [truth, plain, greedy] = rows;
  return {
    found: `One model, so one loss, and two texts: at temperature 1 it repeats ${percent(plain!.rep4)} of its word 4-grams and ${percent(plain!.knownWords)} of its words are words, greedy repeats ${percent(greedy!.rep4)}; people repeat ${percent(truth!.rep4)}. Of compounding errors little is seen at this length: to the counts of the training text the last quarter of ${4 * quarter} tokens costs ${decimals(drift[3]!.outside, 3)} nats, the first ${decimals(drift[0]!.outside, 3)}.`,
    confirmed: (greedy!.rep4 ?? 0) > 2 * (plain!.rep4 ?? 0),
    tables: [
      [
        ['text', 'nats a token', 'rep-4', 'ends in a loop', 'known words'],
        ...rows.map((r) => [
          ...[r.name, decimals(r.nats, 3), percent(r.rep4), percent(r.loopShare), percent(r.knownWords)],
        ]),
      ],
      [
        ['its own text at temperature 1', 'nats by 5-grams', 'known words'],
        ...drift.map(({ known, outside }, q) => [
          `tokens ${q * quarter + 1} to ${(q + 1) * quarter}`,
          decimals(outside, 3),
          percent(known),
        ]),
      ],
    ],
    numbers: { rows, drift },
  };
};

export const memory: Run = async (bench) => {
  const subject = await bench.subject();
  const { model } = subject;
  const { contextLength: T } = model.config;
  const bins = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512].filter((most) => most < T).concat(T);
  const sums = bins.map(() => ({ nats: 0, count: 0 }));
  scoreText(subject, sampleOf(subject, 65_536), { mode: 'blocks' }, (nll, index) => {
    const bin = sums[bins.findIndex((most) => ((index - 1) % T) + 1 <= most)]!;
    bin.nats += nll;
    bin.count += 1;
  });
  const losses = sums.map(({ nats, count }) => nats / count);
  const lengths = [128, 256, 512, 1024];
  const sizes = { ...model.config, layers: 1, contextLength: lengths.at(-1)! };
  const { model: long, buffers } = untrained(sizes, { kernels: bench.kernels });
  const cost = lengths.map((time) => {
    const pass = () => long.forward(buffers.inputs.rows(time), { batch: 1, time });
    const times = Array.from({ length: 20 }, () => {
      const from = bench.now();
      pass();
      return bench.now() - from;
    });
    const flops = forwardFlops(sizes, time);
    return { time, milliseconds: Math.min(...times), share: 1 - forwardFlops(sizes, 0) / flops };
  });
  const grown = cost.at(-1)!.milliseconds / cost[0]!.milliseconds;
  const [little, longest] = [0.02, lengths.at(-1)!];
  const enough = bins[losses.findIndex((nats) => nats < losses.at(-1)! + little)];
  return {
    found: `With one token to go by the model needs ${decimals(losses[0], 2)} nats, with ${bins.at(-2)} or more ${decimals(losses.at(-1), 2)}; from ${enough} tokens on it gains less than ${little} nats by more of them: this model's memory is shorter than its context. A pass over ${longest} tokens took ${decimals(grown, 1)} times as long as one over ${lengths[0]}, where a straight line is ${longest / lengths[0]!} times and a square ${(longest / lengths[0]!) ** 2}: only attention grows with the square, and it is ${percent(cost[0]!.share)} of the arithmetic of a layer of this width at ${lengths[0]} tokens and ${percent(cost.at(-1)!.share)} at ${longest}.`,
    confirmed: losses[0]! > losses.at(-1)! + little && cost.at(-1)!.share > 0.5,
    tables: [
      [
        ['tokens to go by', 'nats'],
        ...bins.map((most, i) => [
          i === 0 ? '1' : bins[i - 1]! + 1 === most ? String(most) : `${bins[i - 1]! + 1} to ${most}`,
          decimals(losses[i], 3),
        ]),
      ],
      [
        ['tokens in a pass', 'milliseconds', 'share of attention'],
        ...cost.map((c) => [String(c.time), decimals(c.milliseconds, 1), percent(c.share)]),
      ],
    ],
    numbers: { bins, losses, cost },
  };
};
