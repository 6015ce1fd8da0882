/** Texts that are read in pieces and kept as a file of tokens: the same tokens, the same bits, and what bad ones are told. */
import {
  existsSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { readCorpus } from '../../src/cli/data/corpus.ts';
import { encodeText, keptTokens, largeBytes, readText } from '../../src/cli/data/large.ts';
import { textPieces } from '../../src/cli/data/pieces.ts';
import { openTokens, readNotes, writeTokens } from '../../src/cli/data/token-file.ts';
import { newestState } from '../../src/cli/runs/folder.ts';
import { CharTokenizer, normalizeText, type Tokenizer } from '../../src/model/text/tokenizer.ts';
import { reference } from '../../src/tensor/reference/index.ts';
import { learnTokenizer } from '../../src/train/choices.ts';
import { encodeSplit, type Split } from '../../src/train/dataset.ts';
import { freshTrainer } from '../../src/train/state.ts';
import { heldOutWindows } from '../../src/train/windows.ts';
import { tinyConfig } from '../support/models.ts';
import { filesIn, runSettings, story, trainCommand } from '../support/runs.ts';
import { suiteFolder, testFolder } from '../support/scratch.ts';

const scratch = suiteFolder();
const { at, file } = testFolder();

/** Everything that could go wrong at a border: marks, line ends, pairs of units, runs of white space, contractions. */
const odd = `\ufeff\ufeffIt's  \r\n\r\n\r\r\nwe'll \u00a0 x\u0085\n y '\u3000s 🎉🎉\t\n \ufeff\ufeffé\r 12 345. "'t 'll"\n\n\n  ende's `;
const sizes = [4, 5, 6, 7, 8, 9, 11, 13, 16, 23, 32, 64, 1 << 20];
const bpe = learnTokenizer(
  'bpe',
  { documents: [{ text: story.repeat(9) + odd.repeat(9) }], heldOut: [] },
  300,
);

describe('a text in pieces', () => {
  it('is the text, and has its tokens, wherever the pieces end', () => {
    const path = file('odd', odd.repeat(3));
    const whole = normalizeText(odd.repeat(3));
    for (const size of sizes) {
      const pieces = [...textPieces([path], size)];
      expect(pieces.join('')).toBe(whole);
      if (size < 32) expect(pieces.length).toBeGreaterThan(2);
      for (const tokenizer of [bpe, CharTokenizer.train(whole)]) {
        const ids = pieces.flatMap((piece) => [...tokenizer.encode(piece)]);
        expect(ids).toEqual([...tokenizer.encode(whole)]);
      }
    }
  });

  it('joins files as the text in memory does, without pieces that end between white space', async () => {
    const paths = ['one\r\n\n', 'two  ', '\ufeff\ufeffthree', '', 'four\n\n', '\n\nfive'].map((text, i) =>
      file(`${i}`, text),
    );
    const filled = paths.filter((_, i) => i !== 3);
    const { corpus } = await readCorpus({ data: filled, documents: 'none' });
    const whole = corpus.documents[0]!.text;
    for (const size of sizes) {
      const pieces = [...textPieces(paths, size)];
      expect(pieces.join('')).toBe(whole);
      expect(pieces.flatMap((piece) => [...bpe.encode(piece)])).toEqual([...bpe.encode(whole)]);
    }
  });

  it('is cut anywhere where it has no space, but not inside a character or a line end', () => {
    const text = `${'ACGT🎉\ufeff'.repeat(100)}\r\n${'\u3000\r'.repeat(200)}\n`;
    const pieces = [...textPieces([file('dna', text)], 8)];
    expect(pieces.join('')).toBe(normalizeText(text));
    expect(pieces.length).toBeGreaterThan(5);
  });

  it('is refused at the first bad byte, with its place in the file', () => {
    const text = `${'a line é\n'.repeat(100)}caf`;
    const path = file('bad', Buffer.concat([Buffer.from(text), Buffer.from([0xe9, 0x20, 0x61])]));
    for (const size of sizes) {
      expect(() => [...textPieces([path], size)]).toThrow(
        `${path} is not UTF-8 text: byte 0xe9 at offset 1003, line 101; `,
      );
    }
    expect(() => [...textPieces([path], 64)]).toThrow('iconv -f ');
    const torn = file('torn', Buffer.from(text).subarray(0, 8 * 10 + 8));
    expect(() => [...textPieces([torn], 8)]).toThrow(/byte 0xc3 at offset 87, line 9/);
    expect(() => [...textPieces([file('nul', 'aaaa bbbb \0')], 4)]).toThrow('holds NUL bytes');
  });
});

const tokensOf = ({ train, validation }: Split) =>
  [train, validation].map((part) => part.subarray(0, part.length));

describe('a large text', () => {
  /** Many pieces, with characters of two units on both sides of the cut. */
  const long = (story.repeat(40) + odd.repeat(8)).repeat(60);
  const wide = Array.from({ length: 700 }, (_, i) => String.fromCodePoint(0x4e00 + i)).join('') + long;
  const inFile = async (
    path: string | readonly string[],
    learn: (corpus: Parameters<typeof learnTokenizer>[1]) => Tokenizer,
  ) => {
    const data = typeof path === 'string' ? [path] : path;
    const read = await readText({ data }, false, 1);
    const tokenizer = learn(read.corpus);
    return { ...encodeText(read, tokenizer, {}, at('.tokens')), tokenizer, read };
  };

  it.each([
    ['char', long, 1],
    ['char', wide, 2],
    ['bpe', long, 2],
    ['bpe', wide, 2],
  ] as const)(
    'has the checksum, tokenizer, tokens and losses that it has in memory: %s',
    async (kind, text, bytes) => {
      const path = file('text', text);
      const memory = await readCorpus({ data: [path] });
      const learn = (corpus: typeof memory.corpus) => learnTokenizer(kind, corpus, 300);
      const { split, tokenizer, read } = await inFile(path, learn);
      expect(read.sha256).toBe(memory.sha256);
      expect(read.choice).toBe(undefined);
      expect(tokenizer.toJSON()).toEqual(learn(memory.corpus).toJSON());
      const expected = encodeSplit(memory.corpus, tokenizer);
      expect(tokensOf(split)).toEqual(tokensOf(expected));
      expect(Object.is(split.charactersPerToken, expected.charactersPerToken)).toBe(true);
      const [bin] = readdirSync(at('.tokens')).filter((name) => name.endsWith('.bin'));
      const all = split.train.length + split.validation.length;
      expect(readFileSync(at('.tokens', bin!))).toHaveLength(bytes * all);

      const config = { ...tinyConfig, vocabSize: tokenizer.vocabSize };
      const trainers = [split, expected].map((one) =>
        freshTrainer(config, { ...runSettings, evalTokens: 200 }, one, { kernels: reference }),
      );
      const results = trainers.map((trainer) => {
        const losses = Array.from({ length: 3 }, () => trainer.train().loss);
        return [
          ...losses,
          trainer.evaluate().nll,
          trainer.evaluate().bitsPerChar,
          ...trainer.model.arena.params.data,
        ];
      });
      expect(results[0]!.every((x, i) => Object.is(x, results[1]![i]))).toBe(true);
    },
  );

  it('is several files or a folder as well, without those that are no text; documents and packed ones are read into memory', async () => {
    const [a, b] = [file('x/a', 'one two\n'), file('x/b', 'three')];
    file('x/c', Buffer.from('caf\xe9', 'latin1'));
    const read = await readText({ data: [at('x'), a] }, false, 1);
    const memory = await readCorpus({ data: [at('x'), a] });
    expect([read.sha256, read.choice, read.skipped]).toEqual([memory.sha256, memory.choice, memory.skipped]);
    expect(read.summary).toBe('3 files, 22 characters, read in pieces');
    const packed = file('p.gz', gzipSync('one two three'));
    for (const choice of [{ documents: 'lines' }, { valData: [b] }, { data: [packed] }] as const) {
      expect((await readText({ data: [b], ...choice }, false, 1)).large).toBe(undefined);
    }
  });

  it('is written once, opened while its files are as they were, and written anew where the tokens are damaged', async () => {
    const path = file('text', long);
    const char = (corpus: Parameters<typeof learnTokenizer>[1]) => learnTokenizer('char', corpus);
    const { tokenizer, read, split } = await inFile(path, char);
    const tokens = at('.tokens');
    const kept = (paths: string[] = []) => keptTokens(tokens, read.sha256, tokenizer, paths);
    expect(tokensOf(kept()!.split)).toEqual(tokensOf(split));
    expect(kept([path])).toBeDefined();
    expect(kept([file('other', long)])).toBe(undefined);
    utimesSync(path, 1, 1);
    expect(kept()).toBe(undefined);
    await inFile(path, char); // reads it again, and notes when it was written
    expect(kept()).toBeDefined();
    rmSync(path);
    expect(tokensOf(kept()!.split)).toEqual(tokensOf(split));

    const bin = join(tokens, readdirSync(tokens).find((name) => name.endsWith('.bin'))!);
    const before = readFileSync(bin);
    file('text', long);
    for (const damage of [
      () => truncateSync(bin, 100),
      () => writeFileSync(bin.replace('.bin', '.json'), '{'),
    ]) {
      damage();
      expect(kept()).toBe(undefined);
      await inFile(path, char);
      expect(readFileSync(bin)).toEqual(before);
    }
    writeFileSync(bin, before.fill(0xff, 7, 8));
    expect(() => kept()!.split.train.subarray(0, 7)).toThrow('is damaged');
  });

  it('is refused where its vocabulary does not fit into two bytes, and nothing is left of what could not be written', () => {
    const path = at('t.bin');
    expect(() => writeTokens(path, 65_537, () => expect.fail())).toThrow(
      /^a vocabulary of 65,537 tokens is too large/,
    );
    expect(() =>
      writeTokens(path, 65_536, (put) => {
        put(Int32Array.of(1, 65_535));
        throw new Error('full');
      }),
    ).toThrow('full');
    expect(readdirSync(at())).toEqual([]);
    writeTokens(path, 65_536, (put) => {
      put(Int32Array.of(1, 65_535));
      put(Int32Array.of(300));
      return { tokens: 3, train: 2, files: [] };
    });
    expect([...readFileSync(path)]).toEqual([1, 0, 255, 255, 44, 1]);
    const { train, validation } = openTokens(path, readNotes(path, 65_536)!, 65_536);
    expect([...train.subarray(0, 9)]).toEqual([1, 65_535]);
    expect([...validation.subarray(0, 1)]).toEqual([300]);
    expect(readNotes(path, 100)).toBe(undefined);
    expect(() => openTokens(path, readNotes(path, 65_536)!, 400).train.subarray(0, 2)).toThrow(
      `${path} is damaged: token 65535 is none of the 400; remove it, and the text is read anew`,
    );
  });

  it('is evaluated on windows spread over what is held out', () => {
    const validation = new Int32Array(1000);
    const windows = (budget: number | 'full', mostScored: number) =>
      heldOutWindows({ train: validation, validation, mostScored }, 10, budget);
    expect(windows('full', 50)).toEqual(windows(50, 2000));
    expect(windows('full', 50).map(({ start }) => start)).toEqual([0, 247, 494, 741, 989]);
    expect(windows('full', 2000)).toHaveLength(100);
  });
});

describe('npm run train on a large text', () => {
  const text = join(scratch, 'large.txt');
  const small = ['--layers', '1', '--channels', '8', '--heads', '2', '--context', '8', '--batch-size', '2'];
  const begin = (out: string, ...more: string[]) => [
    ...['--data', text, '--out', out, '--steps', '4', '--seed', '3', '--eval-every', '2', ...small, ...more],
  ];

  it('says what it looked at, goes on without the text, and ends as the straight run does', async () => {
    writeFileSync(text, story.repeat(Math.ceil(largeBytes / story.length)));
    const [straight, pieces] = [join(scratch, 'straight'), join(scratch, 'pieces')];
    const limited = await trainCommand(begin(straight), { shell: 'ulimit -f 2000' });
    expect(limited.err).toMatch(/^error: cannot write .*\.bin: the file would be larger than allowed\n$/);
    expect([limited.code, readdirSync(join(scratch, '.tokens')), existsSync(straight)]).toEqual([
      1,
      [],
      false,
    ]);

    const whole = await trainCommand(begin(straight));
    expect([whole.code, whole.err]).toEqual([0, '']);
    expect(whole.out).toMatch(
      /large\.txt: 1 file, 67,108,\d+ characters, read in pieces; 60,39\d,\d+ tokens to learn/,
    );
    expect(whole.out).toContain(
      'to beat (counted on a sample: the first 4,194,304 characters, and 524,288 characters that are held out): ',
    );
    expect(whole.out).toContain('over windows spread over what is held out, with 1,048,576 held-out tokens');
    expect(whole.out).toMatch(/words: \d+ % of \d+ in a sample of the corpus/);

    expect((await trainCommand(begin(pieces, '--stop-at', '1'))).code).toBe(0);
    rmSync(text);
    const second = await trainCommand(['--resume', pieces]);
    expect([second.code, second.err]).toEqual([0, '']);
    const last = (run: string) => filesIn(newestState(run).folder);
    expect(last(pieces)).toEqual(last(straight));
    writeFileSync(text, 'another text');
    const other = await trainCommand(['--resume', pieces, '--steps', '6']);
    expect(other.err).toMatch(/^error: .*large\.txt is not the text that .*pieces was trained on/);
  }, 240_000);
});
