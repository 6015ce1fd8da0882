import { describe, expect, it } from 'vitest';
import { trainBpe } from '../../src/model/text/bpe-train.ts';
import { CharTokenizer } from '../../src/model/text/tokenizer.ts';
import { ids } from '../../src/tensor/tensor.ts';
import { checkSplit, splitTokens } from '../../src/train/check-split.ts';
import { Batches, encodeSplit, stepsInEpochs } from '../../src/train/dataset.ts';
import { oneText, scoredText, splitText } from '../../src/train/documents.ts';
import { allWindows, spreadWindows } from '../../src/train/windows.ts';

const count = (n: number) => Int32Array.from({ length: n }, (_, i) => i);

describe('splitTokens', () => {
  it('cuts at floor(0.9 n)', () => {
    const { train, validation } = splitTokens(count(85), 3);
    expect([train.length, validation.length, validation[0]]).toEqual([76, 9, 76]);
  });

  it.each([
    [
      20,
      2,
      'the validation part of the text is too short: expected at least context + 1 = 3 tokens, got 2 of 20; use a longer text or --context 1 or less',
    ],
    [
      5,
      4,
      'the training part of the text is too short: expected at least context + 1 = 5 tokens, got 4 of 5; use a longer text or --context 3 or less',
    ],
    [
      1,
      1,
      'the training part of the text is too short: expected at least context + 1 = 2 tokens, got 0 of 1; use a longer text',
    ],
  ])('refuses %i tokens for a context of %i', (n, T, message) => {
    expect(() => splitTokens(count(n), T)).toThrow(message);
  });
});

describe('splitText', () => {
  it('cuts at code point floor(0.9 n), never inside one', () => {
    expect(splitText('🎉'.repeat(11))).toEqual({ training: '🎉'.repeat(9), heldOut: '🎉🎉' });
    expect(splitText('abcdefghij')).toEqual({ training: 'abcdefghi', heldOut: 'j' });
    expect(splitText('a')).toEqual({ training: '', heldOut: 'a' });
  });
});

describe('encodeSplit', () => {
  const text = 'the cat sat on the mat, the dog on the log';
  const bpe = trainBpe('the the the the cat cat cat dog dog', 264);

  it('gives a character tokenizer the tokens of the whole text, cut', () => {
    const tokenizer = CharTokenizer.train(text);
    const split = encodeSplit(oneText(text), tokenizer);
    expect(split).toEqual(splitTokens(tokenizer.encode(text), 2));
    expect(split).not.toHaveProperty('charactersPerToken');
    // a byte order mark that happens to stand at the cut is a character like any other
    const mark = `${'ab'.repeat(9)}\uFEFFa`;
    const marked = CharTokenizer.train(mark);
    expect(marked.decode(encodeSplit(oneText(mark), marked).validation)).toBe('\uFEFFa');
  });

  it('lets no merge reach across the cut, which is at the same character', () => {
    const word = 'cat the the the the';
    const { training, heldOut } = splitText(word);
    expect([training, heldOut]).toEqual(['cat the the the t', 'he']);
    const split = encodeSplit(oneText(word), bpe);
    expect([bpe.decode(split.train), bpe.decode(split.validation)]).toEqual([training, heldOut]);
    expect(bpe.encode(word).length).toBeLessThan(split.train.length + split.validation.length);
  });

  it('counts the characters per token that is scored, all but the first', () => {
    // held out: "the dog dog!" as "the", " dog", " dog", "!"
    const held = 'the dog dog!';
    const long = trainBpe('the the the the dog dog dog dog dog dog', 262);
    const all = `${'x'.repeat(9 * held.length)}${held}`;
    const { validation, charactersPerToken } = encodeSplit(oneText(all), long);
    const first = long.decode(validation.subarray(0, 1)).length;
    expect(validation.length).toBeLessThan(held.length);
    expect(charactersPerToken).toBe((held.length - first) / (validation.length - 1));
  });

  it('counts a character that the first token only begins as scored', () => {
    const bytes = trainBpe('', 256);
    expect(scoredText(bytes, bytes.encode('日a'))).toBe('日a');
    expect(scoredText(bytes, bytes.encode('a日'))).toBe('日');
    expect(encodeSplit(oneText(`${'x'.repeat(18)}日a`), bytes).charactersPerToken).toBe(2 / 3);
  });

  it('is refused where a part is too short', () => {
    expect(() => checkSplit(encodeSplit(oneText('abcdefghij'), bpe), 1)).toThrow(
      'the validation part of the text is too short: expected at least context + 1 = 2 tokens, got 1 of 10',
    );
  });
});

describe('Batches', () => {
  const [T, B] = [4, 6];
  const fill = (step: number, draw: number, seed = 1, n = 9) => {
    const [inputs, targets] = [ids('inputs', new Int32Array(B * T)), ids('targets', new Int32Array(B * T))];
    new Batches(count(n), T, seed).fill(inputs, targets, step, draw);
    return { inputs: [...inputs.data], targets: [...targets.data] };
  };

  it('gives windows of neighbours whose targets are the successors', () => {
    const { inputs, targets } = fill(3, 0);
    for (let i = 0; i < B * T; i++) {
      expect(targets[i]).toBe(inputs[i]! + 1);
      if (i % T > 0) expect(inputs[i]).toBe(inputs[i - 1]! + 1);
    }
  });

  it('is a function of seed, step and micro-batch, and each of them changes it', () => {
    expect(fill(3, 0)).toEqual(fill(3, 0));
    for (const other of [fill(4, 0), fill(3, 1), fill(3, 0, 2)]) expect(other).not.toEqual(fill(3, 0));
  });

  it('draws every start that fits, and no other', () => {
    const starts = new Set(
      Array.from({ length: 60 }, (_, step) => fill(step, 0).inputs.filter((_, i) => i % T === 0)).flat(),
    );
    expect([...starts].sort()).toEqual([0, 1, 2, 3, 4]);
  });
});

describe('stepsInEpochs', () => {
  const split = { train: new Int32Array(101), validation: new Int32Array(2) }; // 10 windows of 10

  it.each([
    [1, 5, 2],
    [1, 4, 3],
    [2.5, 5, 5],
    [0.01, 5, 1],
    [3, 1, 30],
  ])('%d passes of 10 windows, %d in an update: %d', (epochs, windows, steps) => {
    expect(stepsInEpochs(epochs, split, 10, windows)).toBe(steps);
  });

  it('takes every window so often where an epoch takes each once', () => {
    const batches = new Batches(count(101), 10, 1, 'epoch');
    const [inputs, targets] = [ids('inputs', new Int32Array(50)), ids('targets', new Int32Array(50))];
    const starts: number[] = [];
    for (let step = 0; step < stepsInEpochs(3, split, 10, 5); step++) {
      batches.fill(inputs, targets, step, 0);
      starts.push(...inputs.data.filter((_, i) => i % 10 === 0));
    }
    const threeOfEach = Array.from({ length: 30 }, (_, i) => 10 * Math.floor(i / 3));
    expect(starts.sort((a, b) => a - b)).toEqual(threeOfEach);
  });
});

describe('windows', () => {
  it.each([2, 3, 8, 9, 10, 17])('allWindows scores each of %i tokens after the first exactly once', (n) => {
    const scored = allWindows(n, 4).flatMap(({ start, length }) =>
      Array.from({ length }, (_, i) => start + 1 + i),
    );
    expect(scored).toEqual(Array.from({ length: n - 1 }, (_, i) => i + 1));
  });

  it('spreadWindows reaches from the first token to the last, in whole windows', () => {
    const windows = spreadWindows(1000, 10, 95);
    expect(windows.length).toBe(10);
    expect(windows[0]).toEqual({ start: 0, length: 10 });
    expect(windows.at(-1)).toEqual({ start: 989, length: 10 });
    expect(new Set(windows.slice(1).map(({ start }, i) => start - windows[i]!.start))).toEqual(
      new Set([109, 110]),
    );
  });

  it('spreadWindows takes everything where the budget covers it', () => {
    expect(spreadWindows(50, 10, 60)).toEqual(allWindows(50, 10));
  });
});
