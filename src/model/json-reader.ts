/** A JSON parser of our own, for every file whose keys come from outside.
 *
 * Why not JSON.parse: in V8 13.6 to 14.6 at least (Node 24 to 26) it may decode an escaped key, such as the line break of
 * a vocabulary of characters, as a backslash, if an object that began with the same keys and had the key "\" was parsed
 * before (nodejs/node issue 63785). So structure and keys are read here; JSON.parse only ever gets a text, a number or a
 * word alone, which have no keys. This file may go when every Node that is supported has a V8 without that fault.
 *
 * It accepts and returns what JSON.parse does, but for three things: objects have no prototype, so that no key is special; the
 * depth is limited, so that a file of brackets is an error and does not overflow the stack; and an error says the line and the
 * column. The time is linear in the length of the text. */
import { quote } from './json.ts';

export interface JsonOptions {
  /** How many lists and objects may stand inside each other. */
  readonly depth?: number;
  /** Refuses a key that stands twice in an object; otherwise the last one counts, as with JSON.parse. */
  readonly uniqueKeys?: boolean;
  /** What a number becomes, from its text. */
  readonly number?: (text: string) => unknown;
}

/** The value of a JSON file. Throws a RangeError of one line that starts with `source`, the path of the file. */
export function readJson(bytes: Uint8Array, source: string): unknown {
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw new RangeError(`${source}: expected JSON, got something that is not UTF-8 text`);
  }
  try {
    return parseJson(text);
  } catch (error) {
    throw new RangeError(`${source}: expected JSON; ${(error as Error).message}`);
  }
}

/** Throws a SyntaxError of one line: where, what was expected and what was found. */
export function parseJson(
  text: string,
  { depth = 100, uniqueKeys = false, number = Number }: JsonOptions = {},
): unknown {
  let at = 0;

  function value(level: number): unknown {
    const first = mark();
    if (first === '"') return string();
    if (first !== '{' && first !== '[') return word();
    if (level === depth) fail(at, `at most ${depth} lists and objects inside each other`);
    at++;
    return first === '{' ? object(level + 1) : list(level + 1);
  }

  function object(level: number): Record<string, unknown> {
    const fields: Record<string, unknown> = Object.create(null);
    if (mark() === '}') return end(fields);
    for (;;) {
      const start = at;
      if (mark() !== '"') fail(at, 'a key in double quotes');
      const key = string();
      if (uniqueKeys && key in fields) fail(start, 'each key once');
      if (mark() !== ':') fail(at, '":"');
      at++;
      fields[key] = value(level);
      if (mark() === '}') return end(fields);
      if (mark() !== ',') fail(at, '"," or "}"');
      at++;
      mark();
    }
  }

  function list(level: number): unknown[] {
    const items: unknown[] = [];
    if (mark() === ']') return end(items);
    for (;;) {
      items.push(value(level));
      if (mark() === ']') return end(items);
      if (mark() !== ',') fail(at, '"," or "]"');
      at++;
    }
  }

  function end<T>(whole: T): T {
    at++;
    return whole;
  }

  /** From one double quote to the next. */
  function string(): string {
    const start = at;
    let escaped = false;
    for (at++; ; at++) {
      const code = text.charCodeAt(at); // NaN at the end
      if (code === 0x22) break;
      if (!(code >= 0x20)) fail(at, 'the rest of a text in double quotes');
      if (code === 0x5c) {
        escaped = true;
        at++;
      }
    }
    at++;
    return escaped
      ? (scalar(start, 'a text with escapes as JSON has them') as string)
      : text.slice(start + 1, at - 1);
  }

  /** true, false, null or a number. */
  function word(): unknown {
    const start = at;
    while (isWordCode(text.charCodeAt(at))) at++;
    const found = scalar(start, 'a value');
    return typeof found === 'number' ? number(text.slice(start, at)) : found;
  }

  function scalar(start: number, expected: string): unknown {
    try {
      return JSON.parse(text.slice(start, at));
    } catch {
      return fail(start, expected);
    }
  }

  /** The next character that is not white space. */
  function mark(): string | undefined {
    while (isSpaceCode(text.charCodeAt(at))) at++;
    return text[at];
  }

  function fail(position: number, expected: string): never {
    const before = text.slice(0, position).split('\n');
    const found = position < text.length ? quote(text.slice(position, position + 20)) : 'the end';
    throw new SyntaxError(
      `line ${before.length}, column ${before.at(-1)!.length + 1}: expected ${expected}, got ${found}`,
    );
  }

  const whole = value(0);
  if (mark() !== undefined) fail(at, 'nothing more');
  return whole;
}

function isSpaceCode(code: number): boolean {
  return code === 0x20 || code === 0x0a || code === 0x0d || code === 0x09;
}

/** Letters, digits, + - and . */
function isWordCode(code: number): boolean {
  return (
    (code >= 0x30 && code <= 0x39) ||
    (code >= 0x61 && code <= 0x7a) ||
    (code >= 0x41 && code <= 0x5a) ||
    code === 0x2b ||
    code === 0x2d ||
    code === 0x2e
  );
}
