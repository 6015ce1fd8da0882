/** Claims about training. */
import type { Claim } from './claim.ts';

export const aboutTraining: readonly Claim[] = [
  {
    number: 1,
    title: 'Every position teaches',
    claim:
      'The loss is the mean of -log P over all positions. The causal mask lets one pass predict the next token at each of the T positions, so that every position teaches.',
    verdict: 'holds',
    needs: 'nothing',
    shown: 'npm run eval -- --score "Anna said that it was late."',
    source: 'src/tensor/reference/cross-entropy.ts',
    question: 'Why could one pass not give T losses if each position also saw the tokens after it?',
    answer:
      'Each position would see the very token that it has to predict. It would learn to copy it, the loss would go to 0, and nothing would be learned about the text.',
  },
  {
    number: 2,
    title: 'Taught by the true text',
    claim:
      'With teacher forcing a model reads the true text in training and never its own, although its own is what it goes on from when it writes. The two losses differ.',
    verdict: 'holds',
    needs: 'model',
    shown: 'npm run eval -- --generate 50',
    source: 'src/train/dataset.ts',
    question:
      "Why does the model's own surprise at its own text not show that this text is worse than the true one?",
    answer:
      'It drew the text from its own probabilities. What it believes wrongly, it draws as often as it believes it, and so finds it as likely as anything. Only somebody else can tell: here, counts of the training text.',
  },
  {
    number: 3,
    title: 'The loss of a blind guess',
    claim:
      'A model with random weights has a loss of ln V, a perplexity of V. Perplexity is e to the loss: 1 for a model that is certain and right, k for one that hesitates among k equal choices.',
    verdict: 'holds with a condition',
    needs: 'nothing',
    shown: 'npm run train (the first line of losses)',
    source: 'src/train/perplexity.ts',
    question: 'A run begins at a loss far above ln V. What do you suspect?',
    answer:
      'Weights that start too large: the model is sure of random things, and is wrong with confidence. (Or labels that do not belong to the inputs, or a loss that is a sum and not a mean.)',
  },
  {
    number: 4,
    title: 'What is learned first',
    claim:
      'The training loss falls steeply and then slowly. Common letters and short patterns are learned first, rare names last.',
    verdict: 'holds',
    needs: 'training',
    shown: 'npm run train; the view Train, with the n-gram lines in its chart',
    source: 'src/evaluate/ngram.ts',
    question: 'A model has just passed the line of counting pairs. What can it not know yet?',
    answer:
      'Anything that needs more than the last letter or two, or as much as that many pairs: words, spelling, who the story is about. Passing the line says how well it predicts, not how, but counts of pairs would do as well.',
  },
  {
    number: 5,
    title: 'Learned by heart',
    claim:
      'While all is well validation follows training. With overfitting the training loss goes on falling and validation turns up.',
    verdict: 'holds',
    needs: 'training',
    shown: 'npm run train -- --data SHORT.txt --patience 3',
    source: 'src/train/train.ts',
    question:
      'Validation has risen for a while. Which model do you keep, and what would make overfitting come later?',
    answer:
      'The one at the lowest validation loss, which a run keeps in best/. More text makes it come later; so do a smaller model and dropout.',
  },
  {
    number: 6,
    title: 'Spikes, and what clipping does',
    claim:
      'Loss spikes come from too high a learning rate or from an odd batch. Clipping the global norm of the gradients tames them; if they persist, the rate is too high.',
    verdict: 'holds',
    needs: 'training',
    shown: 'npm run train -- --clip 0 --lr X; --find-lr',
    source: 'src/train/adamw.ts',
    question:
      'Why does clipping hardly change anything for AdamW when all gradients are large in the same way?',
    answer:
      'AdamW divides by the root of the mean square of the last gradients. If all of them are scaled by the same factor, the step is the same; only one that is unlike the others makes a difference.',
  },
  {
    number: 7,
    title: 'Twenty tokens a parameter',
    claim:
      'For a given amount of arithmetic about 20 training tokens a parameter are best (Hoffmann et al. 2022), and the loss follows a power law in size, data and arithmetic, with exponents of -0.076 in size and -0.095 in data (Kaplan et al. 2020).',
    verdict: 'holds with a condition',
    needs: 'training',
    shown: 'npm run train -- --plan; npm run compare',
    source: 'src/model/flops.ts',
    question: 'Why can four small models on one small text neither confirm nor refute the number 20?',
    answer:
      'The optimum is a shallow valley in the logarithm of size, so neighbours hardly differ, and it moves with the text, the tokens and the optimizer. It takes many sizes over several powers of ten, and text that is not read twice.',
  },
  {
    number: 8,
    title: 'A low loss is not a good text',
    claim:
      'A low loss is necessary for good text and not sufficient: of two texts by models of equal loss one can be good and one bad. And small errors compound from step to step.',
    verdict: 'holds with a condition',
    needs: 'model',
    shown: 'npm run eval -- --sweep',
    source: 'src/evaluate/measures.ts',
    question: 'Two samplers, one model. Which numbers tell their texts apart, if not the loss?',
    answer:
      'Those of the texts themselves beside those of true text: repetition, loops, different words, known words, and the surprise of the text. The loss belongs to the model alone.',
  },
  {
    number: 9,
    title: 'How far it looks back',
    claim:
      'The context length is the memory of a model: too short and it forgets, while a long one costs attention quadratically.',
    verdict: 'holds with a condition',
    needs: 'model',
    shown: 'npm run eval -- --mode stride; npm run train -- --context N',
    source: 'src/model/flops.ts',
    question:
      'The loss no longer falls from token 32 of the window on. Is a longer context useless for this text?',
    answer:
      'For this model it is. Whether the text has more to give, only a model shows that was trained with a longer context and is large enough to use it.',
  },
];
