/** The likeliest of several continuations: how a model that only writes can be made to choose, and to classify.
 *
 *     score(choice) = sum of ln p(token | prompt, the choice's tokens before it)
 *
 * The model chooses the largest, and is right if that is the label. A longer continuation has more factors below 1, so the sum
 * prefers short ones; divided by the characters of the continuation it does less so. Both accuracies are told. Tasks of this
 * form: Zellers et al., "HellaSwag" (2019); classification by the likelihood of a label's text: Brown et al. (2020). */
import type { Tokenizer } from '../model/text/tokenizer.ts';
import { countCharacters } from '../train/documents.ts';
import { counted } from '../train/metrics.ts';
import { scoreTokens } from '../train/score.ts';
import type { ScoredWindow } from '../train/windows.ts';
import { percent, textTable } from './table.ts';
import type { Scorer } from './text-score.ts';
import { wilsonInterval } from './wilson.ts';

export interface Question {
  readonly prompt: string;
  readonly choices: readonly string[];
  /** The index of the right one. */
  readonly label: number;
  /** For error messages: 'tasks.jsonl line 3'. */
  readonly where: string;
}

export interface Answer {
  readonly label: number;
  /** ln p of each choice, and how many characters it has. */
  readonly logProbabilities: readonly number[];
  readonly characters: readonly number[];
  /** The index of the largest ln p, and of the largest per character; of equal ones the first. */
  readonly chosen: number;
  readonly chosenPerCharacter: number;
}
/** A share of right answers with its interval at 95 %. */
export interface Accuracy {
  readonly right: number;
  readonly share: number;
  readonly interval: readonly [low: number, high: number];
}
export interface ChoiceReport {
  readonly questions: number;
  readonly raw: Accuracy;
  readonly perCharacter: Accuracy;
  /** What guessing would get. */
  readonly chance: number;
  readonly answers: readonly Answer[];
}

/** Lets the model choose. RangeError, naming the question, for a prompt without tokens or a choice that the context does not
 * hold; of a long prompt the newest part is seen. */
export function chooseAll(
  { model, tokenizer, buffers }: Scorer,
  questions: readonly Question[],
): ChoiceReport {
  const { contextLength: T } = model.config;
  const texts = questions.flatMap(({ choices, ...question }) =>
    choices.map((choice) => tokensOf({ ...question, choice }, tokenizer, T)),
  );
  const tokens = new Int32Array(texts.reduce((sum, { ids }) => sum + ids.length, 0));
  /** Which text a token of `tokens` belongs to. */
  const owner = new Int32Array(tokens.length);
  const windows: ScoredWindow[] = [];
  let at = 0;
  for (const [i, { ids, scored }] of texts.entries()) {
    tokens.set(ids, at);
    owner.fill(i, at, at + ids.length);
    windows.push({ start: at, length: ids.length - 1, scored });
    at += ids.length;
  }
  const sums = new Float64Array(texts.length);
  scoreTokens(model, buffers, tokens, windows, (nll, index) => {
    sums[owner[index]!]! -= nll;
  });

  let next = 0;
  const answers = questions.map(({ choices, label }): Answer => {
    const logProbabilities = Array.from(sums.subarray(next, next + choices.length));
    next += choices.length;
    const characters = choices.map((choice) => countCharacters(choice));
    return {
      ...{ label, logProbabilities, characters, chosen: largest(logProbabilities) },
      chosenPerCharacter: largest(logProbabilities.map((x, i) => x / characters[i]!)),
    };
  });
  const accuracy = (right: number): Accuracy => ({
    ...{ right, share: right / questions.length, interval: wilsonInterval(right, questions.length) },
  });
  return {
    questions: questions.length,
    raw: accuracy(answers.filter(({ chosen, label }) => chosen === label).length),
    perCharacter: accuracy(
      answers.filter(({ chosenPerCharacter, label }) => chosenPerCharacter === label).length,
    ),
    chance: questions.reduce((sum, { choices }) => sum + 1 / choices.length, 0) / questions.length,
    answers,
  };
}

/** Prompt and choice as tokens: the newest T + 1, of which the last `scored` are the choice's. White space at the end of the
 * prompt goes to the choice, as tokens of words begin with it, and one space comes between two that have none. */
function tokensOf(
  { prompt, choice, where }: Pick<Question, 'prompt' | 'where'> & { readonly choice: string },
  tokenizer: Tokenizer,
  T: number,
): { readonly ids: Int32Array; readonly scored: number } {
  const before = prompt.trimEnd();
  const space = prompt.slice(before.length);
  const between = space === '' && !/^\s/.test(choice) ? ' ' : space;
  const encode = (text: string) => {
    try {
      return tokenizer.encode(text);
    } catch (error) {
      throw new RangeError(`${where}: ${(error as Error).message}`);
    }
  };
  const [first, second] = [encode(before), encode(between + choice)];
  if (first.length === 0)
    throw new RangeError(`${where}: the prompt is empty; expected at least one character`);
  if (second.length > T) {
    throw new RangeError(
      `${where}: a choice of ${second.length} tokens; expected at most the context of ${T}`,
    );
  }
  const start = tokenizer.endOfText === undefined ? [] : [tokenizer.endOfText];
  return { ids: Int32Array.from([...start, ...first, ...second]).slice(-(T + 1)), scored: second.length };
}

const largest = (numbers: readonly number[]): number => numbers.indexOf(Math.max(...numbers));

export function choiceTable({ questions, raw, perCharacter, chance }: ChoiceReport): string {
  const row = (name: string, { right, share, interval: [low, high] }: Accuracy) => [
    ...[name, String(right), percent(share), `${percent(low)} to ${percent(high)}`],
  ];
  return [
    counted(questions, 'question'),
    '',
    textTable([
      ['the likeliest', 'right', 'accuracy', '95 % interval'],
      row('as it is', raw),
      row('per character', perCharacter),
    ]),
    `  guessing would be right in ${percent(chance)}`,
  ].join('\n');
}
