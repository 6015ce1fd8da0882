import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { BpeTokenizer } from '../../../src/model/text/bpe.ts';
import { toUtf8, toWellFormed } from '../../../src/model/text/bpe-bytes.ts';
import { trainBpe } from '../../../src/model/text/bpe-train.ts';
import { wholeText } from '../../../src/model/text/tokenizer.ts';
import { anyText } from './any-text.ts';

const sentence =
  "The naïve café: they're 漢字 漢 漢字 漢 👍🏽 👍 👍🏽 the the café naïve there 漢字 ��  \n  \n";
const tokenizer = trainBpe(sentence.repeat(3), 290);
const run = { seed: 6, numRuns: 1000 };
const anyBytes = fc.oneof(
  fc.uint8Array(),
  anyText.map(toUtf8),
  // cut anywhere, so that characters are broken at both ends
  fc
    .tuple(fc.nat(100), fc.nat(100))
    .map(([a, b]) => toUtf8(sentence).subarray(Math.min(a, b), Math.max(a, b))),
);

/** A tokenizer.json with these tokens at these ids and these merges, nothing else. */
function withVocab(tokens: readonly string[], merges: readonly string[]): BpeTokenizer {
  const vocab = Object.fromEntries(tokens.map((token, id) => [token, id]));
  return BpeTokenizer.fromJSON({
    pre_tokenizer: { type: 'ByteLevel', add_prefix_space: false },
    decoder: { type: 'ByteLevel' },
    model: { type: 'BPE', vocab, merges },
  });
}

describe('encode and decode', () => {
  test('any text comes back', () => {
    fc.assert(
      fc.property(anyText, (text) => {
        expect(tokenizer.decode(tokenizer.encode(text))).toBe(text);
      }),
      run,
    );
    for (const text of ['', ' ', '\ufeffa\ufeff', '\0', sentence]) {
      expect(tokenizer.decode(tokenizer.encode(text))).toBe(text);
    }
  });

  test('any bytes come back, also those that are not UTF-8', () => {
    fc.assert(
      fc.property(anyBytes, (bytes) => {
        expect(tokenizer.decodeBytes(tokenizer.encodeBytes(bytes))).toEqual(bytes);
      }),
      run,
    );
  });

  test('a cut before a token that begins a character, and no other cut, leaves whole characters on both sides', () => {
    const single = trainBpe('a', 256);
    fc.assert(
      fc.property(anyText, fc.constantFrom(tokenizer, single), (text, own) => {
        const ids = own.encode(text);
        for (let at = 1; at < ids.length; at++) {
          const [before, after] = [own.decodeBytes(ids.subarray(0, at)), own.decodeBytes(ids.subarray(at))];
          const parts = [before, after].map((bytes) =>
            new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes),
          );
          expect(own.beginsCharacter(ids[at])).toBe(parts.join('') === text);
          expect(text.startsWith(wholeText(own, ids.subarray(0, at)))).toBe(true);
          if (own.beginsCharacter(ids[at])) expect(wholeText(own, ids.subarray(0, at))).toBe(parts[0]);
        }
        expect(wholeText(own, ids)).toBe(text);
      }),
      { seed: 7, numRuns: 200 },
    );
    expect(wholeText(single, single.encode('a€').subarray(0, 3))).toBe('a');
  });

  test('a text and its bytes have the same ids', () => {
    fc.assert(
      fc.property(anyText, (text) => {
        expect(tokenizer.encodeBytes(toUtf8(text))).toEqual(tokenizer.encode(text));
      }),
      run,
    );
    expect(tokenizer.encodeBytes(toUtf8(sentence))).toEqual(tokenizer.encode(sentence));
  });

  test('a lone surrogate is U+FFFD, also right after bytes with the same escape', () => {
    for (const text of ['a\ud800b', '\udc80', '\ude00\ud83d', ' \udcff!']) {
      tokenizer.encodeBytes(Uint8Array.of(0x80, 0x20, 0xff, 0x21));
      expect(tokenizer.encode(text)).toEqual(tokenizer.encode(toWellFormed(text)));
      expect(tokenizer.decode(tokenizer.encode(text))).toBe(toWellFormed(text));
    }
  });

  test('bytes that are not UTF-8 are cut like symbols: a space goes with them, letters do not', () => {
    const joined = withVocab(['a', 'Ġ', 'ÿ', 'Ā', 'Ġÿ', 'aÿ', 'ÿĀ'], ['a ÿ', 'Ġ ÿ', 'ÿ Ā']);
    expect([...joined.encodeBytes(Uint8Array.of(0x61, 0xff, 0x20, 0xff))]).toEqual([0, 2, 4]);
    expect([...joined.encodeBytes(Uint8Array.of(0xff, 0x00))]).toEqual([6]); // both symbols: one piece
  });

  test('remembered pieces are encoded as at first', () => {
    const fresh = BpeTokenizer.fromJSON(tokenizer.toJSON());
    const first = fresh.encode(sentence);
    first.fill(0, 0, 3); // the caller's own
    expect(fresh.encode(sentence)).toEqual(tokenizer.encode(sentence));
  });

  test('merges the lowest rank first, leftmost first, one at a time, whatever the merges', () => {
    // All strings of a and b up to length 4, and an arbitrary list of splits of them as merges, in arbitrary order.
    const tokens = ['a', 'b'];
    for (let i = 0; tokens.length < 30; i++) tokens.push(`${tokens[i]}a`, `${tokens[i]}b`);
    const splits = tokens.flatMap((t) =>
      [...t].slice(1).map((_, i) => `${t.slice(0, i + 1)} ${t.slice(i + 1)}`),
    );
    const naive = (text: string, merges: readonly string[]): string[] => {
      const parts = [...text];
      for (;;) {
        const ranks = parts.slice(1).map((right, i) => merges.indexOf(`${parts[i]} ${right}`));
        const lowest = Math.min(...ranks.map((rank) => (rank < 0 ? Number.POSITIVE_INFINITY : rank)));
        if (!Number.isFinite(lowest)) return parts;
        const i = ranks.indexOf(lowest);
        parts.splice(i, 2, parts[i] + parts[i + 1]);
      }
    };
    fc.assert(
      fc.property(
        fc.shuffledSubarray(splits),
        fc.string({ unit: fc.constantFrom('a', 'b'), maxLength: 24 }),
        (merges, text) => {
          const ids = withVocab(tokens, merges).encode(text);
          expect(Array.from(ids, (id) => tokens[id])).toEqual(naive(text, merges));
        },
      ),
      run,
    );
  });

  test('one piece of 300,000 letters is no trap', () => {
    const doubling = withVocab(['a', 'aa', 'aaaa', 'aaaaaaaa'], ['a a', 'aa aa', 'aaaa aaaa']);
    const ids = doubling.encode('a'.repeat(300_007));
    expect(ids.length).toBe(37_503);
    expect([...ids.slice(-4)]).toEqual([3, 2, 1, 0]);
  });

  test('decode refuses what is no id', () => {
    for (const id of [-1, 290, 1.5, Number.NaN]) {
      const text = `decode: token id does not fit; expected an integer from 0 to 289, got ${id}`;
      expect(() => tokenizer.decode([1, id])).toThrow(new RangeError(text));
      expect(() => tokenizer.stream().push(id)).toThrow(new RangeError(text));
      expect(() => tokenizer.tokenText(id)).toThrow(new RangeError(text));
    }
  });
});

describe('a vocabulary without some bytes', () => {
  const small = withVocab(['a', 'b', 'ab'], ['a b']);

  test('names the bytes it lacks', () => {
    expect(() => small.encode('abécé')).toThrow(
      new RangeError(
        'encode: byte does not fit; expected one of the 2 bytes in the vocabulary, got 0xC3 (Ã), 0xA9 (©), 0x63 (c)',
      ),
    );
    expect(() => small.encode(' ')).toThrow('got 0x20 (Ġ)');
    expect(() => small.encode('cdefghijklm')).toThrow('0x6A (j), 3 more');
    expect(() => small.encodeBytes(Uint8Array.of(0xff))).toThrow('got 0xFF (ÿ)');
  });

  test('leaves them out on request, and does not remember that', () => {
    expect([...small.encode('acb', 'skip')]).toEqual([2]);
    expect([...small.encodeBytes(Uint8Array.of(0x61, 0xff, 0x62), 'skip')]).toEqual([0, 1]); // three pieces
    expect(() => small.encode('acb')).toThrow('0x63 (c)');
    expect([...small.encode('é', 'skip')]).toEqual([]);
  });
});

describe('stream', () => {
  test('gives decode, whatever the tokens and wherever it ends', () => {
    const ids = fc.oneof(
      anyBytes.map((bytes) => [...tokenizer.encodeBytes(bytes)]),
      fc.array(fc.integer({ min: 0, max: 289 })),
      fc.array(fc.integer({ min: 94, max: 187 })), // the bytes from 0xA1 up: mostly broken UTF-8
    );
    fc.assert(
      fc.property(ids, (all) => {
        const whole = tokenizer.stream();
        let text = '';
        for (const id of all) text += whole.push(id);
        expect(text + whole.end()).toBe(tokenizer.decode(all));
        const split = all.length >> 1;
        const part = tokenizer.stream();
        const head = all.slice(0, split).map((id) => part.push(id));
        expect(head.join('') + part.end()).toBe(tokenizer.decode(all.slice(0, split)));
      }),
      run,
    );
  });

  test('holds back a character until it is whole, byte by byte, and ends as decode at every split', () => {
    const bytesOnly = trainBpe('', 256);
    const text = 'aé€😀\ufeff漢';
    const ids = bytesOnly.encode(text);
    const stream = bytesOnly.stream();
    const pushed = Array.from(ids, (id) => stream.push(id));
    expect(pushed).toEqual(['a', '', 'é', '', '', '€', '', '', '', '😀', '', '', '\ufeff', '', '', '漢']);
    expect(stream.end()).toBe('');
    for (let split = 0; split <= ids.length; split++) {
      const part = bytesOnly.stream();
      const head = Array.from(ids.subarray(0, split), (id) => part.push(id)).join('');
      expect(text.startsWith(head)).toBe(true);
      expect(head + part.end()).toBe(bytesOnly.decode(ids.subarray(0, split)));
    }
  });

  test('keeps a leading byte order mark', () => {
    const stream = tokenizer.stream();
    const text = Array.from(tokenizer.encode('\ufeffx'), (id) => stream.push(id)).join('') + stream.end();
    expect(text).toBe('\ufeffx');
  });
});

test('tokenText shows characters as they are, on one line, and broken ones in hexadecimal', () => {
  const shown = withVocab(['Ġthe', 'ĊĊ', 'Ã', 'Ã©', 'æ¼', 'eÌģ', 'Ìģ', 'âĢĭ'], []);
  expect([0, 1, 2, 3, 4, 5, 6, 7].map((id) => shown.tokenText(id))).toEqual([
    ' the',
    '\\n\\n',
    '<0xC3>',
    'é',
    '<0xE6><0xBC>',
    'e\u0301', // a mark on its letter, and one alone
    'U+0301',
    'U+200B',
  ]);
});
