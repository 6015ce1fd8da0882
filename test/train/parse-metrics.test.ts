import { describe, expect, it } from 'vitest';
import { parseMetrics } from '../../src/train/parse-metrics.ts';
import { exampleRun } from '../report/fixture.ts';

const lines = (records: readonly object[]) => records.map((r) => `${JSON.stringify(r)}\n`).join('');
const step = (n: number, loss: number | null = 1) => ({
  kind: 'step',
  step: n,
  loss,
  learningRate: 0.1,
  gradNorm: 1,
  tokensPerSecond: 10,
  secondsLeft: 5,
});

describe('parseMetrics', () => {
  it('gives back every kind of record as it was written', () => {
    const { records } = exampleRun(1100);
    expect(new Set(records.map((r) => r.kind)).size).toBe(7);
    expect(parseMetrics(lines(records))).toEqual(records);
  });

  it('passes over a last line cut off anywhere', () => {
    const whole = lines([step(1)]);
    const last = JSON.stringify(step(2));
    for (let length = 0; length < last.length; length++) {
      expect(parseMetrics(whole + last.slice(0, length)).map((r) => r.step)).toEqual([1]);
    }
    expect(parseMetrics(whole + last).map((r) => r.step)).toEqual([1, 2]);
  });

  it('takes the later of two records of a kind and step, in the order of steps', () => {
    const text = lines([
      step(1, 4),
      step(2, 3),
      step(3, 2),
      { kind: 'resume', step: 1 },
      step(2, 7),
      step(3, 8),
      step(4, 9),
    ]);
    expect(parseMetrics(text).map((r) => [r.kind, r.step, r.kind === 'step' ? r.loss : ''])).toEqual([
      ['step', 1, 4],
      ['resume', 1, ''],
      ['step', 2, 7],
      ['step', 3, 8],
      ['step', 4, 9],
    ]);
  });

  it('keeps two warnings of one step, and one that is said twice once', () => {
    const warning = (message: string) => ({ kind: 'warning', step: 5, message });
    expect(parseMetrics(lines([warning('a'), warning('b'), warning('a')])).length).toBe(2);
  });

  it('reads null as not a number, and as no error where there is none', () => {
    expect(parseMetrics(lines([step(1, null)]))[0]).toMatchObject({ loss: Number.NaN });
    const final = {
      kind: 'final',
      step: 1,
      tokensScored: 1,
      nll: 1,
      standardError: null,
      perplexity: null,
      bitsPerChar: 1,
      best: true,
    };
    expect(parseMetrics(lines([final]))[0]).toMatchObject({ standardError: null, perplexity: Number.NaN });
  });

  it('takes an empty file, blank lines and Windows line ends', () => {
    expect(parseMetrics('')).toEqual([]);
    expect(parseMetrics(`\n\r\n${JSON.stringify(step(1))}\r\n`).length).toBe(1);
  });

  it.each([
    ['{"kind":"step"', 'expected JSON, got'],
    ['[1]', 'expected an object, got "[1]"'],
    ['null', 'expected an object'],
    [
      '{"step":1}',
      'kind; expected one of step, evaluation, final, sample, layers, warning, resume, got nothing',
    ],
    ['{"kind":"toString","step":1}', 'kind; expected one of'],
    ['{"kind":"resume"}', 'step of resume; expected a whole number of at least 0, got nothing'],
    ['{"kind":"resume","step":1.5}', 'step of resume'],
    ['{"kind":"sample","step":1,"text":7}', 'text; expected a string, got "7"'],
    ['{"kind":"layers","step":1,"layers":{}}', 'layers; expected a list'],
    ['{"kind":"layers","step":1,"layers":[3]}', 'layers; expected objects, got "3"'],
    ['{"kind":"layers","step":1,"layers":[{"name":"x"}]}', 'gradient; expected a number, got nothing'],
    [JSON.stringify({ ...step(2), loss: '1' }), 'loss; expected a number, got "\\"1\\""'],
  ])('refuses %s in one line with its number', (line, message) => {
    const text = `${lines([step(1)])}${line}\n${lines([step(3)])}`;
    expect(() => parseMetrics(text)).toThrow(RangeError);
    expect(() => parseMetrics(text)).toThrow(`parseMetrics: line 2: ${message}`);
    try {
      parseMetrics(text);
    } catch (error) {
      expect((error as Error).message).not.toContain('\n');
    }
  });

  it('refuses a broken last line that was finished', () => {
    expect(() => parseMetrics(`${lines([step(1)])}{"kind":"st\n`)).toThrow('line 2');
  });
});
