import { expect, it } from 'vitest';
import { addedTextNote } from '../../src/cli/sample/remarks.ts';
import { BpeTokenizer } from '../../src/model/text/bpe.ts';
import { CharTokenizer } from '../../src/model/text/tokenizer.ts';
import { gpt2Layout, stringMerges } from '../model/files/gpt2-layout.ts';

it('a text that holds the text of an added token is noted in one line, others are not', () => {
  const tokenizer = BpeTokenizer.fromJSON(gpt2Layout(stringMerges));
  expect(addedTextNote('a <|endoftext|> b', 'the prompt', tokenizer)).toBe(
    'note: the prompt holds "<|endoftext|>", in Python a token of its own; here it is read as plain text',
  );
  expect(addedTextNote('a <|endoftext| > b', 'the prompt', tokenizer)).toBeUndefined();

  const json = gpt2Layout(stringMerges);
  const texts = ['<a>', '<b>', '<c>', '<\u001b\n>'];
  json.added_tokens = [...json.added_tokens, ...texts.map((content, i) => ({ id: 259 + i, content }))];
  expect(addedTextNote('<\u001b\n><a><b><c>', 'x.txt', BpeTokenizer.fromJSON(json))).toMatch(
    /^note: x\.txt holds "<a>", "<b>", "<c>" and 1 more, in/,
  );
  expect(addedTextNote('<\u001b\n>', 'x.txt', BpeTokenizer.fromJSON(json))).toMatch(
    /holds "<\\u001b\\n>", in/,
  );
});

it('a character of the vocabulary that is an added token, too, is read as that token', () => {
  const json = JSON.parse(JSON.stringify(CharTokenizer.train('\nab')));
  const tokenizer = CharTokenizer.fromJSON({
    ...json,
    added_tokens: [
      { id: 0, content: '\n' },
      { id: 3, content: 'ab' },
    ],
  });
  expect(addedTextNote('a\nb', 'the prompt', tokenizer)).toBeUndefined();
  expect(addedTextNote('a\nab', 'the prompt', tokenizer)).toMatch('holds "ab", in');
});
