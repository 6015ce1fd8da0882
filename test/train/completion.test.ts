/** Prompts and completions: what is learned of them, and that nothing else is. */
import { describe, expect, it } from 'vitest';
import { ngramBaselines } from '../../src/evaluate/ngram.ts';
import { initialize } from '../../src/model/initialize.ts';
import { reference } from '../../src/tensor/reference/index.ts';
import { learnTokenizer } from '../../src/train/choices.ts';
import { encodeSplit, type Split } from '../../src/train/dataset.ts';
import { type Corpus, encodeDocuments } from '../../src/train/documents.ts';
import { batchFloor } from '../../src/train/overfit.ts';
import { Trainer } from '../../src/train/trainer.ts';
import { tinyConfig } from '../support/models.ts';
import { runSettings } from '../support/runs.ts';

const documents = Array.from({ length: 40 }, (_, i) => ({
  prompt: `${'abcd'[i % 4]}${'efg'[i % 3]}=`,
  text: `${'EFG'[i % 3]}${'xyz'[(i % 5) % 3]}`,
  where: `x.jsonl line ${i + 1}`,
}));
const corpus: Corpus = { documents, ends: true };
const tokenizer = learnTokenizer('char', corpus);
const end = tokenizer.endOfText!;
const config = { ...tinyConfig, vocabSize: tokenizer.vocabSize, contextLength: 8, layers: 1 };

describe('the tokens of prompts', () => {
  const one = (loss: 'all' | 'completion', context?: number) =>
    encodeDocuments({ ...corpus, documents: documents.slice(0, 1), loss }, tokenizer, { context });

  it('are marked as not to be learned, unless they are to be', () => {
    const [prompt, text] = [tokenizer.encode('ae='), tokenizer.encode('Ex')];
    expect([...one('completion')]).toEqual([end, ...prompt.map((id) => ~id), ...text, end]);
    expect([...one('all')]).toEqual([end, ...prompt, ...text, end]);
  });

  it('lose their beginning where the context has no room; a completion has to fit', () => {
    const [, ...prompt] = one('completion');
    let told = 0;
    const cut = encodeDocuments({ ...corpus, documents: documents.slice(0, 1) }, tokenizer, {
      context: 4,
      onLongPrompt: () => told++,
    });
    expect([[...cut], told]).toEqual([[end, ...prompt.slice(2)], 1]);
    expect(one('completion', 3).length).toBe(4);
    expect(() => one('completion', 2)).toThrow(
      'x.jsonl line 1: a completion of 2 tokens is too long; expected at most 1, so that with the end of text it fits into the context of 2',
    );
  });

  it('keep pairs together that are alike in both', () => {
    const { train, validation } = encodeSplit(corpus, tokenizer);
    const pairs = (tokens: Int32Array) => {
      const text = tokenizer.decode(tokens.map((id) => (id < 0 ? ~id : id)));
      return new Set(text.split('<|endoftext|>').filter((pair) => pair !== ''));
    };
    const [learned, held] = [pairs(train), pairs(validation)];
    expect(held.size).toBeGreaterThan(0);
    expect([...held].filter((pair) => learned.has(pair))).toEqual([]);
  });
});

/** The gradient of every parameter after one batch of a row of tokens. */
function gradientOf(tokens: ArrayLike<number>, accumulate = 1) {
  const row = Int32Array.from(tokens);
  const split: Split = { train: row, validation: row };
  const settings = { ...runSettings, batchSize: 1, accumulate, clip: 0, sampling: 'epoch' } as const;
  const trainer = new Trainer(config, settings, split, { kernels: reference });
  initialize(trainer.model, 3);
  const { loss } = trainer.train();
  return { loss, gradient: Float32Array.from(trainer.model.arena.grads.data) };
}
const window = [end, 1, 2, 3, 4, 5, 6, 7, end];
const hide = (...places: number[]) => window.map((id, i) => (places.includes(i) ? ~id : id));

describe('the loss', () => {
  it('is the mean over what is learned, and the gradient is that of nothing else', () => {
    const all = gradientOf(window);
    const [first, second] = [gradientOf(hide(1, 2, 3, 4, 5)), gradientOf(hide(6, 7, 8))];
    expect((3 * first.loss + 5 * second.loss) / 8).toBeCloseTo(all.loss, 6);
    for (const [i, g] of all.gradient.entries()) {
      expect(Math.abs((3 * first.gradient[i]! + 5 * second.gradient[i]!) / 8 - g)).toBeLessThan(1e-6);
    }
  });

  it('does not know which token a hidden one is: its gradient is exactly zero', () => {
    const other = hide(8).with(8, ~2); // the last token is a target only
    expect(gradientOf(other)).toEqual(gradientOf(hide(8)));
    expect(gradientOf(other.with(8, 2)).gradient).not.toEqual(gradientOf(hide(8)).gradient);
    const none = gradientOf(hide(1, 2, 3, 4, 5, 6, 7, 8));
    expect(none.loss).toBe(0);
    expect(none.gradient.every((g) => g === 0)).toBe(true);
  });

  it('weighs every learned token alike over all micro-batches', () => {
    // Two windows of one step, of which one has a single learned token: 8 + 1 learned in all.
    const row = [...window, 1, 2, 3, 4, 5, 6, 7, end];
    const hidden = row.map((id, i) => (i > 9 ? ~id : id));
    const { loss, gradient } = gradientOf(hidden, 2);
    const [one, two] = [gradientOf(hidden.slice(0, 9)), gradientOf(hidden.slice(8))];
    expect(loss).toBeCloseTo((8 * one.loss + two.loss) / 9, 6);
    for (const [i, g] of gradient.entries()) {
      expect(Math.abs((8 * one.gradient[i]! + two.gradient[i]!) / 9 - g)).toBeLessThan(1e-6);
    }
  });
});

describe('what is measured', () => {
  const { train, validation } = encodeSplit(corpus, tokenizer, { context: 8 });

  it('is the loss of completions', () => {
    const trainer = new Trainer(
      config,
      { ...runSettings, evalTokens: 'full' },
      { train, validation, end },
      { kernels: reference },
    );
    initialize(trainer.model, 3);
    const score = trainer.evaluate('full');
    const learned = validation.filter((id) => id >= 0).length - 1; // the first is nobody's target
    expect(score.tokensScored).toBe(learned);
    expect(trainer.evaluate().nll).toBe(score.nll);
  });

  it('is so for n-grams, which still read the prompts', () => {
    const V = tokenizer.vocabSize;
    const shown = (tokens: Int32Array) => tokens.map((id) => (id < 0 ? ~id : id));
    const hidden = ngramBaselines(train, validation, { V });
    const all = ngramBaselines(shown(train), shown(validation), { V });
    expect(hidden[0]).toBeCloseTo(Math.log(V), 12);
    // "E" after "e=": sure for a trigram, where the prompts' own tokens are not.
    expect(hidden[3]!).toBeLessThan(all[3]! - 0.1);
    expect(() => ngramBaselines(train, Int32Array.of(~1), { V })).toThrow('empty');
  });

  it('has a floor that counts learned tokens only', () => {
    expect(batchFloor(Int32Array.of(0, ~1, 2, 0, ~3, 4, 0), 2, 3)).toBe(0);
    // After 0: hidden. After 0 1: 2 or 4, a guess of ln 2; after that 0.
    expect(batchFloor(Int32Array.of(0, ~1, 2, 0, ~1, 4, 0), 2, 3)).toBeCloseTo(Math.log(2) / 2, 12);
  });
});
