import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  alphabet,
  alphabetOrder,
  displayBytes,
  escapeBytes,
  fromAlphabet,
  fromUtf8,
  toUtf8,
  toWellFormed,
  unescapeBytes,
} from '../../../src/model/text/bpe-bytes.ts';
import { anyText } from './any-text.ts';

const run = { seed: 1, numRuns: 500 };
const everyByte = Uint8Array.from({ length: 256 }, (_, byte) => byte);
/** Bytes as they occur around the edges of UTF-8: leads, continuations, ASCII, and whole characters. */
const bytesNearUtf8 = fc
  .array(
    fc.oneof(
      fc.constantFrom(0x41, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc0, 0xc1, 0xc2, 0xdf, 0xe0, 0xe1, 0xed),
      fc.constantFrom(0xef, 0xf0, 0xf1, 0xf4, 0xf5, 0xff),
      fc.integer({ min: 0, max: 255 }),
    ),
    { maxLength: 24 },
  )
  .map((bytes) => Uint8Array.from(bytes));

describe('the alphabet', () => {
  test('has the characters of GPT-2', () => {
    const known: [number, string, number][] = [
      [0x00, 'Ā', 0x100],
      [0x09, 'ĉ', 0x109],
      [0x0a, 'Ċ', 0x10a],
      [0x0d, 'č', 0x10d],
      [0x20, 'Ġ', 0x120],
      [0x21, '!', 0x21],
      [0x7e, '~', 0x7e],
      [0x7f, 'ġ', 0x121],
      [0x80, 'Ģ', 0x122],
      [0xa0, 'ł', 0x142],
      [0xa1, '¡', 0xa1],
      [0xac, '¬', 0xac],
      [0xad, 'Ń', 0x143],
      [0xae, '®', 0xae],
      [0xff, 'ÿ', 0xff],
    ];
    for (const [byte, character, code] of known) {
      expect(alphabet[byte]).toBe(character);
      expect(alphabet[byte].charCodeAt(0)).toBe(code);
    }
  });

  test('orders bytes by character: ! first, then to ~, ¡ to ÿ, and the 68 others', () => {
    expect(alphabetOrder.slice(0, 3)).toEqual([0x21, 0x22, 0x23]);
    expect(alphabetOrder.slice(93, 96)).toEqual([0x7e, 0xa1, 0xa2]);
    expect(alphabetOrder.slice(187, 190)).toEqual([0xff, 0x00, 0x01]);
    expect(alphabetOrder.slice(253)).toEqual([0x9f, 0xa0, 0xad]);
    expect(alphabetOrder.indexOf(0x20)).toBe(220);
    expect(new Set(alphabetOrder).size).toBe(256);
  });

  test('writes and reads all 256 bytes, in 256 different characters', () => {
    expect(new Set(alphabet).size).toBe(256);
    expect(fromAlphabet(alphabet.join(''))).toEqual(everyByte);
    expect(fromAlphabet('ĠÃ©Ċ')).toEqual(toUtf8(' é\n'));
  });

  test('refuses characters that write no byte', () => {
    for (const text of [' ', 'a b', '\n', '\u00ad', '\u0144', '漢'])
      expect(fromAlphabet(text)).toBe(undefined);
  });
});

describe('the escape', () => {
  test('leaves valid UTF-8 as its text, a byte order mark and astral characters included', () => {
    fc.assert(
      fc.property(anyText, (text) => {
        expect(escapeBytes(toUtf8(text))).toBe(text);
        expect(unescapeBytes(text)).toEqual(toUtf8(text));
      }),
      run,
    );
    expect(escapeBytes(Uint8Array.of(0xef, 0xbb, 0xbf, 0x41))).toBe('\ufeffA');
    for (const text of [
      '\u{7f}\u{80}\u{7ff}\u{800}',
      '\u{d7ff}\u{e000}\u{fffd}\u{ffff}',
      '\u{10000}\u{10ffff}',
    ]) {
      expect(escapeBytes(toUtf8(text))).toBe(text);
    }
  });

  test('undoes itself on any bytes', () => {
    const undone = (bytes: Uint8Array): void => {
      expect(unescapeBytes(escapeBytes(bytes))).toEqual(bytes);
    };
    fc.assert(fc.property(fc.oneof(fc.uint8Array(), bytesNearUtf8), undone), run);
    undone(everyByte);
  });

  test('escapes exactly the bytes that no well-formed sequence holds', () => {
    const cases: [number[], string][] = [
      [[0x80], '\udc80'],
      [[0x41, 0xff, 0x42], 'A\udcffB'],
      [[0xc3], '\udcc3'], // cut short
      [[0xe2, 0x82], '\udce2\udc82'],
      [[0xe2, 0x82, 0x41], '\udce2\udc82A'],
      [[0xf0, 0x9f, 0x98, 0x80, 0xf0, 0x9f, 0x98], '😀\udcf0\udc9f\udc98'],
      [[0xc0, 0x80], '\udcc0\udc80'], // overlong
      [[0xc1, 0xbf], '\udcc1\udcbf'],
      [[0xe0, 0x9f, 0xbf], '\udce0\udc9f\udcbf'],
      [[0xf0, 0x8f, 0xbf, 0xbf], '\udcf0\udc8f\udcbf\udcbf'],
      [[0xed, 0xa0, 0x80], '\udced\udca0\udc80'], // a surrogate
      [[0xf4, 0x90, 0x80, 0x80], '\udcf4\udc90\udc80\udc80'], // above U+10FFFF
      [[0xf5, 0x80, 0x80, 0x80], '\udcf5\udc80\udc80\udc80'],
    ];
    for (const [bytes, text] of cases) expect(escapeBytes(Uint8Array.from(bytes))).toBe(text);
  });

  test('agrees with the strict decoder about what is valid', () => {
    const strict = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
    const accepts = (bytes: Uint8Array): boolean => {
      try {
        strict.decode(bytes);
        return true;
      } catch {
        return false;
      }
    };
    fc.assert(
      fc.property(bytesNearUtf8, (bytes) => {
        expect(!/\p{Surrogate}/u.test(escapeBytes(bytes))).toBe(accepts(bytes));
      }),
      { seed: 2, numRuns: 3000 },
    );
  });
});

test('toWellFormed is the text that UTF-8 keeps of a text', () => {
  expect(toWellFormed('a\ud800b\udc00c😀\udc80')).toBe('a\ufffdb\ufffdc😀\ufffd');
  const textWithSurrogates = fc.string({
    unit: fc.constantFrom('a', '\ud83d', '\ude00', '\udc80', '\udfff', 'é'),
  });
  fc.assert(
    fc.property(textWithSurrogates, (text) => {
      expect(toWellFormed(text)).toBe(fromUtf8(toUtf8(text)));
    }),
    run,
  );
});

test('displayBytes writes what is not UTF-8 in hexadecimal', () => {
  expect(displayBytes(Uint8Array.of(0x20, 0x61, 0xe2, 0x82))).toBe(' a<0xE2><0x82>');
  expect(displayBytes(Uint8Array.of(0xe2, 0x82, 0xac, 0x80))).toBe('€<0x80>');
});
