/** Rows that forget what no next token depends on: the same texts, in memory that does not grow. */
import { describe, expect, it } from 'vitest';
import { CharTokenizer } from '../../src/model/text/tokenizer.ts';
import {
  contextPolicies,
  type GenerateOptions,
  type Generation,
  generate,
} from '../../src/sample/generate.ts';
import { reference } from '../../src/tensor/reference/index.ts';
import { randomModel, tinyConfig, tinyQwen3 } from '../support/models.ts';

const tokenizer = CharTokenizer.train('\n abcdefghi');
const T = tinyConfig.contextLength;
const requests = [
  { prompt: [1, 2, 3], stream: 0 },
  { prompt: Array.from({ length: 30 }, (_, i) => i % 11), stream: 1 },
];
function run(arch: 'gpt2' | 'qwen3', options: Partial<GenerateOptions>) {
  const config = arch === 'gpt2' ? tinyConfig : tinyQwen3;
  const model = randomModel(config, { kernels: reference, batch: 0, slots: 2, gradients: false });
  const events: object[] = [];
  const base = { settings: {}, maxNewTokens: 300, seed: 3, contextPolicy: 'shift', tokenizer } as const;
  const rows = generate(model, requests, { ...base, ...options });
  for (;;) {
    const next = rows.next();
    if (next.done) return { events, result: next.value };
    events.push(next.value);
  }
}
const ends = ({ finishReason, truncatedPromptTokens }: Generation) => ({
  finishReason,
  truncatedPromptTokens,
});

describe('generate with forget', () => {
  const cases: readonly [string, Partial<GenerateOptions>][] = [
    ...contextPolicies
      .filter((contextPolicy) => contextPolicy !== 'stop')
      .map((contextPolicy): [string, Partial<GenerateOptions>] => [contextPolicy, { contextPolicy }]),
    // Both rows end far behind the point where a row first forgets, by a rule that looks back and one that counts.
    ['a minimum length', { settings: { minNewTokens: 200, stopTokens: [4] } }],
    ['a stop sequence', { stopSequences: [[5, 5, 5, 5]] }],
    [
      'a banned sequence longer than the context',
      { settings: { temperature: 0.3, bannedSequences: [Array(20).fill(3)], logitBias: [[3, 9]] } },
    ],
    [
      'a loop',
      {
        settings: { temperature: 0, minNewTokens: 150 },
        loop: { minCount: 3, minPattern: 9, maxPattern: 25 },
      },
    ],
    ['a stop string', { stop: ['ab', 'ggc'], settings: { minNewTokens: 100 } }],
  ];
  it.each(cases)('draws what it draws without, and keeps a window: %s', (_, options) => {
    const whole = run('qwen3', options);
    const lean = run('qwen3', { ...options, forget: true });
    expect(lean.events).toEqual(whole.events);
    expect(lean.result.map(ends)).toEqual(whole.result.map(ends));
    for (const [row, { tokens, text }] of lean.result.entries()) {
      expect(text).toBe('');
      expect(tokens.length).toBeLessThan(2 * Math.max(T, 75));
      expect(whole.result[row]!.tokens.length).toBeGreaterThan(100);
      expect(whole.result[row]!.tokens.slice(-tokens.length)).toEqual(tokens);
    }
  });

  it.each([
    ['noRepeatNgram', { noRepeatNgram: 4 }],
    ['repetition penalty', { repetitionPenalty: 1.01 }],
    ['frequency penalty', { frequencyPenalty: 0.01 }],
    ['presence penalty', { presencePenalty: 0.5 }],
  ] as const)('forgets nothing where the next token depends on all: %s', (_, settings) => {
    const whole = run('gpt2', { settings });
    const lean = run('gpt2', { settings, forget: true });
    expect(lean.events).toEqual(whole.events);
    expect(lean.result.map(({ tokens }) => tokens)).toEqual(whole.result.map(({ tokens }) => tokens));
  });
});
