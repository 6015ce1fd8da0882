import { describe, expect, test } from 'vitest';
import { decimals, percent, textTable, wrapped } from '../../src/evaluate/table.ts';

describe('textTable', () => {
  test('pads to the widest cell, in code points: left columns flush left, others flush right', () => {
    const rows = [
      ['a', 'bb', 'c'],
      ['😀😀', 'x', '100'],
    ];
    expect(textTable(rows)).toBe('a   bb    c\n😀😀   x  100');
    expect(textTable(rows, { left: 2 })).toBe('a   bb    c\n😀😀  x   100');
    expect(
      textTable([
        ['ab', ''],
        ['a', ''],
      ]),
    ).toBe('ab\na');
  });
});

test('numbers: decimals, percent, a dash for what is undefined', () => {
  expect([decimals(1.005, 1), decimals(null, 3), decimals(undefined, 3)]).toEqual(['1.0', '-', '-']);
  expect([percent(0.1234), percent(null)]).toEqual(['12.3 %', '-']);
});

describe('wrapped', () => {
  test('breaks between words, behind an indent, at most that wide', () => {
    expect(wrapped('aa bb cc dd', '  ', 7)).toBe('  aa bb\n  cc dd');
    expect(wrapped('aa bb cc dd', '  ', 6)).toBe('  aa\n  bb\n  cc\n  dd');
    expect(wrapped('a-very-long-word b', ' ', 5)).toBe(' a-very-long-word\n b');
  });
});
