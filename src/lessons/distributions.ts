/** Lessons 10 to 15, 17 and 18: what temperature and cuts make of a few logits. All exact. */
import { decimals, percent } from '../evaluate/table.ts';
import { drawInStages, mostProbable, type SamplerSettings, softmax } from '../library/stages.ts';
import { exp, log } from '../tensor/math.ts';
import type { Run } from './lesson.ts';

const logitsOf = (...numbers: number[]): Float64Array => Float64Array.from(numbers);
/** Logits whose softmax these probabilities are. */
const logsOf = (probabilities: readonly number[]): Float64Array => Float64Array.from(probabilities, log);
/** What is left after all stages. */
const cut = (logits: Float64Array, settings: SamplerSettings) =>
  drawInStages(logits, settings, [], { seed: 1 }).stages.at(-1)!;
const atTemperature = (logits: Float64Array, temperature: number): Float64Array =>
  cut(logits, { temperature }).probabilities;
const shown = (ps: ArrayLike<number>, digits = 4): string[] => Array.from(ps, (p) => decimals(p, digits));
const same = (ps: ArrayLike<number>, printed: readonly number[], digits = 4): boolean =>
  printed.every((p, i) => decimals(ps[i], digits) === decimals(p, digits));
const letters = 'ABCDEFGHIJ';

export const overflow: Run = () => {
  const logits = logitsOf(1000, 999, 0);
  const plain = Array.from(logits, exp); // as the formula says it, without the maximum
  const sum = plain.reduce((a, b) => a + b, 0);
  const naive = plain.map((x) => x / sum);
  const stable = softmax(logits);
  const largest = log(Number.MAX_VALUE);
  const largest32 = log(Math.fround(3.4028234663852886e38));
  return {
    found: `Without the subtraction e^${logits[0]} is ${plain[0]}, and the first probability ${naive[0]}; with it they are right. e^x can be stored up to x = ${decimals(largest, 2)} in 64 bits and ${decimals(largest32, 2)} in 32: that is where the danger begins, far below ${logits[0]}.`,
    confirmed: naive.some(Number.isNaN) && stable.every(Number.isFinite),
    tables: [
      [
        ['logit', 'e^z / sum', 'e^(z - max) / sum'],
        ...Array.from(logits, (z, i) => [String(z), String(naive[i]), decimals(stable[i], 6)]),
      ],
    ],
    numbers: { naive: naive.map(String), stable: [...stable], largest, largest32 },
  };
};

export const fiveLogits: Run = () => {
  const logits = logitsOf(0.2, 1.5, -0.3, 2.1, 0.5);
  const printed = [0.0521, 0.1424, 0.0314, 0.7069, 0.0672];
  const right = softmax(logits);
  // ln(p/q) = (z_p - z_q) / T: any two of the printed numbers tell a temperature.
  const implied = printed.flatMap((p, i) =>
    i === 3 ? [] : [(logits[3]! - logits[i]!) / log(printed[3]! / p)],
  );
  const [low, high] = [Math.min(...implied), Math.max(...implied)];
  return {
    found: `The right numbers are ${shown(right).join(', ')}. No temperature gives the printed ones either: their ratios to the largest belong to temperatures between ${decimals(low, 2)} and ${decimals(high, 2)}.`,
    confirmed: !same(right, printed),
    tables: [
      [
        ['logit', 'printed', 'computed'],
        ...Array.from(logits, (z, i) => [String(z), decimals(printed[i], 4), decimals(right[i], 4)]),
      ],
    ],
    numbers: { right: [...right], printed, impliedTemperatures: implied },
  };
};

export const threeLogits: Run = () => {
  const logits = logitsOf(10, 5, 1);
  const printed = [99.99, 99.3, 96.3, 91.5];
  const temperatures = [0.5, 1, 1.5, 2];
  const first = temperatures.map((T) => 100 * atTemperature(logits, T)[0]!);
  return {
    found: `The first token has ${first.map((p) => `${decimals(p, 3)} %`).join(', ')}. The first of them rounds to ${decimals(first[0], 2)} and was cut off rather than rounded; the others are right.`,
    confirmed: printed.every((p, i) => Math.abs(first[i]! - p) < 0.05),
    tables: [
      [
        ['temperature', 'claimed %', 'computed %'],
        ...temperatures.map((T, i) => [String(T), String(printed[i]), decimals(first[i], 3)]),
      ],
    ],
    numbers: { temperatures, percent: first },
  };
};

export const printedTable: Run = () => {
  const logits = logitsOf(1, 2, 0.5, 3, 0.2);
  const temperatures = [0.5, 1, 2];
  const printed = [
    [0.0021, 0.0144, 0.0005, 0.9827, 0.0003],
    [0.09, 0.2447, 0.0662, 0.5761, 0.023],
    [0.1538, 0.2097, 0.1406, 0.3662, 0.1297],
  ];
  const right = temperatures.map((T) => atTemperature(logits, T));
  const three = softmax(logitsOf(1, 2, 3));
  return {
    found: `None of the three rows is right. The first two numbers of the row for temperature 1 give its origin away: the softmax of 1, 2, 3 alone begins with ${shown(three).slice(0, 2).join(', ')}, without the two tokens that share the mass here.`,
    confirmed: right.every((row, i) => !same(row, printed[i]!)),
    tables: [
      [
        ['temperature', '', ...Array.from(logits, (z) => `logit ${z}`)],
        ...temperatures.flatMap((T, i) => [
          [String(T), 'printed', ...shown(printed[i]!)],
          ['', 'computed', ...shown(right[i]!)],
        ]),
      ],
    ],
    numbers: { temperatures, right: right.map((row) => [...row]), ofThree: [...three] },
  };
};

export const temperatureLimits: Run = () => {
  const logits = logitsOf(10, 5, 1);
  const temperatures = [0, 0.1, 1, 10, 100, 1e6];
  const rows = temperatures.map((T) => cut(logits, { temperature: T }).probabilities);
  const at10 = rows[3]!;
  const firsts = rows.every((row) => mostProbable(row, 1)[0] === 0);
  const ratio = at10[0]! / at10[2]!;
  return {
    found: `The order never changes, T = 0 is greedy, and at a million the three are equal to ${decimals(rows[5]![0], 6)}. But at T = 10 they are not: the first is still ${decimals(ratio, 2)} times as likely as the last. What is flat depends on T beside the distance of the logits, here ${logits[0]! - logits[2]!}: T has to be much larger than that.`,
    confirmed: firsts && rows[0]![0] === 1 && ratio > 2 && Math.abs(rows[5]![0]! - 1 / 3) < 1e-5,
    tables: [
      [
        ['temperature', ...Array.from(logits, (z) => `logit ${z}`)],
        ...temperatures.map((T, i) => [String(T), ...shown(rows[i]!)]),
      ],
    ],
    numbers: { temperatures, rows: rows.map((row) => [...row]), ratioAt10: ratio },
  };
};

export const removesNothing: Run = () => {
  const logits = logitsOf(10, 5, 1);
  const temperatures = [1, 0.1, 0.02, 0.01, 0.005];
  const rows = temperatures.map((T) => atTemperature(logits, T));
  const alive = rows.map((row) => row.filter((p) => p > 0).length);
  const bound = -log(Number.MIN_VALUE);
  return {
    found: `In the formula no probability is ever 0. In numbers of 64 bits e^-x is 0 from about x = ${decimals(bound, 0)} on, so a token goes once it lies more than ${decimals(bound, 0)} T below the best: here at T = ${temperatures.find((_, i) => alive[i]! < 3)}. At every temperature that anybody uses, all stay.`,
    confirmed: alive[0] === 3 && alive.at(-1)! < 3,
    tables: [
      [
        ['temperature', 'tokens above 0', 'probability of the last'],
        ...temperatures.map((T, i) => [String(T), String(alive[i]), rows[i]![2]!.toPrecision(3)]),
      ],
    ],
    numbers: { temperatures, alive, last: rows.map((row) => row[2]), bound },
  };
};

/** How many of the best are kept while their sum is at most p: the other rule. */
function keptAtMost(probabilities: readonly number[], p: number): number {
  let [sum, kept] = [0, 0];
  for (const next of [...probabilities].sort((a, b) => b - a)) {
    sum += next;
    if (sum > p) break;
    kept += 1;
  }
  return kept;
}

export const nucleusRules: Run = () => {
  const p = 0.9;
  const cases = [
    [0.41, 0.27, 0.15, 0.08, 0.05, 0.04],
    [0.8, 0.15, 0.03, 0.01, 0.01],
    [0.95, 0.03, 0.02],
  ].map((probabilities) => {
    const atMost = keptAtMost(probabilities, p);
    const { kept: reaches, mass } = cut(logsOf(probabilities), { topP: p });
    return {
      ...{ probabilities, atMost, reaches, mass },
      massAtMost: probabilities.slice(0, atMost).reduce((a, b) => a + b, 0),
    };
  });
  const set = (n: number) => (n === 0 ? 'nothing' : [...letters.slice(0, n)].join(' '));
  const [first, second, third] = cases;
  return {
    found: `The rule "at most p" keeps ${first!.atMost}, ${second!.atMost} and ${third!.atMost} tokens, the rule "reaches p" ${first!.reaches}, ${second!.reaches} and ${third!.reaches}. So the note's two tokens for the second case are what the other rule gives. "At most" always keeps less mass than was asked for, and nothing at all where the best token alone exceeds p. The paper (Holtzman et al. 2020) defines the nucleus as the smallest set whose sum is at least p, and that is what runs here.`,
    confirmed: second!.atMost === 1 && second!.reaches === 2 && third!.atMost === 0,
    tables: [
      [
        ['probabilities', 'at most p', 'mass', 'reaches p', 'mass'],
        ...cases.map((c) => [
          c.probabilities.map((x) => decimals(x, 2).slice(1)).join(' '),
          ...[set(c.atMost), percent(c.massAtMost), set(c.reaches), percent(c.mass)],
        ]),
      ],
    ],
    numbers: { p, cases },
  };
};

export const orderOfStages: Run = () => {
  const probabilities = [0.4, 0.2, 0.2, 0.1, 0.1];
  const logits = logsOf(probabilities);
  const [topK, topP, temperature] = [3, 0.72, 2];
  /** The logits of what a first draw has left. */
  const again = (settings: SamplerSettings) => logsOf([...cut(logits, settings).probabilities]);
  const kThenP = cut(logits, { topK, topP }).kept;
  const pThenK = cut(again({ topP }), { topK }).kept;
  const hotThenP = cut(logits, { temperature, topP }).kept;
  const pThenHot = cut(again({ topP }), { temperature }).kept;
  return {
    found: `Each stage measures shares of what the one before has left. So top-k ${topK} before top-p ${topP} leaves ${kThenP} tokens, and after it ${pThenK}; temperature ${temperature} before top-p leaves ${hotThenP}, after it ${pThenHot}. The order is part of the settings.`,
    confirmed: kThenP !== pThenK && hotThenP !== pThenHot,
    tables: [
      [
        ['order', 'tokens left'],
        [`top-k ${topK}, then top-p ${topP} (as here)`, String(kThenP)],
        [`top-p ${topP}, then top-k ${topK}`, String(pThenK)],
        [`temperature ${temperature}, then top-p ${topP} (as here)`, String(hotThenP)],
        [`top-p ${topP}, then temperature ${temperature}`, String(pThenHot)],
      ],
    ],
    numbers: { probabilities, kThenP, pThenK, hotThenP, pThenHot },
  };
};
