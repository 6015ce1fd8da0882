/** The end-of-text token of both tokenizers: in their files, and in the model's. */
import { describe, expect, it } from 'vitest';
import { configFromJSON, configToJSON, eosTokensFromJSON } from '../../../src/model/files/config-json.ts';
import { trainBpe } from '../../../src/model/text/bpe-train.ts';
import { CharTokenizer, type Tokenizer } from '../../../src/model/text/tokenizer.ts';
import { tokenizerFromJSON, withEndOfText } from '../../../src/model/text/tokenizer-file.ts';
import { tinyConfig } from '../../support/models.ts';

const name = '<|endoftext|>';
const again = (tokenizer: Tokenizer, change: object = {}) =>
  tokenizerFromJSON(JSON.parse(JSON.stringify({ ...tokenizer.toJSON(), ...change })), 'x/tokenizer.json');

describe.each([
  ['characters', CharTokenizer.train(`ab ${name}`)],
  ['BPE', trainBpe('abababab abab', 258)],
])('with %s the token', (_, plain) => {
  const ended = withEndOfText(plain);

  it('has the id after all others, and is there once', () => {
    expect([plain.endOfText, ended.endOfText, ended.vocabSize]).toEqual([
      undefined,
      plain.vocabSize,
      plain.vocabSize + 1,
    ]);
    expect(withEndOfText(ended)).toBe(ended);
    expect(ended.decode([ended.endOfText!])).toBe(name);
  });

  it('changes no other id, and nobody can write it', () => {
    const text = `abab ${name} ba`;
    const known = plain.kind === 'char' ? text : `${text} é`;
    expect(ended.encode(known)).toEqual(plain.encode(known));
    expect(ended.encode(known)).not.toContain(ended.endOfText);
  });

  it('is in the file, before every text', () => {
    expect(again(ended).toJSON()).toEqual(ended.toJSON());
    expect(again(ended).endOfText).toBe(ended.endOfText);
    const { added_tokens, post_processor } = ended.toJSON() as Record<string, unknown>;
    expect(added_tokens).toMatchObject([{ id: ended.endOfText, content: name, special: true }]);
    expect(post_processor).toMatchObject({
      type: 'TemplateProcessing',
      single: [{ SpecialToken: { id: name, type_id: 0 } }, { Sequence: { id: 'A', type_id: 0 } }],
      special_tokens: { [name]: { id: name, ids: [ended.endOfText], tokens: [name] } },
    });
    expect((plain.toJSON() as Record<string, unknown>)['post_processor']).toBe(null);
  });

  it('is the one that a tokenizer has already', () => {
    const spare = again(ended, { post_processor: null }); // as GPT-2 has it: known, but not before texts
    expect([spare.endOfText, spare.added.get(name)]).toEqual([undefined, ended.endOfText]);
    expect(withEndOfText(spare).toJSON()).toEqual(ended.toJSON());
  });

  it('is refused where the file contradicts itself', () => {
    const { post_processor } = ended.toJSON() as { post_processor: object };
    const other = { ...post_processor, special_tokens: { [name]: { id: name, ids: [0], tokens: [name] } } };
    expect(() => again(ended, { post_processor: other })).toThrow(
      'x/tokenizer.json: post_processor.special_tokens does not fit; expected <|endoftext|> as in added_tokens, got',
    );
    expect(() => again(plain, { post_processor })).toThrow('post_processor.special_tokens does not fit');
    const after = {
      ...post_processor,
      single: [...(post_processor as { single: object[] }).single].reverse(),
    };
    expect(() => again(ended, { post_processor: after })).toThrow('expected one that adds no token');
  });
});

describe('config.json', () => {
  it('begins and ends texts with it, and with nothing where there is none', () => {
    const file = configToJSON(tinyConfig, 7);
    expect(file).toMatchObject({ bos_token_id: 7, eos_token_id: 7 });
    expect(eosTokensFromJSON(file, 'x')).toEqual([7]);
    expect(configFromJSON(file, 'x')).toEqual(tinyConfig);
    expect(configToJSON(tinyConfig)).toMatchObject({ bos_token_id: null, eos_token_id: null });
  });
});
