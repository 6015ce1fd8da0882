import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { eachLine, lastIndexIn } from '../../src/cli/host/lines.ts';

const folder = mkdtempSync(join(tmpdir(), 'inkling-lines-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
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
