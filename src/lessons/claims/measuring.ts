/** Claims about the cache, about measures, and about what kind of thing a language model is. */
import type { Claim } from './claim.ts';

export const aboutMeasuring: readonly Claim[] = [
  {
    number: 23,
    title: 'What the cache saves',
    claim:
      'Without a key-value cache T tokens cost on the order of T³, with it T². For 512 tokens it makes about 385 times as fast; in practice 10 to 100 times.',
    verdict: 'holds with a condition',
    needs: 'clock',
    shown: 'npm run sample -- --context-policy slide (reads everything again before each token)',
    source: 'src/model/kv-cache.ts',
    question: 'Which part of the work grows with the square of T even with the cache?',
    answer:
      'Attention: token t looks at t keys, so all T of them at about T²/2. The matrices cost the same for each token, which makes T.',
  },
  {
    number: 24,
    title: 'What the cache costs',
    claim:
      'A cache takes 2 · layers · T · channels floats: 2 MB a layer at T = 512 and 512 channels, 12 MB for six layers, 384 MB for 32 texts.',
    verdict: 'holds',
    needs: 'nothing',
    shown: 'npm run train -- --plan',
    source: 'src/model/kv-cache.ts',
    question: 'Why does the number of heads not stand in the formula?',
    answer: 'H heads of C / H channels have C channels together, however many there are.',
  },
  {
    number: 25,
    title: 'Cached is the same',
    claim: 'With the cache comes out exactly what comes out without it.',
    verdict: 'holds',
    needs: 'nothing',
    shown: 'npm test (test/model/contracts.test.ts)',
    source: 'src/tensor/reference/attention-cached.ts',
    question: 'Why may the keys of old tokens be kept, though new tokens come?',
    answer:
      'Through the causal mask a token depends on those before it only. A new one changes nothing in the rows above it, so their keys and values stay what they were.',
  },
  {
    number: 26,
    title: 'One surprise outweighs many',
    claim:
      'Perplexity is e to the mean of -ln p: for .9 .8 .6 .4 .3 .2, and for .85 .72 .30 .95 .60 .45 .88 .15 .70 .55. One surprising token outweighs many easy ones.',
    verdict: 'holds',
    needs: 'nothing',
    shown: 'npm run eval -- --score "TEXT"',
    source: 'src/train/perplexity.ts',
    question: 'A model gives one single token of a long text the probability 0. What is its perplexity?',
    answer: 'Infinite, whatever it does elsewhere. That is why counts are smoothed.',
  },
  {
    number: 27,
    title: 'Perplexity needs the same tokens',
    claim: 'Perplexities compare only between models that use the same tokens.',
    verdict: 'holds',
    needs: 'nothing',
    shown: 'npm run eval (bits per character)',
    source: 'src/train/perplexity.ts',
    question: 'A model of words has perplexity 40, one of letters 3. Which predicts the text better?',
    answer:
      'It cannot be told from these. Multiply the nats of each by its number of tokens: whichever needs fewer nats for the whole text predicts it better.',
  },
  {
    number: 28,
    title: 'What BLEU and ROUGE punish',
    claim:
      'BLEU is precision with a brevity penalty, ROUGE recall. BLEU punishes rewording and short texts, ROUGE rewards stuffing; ROUGE-L looks for the order of words and not for neighbours.',
    verdict: 'holds',
    needs: 'nothing',
    shown: 'npm run eval -- --hyp mine.txt --ref theirs.txt',
    source: 'src/evaluate/bleu.ts',
    question: 'Which of the measures here would notice that a text is false?',
    answer: 'None. They compare words with words of a reference; one "not" costs them a single word.',
  },
  {
    number: 29,
    title: 'How many judgements it takes',
    claim: "People's judgement is the gold standard; it is costly and subjective.",
    verdict: 'holds with a condition',
    needs: 'nothing',
    shown: 'npm run judge; the view Judge',
    source: 'src/evaluate/wilson.ts',
    question:
      'You look after every pair and stop as soon as the interval leaves one half. What is wrong with that?',
    answer:
      'Each look is another chance to be fooled. An interval at 95 % is wrong once in twenty for one look at a number fixed before; over many looks much more often.',
  },
  {
    number: 30,
    title: 'Writing is enough to classify',
    claim: 'A generative model can do discriminative tasks: it chooses the label that it finds likelier.',
    verdict: 'holds with a condition',
    needs: 'model',
    shown: 'npm run eval -- --choices tasks.jsonl',
    source: 'src/evaluate/choices.ts',
    question: 'Why must the accuracy be compared with that of always naming the commonest label?',
    answer:
      'That needs no understanding at all. Where nine of ten labels are the same, 90 % is what a stone achieves.',
  },
  {
    number: 31,
    title: 'Fluent and false',
    claim:
      'A model of text states false things as fluently as true ones. Retrieval helps: with the right sentence in the prompt the true answer becomes likelier.',
    verdict: 'holds with a condition',
    needs: 'model',
    shown: 'npm run eval -- --score "TEXT"',
    source: 'src/evaluate/choices.ts',
    question: 'What does a wrong sentence in the prompt tell that the right one alone cannot?',
    answer:
      'Whether the answer follows the sentence or was likelier anyway. And that what is retrieved decides: a model that follows its prompt follows it into error.',
  },
  {
    number: 32,
    title: 'Only the past',
    claim: 'The decoder sees the past only: whatever comes later changes no earlier prediction.',
    verdict: 'holds',
    needs: 'nothing',
    shown: 'npm test (test/model/contracts.test.ts)',
    source: 'src/tensor/reference/attention.ts',
    question: 'Which one line of attention makes it so?',
    answer:
      'The loop over keys ends at the position of the query. There is no mask that adds minus infinity: what is later is never computed.',
  },
  {
    number: 33,
    title: 'Three things, and a fourth',
    claim: 'With frozen weights three things and only three change what comes out: prompt, settings, seed.',
    verdict: 'holds with a condition',
    needs: 'nothing',
    shown: 'npm run sample -- --seed 1 --math portable',
    source: 'src/sample/generate.ts',
    question: 'Two computers, the same weights, prompt, settings and seed, and two texts. How can that be?',
    answer:
      'Their last bits differ: one fuses multiply and add, or adds in another order. A draw near the border between two tokens then falls to the other side, and from there on all is different.',
  },
];
