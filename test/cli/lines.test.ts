import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { eachLine, lastIndexIn, linesFrom } from '../../src/cli/host/lines.ts';
import { suiteFolder } from '../support/scratch.ts';

const folder = suiteFolder();
const file = join(folder, 'lines');
const mebibyte = 2 ** 20;

/** [line, number, unfinished] of each line. */
function linesOf(content: string | Buffer): [string | undefined, number, boolean][] {
  writeFileSync(file, content);
  const found: [string | undefined, number, boolean][] = [];
  eachLine(file, (...line) => found.push(line));
  return found;
}

describe('the lines of a file', () => {
  it('come with their numbers, blank ones too, and the last says whether it was finished', () => {
    expect(linesOf('')).toEqual([]);
    expect(linesOf('a\n\nb\r\n')).toEqual([
      ['a', 1, false],
      ['', 2, false],
      ['b\r', 3, false],
    ]);
    expect(linesOf('a\n\0\0')).toEqual([
      ['a', 1, false],
      ['\0\0', 2, true],
    ]);
  });

  it('are the same wherever the pieces that are read begin and end', () => {
    const lines = Array.from({ length: 40_000 }, (_, i) => `${i} ${'\u{1f600}é'.repeat(i % 23)}`);
    const text = lines.join('\n');
    expect(Buffer.byteLength(text)).toBeGreaterThan(2.5 * mebibyte);
    expect(linesOf(`${text}\n`)).toEqual(lines.map((line, i) => [line, i + 1, false]));
  });

  it.each([0, 1, 2, mebibyte, 3 * mebibyte + 5])(
    'survive one that is too long by %i bytes, which is undefined',
    (more) => {
      const long = Buffer.alloc(mebibyte + more, 'x');
      const whole = Buffer.concat([Buffer.from('a\n'), long, Buffer.from('\nb\n'), long]);
      expect(linesOf(whole)).toEqual([
        ['a', 1, false],
        [undefined, 2, false],
        ['b', 3, false],
        [undefined, 4, true],
      ]);
    },
  );

  it('may be as long as a mebibyte less its line break', () => {
    const long = 'x'.repeat(mebibyte - 1);
    expect(linesOf(`${long}\n`).map(([line]) => line?.length)).toEqual([mebibyte - 1]);
  });

  it('show what is not UTF-8 as U+FFFD', () => {
    expect(linesOf(Buffer.from([0x61, 0xff, 0x0a]))).toEqual([['a\ufffd', 1, false]]);
  });
});

describe('the last place of a text', () => {
  it('is found in any piece and across two, and not before the start', () => {
    for (const at of [0, 5, mebibyte - 2, mebibyte - 1, mebibyte, 2 * mebibyte + 7]) {
      const bytes = Buffer.alloc(3 * mebibyte, '.');
      bytes.write('needle', at);
      writeFileSync(file, bytes);
      expect(lastIndexIn(file, 'needle'), String(at)).toBe(at);
      expect(lastIndexIn(file, 'needle', at), String(at)).toBe(at);
      expect(lastIndexIn(file, 'needle', at + 1), String(at)).toBe(-1);
    }
    writeFileSync(file, 'needle needle');
    expect([lastIndexIn(file, 'needle'), lastIndexIn(file, 'other')]).toEqual([7, -1]);
    writeFileSync(file, '');
    expect(lastIndexIn(file, 'x')).toBe(-1);
  });
});

describe('the lines from a byte on', () => {
  it('are whole ones, and what has no end yet is left for the next time', () => {
    writeFileSync(file, 'é\n\nb\nhal');
    expect(linesFrom(file, 0)).toEqual({ lines: ['é', '', 'b'], end: 6 });
    expect(linesFrom(file, 6)).toEqual({ lines: [], end: 6 });
    expect(linesFrom(file, 3)).toEqual({ lines: ['', 'b'], end: 6 });
    expect(linesFrom(file, 100)).toEqual({ lines: [], end: 100 });
  });

  it.each([0, 1, mebibyte + 3])('leave out one that is too long by %i bytes, with its end', (more) => {
    const long = 'x'.repeat(mebibyte + more);
    writeFileSync(file, `a\n${long}\nb\n${long}`);
    const first = linesFrom(file, 0);
    expect(first).toEqual({ lines: ['a'], end: 2 });
    const second = linesFrom(file, first.end);
    expect(second).toEqual({ lines: [], end: 3 + long.length });
    expect(linesFrom(file, second.end)).toEqual({ lines: ['b'], end: 5 + long.length });
    expect(linesFrom(file, 5 + long.length)).toEqual({ lines: [], end: 5 + long.length });
  });
});
