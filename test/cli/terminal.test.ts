import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Curve, sparkline, Terminal } from '../../src/cli/host/terminal.ts';

const written: string[] = [];
let had: { isTTY: boolean; columns: number; color: string | undefined };
beforeEach(() => {
  written.length = 0;
  had = { isTTY: process.stdout.isTTY, columns: process.stdout.columns, color: process.env['NO_COLOR'] };
  delete process.env['NO_COLOR'];
  vi.spyOn(process.stdout, 'write').mockImplementation((chunk) => {
    written.push(String(chunk));
    return true;
  });
});
afterEach(() => {
  vi.restoreAllMocks();
  process.stdout.isTTY = had.isTTY;
  process.stdout.columns = had.columns;
  if (had.color !== undefined) process.env['NO_COLOR'] = had.color;
});

/** What a terminal of 80 columns, or a pipe, is sent. */
function sent(kind: 'terminal' | 'pipe', use: (terminal: Terminal) => void, quiet = false): string {
  process.stdout.isTTY = kind === 'terminal';
  process.stdout.columns = 80;
  use(new Terminal({ quiet }));
  return written.join('');
}
const record = {
  kind: 'step',
  ...{ step: 240, loss: 1.4241, learningRate: 2.59e-3, gradNorm: 0.65 },
  ...{ tokensPerSecond: 2635, secondsLeft: 390 },
} as const;

describe('Terminal', () => {
  it('writes plain lines into a pipe: no bar, no colour, no control characters', () => {
    const text = sent('pipe', (terminal) => {
      terminal.line('first');
      terminal.progress('working ...');
      terminal.status(record, 620);
      terminal.detail('second');
      terminal.warning('third');
    });
    expect(text).toBe('first\nsecond\nwarning: third\n');
  });

  it('shows a bar with numbers and a curve on a terminal, and takes it away before the next line', () => {
    const text = sent('terminal', (terminal) => {
      process.stdout.columns = 120;
      for (const loss of [3, 2, 1]) terminal.status({ ...record, loss }, 480);
      terminal.line('done');
    });
    const shown = (loss: number, curve: string) =>
      `━━━━━━━━╌╌╌╌╌╌╌╌ step 240/480  loss ${loss}.0000  lr 2.59e-3  norm 0.65  2,635 tok/s  6m 30s left  ${curve}`;
    const away = '\r\x1b[K';
    expect(text).toBe(`${shown(3, '▁')}${away}${shown(2, '█▁')}${away}${shown(1, '█▅▁')}${away}done\n`);
  });

  it.each([
    [94, '━━━━━━╌╌╌╌╌╌╌╌╌╌ step 240/620  loss 1.4241  lr 2.59e-3  norm 0.65  2,635 tok/s  6m 30s left'],
    [93, '━━━━━━╌╌╌╌╌╌╌╌╌╌ step 240/620  loss 1.4241  lr 2.59e-3  2,635 tok/s  6m 30s left  ▁'],
    [80, '━━━━━━╌╌╌╌╌╌╌╌╌╌ step 240/620  loss 1.4241  2,635 tok/s  6m 30s left  ▁'],
    [70, '━━━━━━╌╌╌╌╌╌╌╌╌╌ step 240/620  loss 1.4241  6m 30s left  ▁'],
    [50, '━━━╌╌╌╌╌ step 240/620  loss 1.4241  6m 30s left'],
    [30, '━━╌╌ step 240/620  loss 1.4'],
  ])('at %d columns leaves out what matters least, and never fills the line', (columns, line) => {
    const text = sent('terminal', (terminal) => {
      process.stdout.columns = columns;
      terminal.status(record, 620);
    });
    expect(text).toBe(line);
    expect(text.length).toBeLessThanOrEqual(columns - 3); // ^C fits behind it
  });

  it('breaks long details and warnings between words on a terminal, and nothing in a pipe', () => {
    process.env['NO_COLOR'] = '1';
    const long = `${'word '.repeat(20)}end`;
    const use = (terminal: Terminal) => {
      terminal.detail(`  ${long}\n\nsecond`);
      terminal.warning(long);
      terminal.line(long);
      terminal.detail(`  ${'x'.repeat(90)} y`);
    };
    const text = sent('terminal', use);
    written.length = 0;
    const piped = sent('pipe', use);
    delete process.env['NO_COLOR'];
    const words = (n: number) => Array.from({ length: n }, () => 'word').join(' ');
    expect(text).toBe(
      `  ${words(15)}\n${words(5)} end\n\nsecond\nwarning: ${words(14)}\n${words(6)} end\n${long}\n  ${'x'.repeat(90)}\ny\n`,
    );
    expect(piped).toBe(`  ${long}\n\nsecond\nwarning: ${long}\n${long}\n  ${'x'.repeat(90)} y\n`);
  });

  it('colours the word warning on a terminal only, and not where NO_COLOR is set and not empty (no-color.org)', () => {
    expect(sent('terminal', (terminal) => terminal.warning('hot'))).toBe('\x1b[33mwarning:\x1b[39m hot\n');
    for (const value of ['1', '0', '']) {
      written.length = 0;
      process.env['NO_COLOR'] = value;
      const text = sent('terminal', (terminal) => terminal.warning('hot'));
      delete process.env['NO_COLOR'];
      expect(text, value).toBe(value === '' ? '\x1b[33mwarning:\x1b[39m hot\n' : 'warning: hot\n');
    }
  });

  it('shows what a terminal would obey, and gives a pipe the bytes', () => {
    const use = (terminal: Terminal) => {
      terminal.line('a\x1b]0;b\x07\n\tc');
      terminal.warning('\x1b[2J');
    };
    expect(sent('pipe', use)).toBe('a\x1b]0;b\x07\n\tc\nwarning: \x1b[2J\n');
    written.length = 0;
    expect(sent('terminal', use)).toBe('a\\u001b]0;b\\u0007\n\tc\n\x1b[33mwarning:\x1b[39m \\u001b[2J\n');
  });

  it('goes on with the curve of before a resume', () => {
    const text = sent('terminal', (terminal) => {
      terminal.remember([3, 2]);
      terminal.status({ ...record, loss: 1 }, 480);
    });
    expect(text).toMatch(/ {2}█▅▁$/);
  });

  it.each(['terminal', 'pipe'] as const)('says only lines and warnings when quiet, on a %s', (kind) => {
    process.env['NO_COLOR'] = '1';
    const use = (terminal: Terminal) => {
      terminal.detail('detail');
      terminal.status(record, 620);
      terminal.progress('progress');
      terminal.warning('warning');
      terminal.line('line');
    };
    const text = sent(kind, use, true);
    delete process.env['NO_COLOR'];
    expect(text).toBe('warning: warning\nline\n');
  });
});

describe('Curve', () => {
  it('keeps few means however many values come, each over the same number of them', () => {
    const curve = new Curve();
    for (let i = 0; i < 4096; i++) curve.add(i);
    expect(curve.means).toHaveLength(256);
    expect(curve.means).toEqual(Array.from({ length: 256 }, (_, i) => 16 * i + 7.5));
  });
});

describe('sparkline', () => {
  it('goes from the lowest to the highest block', () => {
    expect(sparkline([0, 1, 2, 3, 4, 5, 6, 7], 8)).toBe('▁▂▃▄▅▆▇█');
    expect(sparkline([7, 0], 8)).toBe('█▁');
  });

  it('averages down to the width', () => {
    expect(sparkline([0, 2, 6, 8], 2)).toBe('▁█');
    expect(sparkline([0, 4, 4, 4, 4, 8, 8], 3)).toBe('▁▄█');
    expect(
      sparkline(
        Array.from({ length: 1000 }, (_, i) => i),
        40,
      ),
    ).toHaveLength(40);
  });

  it('is level for equal values and empty for none', () => {
    expect(sparkline([5, 5, 5], 8)).toBe('▁▁▁');
    expect(sparkline([], 8)).toBe('');
  });
});
