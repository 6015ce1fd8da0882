import { PassThrough, Writable } from 'node:stream';
import { stripVTControlCharacters } from 'node:util';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { converse, type Partner } from '../../src/cli/sample/conversation.ts';

const remarks: string[] = [];
beforeEach(() => {
  remarks.length = 0;
  vi.spyOn(console, 'error').mockImplementation((line) => remarks.push(String(line)));
});
afterEach(() => {
  vi.restoreAllMocks();
});

/** A partner whose answer tells what it was asked: <text|turn>, with line breaks as slashes. */
const parrot: Partner = {
  *respond(text, turn) {
    if (text.includes('fail')) throw new Error(`cannot read\n${text}`);
    yield '<';
    yield `${text.replaceAll('\n', '/').replaceAll(/<[^>]*>/g, '*')}|${turn}>`;
  },
  set: (name, value) => {
    if (value === 'bad') throw new Error(`--${name} must be good, got "bad"`);
    return name === 'seed' || name === 'temperature' ? `${name} ${value}` : undefined;
  },
};

/** What a person at a terminal, or a pipe, gets to see. `typed` is sent in pieces, each after the last one's answers. */
async function talk(
  kind: 'terminal' | 'pipe',
  typed: readonly string[],
  { start = '', partner = parrot, end = true } = {},
): Promise<{ readonly out: string; readonly answers: number }> {
  let out = '';
  const stdout = new Writable({
    decodeStrings: false,
    write(chunk: string, _, done) {
      out += chunk;
      done();
    },
  });
  const stdin = new PassThrough();
  const isTTY = kind === 'terminal';
  const streams = {
    stdin: Object.assign(stdin, { isTTY }),
    stdout: Object.assign(stdout, { isTTY, columns: 200 }),
  };
  const ended = converse(start, partner, streams as unknown as Pick<NodeJS.Process, 'stdin' | 'stdout'>);
  for (const text of typed) {
    stdin.write(text);
    for (let i = 0; i < 10; i++) await new Promise((resolve) => setImmediate(resolve));
  }
  if (end) stdin.end();
  const answers = await ended;
  return { out: stripVTControlCharacters(out), answers };
}

describe('a conversation', () => {
  it('is one text: a line typed starts a new line of it, an empty one lets the model go on', async () => {
    const { out, answers } = await talk('pipe', ['one\ntwo\r\n\n', 'last, without an end']);
    const text = ['<one|0>', '<one*/two|1>', '<one*/two*|2>', '<one*/two**/last, without an end|3>'];
    expect(out).toBe(text.map((line) => `${line}\n`).join(''));
    expect(answers).toBe(4);
    expect(remarks).toEqual([]);
  });

  it('goes on with the text that it is given, and forgets a line that caused an error', async () => {
    const { out, answers } = await talk('pipe', ['fail\n', 'two\n'], { start: 'one' });
    expect(out).toBe('one<one|0>\n<one*/two|1>\n');
    expect(remarks).toEqual(['error: cannot read\\none<one|0>\\nfail']);
    expect(answers).toBe(2);
  });

  it('ends the line where an answer does not', async () => {
    const partner: Partner = {
      ...parrot,
      *respond(_, turn) {
        yield ['a line\n', 'half', ''][turn]!;
      },
    };
    expect((await talk('pipe', ['x\n', 'x\n', 'x\n'], { partner })).out).toBe('a line\nhalf\n\n');
  });

  it('/again draws the last answer with the next turn’s numbers; /reset begins anew', async () => {
    const { out } = await talk('pipe', [
      '/again\n',
      'one\n',
      '/again\n/again\n',
      'two\n',
      '/reset\n/again\nthree\n',
    ]);
    expect(out).toBe('<one|0>\n<one|1>\n<one|2>\n<one*/two|3>\n<three|0>\n');
    expect(remarks).toEqual([
      'error: there is no answer yet that could be drawn again',
      'the text is empty',
      'error: there is no answer yet that could be drawn again',
    ]);
  });

  it('/seed counts turns from 0 again, and other settings do not', async () => {
    const { out } = await talk('pipe', ['a\n/temperature 0.5\nb\n/seed  7 \nc\n']);
    expect(out).toBe('<a|0>\n<a*/b|1>\n<a*/b*/c|0>\n');
    expect(remarks).toEqual(['temperature 0.5', 'seed 7']);
  });

  it('says what is wrong with a command, and takes nothing of it as text', async () => {
    const { out } = await talk('pipe', ['/help\n/wrong\n/ x\n/temperature bad\n/seed bad\nend\n']);
    expect(out).toBe('<end|0>\n');
    expect(remarks.slice(0, 4).join('\n')).toMatch(
      /\/again.*\/reset.*\/help.*\/quit.*\n.*\/seed N.*\/temperature X/,
    );
    expect(remarks.slice(4)).toEqual([
      'error: /wrong is no command; /help shows them all, and //wrong is taken as text',
      'error: / is no command; /help shows them all, and // is taken as text',
      'error: --temperature must be good, got "bad"',
      'error: --seed must be good, got "bad"',
    ]);
  });

  it('takes // and a space before a slash as text', async () => {
    expect((await talk('pipe', ['//seed 1\n /x\n'])).out).toBe('</seed 1|0>\n</seed 1*/ /x|1>\n');
  });

  it('/quit ends it, whatever follows', async () => {
    expect((await talk('pipe', ['one\n/quit\ntwo\n'], { end: false })).out).toBe('<one|0>\n');
  });

  it('explains itself on a terminal, in lines that fit one', async () => {
    const { out } = await talk('terminal', ['one\r']);
    expect((await talk('pipe', ['one\n'])).out).toBe('<one|0>\n');
    expect(remarks).toHaveLength(4);
    for (const line of remarks) expect(line.length).toBeLessThanOrEqual(80);
    expect(out).toBe('> one\r\n<one|0>\n> \n');
  });

  it('spells out on a terminal what that would obey', async () => {
    const partner: Partner = {
      ...parrot,
      *respond() {
        yield '\u001b[2J';
      },
    };
    expect((await talk('terminal', [], { partner, start: '\u009b' })).out).toContain('\\u009b\\u001b[2J\n');
    expect((await talk('pipe', [], { partner, start: '\u009b' })).out).toBe(
      '\u009b\u001b[2J\n'.replace('\u001b[2J', ''),
    );
  });

  it('Ctrl+C cuts an answer short, keeps what was said, and at the prompt ends it', async () => {
    let pieces = 0;
    const endless: Partner = {
      ...parrot,
      *respond(text) {
        if (text.includes('c')) yield* parrot.respond(text, 9);
        else
          for (;;) {
            pieces += 1;
            yield 'b';
          }
      },
    };
    const { out, answers } = await talk('terminal', ['a\r', '\u0003', 'c\r', '\u0003'], {
      partner: endless,
      end: false,
    });
    expect(pieces).toBeGreaterThan(1);
    expect(out).toBe(`> a\r\n${'b'.repeat(pieces)}\n> c\r\n<a${'b'.repeat(pieces)}/c|9>\n> \n`);
    expect(answers).toBe(2);
  });
});
