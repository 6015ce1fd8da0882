import { describe, expect, it } from 'vitest';
import { parseRecord } from '../../src/train/parse-metrics.ts';
import { exampleRecords } from '../report/fixture.ts';

const step = (n: number, loss: number | null = 1) => ({
  kind: 'step',
  step: n,
  loss,
  learningRate: 0.1,
  gradNorm: 1,
  tokensPerSecond: 10,
  secondsLeft: 5,
});
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

describe('parseRecord', () => {
  it('gives back every kind of record as it was written', () => {
    const records = exampleRecords(1100);
    expect(new Set(records.map((r) => r.kind)).size).toBe(7);
    expect(records.map((record) => parseRecord(JSON.stringify(record)))).toEqual(records);
  });

  it('reads null as not a number, and as no error where there is none', () => {
    expect(parseRecord(JSON.stringify(step(1, null)))).toMatchObject({ loss: Number.NaN });
    expect(parseRecord(JSON.stringify(final))).toMatchObject({
      standardError: null,
      perplexity: Number.NaN,
    });
  });

  it('takes a Windows line end', () => {
    expect(parseRecord(`${JSON.stringify(step(1))}\r`).step).toBe(1);
  });

  it.each([
    ['{"kind":"step"', 'expected JSON, got "{\\"kind\\":\\"step\\""'],
    ['\0\0', 'expected JSON, got "\\u0000\\u0000"'],
    ['[1]', 'expected an object, got [1]'],
    ['null', 'expected an object, got null'],
    ['['.repeat(100_000) + ']'.repeat(100_000), 'expected an object, got [a list]'],
    [
      `{"kind":"sample","step":1,"text":${'[{"a":'.repeat(50_000)}0${'}]'.repeat(50_000)}}`,
      'text; expected a string, got [an object]',
    ],
    [
      '{"step":1}',
      'kind; expected one of step, evaluation, final, sample, layers, warning, resume, got nothing',
    ],
    ['{"kind":"toString","step":1}', 'kind; expected one of'],
    ['{"kind":"resume"}', 'step of resume; expected a whole number from 0 to 99999999, got nothing'],
    ['{"kind":"resume","step":1.5}', 'step of resume'],
    ['{"kind":"resume","step":1e300}', 'step of resume'],
    ['{"kind":"sample","step":1,"text":7}', 'text; expected a string, got 7'],
    ['{"kind":"layers","step":1,"layers":{}}', 'layers; expected a list'],
    ['{"kind":"layers","step":1,"layers":[3]}', 'layers; expected objects, got 3'],
    ['{"kind":"layers","step":1,"layers":[{"name":"x"}]}', 'gradient; expected a number, got nothing'],
    [JSON.stringify({ ...step(2), loss: '1' }), 'loss; expected a number, got "1"'],
    [JSON.stringify({ ...final, tokensScored: null }), 'tokensScored; expected a whole number, got null'],
  ])('refuses %.60s in one short line', (line, message) => {
    let said = '';
    try {
      parseRecord(line);
    } catch (error) {
      expect(error).toBeInstanceOf(RangeError);
      said = (error as Error).message;
    }
    expect(said.slice(0, message.length)).toBe(message);
    expect(said).not.toContain('\n');
    expect(said.length).toBeLessThan(120);
  });
});
