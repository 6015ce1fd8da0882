import { describe, expect, it } from 'vitest';
import { decodeText } from '../../src/cli/host/decode.ts';

const iconv = (from: string) => `iconv -f ${from} -t UTF-8 'my text.txt' > utf8.txt`;
const wide = (text: string, mark = '') => new Uint8Array(Buffer.from(mark + text, 'utf16le'));
const swapped = (bytes: Uint8Array) => bytes.map((_, i) => bytes[i ^ 1]!);
const latin1 = (text: string) => Buffer.from(text, 'latin1');

describe('decodeText', () => {
  it('takes UTF-8, without its mark', () => {
    expect(decodeText(Buffer.from('\ufeffnaïve 日本 🎉\n\ufffd'), 'x')).toBe('naïve 日本 🎉\n\ufffd');
  });

  it.each([
    ['a late byte of Windows', latin1('one\ntwo\ncaf\xe9 au lait'), '0xe9 at offset 11, line 3'],
    ['a first byte', latin1('\xe9t\xe9'), '0xe9 at offset 0, line 1'],
    ['a lead byte that its replacement begins with, too', latin1('na\xefve'), '0xef at offset 2, line 1'],
    [
      'one behind the mark of UTF-8',
      Buffer.concat([Buffer.from('\ufeff'), latin1('\xe9')]),
      '0xe9 at offset 3, line 1',
    ],
    ['a cut at the end', Buffer.from('né').subarray(0, 2), '0xc3 at offset 1, line 1'],
    [
      'one behind true replacement characters',
      Buffer.concat([Buffer.from('e\ufffd\n\ufffd'), latin1('\xff')]),
      '0xff at offset 8, line 2',
    ],
  ])('names %s', (_, bytes, where) => {
    expect(() => decodeText(bytes, 'my text.txt')).toThrow(
      `my text.txt is not UTF-8 text: byte ${where}; if it is an older text: ${iconv('WINDOWS-1252')}`,
    );
  });

  it.each([
    ['little', wide('naïve 日本 🎉', '\ufeff')],
    ['big', swapped(wide('naïve 日本 🎉', '\ufeff'))],
  ])('takes UTF-16 with its mark, %s end first', (_, bytes) => {
    expect(decodeText(bytes, 'x')).toBe('naïve 日本 🎉');
  });

  it('refuses what only begins like UTF-16', () => {
    expect(() => decodeText(wide('ab\ud800', '\ufeff'), 'x')).toThrow('but is not UTF-16 text; is it whole?');
    expect(() => decodeText(wide('a\0b', '\ufeff'), 'x')).toThrow('x holds NUL characters');
  });

  it('says where encodings are mixed', () => {
    const mixed = Buffer.concat([Buffer.from('é\n'), latin1('caf\xe9 \n')]);
    expect(() => decodeText(mixed, 'my text.txt')).toThrow(
      `byte 0xe9 at offset 6, line 2; the rest is UTF-8, so it mixes encodings; to leave out what is not: ${iconv('UTF-8 -c')}`,
    );
  });

  it.each([
    ['its zeros', wide('Wren said no.'), 'UTF-16LE'],
    ['its zeros, swapped', swapped(wide('Wren said no.')), 'UTF-16BE'],
    ['the spaces of another script', wide('Жили-были дед да баба. Была у них курочка ряба. '), 'UTF-16LE'],
  ])('recognises UTF-16 by %s', (_, bytes, encoding) => {
    expect(() => decodeText(bytes, 'my text.txt')).toThrow(
      `my text.txt is not UTF-8 text, it looks like UTF-16; to convert it: ${iconv(encoding)}`,
    );
  });

  it('knows a binary file', () => {
    const valid = Buffer.from('a text with one zero byte \0 in it, which is no text');
    expect(() => decodeText(valid, 'x')).toThrow('x holds NUL bytes: a binary file');
    const bytes = new Uint8Array([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xfe]);
    expect(() => decodeText(bytes, 'x')).toThrow(
      /byte 0xff at offset 16, line 1; it looks like a binary file/,
    );
  });
});
