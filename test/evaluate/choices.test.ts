import { describe, expect, it } from 'vitest';
import { choiceTable, chooseAll, type Question } from '../../src/evaluate/choices.ts';
import { readChoices } from '../../src/evaluate/read-choices.ts';
import { wilsonInterval } from '../../src/evaluate/wilson.ts';
import { scoreTokens } from '../../src/train/score.ts';
import { openTiny, story } from './support.ts';

const scorer = openTiny();
const T = scorer.model.config.contextLength;
const ask = (prompt: string, choices: readonly string[], label = 0): Question => ({
  prompt,
  choices,
  label,
  where: 'q',
});

/** ln p of the text's last tokens, in a window of its own. */
function logProbability(text: string, last: number): number {
  const tokens = scorer.tokenizer.encode(text).slice(-(T + 1));
  let sum = 0;
  const length = tokens.length - 1;
  scoreTokens(scorer.model, scorer.buffers, tokens, [{ start: 0, length, scored: last }], (nll) => {
    sum -= nll;
  });
  return sum;
}

describe('wilsonInterval', () => {
  it('has the values of the literature', () => {
    // Newcombe, "Two-sided confidence intervals for the single proportion" (1998), method 3.
    const cases = [
      [81, 263, 0.2553, 0.3662],
      [15, 148, 0.0624, 0.1605],
      [0, 20, 0, 0.1611],
      [1, 29, 0.0061, 0.1718],
    ] as const;
    for (const [k, n, low, high] of cases) {
      const interval = wilsonInterval(k, n);
      expect(interval[0]).toBeCloseTo(low, 4);
      expect(interval[1]).toBeCloseTo(high, 4);
    }
    expect(wilsonInterval(0, 0)).toEqual([0, 1]);
    expect(() => wilsonInterval(3, 2)).toThrow('expected k from 0 to a whole number n, got 3 of 2');
  });
});

describe('chooseAll', () => {
  it('has the log-probability of each choice after the prompt, whatever else is asked', () => {
    const questions = [ask('the cat', ['sat', 'ran on'], 1), ask('the ', ['dog', 'owl', 'log'])];
    const { answers } = chooseAll(scorer, questions);
    expect(answers[0]!.logProbabilities).toEqual([
      logProbability('the cat sat', 4),
      logProbability('the cat ran on', 7),
    ]);
    expect(answers[1]!.logProbabilities).toEqual(
      ['dog', 'owl', 'log'].map((word) => logProbability(`the ${word}`, 4)),
    );
    expect(answers[0]!.characters).toEqual([3, 6]);
    expect(chooseAll(scorer, questions.slice(1)).answers[0]).toEqual(answers[1]);
  });

  it('sees the newest part of a long prompt', () => {
    const { answers } = chooseAll(scorer, [ask(story, ['the end', 'a rat'])]);
    expect(answers[0]!.logProbabilities).toEqual([
      logProbability(`${story.trimEnd()} the end`, 8),
      logProbability(`${story.trimEnd()} a rat`, 6),
    ]);
  });

  it('counts what is right, as it is and per character, with intervals', () => {
    // Every token of a model of zeros costs ln V: the shortest wins, and per character the one with the smaller share of white space.
    const zero = openTiny({ zero: true });
    const V = zero.model.config.vocabSize;
    const report = chooseAll(zero, [
      ask('the', ['cat', 'at'], 1),
      ask('the', ['cat', 'at'], 0),
      ask('a', ['a', 'o', 'e', 'n'], 2),
    ]);
    expect(report.answers[0]!.logProbabilities[0]).toBeCloseTo(-4 * Math.log(V), 5);
    expect(report.answers.map(({ chosen, chosenPerCharacter }) => [chosen, chosenPerCharacter])).toEqual([
      [1, 0],
      [1, 0],
      [0, 0],
    ]);
    expect(report.raw).toEqual({ right: 1, share: 1 / 3, interval: wilsonInterval(1, 3) });
    expect(report.perCharacter.right).toBe(1);
    expect(report.chance).toBeCloseTo((0.5 + 0.5 + 0.25) / 3, 15);
    expect(choiceTable(report).split('\n')).toEqual([
      '3 questions',
      '',
      'the likeliest  right  accuracy    95 % interval',
      'as it is           1    33.3 %  6.1 % to 79.2 %',
      'per character      1    33.3 %  6.1 % to 79.2 %',
      '  guessing would be right in 41.7 %',
    ]);
  });

  it('names the question that does not fit', () => {
    const cases: [string, string, string][] = [
      ['the', 'x'.repeat(3), 'q: encode: '],
      [' ', 'cat', 'q: the prompt is empty'],
      ['the', 'cat '.repeat(20), `q: a choice of 81 tokens; expected at most the context of ${T}`],
    ];
    for (const [prompt, choice, message] of cases) {
      expect(() => chooseAll(scorer, [ask(prompt, [choice, 'dog'])])).toThrow(message);
    }
  });
});

describe('readChoices', () => {
  const read = (...lines: unknown[]) =>
    readChoices(
      lines.map((line) => (typeof line === 'string' ? line : JSON.stringify(line))).join('\r\n'),
      'f.jsonl',
    );

  it("reads a question a line, also with HellaSwag's names and labels in quotes", () => {
    expect(
      read({ prompt: 'a', choices: ['b', 'c'], label: 1 }, '', { ctx: 'd', endings: ['e', 'f'], label: '0' }),
    ).toEqual([
      { prompt: 'a', choices: ['b', 'c'], label: 1, where: 'f.jsonl line 1' },
      { prompt: 'd', choices: ['e', 'f'], label: 0, where: 'f.jsonl line 3' },
    ]);
  });

  it.each([
    ['{"prompt": ', 'f.jsonl line 1: expected a JSON object in one line, got "{\\"prompt\\": "'],
    ['[1]', 'f.jsonl line 1: expected a JSON object, got [1]'],
    ['{}', 'f.jsonl line 1: expected a text as "prompt", got nothing'],
    [{ prompt: 'a', choices: ['b'], label: 0 }, 'expected 2 to 1000 texts as "choices", got ["b"]'],
    [{ prompt: 'a', choices: ['b', ''], label: 0 }, 'expected 2 to 1000 texts as "choices"'],
    [{ prompt: 'a', choices: ['b', 'c'], label: 2 }, 'expected "label" from 0 to 1, got 2'],
    [{ prompt: 'a', choices: ['b', 'c'], label: 'b' }, 'expected "label" from 0 to 1, got "b"'],
    ['', 'f.jsonl holds no question'],
  ])('refuses %j', (line, message) => {
    expect(() => read(line)).toThrow(message);
  });
});
