/** Rows of a batch: whatever stands beside a row, and whenever that ends, the row is what it would be alone. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Gpt } from '../../src/model/gpt.ts';
import {
  type GenerateOptions,
  generate,
  generateAll,
  type Request,
  sampleRequests,
} from '../../src/sample/generate.ts';
import type { SamplingSettings } from '../../src/sample/settings.ts';
import { reference } from '../../src/tensor/reference/index.ts';
import { backends } from '../support/backends.ts';
import { randomModel, tinyConfig } from '../support/models.ts';

const slots = 6;
const options = (
  settings: Partial<SamplingSettings>,
  more: Partial<GenerateOptions> = {},
): GenerateOptions => ({
  settings,
  maxNewTokens: 25,
  seed: 7,
  contextPolicy: 'shift',
  ...more,
});
const everything: Partial<SamplingSettings> = {
  temperature: 1.3,
  topP: 0.95,
  minP: 0.01,
  typicalP: 0.98,
  repetitionPenalty: 1.2,
  frequencyPenalty: 0.1,
  noRepeatNgram: 3,
  bannedTokens: [4],
  stopTokens: [0, 9],
  minNewTokens: 2,
};

test('n samples of p prompts take the streams 0 .. p n - 1', () => {
  const [a, b] = [[1, 2], [3]];
  expect(sampleRequests([a, b], 3)).toEqual([
    { prompt: a, stream: 0 },
    { prompt: a, stream: 1 },
    { prompt: a, stream: 2 },
    { prompt: b, stream: 3 },
    { prompt: b, stream: 4 },
    { prompt: b, stream: 5 },
  ]);
});

describe.each((await backends()).slice(0, 3))('a batch on $name kernels', ({ kernels }) => {
  const model = randomModel(tinyConfig, { kernels, batch: 0, slots, gradients: false });
  const alone = (request: Request, given: GenerateOptions) => generateAll(model, [request], given)[0]!;

  test.each([
    ['the core four', { temperature: 0.9, topK: 8, topP: 0.95 }],
    ['every extension', everything],
    ['mirostat, whose memory is each row’s own', { mirostatTarget: 2, stopTokens: [3] }],
  ] as const)('several samples of several prompts are each what they are alone: %s', (_, settings) => {
    const given = options(settings);
    const requests = sampleRequests([[5, 1, 2], [8]], 3);
    const together = generateAll(model, requests, given);
    expect(together).toEqual(requests.map((request) => alone(request, given)));
    expect(new Set(together.map(({ tokens }) => tokens.join())).size).toBe(6);
  });
});

describe('rows', () => {
  const model = randomModel(tinyConfig, { kernels: reference, batch: 0, slots, gradients: false });
  const prompts = [[1], [2, 3, 4, 5, 6], [1], [7, 8, 9, 10, 1, 2, 3, 4, 5, 6, 7, 8, 9], [1], [2, 3, 4, 5]];
  const requests = prompts.map((prompt, stream) => ({ prompt, stream }));

  test('any subset in any order gives the same rows, with early ends and each context policy', () => {
    const policies = ['shift', 'slide'] as const;
    const oneStop = { ...everything, stopTokens: [0] };
    const expected = policies.map((contextPolicy) =>
      requests.map((request) => generateAll(model, [request], options(oneStop, { contextPolicy }))[0]!),
    );
    const reasons = expected.flat().map(({ finishReason }) => finishReason);
    expect(new Set(reasons)).toEqual(new Set(['stop-token', 'max-tokens']));
    fc.assert(
      fc.property(fc.shuffledSubarray(requests, { minLength: 1 }), fc.nat(1), (some, policy) => {
        const given = options(oneStop, { contextPolicy: policies[policy]! });
        expect(generateAll(model, some, given)).toEqual(some.map(({ stream }) => expected[policy]![stream]));
      }),
      { seed: 5, numRuns: 30 },
    );
  });

  test('a row that has ended is not computed any more', () => {
    const sizes: number[] = [];
    const spied = spy(model, (rows) => sizes.push(rows));
    const results = generateAll(spied, requests.slice(0, 3), options(everything));
    const steps = Math.max(...results.map(({ tokens }) => tokens.length));
    const prefills = sizes.length - (steps - 1);
    for (let step = 1; step < steps; step++) {
      const active = results.filter(({ tokens }) => tokens.length > step).length;
      if (step < 6) expect(sizes[prefills + step - 1]).toBe(active); // beyond, full caches are read again
    }
  });

  test('a prompt is read once for all its samples, wherever they stand', () => {
    let read = 0;
    const spied = spy(model, (rows) => {
      read += rows;
    });
    const same = [9, 8, 7, 6, 5];
    const mixed = [same, [1, 2], same, same].map((prompt, stream) => ({ prompt: [...prompt], stream }));
    const given = options({}, { maxNewTokens: 1 });
    generateAll(spied, mixed, given);
    expect(read).toBe(7);
    const longer = options({});
    expect(generateAll(model, mixed, longer)).toEqual(
      mixed.map((request) => generateAll(model, [request], longer)[0]),
    );
  });

  test('a row that masks end has no token in its last event, and does not end its neighbours', () => {
    const settings = { allowedTokens: [0, 1, 2], noRepeatNgram: 1 };
    const events = [...generate(model, sampleRequests([[0], [5]], 1), options(settings))];
    const of = (row: number) => events.filter((event) => event.row === row);
    expect(of(0).map(({ token }) => token === undefined)).toEqual([false, false, true]);
    expect(of(1).map(({ token }) => token === undefined)).toEqual([false, false, false, true]);
    expect(of(1).at(-1)).toMatchObject({ finishReason: 'no-candidates', text: '' });
    const relaxed = generateAll(
      model,
      sampleRequests([[0]], 1),
      options({ ...settings, onExhausted: 'relax' }),
    );
    expect(relaxed[0]).toMatchObject({ finishReason: 'max-tokens', tokens: { length: 25 } });
    expect(() =>
      generateAll(model, sampleRequests([[0]], 1), options({ ...settings, onExhausted: 'throw' })),
    ).toThrow('candidates must be at least 1 after masks, got 0');
  });
});

/** The model, telling how many rows each pass computes. */
function spy(model: Gpt, tell: (rows: number) => void): Gpt {
  return new Proxy(model, {
    get(target, key) {
      const value = Reflect.get(target, key, target);
      if (typeof value !== 'function') return value;
      return (...args: unknown[]) => {
        if (key === 'extend' || key === 'prefill') tell((args[1] as ArrayLike<number>).length);
        return (value as (...a: unknown[]) => unknown).apply(target, args);
      };
    },
  });
}
