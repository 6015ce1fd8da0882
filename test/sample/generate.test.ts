import { describe, expect, it } from 'vitest';
import type { Gpt } from '../../src/model/gpt.ts';
import { type ContextPolicy, generate, generateAll } from '../../src/sample/generate.ts';
import { Sampler } from '../../src/sample/sampler.ts';
import { samplingSettings } from '../../src/sample/settings.ts';
import { RandomStream } from '../../src/tensor/random.ts';
import { ids } from '../../src/tensor/tensor.ts';
import { backends } from '../support/backends.ts';
import { placed, randomModel, tinyConfig, tinyQwen3 } from '../support/models.ts';
import { naiveQwen3 } from '../support/naive-qwen3.ts';
import { historyOf } from './support.ts';

const T = tinyConfig.contextLength;
const settings = samplingSettings({ temperature: 0.9, topK: 8, topP: 0.95 });
const options = (contextPolicy: ContextPolicy, maxNewTokens = 30, seed = 5) => ({
  settings,
  maxNewTokens,
  seed,
  contextPolicy,
});

describe.each(await backends())('generate on $name kernels', ({ kernels }) => {
  const open = () => randomModel(tinyConfig, { kernels, batch: 1, slots: 4, gradients: false });
  const alone = (model: Gpt, prompt: number[], policy: ContextPolicy, stream = 0, n = 30) =>
    generateAll(model, [{ prompt, stream }], options(policy, n))[0]!;

  /** The whole window through the model for every token: no cache, no batch. `window` says what the model sees. */
  function naive(
    model: Gpt,
    prompt: number[],
    stream: number,
    n: number,
    window: (history: number[]) => number[],
  ) {
    const history = [...prompt];
    const random = new RandomStream(5, 'sample');
    const sampler = new Sampler(tinyConfig.vocabSize, settings);
    for (let i = 0; i < n; i++) {
      const seen = window(history);
      const logits = model.forward(placed(model, ids('window', seen)), { batch: 1, time: seen.length });
      const row = logits.row(seen.length - 1).data;
      history.push(sampler.next(sampler.start(), row, historyOf(history), random.uniform(i, stream)));
    }
    return history.slice(prompt.length);
  }

  it.each([1, 5, T - 1, T, T + 1, 2 * T + 3])(
    'slide equals a loop without a cache, token for token, from a prompt of %i',
    (length) => {
      const model = open();
      const prompt = Array.from({ length }, (_, i) => (i * 7) % tinyConfig.vocabSize);
      const { tokens } = alone(model, prompt, 'slide');
      expect(tokens).toEqual(naive(model, prompt, 0, 30, (history) => history.slice(-T)));
    },
  );

  it.each([1, 5, T - 1, T, T + 1])(
    'shift equals re-reading the newer half whenever the context is full, from a prompt of %i',
    (length) => {
      const model = open();
      const prompt = Array.from({ length }, (_, i) => (i * 7) % tinyConfig.vocabSize);
      let start = Math.max(0, length - T);
      const window = (history: number[]) => {
        if (history.length - start > T) start = history.length - T / 2;
        return history.slice(start);
      };
      expect(alone(model, prompt, 'shift').tokens).toEqual(naive(model, prompt, 0, 30, window));
    },
  );

  it.each([1, 5, T - 1, T, T + 3])(
    'roll equals the whole text through a sliding window in every layer, from a prompt of %i',
    (length) => {
      const model = randomModel(tinyQwen3, { kernels, batch: 0, slots: 1, gradients: false });
      const prompt = Array.from({ length }, (_, i) => (i * 7) % tinyQwen3.vocabSize);
      const { tokens, truncatedPromptTokens } = alone(model, prompt, 'roll');
      const seen = prompt.slice(-T);
      const random = new RandomStream(5, 'sample');
      const sampler = new Sampler(tinyQwen3.vocabSize, settings);
      for (let i = 0; i < 30; i++) {
        const logits = naiveQwen3(tinyQwen3, model.parameters, seen, T).at(-1)!;
        const row = Float32Array.from(logits);
        seen.push(sampler.next(sampler.start(), row, historyOf(seen), random.uniform(i, 0)));
      }
      expect(tokens).toEqual(seen.slice(-30));
      expect(truncatedPromptTokens).toBe(Math.max(0, length - T));
    },
  );

  it('roll row i of a ragged batch is that prompt alone with stream i', () => {
    const model = randomModel(tinyQwen3, { kernels, batch: 0, slots: 3, gradients: false });
    const prompts = [[1], [2, 3, 4, 5, 6], [7, 8, 9, 10, 1, 2, 3, 4, 5, 6, 7, 8, 9]];
    const together = generateAll(
      model,
      prompts.map((prompt, stream) => ({ prompt, stream })),
      options('roll'),
    );
    expect(together).toEqual(prompts.map((prompt, stream) => alone(model, prompt, 'roll', stream)));
  });

  it('roll is refused where positions are learned', () => {
    expect(() => alone(open(), [1], 'roll')).toThrow(
      new RangeError(
        'generate: context policy roll needs rotary positions, got the learned ones of gpt2; use shift or slide',
      ),
    );
  });

  it('stop ends when prompt and tokens fill the context', () => {
    const model = open();
    const result = alone(model, [1, 2, 3], 'stop');
    expect(result.finishReason).toBe('context-full');
    expect(result.tokens.length).toBe(T - 3);
    expect(alone(model, [1, 2, 3], 'shift').tokens.slice(0, T - 3)).toEqual(result.tokens);
    expect(() => alone(model, new Array(T).fill(1), 'stop')).toThrow(/expected fewer than 12 tokens, got 12/);
  });

  it('draws exactly maxNewTokens and says so', () => {
    for (const n of [1, 2, 25]) {
      const result = alone(open(), [4], 'shift', 0, n);
      expect([result.tokens.length, result.finishReason]).toEqual([n, 'max-tokens']);
    }
  });

  it('reports the part of a long prompt that the model cannot see', () => {
    expect(alone(open(), new Array(T + 5).fill(2), 'shift').truncatedPromptTokens).toBe(5);
    expect(alone(open(), new Array(T).fill(2), 'shift').truncatedPromptTokens).toBe(0);
  });

  it.each(['shift', 'slide', 'stop'] as const)(
    'row i of a ragged batch is that prompt alone with stream i: %s',
    (policy) => {
      const model = open();
      const prompts = [[1], [2, 3, 4, 5, 6], [1], [7, 8, 9, 10, 1, 2, 3, 4, 5, 6, 7]];
      const together = generateAll(
        model,
        prompts.map((prompt, stream) => ({ prompt, stream })),
        options(policy),
      );
      const apart = prompts.map((prompt, stream) => alone(model, prompt, policy, stream));
      expect(together).toEqual(apart);
      expect(together[0]!.tokens).not.toEqual(together[2]!.tokens);
    },
  );

  it('gives the same tokens for the same seed, others for another, and streams what it returns', () => {
    const model = open();
    const first = alone(model, [1, 2], 'shift');
    expect(alone(model, [1, 2], 'shift')).toEqual(first);
    const other = generateAll(model, [{ prompt: [1, 2], stream: 0 }], options('shift', 30, 6))[0]!;
    expect(other.tokens).not.toEqual(first.tokens);
    const streamed = [...generate(model, [{ prompt: [1, 2], stream: 0 }], options('shift'))];
    expect(streamed.map(({ row, token }) => ({ row, token }))).toEqual(
      first.tokens.map((token) => ({ row: 0, token })),
    );
    expect(streamed.map(({ finishReason }) => finishReason)).toEqual([
      ...new Array(29).fill(undefined),
      'max-tokens',
    ]);
  });

  it('top-k 1 is greedy whatever the temperature and seed', () => {
    const model = open();
    const greedy = { ...options('shift'), settings: samplingSettings({ temperature: 0 }) };
    const topK = { ...options('shift', 30, 99), settings: samplingSettings({ temperature: 3, topK: 1 }) };
    const request = [{ prompt: [3], stream: 0 }];
    expect(generateAll(model, request, topK)).toEqual(generateAll(model, request, greedy));
  });

  it('refuses an empty prompt and more rows than slots', () => {
    expect(() => alone(open(), [], 'shift')).toThrow(/the prompt is empty/);
    const five = Array.from({ length: 5 }, (_, stream) => ({ prompt: [1], stream }));
    expect(() => generateAll(open(), five, options('shift'))).toThrow(/at most 4 sequences, got 5/);
  });
});
