import { describe, expect, it } from 'vitest';
import type { Paint } from '../../src/cli/host/paint.ts';
import {
  bar,
  explainRecord,
  explainTable,
  TraceTable,
  traceRecord,
  visible,
} from '../../src/cli/sample/tables.ts';
import { CharTokenizer, type Tokenizer } from '../../src/model/text/tokenizer.ts';
import { explain } from '../../src/sample/explain.ts';
import { Sampler } from '../../src/sample/sampler.ts';
import { type SamplingSettings, samplingSettings } from '../../src/sample/settings.ts';
import { Trace } from '../../src/sample/trace.ts';

const tokenizer = CharTokenizer.train('\n abc');
const V = 5;
/** Probabilities .4 .3 .15 .1 .05 for line break, space, a, b, c. */
const logits = Float64Array.from([0.4, 0.3, 0.15, 0.1, 0.05], Math.log);
const history = { ids: [0], length: 1, promptLength: 1 };
const plain: Paint = { bars: false, colors: false, width: 80 };
const terminal: Paint = { bars: true, colors: false, width: 100 };
const step = (given: Partial<SamplingSettings>, u: number) => {
  const trace = new Trace();
  const sampler = new Sampler(V, samplingSettings(given, V));
  sampler.next(sampler.start(), logits, history, u, trace);
  return trace;
};

describe('bar', () => {
  it('is as long as its share, to an eighth, and never longer than its cells', () => {
    expect([0, 0.5, 1, 2, -1].map((share) => bar(share, 4))).toEqual(['', '██', '████', '████', '']);
    expect(bar(1 / 32, 4)).toBe('▏');
    expect(bar(0.97, 4)).toBe('███▉');
  });
});

describe('visible', () => {
  it('keeps a token on its line of the table, and a terminal from obeying it', () => {
    expect(visible(' a\n\u001b[2J\u202e')).toBe('␣a\\n\\u001b[2J\\u202e');
  });
});

describe('TraceTable', () => {
  it('cuts a long token between characters', () => {
    const longs = { tokenText: () => '\u{1F600}'.repeat(20) } as unknown as Tokenizer;
    expect(new TraceTable(longs, plain).line(step({}, 0)).split('\n')[1]).toContain(
      `  ${'\u{1F600}'.repeat(12)} `,
    );
  });

  it('prints what every stage kept, and the token with rank, entropy and log-probabilities', () => {
    const table = new TraceTable(tokenizer, plain);
    const trace = step({ bannedTokens: [4], topK: 3, topP: 0.8 }, 0.9);
    // Without c .95 is left. Top-k keeps .85 of it; line break and space, .7 of that, reach .8 of .85.
    const entropy = [0.4, 0.3, 0.15, 0.1].reduce((sum, p) => sum - (p / 0.95) * Math.log2(p / 0.95), 0);
    expect(table.line(trace)).toBe(
      [
        ' step  token  rank  bits    raw  drawn       masks       top-k       top-p',
        `    1  ␣         2  ${entropy.toFixed(2)}  -1.20  -0.85    4  95.0%    3  89.5%    2  73.7%`,
        '',
      ].join('\n'),
    );
    expect(table.line(step({ temperature: 0 }, 0))).toBe(
      '    2  \\n        1  0.00  -0.92   0.00    5 100.0%    1 100.0%\n',
    );
    expect(table.line(step({ noRepeatNgram: 1, allowedTokens: [0] }, 0))).toBe('    3  no candidate left\n');
  });

  it('cuts the text of a long token, but no character', () => {
    const long = { ...tokenizer, tokenText: () => '😀'.repeat(13) } as unknown as typeof tokenizer;
    expect(new TraceTable(long, plain).line(step({}, 0))).toContain(`1  ${'😀'.repeat(12)}     1`);
  });

  it('has bars of shares on a terminal, as wide as it allows, and the heading over them', () => {
    const lines = new TraceTable(tokenizer, terminal)
      .line(step({ topP: 0.7 }, 0))
      .trimEnd()
      .split('\n');
    expect(lines[1]).toContain('-0.92 ███▎');
    expect(lines[1]).toContain('-0.56 ████▋');
    expect(lines[1]).toContain('100.0% ████████');
    expect(lines[1]).toContain(' 70.0% █████▋');
    expect(lines[0]!.indexOf('top-p') + 5).toBe(lines[1]!.indexOf(' 70.0%') + 6);
    for (const width of [60, 70, 80, 100, 200]) {
      const [, line] = new TraceTable(tokenizer, { ...terminal, width })
        .line(step({ topP: 0.7 }, 0))
        .split('\n');
      expect(line!.length).toBeLessThan(Math.max(width, 64));
    }
  });

  it('colours bars and heading, unless there are to be no colours', () => {
    const colored = new TraceTable(tokenizer, { ...terminal, colors: true }).line(step({ topP: 0.7 }, 0));
    expect(colored).toContain('\x1b[36m█');
    const bare = new TraceTable(tokenizer, terminal).line(step({ topP: 0.7 }, 0));
    // biome-ignore lint/suspicious/noControlCharactersInRegex: the escapes are what is looked for
    expect(colored.replace(/\x1b\[\d+m/g, '')).toBe(bare);
  });

  it('has a record for JSON', () => {
    const trace = step({ topK: 2 }, 0.9);
    expect(traceRecord(trace, tokenizer)).toEqual({
      token: 1,
      text: ' ',
      rank: 2,
      rawLogProbability: expect.closeTo(Math.log(0.3), 12),
      logProbability: expect.closeTo(Math.log(3 / 7), 12),
      entropy: expect.closeTo(1.39232125, 8),
      relaxed: 0,
      stages: [
        { name: 'masks', kept: 5, mass: expect.closeTo(1, 12) },
        { name: 'topK', kept: 2, mass: expect.closeTo(0.7, 12) },
      ],
    });
    expect(traceRecord(step({ noRepeatNgram: 1, allowedTokens: [0] }, 0), tokenizer)).toBeUndefined();
  });
});

describe('explain', () => {
  const views = (given: Partial<SamplingSettings> = {}) =>
    explain(samplingSettings(given, V), logits, history, [0.5, 1], [0.6]);

  it('gives the distribution at each temperature, in each nucleus, and as set', () => {
    const [cold, one, nucleus, set] = views({ temperature: 2, minP: 0.6 });
    const squares = [0.16, 0.09, 0.0225, 0.01, 0.0025];
    for (let v = 0; v < V; v++) {
      expect(cold!.probabilities[v]).toBeCloseTo(squares[v]! / 0.285, 12);
      expect(one!.probabilities[v]).toBeCloseTo([0.4, 0.3, 0.15, 0.1, 0.05][v]!, 12);
      expect(nucleus!.probabilities[v]).toBeCloseTo([4 / 7, 3 / 7, 0, 0, 0][v]!, 12);
    }
    const roots = [0.4, 0.3, 0.15].map(Math.sqrt); // sqrt(.15 / .4) = .61
    const sum = roots.reduce((a, b) => a + b, 0);
    expect([...set!.probabilities.slice(0, 3)]).toEqual(roots.map((x) => expect.closeTo(x / sum, 12)));
    expect([cold, one, nucleus, set].map((view) => view!.kept)).toEqual([5, 5, 2, 3]);
    expect(one!.entropy / Math.LN2).toBeCloseTo(2.0086, 3);
    expect([nucleus!.temperature, nucleus!.topP, set!.temperature, set!.topP]).toEqual([
      1,
      0.6,
      undefined,
      undefined,
    ]);
  });

  it('is empty where masks leave nothing, and shows no masked token', () => {
    expect(views({ allowedTokens: [0], noRepeatNgram: 1 })).toEqual([]);
    expect(views({ bannedTokens: [0] })[1]!.probabilities[0]).toBe(0);
  });

  it('becomes a table with what is not shown summed up', () => {
    const lines = explainTable(views({ topK: 1 }), tokenizer, plain).split('\n');
    expect(lines).toEqual([
      ' token           T=0.5     T=1   p=0.6  as set',
      ' \\n             56.14%  40.00%  57.14% 100.00%',
      ' ␣              31.58%  30.00%  42.86%       -',
      ' a               7.89%  15.00%       -       -',
      ' b               3.51%  10.00%       -       -',
      ' c               0.88%   5.00%       -       -',
      ' tokens kept         5       5       2       1',
      ' entropy, bits    1.51    2.01    0.99    0.00',
      '',
    ]);
    const barred = explainTable(views(), tokenizer, terminal).split('\n');
    expect(barred[1]).toMatch(/57\.14% {2}40\.00% {2}███▎$/);
    const narrow = explainTable(views(), tokenizer, { ...terminal, width: 52 }).split('\n');
    expect(narrow[1]).toMatch(/57\.14% {2}40\.00% {2}█▋$/); // of 4 cells
    for (const line of narrow) expect(line.length).toBeLessThanOrEqual(52);
    const none = explainTable(views(), tokenizer, { ...terminal, width: 40 }).split('\n');
    expect(none[1]).toMatch(/40\.00%$/);
    const many = CharTokenizer.train('abcdefghijklmno');
    const wide = explain(samplingSettings(), new Float32Array(15), history, [1], []);
    expect(explainTable(wide, many, plain)).toContain(' 5 others       33.33%  33.33%\n');
  });

  it('becomes a record with the probabilities of each token in every view', () => {
    const { views: columns, tokens } = explainRecord(views(), tokenizer);
    expect(columns.map(({ kept }) => kept)).toEqual([5, 5, 2, 5]);
    expect(tokens.map(({ text }) => text)).toEqual(['\\n', ' ', 'a', 'b', 'c']);
    expect(tokens[1]!.probabilities[2]).toBeCloseTo(3 / 7, 12);
  });
});
