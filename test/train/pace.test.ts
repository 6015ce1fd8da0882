import { describe, expect, it } from 'vitest';
import { briefly, counted } from '../../src/train/metrics.ts';
import { Forecast, Pace } from '../../src/train/pace.ts';

const pace = (...seconds: readonly number[]) => {
  const result = new Pace();
  for (const each of seconds) result.add(each);
  return result;
};
const times = (n: number, seconds: number) => Array.from({ length: n }, () => seconds);

describe('the time that is left', () => {
  it('is not known before two seconds and thirty steps', () => {
    expect(pace(...times(29, 1)).secondsLeft(10)).toBeNull();
    expect(pace(...times(30, 1)).secondsLeft(10)).toBeCloseTo(10, 10);
    expect(pace(...times(1999, 0.001)).secondsLeft(1000)).toBeNull();
    expect(pace(...times(2001, 0.001)).secondsLeft(1000)).toBeCloseTo(1, 10);
  });

  it('forgets the slow first steps of an engine that is still translating', () => {
    const slow = [1.2, 0.6, 0.3, 0.2, 0.1];
    const left = pace(...slow, ...times(40, 0.05)).secondsLeft(100)!;
    expect(left).toBeGreaterThan(5);
    expect(left).toBeLessThan(1.1 * 5);
    expect(pace(...slow, ...times(6000, 0.0005)).secondsLeft(1000)).toBeLessThan(0.6);
  });

  it('counts what happens between steps too', () => {
    const run = pace(...times(100, 0.1));
    run.addRest(5);
    expect(run.secondsLeft(100)).toBeCloseTo(10 + 5, 10);
    expect(run.tokensPerSecond(50)).toBeCloseTo(500, 10);
  });
});

describe('a forecast', () => {
  it('is told once it is worth a line, and again where it was wrong by much', () => {
    const forecast = new Forecast();
    expect(forecast.isNews(2, 100)).toBe(true); // at 102
    expect(forecast.isNews(10, 140)).toBe(false); // 150: less than half of what is left off
    expect(forecast.isNews(10, 60)).toBe(true); // 70
    expect(forecast.isNews(60, 19)).toBe(false); // 79: less than ten seconds off
    expect(forecast.isNews(60, 21)).toBe(true);
    expect(new Forecast().isNews(2, 9)).toBe(false);
  });
});

describe('numbers for people', () => {
  it.each([
    [0.0004, '0.4 ms'],
    [0.0784, '78 ms'],
    [0.9996, '1 s'],
    [3.31, '3.3 s'],
    [9.96, '10 s'],
    [13.04, '13 s'],
    [59.4, '59 s'],
    [99.6, '1m 40s'],
  ])('%d seconds are %s', (seconds, text) => {
    expect(briefly(seconds)).toBe(text);
  });

  it('have their noun in the right number', () => {
    expect([0, 1, 2, 1234].map((n) => counted(n, 'layer'))).toEqual([
      '0 layers',
      '1 layer',
      '2 layers',
      '1,234 layers',
    ]);
  });
});
