import { expect, it } from 'vitest';
import { speed, unusualEnds } from '../../src/cli/sample/remarks.ts';

it('tells how much was drawn, and how fast', () => {
  expect(speed(300, 42.115)).toBe('300 tokens, 7,123 tokens/s');
  expect(speed(1, 2000)).toBe('1 token, 1 tokens/s');
  expect(speed(0, 0)).toBe('0 tokens');
});

it('tells the ends that are a surprise, each once', () => {
  expect(unusualEnds(['max-tokens', 'stop-string', 'stop-token', 'stop-sequence', 'eos', undefined])).toBe(
    '',
  );
  expect(unusualEnds(['no-candidates'])).toBe('; ended: no-candidates');
  expect(unusualEnds(['context-full', 'max-tokens', 'repetition', 'context-full'])).toBe(
    '; ended: repetition (1 of 4), context-full (2 of 4)',
  );
});
