import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { readVerdicts, verdictHeader, verdictLine } from '../../src/evaluate/verdict-file.ts';
import {
  type Choice,
  comparisons,
  judge,
  judgementLines,
  judgementRecord,
  revealed,
  type Verdict,
} from '../../src/evaluate/verdicts.ts';
import { trialsToTell, wilsonInterval } from '../../src/evaluate/wilson.ts';
import { RandomStream } from '../../src/tensor/random.ts';

const counted = (a: number, b: number, same = 0) =>
  (['a', 'b', 'same'] as const).flatMap((verdict, i) =>
    Array.from({ length: [a, b, same][i]! }, () => ({ verdict, first: 'a' as const })),
  );

/** Probabilities of 0 .. n successes. */
function binomial(n: number, p: number): number[] {
  const mass = [(1 - p) ** n];
  for (let k = 1; k <= n; k++) mass.push((mass[k - 1]! * (n - k + 1) * p) / (k * (1 - p)));
  return mass;
}
const covers = (k: number, n: number, p: number): boolean => {
  const [low, high] = wilsonInterval(k, n);
  return low <= p && p <= high;
};
/** How often the interval of n verdicts holds p, exactly. */
const coverage = (n: number, p: number): number =>
  binomial(n, p).reduce((sum, mass, k) => sum + (covers(k, n, p) ? mass : 0), 0);
/** How often n verdicts tell the two sides apart, exactly. */
const power = (n: number, p: number): number =>
  binomial(n, p).reduce((sum, mass, k) => sum + (covers(k, n, 0.5) ? 0 : mass), 0);

/** A judge who prefers A with probability p: how often in each beginning of `pairs` verdicts. */
function simulated(judgeNumber: number, p: number, pairs: number): number[] {
  const random = new RandomStream(7, 'evaluate');
  let k = 0;
  return Array.from({ length: pairs }, (_, i) => (k += Number(random.uniform(i, judgeNumber) < p)));
}
const judges = 4000;
const everyJudge = <T>(of: (number: number) => T): T[] => Array.from({ length: judges }, (_, i) => of(i));
const share = (hits: readonly boolean[]): number => hits.filter(Boolean).length / hits.length;
const threeDeviations = (p: number): number => 3 * Math.sqrt((p * (1 - p)) / judges);

describe("Wilson's interval", () => {
  it('is the p that the verdicts do not contradict: at its ends, k is z deviations away', () => {
    for (const [k, n] of [
      [1, 3],
      [7, 10],
      [40, 50],
      [500, 1000],
    ] as const) {
      for (const p of wilsonInterval(k, n)) {
        expect(Math.abs(k - n * p) / Math.sqrt(n * p * (1 - p))).toBeCloseTo(1.959963984540054, 9);
      }
    }
  });

  it.each([0.5, 0.6, 0.8])('covers as often as it says where a judge prefers A with probability %d', (p) => {
    for (const n of [10, 20, 50, 100]) {
      const exact = coverage(n, p);
      expect(exact, `${n} verdicts`).toBeGreaterThan(0.925);
      expect(exact, `${n} verdicts`).toBeLessThan(0.985);
      const seen = share(everyJudge((i) => covers(simulated(i, p, n).at(-1)!, n, p)));
      expect(Math.abs(seen - exact), `${n} verdicts`).toBeLessThan(threeDeviations(exact));
    }
  });

  it('covers 95 % in the mean of all rates', () => {
    for (const n of [20, 50, 100]) {
      const rates = Array.from({ length: 199 }, (_, i) => (i + 1) / 200);
      const mean = rates.reduce((sum, p) => sum + coverage(n, p), 0) / rates.length;
      expect(mean, `${n} verdicts`).toBeGreaterThan(0.948);
      expect(mean, `${n} verdicts`).toBeLessThan(0.956);
    }
  });

  it('errs more often if one looks after each verdict and stops at the first that tells: docs/measures.md has the share', () => {
    // Exactly: the probability of each k of those who have not stopped yet, for a judge who cannot tell.
    let going = [1];
    let sum = 0;
    const stopped = Array.from({ length: 100 }, (_, i) => {
      const n = i + 1;
      going = Array.from({ length: n + 1 }, (_, k) => ((going[k - 1] ?? 0) + (going[k] ?? 0)) / 2);
      sum += going.reduce((all, mass, k) => all + (covers(k, n, 0.5) ? 0 : mass), 0);
      going = going.map((mass, k) => (covers(k, n, 0.5) ? mass : 0));
      return sum;
    });
    expect([20, 50, 100].map((n) => Math.round(100 * stopped[n - 1]!))).toEqual([22, 31, 36]);
    expect(power(50, 0.5)).toBeCloseTo(0.065, 3);
    const seen = share(everyJudge((i) => simulated(i, 0.5, 50).some((k, at) => !covers(k, at + 1, 0.5))));
    expect(Math.abs(seen - stopped[49]!)).toBeLessThan(threeDeviations(stopped[49]!));
  });
});

describe('the pairs that it still takes', () => {
  it('are exact at a rate that stays: the last of them tells, the one before does not', () => {
    for (const rate of [0, 0.1, 0.25, 0.4, 0.45, 0.55, 0.6, 0.8, 1]) {
      const n = trialsToTell(rate);
      expect(covers(rate * n, n, 0.5), String(rate)).toBe(false);
      expect(covers(rate * (n - 1), n - 1, 0.5), String(rate)).toBe(true);
    }
    expect([0.6, 0.8, 0.2, 1].map(trialsToTell)).toEqual([97, 11, 11, 4]);
    expect(trialsToTell(0.5)).toBe(Infinity);
  });

  it('count those that will be the same, too', () => {
    expect(judge(counted(6, 4)).needed).toBe(87);
    expect(judge(counted(6, 4, 10)).needed).toBe(174);
    expect(judge(counted(6, 4, 5)).needed).toBe(Math.ceil(87 * 1.5));
    const [a, b, same] = [6, 4, 10].map((part) => (part * (20 + 174)) / 20);
    expect(covers(a!, a! + b!, 0.5)).toBe(false);
    expect(same).toBe(97);
    expect(judge(counted(60, 30)).needed).toBe(0);
    for (const none of [counted(0, 0), counted(5, 5), counted(0, 0, 7)]) {
      expect(judge(none).needed).toBe(Infinity);
    }
  });

  it.each([
    [0.6, 100],
    [0.8, 40],
  ])('are right in the middle of many judges with probability %d', (p, pairs) => {
    const n = trialsToTell(p);
    const foretold = everyJudge((i) => trialsToTell(simulated(i, p, pairs).at(-1)! / pairs));
    expect(foretold.sort((x, y) => x - y)[judges / 2]).toBe(n);
    // and of all judges about half can be told then, as the header says
    const exact = power(n, p);
    expect(Math.abs(exact - 0.5)).toBeLessThan(0.12);
    const seen = share(everyJudge((i) => !covers(simulated(i, p, n).at(-1)!, n, 0.5)));
    expect(Math.abs(seen - exact)).toBeLessThan(threeDeviations(exact));
  });
});

describe('the table in docs/measures.md', () => {
  const page = readFileSync(new URL('../../docs/measures.md', import.meta.url), 'utf8');
  const whole = (share: number) => `${Math.round(100 * share)} %`;

  it.each([0.55, 0.6, 0.7, 0.8])('has the exact numbers for a rate of %d', (p) => {
    const n = trialsToTell(p);
    const row = `| ${whole(p)} | ${n} | ${whole(power(n, p))} | ${whole(power(2 * n, p))} |`;
    expect(page.includes(row), row).toBe(true);
  });
});

describe('a judgement', () => {
  it('counts sides, undecided pairs, and how often the first was chosen', () => {
    const verdicts = [
      { verdict: 'a', first: 'a' },
      { verdict: 'b', first: 'a' },
      { verdict: 'b', first: 'b' },
      { verdict: 'same', first: 'b' },
    ] as const;
    expect(judge(verdicts)).toEqual({
      verdicts: { a: 1, b: 2, same: 1 },
      rate: 1 / 3,
      low: wilsonInterval(1, 3)[0],
      high: wilsonInterval(1, 3)[1],
      preferred: undefined,
      needed: Math.ceil(((35 - 3) * 4) / 3),
      firstChosen: 2,
    });
    expect(judge(counted(30, 10)).preferred).toBe('a');
    expect(judge(counted(10, 30)).preferred).toBe('b');
  });

  it('says in words what can be told, and what not', () => {
    const lines = (...counts: Parameters<typeof counted>) => judgementLines(judge(counted(...counts)));
    expect(lines(7, 3, 2)).toBe(
      'A is preferred in 7 of 10 (and 2 the same), 70.0 %; 95 % interval 39.7 to 89.2 %.\n' +
        'Cannot tell yet: at this rate, about 18 more pairs would do.',
    );
    expect(lines(3, 0)).toContain('about 1 more pair would do.');
    expect(lines(5, 5)).toContain('at this rate, no number of pairs would do.');
    expect(lines(0, 0, 2)).toBe('A is preferred in 0 of 0 (and 2 the same).\nCannot tell yet.');
    expect(lines(10, 30)).toMatch(/\nB is better\.$/);
    expect(judgementLines(judge(counted(30, 10)), 5)).toMatch(
      /\nA is ahead; of the pairs that were planned, 5 are still to come\.$/,
    );
  });

  it('tells which was which after the verdict, in the order that was shown', () => {
    const sitting = (choice: Choice): Verdict => ({
      ...{ pair: '1', first: 'a', verdict: choice, a: 'x', b: 'real text' },
    });
    expect(revealed({ ...sitting('b'), first: 'b' })).toBe(
      'You chose 1.\n  1 was B, real text\n  2 was A, x',
    );
    expect(revealed(sitting('b'))).toBe('You chose 2.\n  1 was A, x\n  2 was B, real text');
    expect(revealed(sitting('same'))).toMatch(/^The same\.\n {2}1 was A, x\n/);
  });

  it('is plain data for programs, with null for what is not known', () => {
    const sides = { a: 'x', b: 'y' };
    expect(judgementRecord(sides, judge([]))).toEqual({
      ...sides,
      verdicts: { a: 0, b: 0, same: 0 },
      rate: null,
      interval: [0, 1],
      preferred: null,
      needed: null,
      firstChosen: 0,
    });
    expect(judgementRecord(sides, judge(counted(30, 10)))).toMatchObject({ preferred: 'a', needed: 0 });
  });
});

describe('a file of verdicts', () => {
  const verdict = (pair: string, choice: Choice, a = 'model nano, temperature 0.8'): Verdict => ({
    ...{ pair, first: 'b', verdict: choice, a, b: 'real text' },
  });
  const odd = verdict('2-ff', 'b', 'a "name",\nof two lines');
  const all = [verdict('1-00', 'a'), odd, verdict('1-01', 'same')];
  const text = verdictHeader + all.map(verdictLine).join('');

  it('is read as it was written, and as a spreadsheet saves it', () => {
    expect(text.split('\n')[1]).toBe('1-00,b,a,"model nano, temperature 0.8",real text');
    expect(readVerdicts(text, 'f')).toEqual(all);
    expect(readVerdicts(`\ufeff${text.replaceAll('\n', '\r\n').trimEnd()}`, 'f')).toEqual(all);
    expect(readVerdicts(verdictHeader, 'f')).toEqual([]);
  });

  it('may hold several comparisons; those of several judges are one list', () => {
    expect(comparisons([...all, ...all]).map((group) => group.map(({ pair }) => pair))).toEqual([
      ['1-00', '1-01', '1-00', '1-01'],
      ['2-ff', '2-ff'],
    ]);
  });

  it.each([
    ['', 'f holds no verdicts: expected pair,first,verdict,a,b in its first line'],
    ['pair;first;verdict;a;b\n', 'f holds no verdicts: expected pair,first,verdict,a,b in its first line'],
    [`${text}1-02,b,a`, 'f, line 6: expected pair,first,verdict,a,b with'],
    [`${verdictHeader}\n1-02,b,same,x,y\n1-02,same,a,x,y`, 'f, line 4: expected'],
    [`${verdictHeader}1-02,b,c,x,y`, 'got "1-02,b,c,x,y"; correct the line or take it out'],
    [`${verdictHeader}1-02,b,a,,y`, 'f, line 2: expected'],
    [`${verdictHeader}1-02,b,a,x,y,z`, 'f, line 2: expected'],
  ])('that is damaged is refused with its line: %j', (damaged, message) => {
    expect(() => readVerdicts(damaged, 'f')).toThrow(message);
  });
});
