/** Lessons: the exact ones are run anew and compared with docs/lessons.md; their numbers with what is known from elsewhere. */
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path/posix';
import { describe, expect, it } from 'vitest';
import { prepareCorpus } from '../../src/evaluate/measures.ts';
import { claims } from '../../src/lessons/claims/list.ts';
import { type Bench, type Finding, tiny, untrained } from '../../src/lessons/lesson.ts';
import { lessons } from '../../src/lessons/lessons.ts';
import { markdownText, terminalText } from '../../src/lessons/print.ts';
import { CharTokenizer } from '../../src/model/text/tokenizer.ts';
import { reference } from '../../src/tensor/reference/index.ts';
import { encodeSplit } from '../../src/train/dataset.ts';
import { oneText } from '../../src/train/documents.ts';

const read = (file: string) => readFileSync(new URL(`../../${file}`, import.meta.url), 'utf8');
const refuse = (): never => {
  throw new Error('an exact lesson needs neither a clock nor a model');
};
const bench: Bench = {
  kernels: reference,
  now: refuse,
  say: () => {},
  text: read('data/stories.txt'),
  subject: refuse,
};
const exact = lessons.filter(({ needs }) => needs === 'nothing');
const found = new Map<number, Finding>();
for (const { number, run } of exact) found.set(number, await run(bench));
/** The numbers of an exact lesson. */
const numbersOf = (number: number) => found.get(number)!.numbers as Record<string, never>;

const page = read('docs/lessons.md');
const section = (number: number) => page.split(/^(?=## )/m).find((part) => part.startsWith(`## ${number}. `));

describe('the claims', () => {
  it('are the numbers 1 to 33, each with a title, a question, an answer and a file that exists', () => {
    expect(claims.map(({ number }) => number)).toEqual(Array.from({ length: 33 }, (_, i) => i + 1));
    for (const { title, claim, question, answer, source, shown } of claims) {
      expect(title.length, title).toBeLessThan(40);
      expect(
        [claim, answer, shown].every((text) => text.length > 10),
        title,
      ).toBe(true);
      expect(question, title).toMatch(/[?.]$/);
      expect(existsSync(new URL(`../../${source}`, import.meta.url)), source).toBe(true);
    }
  });

  it('are plain data: a page that lists them loads nothing that computes', () => {
    const imports = (file: string): string[] =>
      [...read(file).matchAll(/^import (?!type )[^;]*?from '(\.[^']+)';/gms)].map(([, path]) =>
        join(dirname(file), path!),
      );
    expect(
      imports('src/lessons/claims/list.ts')
        .flatMap((file) => [file, ...imports(file)])
        .sort(),
    ).toEqual(['decoding', 'measuring', 'training'].map((name) => `src/lessons/claims/${name}.ts`));
  });
});

describe('docs/lessons.md', () => {
  it.each(exact.map((lesson) => [lesson.number, lesson] as const))(
    'has lesson %i as it comes out now',
    (number, lesson) => {
      expect(section(number)?.trimEnd()).toBe(markdownText(lesson, found.get(number)!));
    },
  );

  it('has every lesson, with its claim as it stands and with numbers that bear out its verdict', () => {
    for (const { number, title, verdict } of claims) {
      expect(section(number), title).toContain(`## ${number}. ${title}\n`);
      expect(section(number), title).toContain(`*Verdict*: **${verdict}**\n`);
    }
  });
});

describe('an exact lesson', () => {
  it('bears out its verdict', () => {
    for (const { number } of exact) expect(found.get(number)!.confirmed, String(number)).toBe(true);
  });

  it('counts what is equal to the bit', () => {
    expect(numbersOf(1)).toMatchObject({ positions: 32, equal: 32, withGradient: 32 });
    expect(numbersOf(25).chunks).toEqual([1, 3, 32].map((chunk) => ({ chunk, equal: 1888, of: 1888 })));
    expect(numbersOf(32)).toMatchObject({ earlier: 29_264, moved: 0, later: 29_264 });
    expect(numbersOf(19)).toMatchObject({ newTokens: 400, sameSeed: 400 });
  });

  it('has the right softmax where a note misprints it', () => {
    const right = (...logits: number[]) => {
      const weights = logits.map(Math.exp);
      const sum = weights.reduce((a, b) => a + b);
      return weights.map((w) => expect.closeTo(w / sum, 14));
    };
    expect(numbersOf(11).right).toEqual(right(0.2, 1.5, -0.3, 2.1, 0.5));
    expect(numbersOf(13).right).toEqual(
      [0.5, 1, 2].map((T) => right(...[1, 2, 0.5, 3, 0.2].map((z) => z / T))),
    );
    expect(numbersOf(12).percent).toEqual([
      expect.closeTo(99.9955, 4),
      expect.closeTo(99.3185, 4),
      expect.closeTo(96.3249, 4),
      expect.closeTo(91.4751, 4),
    ]);
  });

  it('keeps the nucleus of either rule', () => {
    expect(numbersOf(17).cases).toMatchObject([
      { atMost: 3, reaches: 4 },
      { atMost: 1, reaches: 2 },
      { atMost: 0, reaches: 1 },
    ]);
    expect(numbersOf(18)).toMatchObject({ kThenP: 2, pThenK: 3, hotThenP: 4, pThenHot: 3 });
  });

  it('plans a cache of 2, 12 and 384 MiB', () => {
    const bytes = (numbersOf(24).cases as { bytes: number }[]).map((c) => c.bytes / 2 ** 20);
    expect(bytes).toEqual([2, 12, 384]);
  });

  it('has the perplexities that a pocket calculator has', () => {
    const lists = numbersOf(26).lists as { perplexity: number }[];
    expect(lists[0]!.perplexity).toBeCloseTo((0.9 * 0.8 * 0.6 * 0.4 * 0.3 * 0.2) ** (-1 / 6), 12);
    expect(lists[1]!.perplexity).toBeCloseTo(1.8285, 4);
  });

  it('finds a difference that is not there in 5 % of all cases, but not if it is looked at each time', () => {
    const rows = numbersOf(29).rows as { needed: number; atEnd: number; onTheWay: number }[];
    expect(rows.map(({ needed }) => needed)).toEqual([Infinity, 385, 97, 25, 11]);
    expect(rows[0]!.atEnd).toBeLessThan(0.08);
    expect(rows[0]!.onTheWay).toBeGreaterThan(0.25);
  });

  it('gives the same numbers when run again, to the bit', async () => {
    for (const { number, run } of exact.filter(({ number }) => [3, 10, 14, 28, 29].includes(number))) {
      const { numbers } = await run(bench);
      expect(JSON.stringify(numbers), String(number)).toBe(JSON.stringify(found.get(number)!.numbers));
    }
  });
});

describe('a lesson that looks at a model', () => {
  const tokenizer = CharTokenizer.train(bench.text);
  const { train, validation } = encodeSplit(oneText(bench.text), tokenizer);
  const config = { ...tiny, vocabSize: tokenizer.vocabSize, contextLength: 128 };
  const blank = {
    ...untrained(config, { kernels: reference, batch: 8 }),
    ...{ tokenizer, heldOut: validation, training: train, corpus: prepareCorpus('') },
  };
  const run = async (number: number) => {
    const { numbers } = await lessons[number - 1]!.run({ ...bench, subject: async () => blank });
    return numbers as Record<string, never>;
  };

  it('16: looks at every place of the text, and counts what 90 % need', async () => {
    const { places, sure, unsure } = await run(16);
    expect(places).toBe(16_383);
    const { mass, needed } = unsure as { mass: number; needed: number };
    expect(mass).toBeLessThan((sure as { mass: number }).mass);
    expect([needed > 10, mass < 0.9]).toEqual([true, true]);
  });

  it('30: asks 200 questions a task; a model that knows nothing is no better than blind', async () => {
    const rows = (await run(30)).rows as { questions: number; blind: number; interval: [number, number] }[];
    expect(rows.map(({ questions }) => questions)).toEqual([200, 200, 200]);
    for (const { interval, blind } of rows) expect(interval[0]).toBeLessThan(blind);
    expect(rows.map(({ blind }) => blind)).toEqual([0.84, 0.5, 0.58]);
  });

  it('31: asks fifty questions, after nothing and after two sentences, in two forms', async () => {
    const { questions, rows } = await run(31);
    expect(questions).toBe(50);
    const names = (rows as { form: string; before: string }[]).map(
      ({ form, before }) => `${form}: ${before}`,
    );
    expect(new Set(names).size).toBe(6);
    for (const { truth, falsehood } of rows as { truth: number; falsehood: number }[]) {
      expect(Math.max(truth, falsehood)).toBeLessThan(0);
    }
  });
});

describe('a lesson on the terminal', () => {
  const [lesson] = exact;
  const finding = found.get(lesson!.number)!;

  it('hides the answer until it is asked for', () => {
    expect(terminalText(lesson!, finding)).not.toContain(lesson!.answer.slice(0, 30));
    expect(terminalText(lesson!, finding)).toContain('npm run lessons -- 1 --answer');
    expect(terminalText(lesson!, finding, { answer: true })).toContain(lesson!.answer.slice(0, 30));
  });

  it('fits into 100 columns, its words unbroken', () => {
    for (const line of terminalText(lesson!, finding, { answer: true }).split('\n')) {
      expect(line.length).toBeLessThanOrEqual(100);
    }
  });

  it('says where the numbers at hand do not bear the verdict out', () => {
    const other = { ...finding, confirmed: false };
    expect(terminalText(lesson!, other)).toContain('verdict    holds; but here the numbers do not show it');
  });

  it('is text in the page: no tag, no emphasis of its own', () => {
    const odd = { ...lesson!, claim: 'a < b & *c* [d](e) | f' };
    expect(markdownText(odd, finding)).toContain('a &lt; b &amp; \\*c\\* \\[d\\](e) \\| f');
  });
});
