import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { sparkline, Terminal } from '../../src/node/terminal.ts';

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
const record = { step: 4, loss: 2, learningRate: 1, gradNorm: 1 };

describe('Terminal', () => {
  it('writes plain lines into a pipe: no bar, no colour, no control characters', () => {
    const text = sent('pipe', (terminal) => {
      terminal.line('first');
      terminal.progress('working ...');
      terminal.status(record, 8, 'step 4/8');
      terminal.detail('second');
      terminal.warning('third');
    });
    expect(text).toBe('first\nsecond\nwarning: third\n');
  });

  it('shows a bar with numbers and a curve on a terminal, and takes it away before the next line', () => {
    const text = sent('terminal', (terminal) => {
      for (const loss of [3, 2, 1]) terminal.status({ ...record, loss }, 8, 'step 4/8');
      terminal.line('done');
    });
    const bar = '━━━━━━━━╌╌╌╌╌╌╌╌ step 4/8';
    const away = '\r\x1b[K';
    expect(text).toBe(`${bar}  ▁${away}${bar}  █▁${away}${bar}  █▅▁${away}done\n`);
  });

  it('never writes past the width, where a bar would wrap and pile up', () => {
    const text = sent('terminal', (terminal) => {
      process.stdout.columns = 30;
      terminal.status(record, 8, 'step 4/8  loss 2.0000  and a lot of other numbers');
    });
    expect(text).toHaveLength(29);
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

  it.each(['terminal', 'pipe'] as const)('says only lines and warnings when quiet, on a %s', (kind) => {
    process.env['NO_COLOR'] = '1';
    const use = (terminal: Terminal) => {
      terminal.detail('detail');
      terminal.status(record, 8, 'status');
      terminal.progress('progress');
      terminal.warning('warning');
      terminal.line('line');
    };
    const text = sent(kind, use, true);
    delete process.env['NO_COLOR'];
    expect(text).toBe('warning: warning\nline\n');
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
