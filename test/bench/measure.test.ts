import { describe, expect, it } from 'vitest';
import { Budget, batched, inTurns, median } from '../../bench/measure.ts';
import { number, percent, table } from '../../bench/table.ts';
import { threadCounts } from '../../bench/threads.ts';

describe('median', () => {
  it('is the middle value whatever the order, and the mean of two middle ones', () => {
    expect(median([5, 1, 3])).toBe(3);
    expect(median([10, 9, 100, 1])).toBe(9.5);
    expect(median([7])).toBe(7);
  });

  it('sorts by size, not by text, and leaves its argument as it was', () => {
    const values = [10, 9, 2];
    expect(median(values)).toBe(9);
    expect(values).toEqual([10, 9, 2]);
  });

  it('refuses an empty list', () => {
    expect(() => median([])).toThrow(/expected at least one value/);
  });
});

describe('inTurns', () => {
  it('runs the actions round after round and keeps a time for each', () => {
    const calls: string[] = [];
    const times = inTurns([() => calls.push('a'), () => calls.push('b')], {
      seconds: 100,
      least: 0,
      most: 3,
    });
    expect(calls.join('')).toBe('ababab');
    expect(times.map((list) => list.length)).toEqual([3, 3]);
  });

  it('runs the least number of rounds also without any time', () => {
    expect(inTurns([() => {}], { seconds: 0, least: 2, most: 9 })[0]).toHaveLength(2);
  });
});

describe('batched', () => {
  it('calls the action as often as it says', () => {
    let calls = 0;
    const { batch, calls: perBatch } = batched(() => {
      calls++;
    });
    calls = 0;
    batch();
    expect(calls).toBe(perBatch);
  });
});

describe('Budget', () => {
  it('shares out the whole, never less than nothing', () => {
    expect(new Budget(1000).share(0.25)).toBe(250);
    expect(new Budget(0).share(0.5)).toBe(0);
  });
});

describe('text', () => {
  it('aligns the first column to the left and the others to the right', () => {
    expect(
      table(
        ['name', 'ms'],
        [
          ['a', '1.00'],
          ['longer', '12'],
        ],
      ),
    ).toBe(['  name       ms', '  a        1.00', '  longer     12'].join('\n'));
  });

  it('shows about three digits of a number', () => {
    expect([12345.6, 99.96, 12.34, 1.234, 0.1, 0.0123].map(number)).toEqual([
      '12,346',
      '100.0',
      '12.3',
      '1.23',
      '0.10',
      '0.012',
    ]);
    expect([1.02, 0.815, 0.0951, 0.0949, 0.0042].map(percent)).toEqual([
      '102 %',
      '82 %',
      '10 %',
      '9.5 %',
      '0.42 %',
    ]);
  });
});

describe('threadCounts', () => {
  it('doubles from one up and ends with the most', () => {
    expect([1, 2, 3, 8].map(threadCounts)).toEqual([[1], [1, 2], [1, 2, 3], [1, 2, 4, 8]]);
  });
});
