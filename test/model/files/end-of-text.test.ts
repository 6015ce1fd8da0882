import { describe, expect, it } from 'vitest';
import { decodeCheckpoint, encodeCheckpoint, loadParameters } from '../../../src/model/files/checkpoint.ts';
import { withEnds } from '../../../src/model/files/end-of-text.ts';
import { Gpt } from '../../../src/model/gpt.ts';
import { initialize } from '../../../src/model/initialize.ts';
import { CharTokenizer } from '../../../src/model/text/tokenizer.ts';
import { reference } from '../../../src/tensor/reference/index.ts';
import { tinyConfig, tinyQwen3 } from '../../support/models.ts';

const tokenizer = CharTokenizer.train('abcde');

describe.each([
  ['tied', { ...tinyConfig, vocabSize: 5 }],
  ['of its own', { ...tinyQwen3, vocabSize: 5, tiedHead: false }],
])('a model with a head that is %s', (_, config) => {
  const open = (vocabSize: number) => {
    const gpt = new Gpt(
      { ...config, vocabSize },
      { kernels: reference, batch: 1, slots: 0, gradients: false },
    );
    gpt.arena.allocate(reference.memory);
    return gpt;
  };
  const gpt = open(5);
  initialize(gpt, 3);
  const files: ReadonlyMap<string, Uint8Array> = encodeCheckpoint(gpt, tokenizer);
  const checkpoint = decodeCheckpoint((file) => files.get(file), 'x');
  const ended = withEnds(checkpoint);
  const grown = open(6);
  loadParameters(grown, ended, 'x');

  it('gets a row that is the mean of the others, and keeps every other number', () => {
    expect([ended.config.vocabSize, ended.tokenizer.endOfText]).toEqual([6, 5]);
    for (const [i, { name, value }] of grown.parameters.entries()) {
      const before = gpt.parameters[i]!.value;
      expect(value.data.subarray(0, before.size), name).toEqual(before.data);
      if (value.size === before.size) continue;
      const C = config.channels;
      for (let c = 0; c < C; c++) {
        let sum = 0;
        for (let v = 0; v < 5; v++) sum += before.data[v * C + c]!;
        expect(value.data[5 * C + c]).toBe(Math.fround(sum / 5));
      }
    }
  });

  it('is left as it is where it has the token', () => {
    const files: ReadonlyMap<string, Uint8Array> = encodeCheckpoint(grown, ended.tokenizer);
    const saved = decodeCheckpoint((file) => files.get(file), 'x');
    expect(saved.eosTokens).toEqual([5]);
    expect(withEnds(saved)).toEqual(saved);
  });
});
