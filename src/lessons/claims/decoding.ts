/** Claims about the way from logits to a token. */
import type { Claim } from './claim.ts';

export const aboutDecoding: readonly Claim[] = [
  {
    number: 10,
    title: 'Subtract the maximum',
    claim:
      'Softmax is computed safely only after the largest logit has been subtracted from all; with logits of 1,000 it overflows otherwise.',
    verdict: 'holds',
    needs: 'nothing',
    shown: 'npm run sample -- --logit-bias "e=1000"',
    source: 'src/sample/cuts.ts',
    question: 'Why does subtracting the same number from all logits change no probability?',
    answer:
      'It multiplies numerator and denominator of each fraction by the same factor, e to minus that number.',
  },
  {
    number: 11,
    title: 'Five logits, one misprint',
    claim: 'The softmax of 0.2, 1.5, -0.3, 2.1, 0.5 is 0.0521, 0.1424, 0.0314, 0.7069, 0.0672.',
    verdict: 'wrong',
    needs: 'nothing',
    shown: 'the view Next token',
    source: 'src/sample/cuts.ts',
    question:
      'How can you tell without a computer that 0.7069 beside 0.1424 cannot be right for 2.1 and 1.5?',
    answer:
      'Their ratio has to be e to the difference of the logits: e to the 0.6, a little under 2. The printed ones differ by a factor of almost 5.',
  },
  {
    number: 12,
    title: 'Three logits at four temperatures',
    claim: 'Of logits 10, 5, 1 the first has 99.99, 99.3, 96.3 and 91.5 % at T = 0.5, 1, 1.5 and 2.',
    verdict: 'holds',
    needs: 'nothing',
    shown: 'npm run sample -- --explain',
    source: 'src/sample/cuts.ts',
    question: 'T goes from 1 to 2. What happens to the ratio of two probabilities?',
    answer: 'It becomes its square root: the exponent, the difference of the logits over T, is halved.',
  },
  {
    number: 13,
    title: 'A table that does not add up',
    claim:
      'The softmax of 1, 2, 0.5, 3, 0.2 at T = 0.5, 1, 2 begins with 0.0021, 0.0144; 0.0900, 0.2447; 0.1538, 0.2097, and so on in three printed rows.',
    verdict: 'wrong',
    needs: 'nothing',
    shown: 'npm run sample -- --explain',
    source: 'src/sample/cuts.ts',
    question: 'Each printed row sums to 1. Which check would have found the mistake?',
    answer:
      'The ratio of two neighbours: for logits 1 and 2 at T = 1 it must be e, about 2.72, and so must that of 2 and 3. The second is what fails: 0.5761 / 0.2447.',
  },
  {
    number: 14,
    title: 'Cold and hot',
    claim:
      'Temperature never changes which token is best. T to 0 is greedy, T to infinity uniform, and at T = 10 all tokens are equally likely.',
    verdict: 'holds with a condition',
    needs: 'nothing',
    shown: 'npm run sample -- --explain; the view Next token, temperature',
    source: 'src/sample/cuts.ts',
    question: 'Two tokens have the same, largest logit. What do T to 0 and T = 0 give?',
    answer:
      'The limit gives each one half. T = 0 has to take one: here the one with the lower id, so that greedy text can be repeated.',
  },
  {
    number: 15,
    title: 'Temperature removes nothing',
    claim: 'Temperature makes tokens more or less likely, but removes none.',
    verdict: 'holds with a condition',
    needs: 'nothing',
    shown: 'npm run sample -- --explain (the row "tokens kept")',
    source: 'src/sample/cuts.ts',
    question: 'If a low temperature removes nothing, what do top-k and top-p add to it?',
    answer:
      'The tail is long: many tokens of little probability are together likely. A cut sets them to 0; a temperature only makes them rare, and all others sharper as well.',
  },
  {
    number: 16,
    title: 'A fixed number of tokens',
    claim:
      'Top-k with k = 1 is greedy and with k = V does nothing. A fixed k keeps junk where the model is sure and cuts good tokens where it is not.',
    verdict: 'holds',
    needs: 'model',
    shown: 'npm run sample -- --top-k 10 --trace',
    source: 'src/sample/cuts.ts',
    question: 'Which cut adapts to how sure the model is, and how?',
    answer:
      'Top-p: it counts mass and not tokens. Min-p, too: its bar is a share of the best token, so it is high where the model is sure.',
  },
  {
    number: 17,
    title: 'Two rules for one nucleus',
    claim:
      'Top-p keeps the best tokens while their sum is at most p, says one note; until it reaches p, say the others. For .41 .27 .15 .08 .05 and p = 0.9 that is three or four tokens; for .80 .15 .03 .01 .01 the first note counts two.',
    verdict: 'wrong',
    needs: 'nothing',
    shown: 'npm run sample -- --top-p 0.9 --trace',
    source: 'src/sample/cuts.ts',
    question: 'What would "at most p" do where the model gives one token 95 %, with p = 0.9?',
    answer:
      'Keep nothing, just where the model is surest. So a program with that rule needs an exception for the best token; the rule "reaches p" needs none.',
  },
  {
    number: 18,
    title: 'The order of the stages',
    claim:
      'The order is temperature, top-k, top-p, then one draw; in another order the nucleus is another one.',
    verdict: 'holds',
    needs: 'nothing',
    shown: 'npm run sample -- --temperature 1.5 --top-k 3 --top-p 0.7 --trace',
    source: 'src/sample/sampler.ts',
    question: 'Does it matter whether top-k comes before or after the temperature?',
    answer:
      'No: top-k looks only at the ranking, which no temperature changes. Top-p looks at mass, which it does.',
  },
  {
    number: 19,
    title: 'The same text twice',
    claim: 'Sampling with temperature, top-k or top-p is not reproducible.',
    verdict: 'wrong',
    needs: 'nothing',
    shown: 'npm run sample -- --seed 7',
    source: 'src/tensor/random.ts',
    question: 'What besides the seed has to be the same for the same text?',
    answer: 'The weights, the prompt, the settings, and the arithmetic to the last bit.',
  },
  {
    number: 20,
    title: 'The likeliest text loops',
    claim:
      'Greedy decoding falls into loops, and beam search, which looks for the likeliest text, even more (Holtzman et al. 2020).',
    verdict: 'holds with a condition',
    needs: 'model',
    shown: 'npm run sample -- --greedy; --beam 8',
    source: 'src/sample/beam.ts',
    question: 'Why is the likeliest text not a typical one?',
    answer:
      'As with a coin that shows heads six times in ten: heads for ever is its likeliest sequence, and no sequence looks less like it. A repetition also makes the next one likelier.',
  },
  {
    number: 21,
    title: 'Settings by use',
    claim:
      'Creative text wants T of 1.2 to 1.5 with k of 50 to 100, general text 0.8 to 1, faithful text 0.5 to 0.7, code 0.5.',
    verdict: 'holds with a condition',
    needs: 'model',
    shown: 'npm run eval -- --sweep',
    source: 'src/evaluate/sweep.ts',
    question: 'Why can a recommended T not be carried over from a large model to a small one?',
    answer:
      'T scales the differences of the logits, and a better model has larger ones where it knows. The same T flattens a weak model, whose tail holds mistakes, much further.',
  },
  {
    number: 22,
    title: 'Against repetition',
    claim:
      'Repetition penalty, blocked n-grams, frequency and presence penalties, longer prompts, and top-p with T above 1 reduce repetition.',
    verdict: 'holds with a condition',
    needs: 'model',
    shown: 'npm run sample -- --repetition-penalty 1.3 --penalty-last 40; --no-repeat-ngram 12',
    source: 'src/sample/edits.ts',
    question: 'Why does a penalty on tokens work worse with letters than with words?',
    answer:
      'A text needs all its letters again and again: after a line or two each has been used, and all are punished alike. A word can stay away for a while.',
  },
];
