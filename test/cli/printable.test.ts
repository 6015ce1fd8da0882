import { describe, expect, it } from 'vitest';
import { forStream, oneLine, printable } from '../../src/cli/host/printable.ts';

const window = '\x1b]0;PWNED\x07';

describe('text for a terminal', () => {
  it('shows what a terminal would obey, and keeps lines, tabs and everything else', () => {
    expect(printable(`a${window}b\r\n\tc`)).toBe('a\\u001b]0;PWNED\\u0007b\\r\n\tc');
    expect(printable('\x7f\x9b2J\u202etxt.exe\u2066')).toBe('\\u007f\\u009b2J\\u202etxt.exe\\u2066');
    expect(printable('naïve 漢字 🦊 e\u0301 \u200d')).toBe('naïve 漢字 🦊 e\u0301 \u200d');
  });

  it('leaves no control character in, whichever it is', () => {
    const all = String.fromCodePoint(...Array.from({ length: 0x2100 }, (_, i) => i));
    expect(printable(all).match(/[\p{Cc}\u202a-\u202e]/gu)).toEqual(['\t', '\n']);
    expect(oneLine(all)).not.toMatch(/[\p{Cc}\u2028\u2029]/u);
  });

  it('writes one line', () => {
    expect(oneLine('a\nb\tc\u2028d')).toBe('a\\nb\\tc\\u2028d');
  });

  it('changes nothing for a pipe', () => {
    expect(forStream(window, {})).toBe(window);
    expect(forStream(window, { isTTY: true })).toBe('\\u001b]0;PWNED\\u0007');
  });
});
