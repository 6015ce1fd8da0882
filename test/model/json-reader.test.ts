import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { quote } from '../../src/model/json.ts';
import { parseJson, readJson } from '../../src/model/json-reader.ts';

const utf8 = (text: string) => new TextEncoder().encode(text);
/** The error of a text, or its value. */
function attempt(text: string, options = {}): unknown {
  try {
    return parseJson(text, options);
  } catch (error) {
    expect(error).toBeInstanceOf(SyntaxError);
    return (error as Error).message;
  }
}
/** Names and values in their order: what toEqual does not look at. */
const entries = (value: unknown) => JSON.stringify(value);

describe('parseJson', () => {
  it('reads every escaped key, whatever was parsed before', () => {
    const trigger = '{"h":[],"\\\\":0}'; // after this, JSON.parse of some versions reads escaped keys as a backslash
    for (const key of ['"', '\n', '\t', '\f', '\\', '/', 'a\nb', '\u0001']) {
      JSON.parse(trigger);
      parseJson(trigger);
      const text = `{"h":1,${JSON.stringify(key)}:2,"\\u002f":3}`;
      expect(Object.keys(parseJson(text) as object)).toEqual(key === '/' ? ['h', '/'] : ['h', key, '/']);
    }
  });

  it('gives what JSON.parse gives, or refuses what that refuses', () => {
    const letters = fc.array(
      fc.constantFrom(
        ...'{}[]":,\\ \n\t019.-+eEtrufalsn',
        '\\u0041',
        '\\n',
        'true',
        'null',
        '\u00e9',
        '\ud800',
        '"a"',
        '\0',
      ),
      { maxLength: 12 },
    );
    const valid = fc.json({ maxDepth: 5 }).chain((text) => {
      // One character taken away, doubled or put in: mostly no JSON any more.
      const edit = fc.tuple(
        fc.nat({ max: text.length }),
        fc.constantFrom('', '"', ',', ' ', '\\', '}', '0', '.'),
      );
      return edit.map(([at, put]) => text.slice(0, at) + put + text.slice(at + (put === '' ? 1 : 0)));
    });
    const text = fc.oneof(
      valid,
      fc.json(),
      letters.map((parts) => parts.join('')),
    );
    let refused = 0;
    fc.assert(
      fc.property(text, (json) => {
        let expected: unknown;
        try {
          expected = JSON.parse(json);
        } catch {
          refused++;
          expect(attempt(json)).toMatch(/^line \d+, column \d+: expected [^\n\r]+, got [^\n\r]+$/);
          return;
        }
        expect(entries(parseJson(json))).toBe(entries(expected));
      }),
      { seed: 1, numRuns: 3000 },
    );
    expect(refused).toBeGreaterThan(500);
  });

  it('has no special keys, keeps the last of two equal ones, and -0', () => {
    const value = parseJson('{"__proto__":{"x":1},"constructor":2,"a":1,"b":2,"a":3,"1":-0}') as Record<
      string,
      unknown
    >;
    expect(Object.keys(value)).toEqual(['1', '__proto__', 'constructor', 'a', 'b']);
    expect([value['a'], value['x'], value['toString']]).toEqual([3, undefined, undefined]);
    expect(Object.is(value['1'], -0)).toBe(true);
  });

  it.each([
    ['', 'line 1, column 1: expected a value, got the end'],
    ['{\n "a": 1,\n}', 'line 3, column 1: expected a key in double quotes, got "}"'],
    ['[1 2]', 'line 1, column 4: expected "," or "]", got "2]"'],
    ['{"a" 1}', 'line 1, column 6: expected ":", got "1}"'],
    ['[01]', 'line 1, column 2: expected a value, got "01]"'],
    ['["a\nb"]', 'line 1, column 4: expected the rest of a text in double quotes, got "\\nb\\"]"'],
    ['"\\x"', 'line 1, column 1: expected a text with escapes as JSON has them, got "\\"\\\\x\\""'],
    ['{} \u007f\u2028', 'line 1, column 4: expected nothing more, got "\\u007f\\u2028"'],
  ])('%j is an error that says where', (text, message) => {
    expect(attempt(text)).toBe(message);
  });

  it('refuses depth beyond its limit, at once, and takes what is just within', () => {
    const deep = 'at most 100 lists and objects inside each other';
    expect(attempt('['.repeat(3_000_000))).toBe(
      `line 1, column 101: expected ${deep}, got "${'['.repeat(20)}"`,
    );
    expect(attempt(`${'{"a":'.repeat(101)}1${'}'.repeat(101)}`)).toMatch(
      `line 1, column 501: expected ${deep}`,
    );
    expect(attempt(`${'['.repeat(100)}${']'.repeat(100)}`)).toHaveLength(1);
    expect(attempt('[[[]]]', { depth: 2 })).toMatch('line 1, column 3: expected at most 2 lists');
  });
});

describe('readJson', () => {
  it('names the file in one line', () => {
    expect(readJson(utf8('\ufeff{"a":[1]}'), 'x.json')).toEqual({ a: [1] });
    const message = 'x.json: expected JSON; line 1, column 2: expected a key in double quotes, got the end';
    expect(() => readJson(utf8('{'), 'x.json')).toThrow(new RangeError(message));
    expect(() => readJson(Uint8Array.of(0x7b, 0xff), 'x.json')).toThrow(
      new RangeError('x.json: expected JSON, got something that is not UTF-8 text'),
    );
  });
});

it('quote shows what a terminal would obey as an escape', () => {
  expect(quote('a\u001b\u007f\u0085\u202e\u2028"')).toBe('"a\\u001b\\u007f\\u0085\\u202e\\u2028\\""');
});
