import { describe, expect, it } from 'vitest';
import { Gpt } from '../../src/model/gpt.ts';
import { CharTokenizer } from '../../src/model/text/tokenizer.ts';
import { withEndOfText } from '../../src/model/text/tokenizer-file.ts';
import { preview, promptTokens } from '../../src/sample/prompt.ts';
import { reference } from '../../src/tensor/reference/index.ts';
import { tinyConfig } from '../support/models.ts';

const plain = CharTokenizer.train('\nab');
const ended = withEndOfText(plain); // its end is token 3

describe('a prompt', () => {
  it.each([
    ['of a model without ends', plain, 'ab', [1, 2]],
    ['of none, a line break', plain, '', [0]],
    ['of none, without a line break', CharTokenizer.train('ab'), '', [0]],
    ['of a model with ends', ended, 'ab', [3, 1, 2]],
    ['of none, where documents begin', ended, '', [3]],
  ] as const)('%s', (_, tokenizer, text, expected) => {
    expect([...promptTokens(tokenizer, text)]).toEqual(expected);
  });

  it('that has no known character stays empty, for an error', () => {
    expect(promptTokens(plain, 'x', 'skip').length).toBe(0);
    expect(() => promptTokens(ended, 'x')).toThrow('not in the vocabulary');
  });
});

describe('a preview', () => {
  /** A model whose next token is always `token`: GPT-2's last norm has only a bias, along that token's embedding. */
  const always = (token: number) => {
    const config = { ...tinyConfig, vocabSize: 4, layers: 1 };
    const gpt = new Gpt(config, { kernels: reference, batch: 0, slots: 1, gradients: false });
    gpt.arena.allocate(reference.memory);
    const { channels: C } = config;
    for (const { name, value } of gpt.parameters) {
      if (name.endsWith('wte.weight')) for (let v = 0; v < 4; v++) value.data[v * C + v] = 1;
      if (name.endsWith('ln_f.bias')) value.data[token] = 100;
    }
    return gpt;
  };

  it('ends with its document, without a trace of the token', () => {
    expect(preview(always(3), ended, 1, 0)).toBe('');
    expect(preview(always(1), ended, 1, 0)).toBe('a'.repeat(300));
    expect(preview(always(2), plain, 1, 0)).toBe('b'.repeat(300));
  });
});
