import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CharTokenizer, normalizeText, type Tokenizer } from '../../../src/model/text/tokenizer.ts';

const goldenText = readFileSync(new URL('../../golden/gpt2-tiny/tokenizer.json', import.meta.url), 'utf8');
const parse = (): Record<string, unknown> & { model: Record<string, unknown> } => JSON.parse(goldenText);

/** Characters of one to four UTF-8 bytes, marks, joiners, line ends and byte order marks, all valid Unicode. */
const text = fc
  .array(
    fc.oneof(
      fc.constantFrom(
        'a',
        'b',
        '\n',
        '\r',
        '\r\n',
        '\ufeff',
        'e\u0301',
        '\u{1f468}\u200d\u{1f469}',
        '0',
        '"',
        ' ',
      ),
      fc.string({ unit: 'binary', maxLength: 2 }).filter((s) => !/\p{Cs}/u.test(s)),
    ),
    { maxLength: 20 },
  )
  .map((parts) => parts.join(''));

function streamed(tokenizer: Tokenizer, ids: Int32Array): string {
  const stream = tokenizer.stream();
  return [...[...ids].map((id) => stream.push(id)), stream.end()].join('');
}

describe('normalizeText', () => {
  it.each([
    ['\ufeffa', 'a'],
    ['a\ufeff', 'a\ufeff'],
    ['\ufeff\ufeff', ''],
    ['a\r\nb\r\n', 'a\nb\n'],
    ['a\rb\n\rc', 'a\rb\n\rc'],
    ['\r\r\n\r\n\r', '\n\n\r'],
    ['\ufeff\r\n', '\n'],
    ['e\u0301', 'e\u0301'],
    ['', ''],
  ])('%j gives %j', (from, to) => {
    expect(normalizeText(from)).toBe(to);
  });

  it('twice is once', () => {
    const ends = fc.array(fc.constantFrom('\r', '\n', '\r\n', '\ufeff', 'a')).map((parts) => parts.join(''));
    fc.assert(
      fc.property(ends, (s) => {
        expect(normalizeText(normalizeText(s))).toBe(normalizeText(s));
        expect(normalizeText(s)).not.toContain('\r\n');
      }),
      { seed: 1, numRuns: 500 },
    );
  });

  it('takes linear time on a million CRs', () => {
    const many = '\r'.repeat(1_000_000);
    expect(normalizeText(`${many}a\r\n`)).toBe(`${many}a\n`);
  });
});

describe('the character vocabulary', () => {
  it('is the distinct code points, sorted by code point, not by UTF-16 unit', () => {
    const tokenizer = CharTokenizer.train('ba\u{1f600}\uffee\nab\r\n');
    expect(tokenizer.vocabSize).toBe(5);
    expect([0, 1, 2, 3, 4].map((id) => tokenizer.decode([id]))).toEqual([
      '\n',
      'a',
      'b',
      '\uffee',
      '\u{1f600}',
    ]);
    expect([...tokenizer.encode('\u{1f600}ab')]).toEqual([4, 1, 2]);
  });

  it('of one character works', () => {
    const tokenizer = CharTokenizer.train('aaaa');
    expect(tokenizer.vocabSize).toBe(1);
    expect(tokenizer.encode('aa')).toEqual(Int32Array.of(0, 0));
    expect(tokenizer.decode([0, 0])).toBe('aa');
  });

  it('takes a letter and its combining accent as two tokens, a family emoji as its parts', () => {
    expect(CharTokenizer.train('e\u0301').vocabSize).toBe(2);
    expect(CharTokenizer.train('\u00e9').vocabSize).toBe(1);
    expect(CharTokenizer.train('\u{1f468}\u200d\u{1f469}').vocabSize).toBe(3);
  });

  it.each(['', '\ufeff'])('of no text (%j) is an error', (empty) => {
    expect(() => CharTokenizer.train(empty)).toThrow(
      new RangeError('tokenizer: the training text is empty; expected at least one character'),
    );
  });

  it.each(['a\ud83d', '\ude00a', '\ude00\ud83d'])('of half a surrogate pair (%j) is an error', (broken) => {
    expect(() => CharTokenizer.train(broken)).toThrow(
      /half a surrogate pair; expected valid Unicode, got U\+D/,
    );
  });
});

describe('encode and decode', () => {
  it('give the normalized text back, at once and streamed', () => {
    fc.assert(
      fc.property(text, text, (a, b) => {
        fc.pre(normalizeText(a + b) !== '' && normalizeText(a) !== '');
        const tokenizer = CharTokenizer.train(a + b);
        const normal = normalizeText(a + b);
        const ids = tokenizer.encode(a + b);
        expect(ids.length).toBe([...normal].length);
        expect(ids.every((id) => id >= 0 && id < tokenizer.vocabSize)).toBe(true);
        expect(tokenizer.decode(ids)).toBe(normal);
        expect(streamed(tokenizer, ids)).toBe(normal);
        expect(new Set(ids).size).toBe(tokenizer.vocabSize);
        const loaded = CharTokenizer.fromJSON(JSON.parse(JSON.stringify(tokenizer)));
        expect(loaded.encode(a + b)).toEqual(ids);
        expect(JSON.stringify(loaded)).toBe(JSON.stringify(tokenizer));
      }),
      { seed: 3, numRuns: 300 },
    );
  });

  it('agree with the golden ids', () => {
    const tokenizer = CharTokenizer.fromJSON(parse());
    expect(tokenizer.encode(' i\n i')).toEqual(Int32Array.of(1, 10, 0, 1, 10));
    expect(tokenizer.decode([4, 2, 3])).toBe('cab');
  });

  it('normalize first, so that a prompt with CRLF and a byte order mark works', () => {
    expect(CharTokenizer.train('a\nb').encode('\ufeffa\r\nb')).toEqual(Int32Array.of(1, 0, 2));
  });

  it('own their ids: no hidden tail behind a skipped character', () => {
    const ids = CharTokenizer.train('ab').encode('a?b\u{1f600}', 'skip');
    expect(ids).toEqual(Int32Array.of(0, 1));
    expect(ids.buffer.byteLength).toBe(8);
  });

  it.each([-1, 2, 0.5, Number.NaN])('the id %s is an error in every way out', (id) => {
    const tokenizer = CharTokenizer.train('ab');
    const error = new RangeError(`tokenizer: no such token; expected an id from 0 to 1, got ${id}`);
    expect(() => tokenizer.decode([0, id])).toThrow(error);
    expect(() => tokenizer.stream().push(id)).toThrow(error);
    expect(() => tokenizer.tokenText(id)).toThrow(error);
  });
});

describe('unknown characters', () => {
  const tokenizer = CharTokenizer.train('abc');
  const message = (s: string): string => {
    try {
      tokenizer.encode(s);
    } catch (error) {
      expect(error).toBeInstanceOf(RangeError);
      return (error as RangeError).message;
    }
    return 'no error';
  };

  it('are named, counted, and can be skipped', () => {
    expect(message('a?b')).toBe(
      'encode: 1 character is not in the vocabulary of 3: "?"; --unknown skip leaves them out',
    );
    expect(message('\u00e9a\u{1f600}b\u00e9\u00e9')).toBe(
      'encode: 4 characters are not in the vocabulary of 3: "\u00e9" (3 times), "\u{1f600}"; --unknown skip leaves them out',
    );
    expect(tokenizer.encode('\u00e9a\u{1f600}b\u00e9\u00e9', 'skip')).toEqual(Int32Array.of(0, 1));
    expect(tokenizer.encode('???', 'skip').length).toBe(0);
  });

  it.each([
    ['\n', 'U+000A'],
    [' ', 'U+0020'],
    ['\u00a0', 'U+00A0'],
    ['\u0301', 'U+0301'],
    ['\u200b', 'U+200B'],
    ['a\ufeff', 'U+FEFF'],
    ['\u3164', 'U+3164'],
    ['\u{e0041}', 'U+E0041'],
    ['\ud83d', 'U+D83D'],
    ['\ude00\ud83d', 'U+DE00, U+D83D'],
  ])('that cannot be seen (%j) are named %s', (s, name) => {
    expect(message(s)).toMatch(new RegExp(`vocabulary of 3: ${name.replaceAll('+', '\\+')}; `));
  });

  it('half a surrogate pair is one, also where the whole pair is a token', () => {
    const smile = CharTokenizer.train('\u{1f600}');
    expect(smile.encode('\ud83d\u{1f600}\ude00', 'skip')).toEqual(Int32Array.of(0));
    expect(() => smile.encode('\ud83d\u{1f600}\ude00')).toThrow('2 characters are not');
  });

  it('are listed up to ten', () => {
    expect(message('abcdefghijklm')).toContain('"d", "e", "f", "g", "h", "i", "j", "k", "l", "m"; --unknown');
    expect(message('zyxwvutsrqpo')).toContain(
      '"z", "y", "x", "w", "v", "u", "t", "s", "r", "q" and 2 more; --unknown',
    );
  });
});

describe('tokenText', () => {
  it('shows a token on one line', () => {
    const shown = '\n\t\r aé😀\u200b\u0301';
    const tokenizer = CharTokenizer.train(shown);
    const texts = [...tokenizer.encode(shown)].map((id) => tokenizer.tokenText(id));
    expect(texts).toEqual(['\\n', '\\t', '\\r', ' ', 'a', 'é', '😀', 'U+200B', 'U+0301']);
  });
});

describe('tokenizer.json', () => {
  it('of the golden model loads and is written the same, text for text', () => {
    const tokenizer = CharTokenizer.fromJSON(parse());
    expect(tokenizer.vocabSize).toBe(13);
    expect(tokenizer.kind).toBe('char');
    expect(`${JSON.stringify(tokenizer, null, 1)}\n`).toBe(`${goldenText.trimEnd()}\n`);
    expect(JSON.stringify(CharTokenizer.train('\n abcdefghijk'))).toBe(JSON.stringify(tokenizer));
  });

  it('may give the ids in any order and leave out what is null or false', () => {
    const { added_tokens, decoder, version } = parse();
    const model = { type: 'BPE', vocab: { b: 0, a: 1 }, merges: [] };
    const tokenizer = CharTokenizer.fromJSON({ version, added_tokens, decoder, model });
    expect(tokenizer.encode('ab')).toEqual(Int32Array.of(1, 0));
  });

  it('may be without version and type, and say null for false: as the tokenizers library takes them', () => {
    const { decoder, model } = parse();
    const { type: _, ...rest } = model;
    const nulls = { fuse_unk: null, byte_fallback: null, ignore_merges: null };
    const tokenizer = CharTokenizer.fromJSON({ decoder, model: { ...rest, ...nulls } });
    expect(JSON.stringify(tokenizer)).toBe(JSON.stringify(CharTokenizer.fromJSON(parse())));
  });

  it('as transformers saves it again opens: with a template, cutting, padding and added tokens', () => {
    const sequence = { Sequence: { id: 'A', type_id: 0 } };
    const added = (id: number, content: string) => ({
      ...{ id, content, single_word: false, lstrip: false, rstrip: false, normalized: false, special: true },
    });
    const saved = {
      ...parse(),
      truncation: { direction: 'Right', max_length: 2, strategy: 'LongestFirst', stride: 0 },
      padding: { strategy: 'BatchLongest', direction: 'Right', pad_id: 13, pad_token: '<pad>' },
      added_tokens: [added(0, '\n'), added(13, '<pad>')],
      post_processor: {
        type: 'TemplateProcessing',
        single: [sequence],
        pair: [sequence, { Sequence: { id: 'B', type_id: 1 } }],
        special_tokens: {},
      },
    };
    const tokenizer = CharTokenizer.fromJSON(saved);
    expect([tokenizer.vocabSize, ...tokenizer.added]).toEqual([14, ['\n', 0], ['<pad>', 13]]);
    // A character of the vocabulary stays one, and the text of an added token is text.
    expect(tokenizer.encode('a\n')).toEqual(Int32Array.of(2, 0));
    expect(() => tokenizer.encode('<pad>')).toThrow(/"<", "p", ">"/);
    expect(tokenizer.decode([2, 13, 0])).toBe('a<pad>\n');
    expect([tokenizer.tokenText(13), tokenizer.tokenText(0)]).toEqual(['<pad>', '\\n']);
    expect(tokenizer.stream().push(13)).toBe('<pad>');
    const again = CharTokenizer.fromJSON(JSON.parse(JSON.stringify(tokenizer)));
    expect([...again.added]).toEqual([...tokenizer.added]);
    expect([...again.encode('a\nk')]).toEqual([...tokenizer.encode('a\nk')]);
    expect((tokenizer.toJSON() as { added_tokens: unknown }).added_tokens).toEqual(saved.added_tokens);
  });

  const top = (change: object) => ({ ...parse(), ...change });
  const model = (change: object) => ({ ...parse(), model: { ...parse().model, ...change } });
  const notChar = '; a character tokenizer has nothing else';
  const another = 'expected a single character; is this the file of another kind of tokenizer?';

  it.each<[string, unknown, string]>([
    ['null', null, `expected an object, got null${notChar}`],
    ['a list', [], `expected an object, got []${notChar}`],
    ['no model', top({ model: undefined }), `model: expected an object, got nothing${notChar}`],
    ['another model', model({ type: 'WordPiece' }), `model.type: expected "BPE", got "WordPiece"${notChar}`],
    ['a null model type', model({ type: null }), `model.type: expected "BPE", got null${notChar}`],
    ['merges', model({ merges: ['a b'] }), `model.merges: expected an empty list, got ["a b"]${notChar}`],
    [
      'no merges',
      model({ merges: undefined }),
      `model.merges: expected an empty list, got nothing${notChar}`,
    ],
    ['another version', top({ version: '2.0' }), `version: expected "1.0", got "2.0"${notChar}`],
    ['a null version', top({ version: null }), `version: expected "1.0", got null${notChar}`],
    [
      'a normalizer',
      top({ normalizer: { type: 'NFC' } }),
      `normalizer: expected null, got an object${notChar}`,
    ],
    [
      'a byte-level splitter',
      top({ pre_tokenizer: { type: 'ByteLevel' } }),
      `pre_tokenizer: expected null, got an object${notChar}`,
    ],
    [
      'an added token without a text',
      top({ added_tokens: [{ id: 13 }] }),
      'added_tokens[0].content does not fit; expected a text, got nothing',
    ],
    [
      'an added token beyond the next id',
      top({ added_tokens: [{ id: 14, content: '<x>' }] }),
      'id of "<x>" does not fit; expected ids 0 to 13, each once, got 14',
    ],
    [
      'an added token with the id of another',
      top({ added_tokens: [{ id: 3, content: '\n' }] }),
      'added_tokens[0].id does not fit; expected 0 as in model.vocab, got 3',
    ],
    [
      'null for added tokens',
      top({ added_tokens: null }),
      'added_tokens does not fit; expected a list, got null',
    ],
    [
      'a template with a token of its own',
      top({
        post_processor: {
          type: 'TemplateProcessing',
          single: [{ Sequence: { id: 'A' } }, { SpecialToken: {} }],
        },
      }),
      'post_processor does not fit; expected one that adds no token, got {"type":"TemplateProcessing","single":[{"Sequence":{"id":...',
    ],
    [
      'another decoder',
      top({ decoder: { type: 'ByteLevel' } }),
      `decoder.type: expected "Fuse", got "ByteLevel"${notChar}`,
    ],
    ['no decoder', top({ decoder: null }), `decoder: expected an object, got null${notChar}`],
    [
      'a byte fallback',
      model({ byte_fallback: true }),
      `model.byte_fallback: expected false, got true${notChar}`,
    ],
    ['an unknown token', model({ unk_token: 'a' }), `model.unk_token: expected null, got "a"${notChar}`],
    ['no vocabulary', model({ vocab: undefined }), `model.vocab: expected an object, got nothing${notChar}`],
    ['a list as vocabulary', model({ vocab: ['a'] }), `model.vocab: expected an object, got ["a"]${notChar}`],
    ['an empty vocabulary', model({ vocab: {} }), 'model.vocab: expected at least one token, got none'],
    ['a token of two letters', model({ vocab: { ab: 0 } }), `model.vocab: token "ab": ${another}`],
    ['an accented pair', model({ vocab: { 'e\u0301': 0 } }), `model.vocab: token "e\u0301": ${another}`],
    ['an empty token', model({ vocab: { '': 0 } }), `model.vocab: token "": ${another}`],
    ['half a pair', model({ vocab: { '\ud83d': 0 } }), `model.vocab: token "\\ud83d": ${another}`],
    [
      'a hole in the ids',
      model({ vocab: { a: 0, b: 2 } }),
      'id of "b" does not fit; expected ids 0 to 1, each once, got 2',
    ],
    [
      'a negative id',
      model({ vocab: { a: -1 } }),
      'id of "a" does not fit; expected an integer from 0 up, got -1',
    ],
    [
      'a broken id',
      model({ vocab: { a: 0, b: 0.5 } }),
      'id of "b" does not fit; expected an integer from 0 up, got 0.5',
    ],
    [
      'an id that is text',
      model({ vocab: { a: '0' } }),
      'id of "a" does not fit; expected an integer from 0 up, got "0"',
    ],
    [
      'an id twice',
      model({ vocab: { a: 0, b: 0 } }),
      'id of "b" does not fit; expected an id of its own, not "a"\'s, got 0',
    ],
  ])('with %s is an error', (_, value, expected) => {
    const Kind = /does not fit; expected a (list|text),/.test(expected) ? TypeError : RangeError;
    expect(() => CharTokenizer.fromJSON(value)).toThrow(new Kind(`tokenizer.json: ${expected}`));
  });
});
